"""Aliases of images that share a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, repository: str) -> None:
    """Two images with the alias `latest`."""
    tag = "{name}-{fingerprint}"
    settings = f'[registry]\nrepository = "{repository}"\ntag = "{tag}"\n'
    (root / "pipeline.toml").write_text(settings)
    for name in ("api", "web"):
        folder = root / "images" / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM debian:bookworm-slim\n")
        aliases = f'aliases = ["{name}-stable", "latest"]\n'
        (folder / "image.toml").write_text(aliases)


def test_one_tag_is_the_alias_of_one_image(tmp_path: Path) -> None:
    """In a repository for all, a bare `latest` would be moved to and fro by each run."""
    write(tmp_path, "acme-images")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    (problem,) = caught.value.problems
    assert str(problem) == (
        "images/web/image.toml:1:26: `registry.fly.io/acme-images:latest` is an alias of `api` "
        "already"
    )
    assert problem.hint == 'write "web-latest"'


def test_repositories_of_their_own_have_their_own_aliases(tmp_path: Path) -> None:
    """The same tag, in two repositories."""
    write(tmp_path, "{name}")

    assert load(tmp_path).names == ("api", "web")
