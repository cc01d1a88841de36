"""A Docker configuration for a test, and removal of containers that tests leave on the engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from docker import DockerClient


def docker_home(folder: Path, config: Mapping[str, object]) -> dict[str, str]:
    """Write a Docker configuration beside the installed plugins; return `{"DOCKER_CONFIG": …}`."""
    folder.mkdir()
    theirs = Path(os.environ.get("DOCKER_CONFIG", "~/.docker")).expanduser() / "cli-plugins"
    if theirs.exists():
        (folder / theirs.name).symlink_to(theirs)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return {"DOCKER_CONFIG": str(folder)}


def remove_apps(client: DockerClient, names: Collection[str]) -> None:
    """Remove the containers of these apps, running or not."""
    mine: dict[str, str | list[str] | bool] = {"label": "pipeline.app"}
    # Other tests may remove their containers at the same time.
    for container in client.containers.list(all=True, filters=mine, ignore_removed=True):
        if container.labels["pipeline.app"] in names:
            container.remove(force=True)
