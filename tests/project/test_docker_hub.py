"""`[registry] host` on Docker Hub, by each of its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.dockerfile import context_key
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.project import Project

NAMES = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]


def project(root: Path, host: str, base: str, repository: str = "acme/{name}") -> Project:
    """Make a base on Docker Hub, and `web` on `base`."""
    for name, source in {"base": "scratch", "web": base}.items():
        (root / "images" / name).mkdir(parents=True)
        (root / "images" / name / "Dockerfile").write_text(f"FROM {source}\n")
    (root / "pipeline.toml").write_text(
        f'[registry]\nhost = "{host}"\nrepository = "{repository}"\n'
    )
    return load(root, environ={})


@pytest.mark.parametrize("host", NAMES)
@pytest.mark.parametrize("base", ["acme/base:1", *(f"{name}/acme/base:1" for name in NAMES)])
def test_it_is_one_registry(tmp_path: Path, host: str, base: str) -> None:
    """All names mean the same registry; BuildKit gets the name that it uses itself."""
    found = project(tmp_path, host, base)

    (edge,) = found.image("web").bases  # type: ignore[arg-type]
    assert found.settings.registry.host == "docker.io"
    assert edge.name == "base"
    short = base.removeprefix("docker.io/").removeprefix("index.docker.io/")
    assert context_key(edge.written) == short


@pytest.mark.parametrize("host", NAMES)
def test_a_repository_there_has_an_owner(tmp_path: Path, host: str) -> None:
    """A repository needs an owner: `docker.io/web` would be pushed to `docker.io/library/web`."""
    with pytest.raises(ConfigError, match=r"pipeline.toml:3:14: a repository on Docker Hub"):
        project(tmp_path, host, "acme/base:1", "{name}")
