"""Let docker use another buildx than the one that is installed, such as the newest one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.go_programs import MODULES, GoProgram

if TYPE_CHECKING:
    from pathlib import Path

NEWEST = GoProgram(
    MODULES / "buildx",
    "github.com/docker/buildx/cmd/buildx",
    "github.com/docker/buildx/version.Version",
)


def docker_config(folder: Path, buildx: Path) -> Path:
    """Make a DOCKER_CONFIG in `folder` with this buildx and no credentials; return it."""
    config = folder / "docker"
    plugin = config / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to(buildx)
    (config / "config.json").write_text("{}\n")
    return config
