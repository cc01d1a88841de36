"""Comparing what BuildKit read with the fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.buildkit.provenance import unaccounted
from pipeline.reference import ImageName, Repository
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a base on an external, and an app on it that adds from the web and from Git."""
    app = (
        "# syntax=acme/frontend:2\nFROM os\n"
        "ADD https://example.com/tool.tgz /\nADD git@github.com:acme/lib.git#v1 /lib\n"
    )
    write_tree(
        tmp_path,
        {
            "pipeline.toml": "",
            "images/os/Dockerfile": "FROM debian:bookworm-slim\n",
            "images/web/Dockerfile": app,
        },
    )
    return load(tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "pkg:docker/debian@bookworm-slim?platform=linux%2Famd64",
        "pkg:docker/docker.io/library/debian:bookworm-slim",
        f"pkg:docker/debian?digest=sha256%3A{'a' * 64}&platform=linux%2Famd64",
        "pkg:docker/acme/frontend@2",
        "pkg:docker/docker/buildkit-syft-scanner@stable-1",
        "pkg:docker/registry.fly.io/os@0123456789abcdef0123",
        "https://example.com/tool.tgz",
        "https://github.com/acme/lib.git#v1",
        "ssh://git@github.com/acme/lib.git#v1",
    ],
)
def test_inputs_of_the_fingerprint_are_known(project: Project, source: str) -> None:
    """Externals of the image and its bases, frontend, downloads, and the project's images."""
    pushed = [Repository("registry.fly.io", "os")]

    assert unaccounted(project, ImageName("web"), [source], pushed) == ()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("pkg:docker/alpine@3?platform=linux%2Famd64", "docker.io/library/alpine:3"),
        ("pkg:docker/127.0.0.1%3A5000/acme/x@1", "127.0.0.1:5000/acme/x:1"),
        ("https://example.com/other.tgz", "https://example.com/other.tgz"),
        ("https://github.com/acme/other.git#v1", "https://github.com/acme/other.git#v1"),
        ("pkg:docker/UPPER CASE", "pkg:docker/UPPER CASE"),
    ],
)
def test_other_materials_are_reported(project: Project, source: str, told: str) -> None:
    """Other materials are reported, as they can change without changing the tag."""
    assert unaccounted(project, ImageName("web"), [source, source]) == (told,)


def test_a_base_is_compared_with_its_own_inputs(project: Project) -> None:
    """A base is compared only with its own inputs."""
    found = unaccounted(project, ImageName("os"), ["https://example.com/tool.tgz"])

    assert found == ("https://example.com/tool.tgz",)
