"""`invoke promote`: the same image, to the byte, elsewhere; nothing is pulled."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.registry import Settings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.registry import Registry
    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Registry]:
    """Another registry."""
    with serve(tmp_path / "elsewhere", Settings(access_log=True)) as running:
        yield running


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with one image, for two platforms, that is built and pushed."""
    project.image(
        "web",
        "FROM scratch\nCOPY web.txt /\n",
        web_txt="w" * 100_000,
        image_toml='platforms = ["linux/amd64", "linux/arm64"]\n',
    )
    assert project.invoke("build-all").code == 0
    return project


def host(project: Project) -> str:
    """The project's registry."""
    return (project.root / "pipeline.toml").read_text().split('"')[1]


def digests(ran: Ran) -> set[str]:
    """What was put, and where."""
    assert ran.code == 0, ran.err
    return {one["digest"] for one in ran.json["destinations"]}


def whole(address: str, repository: str, tag: str) -> dict[str, Any]:
    """The index behind a tag, when all that it names is there; else an error."""
    index = document(f"http://{address}/v2/{repository}/manifests/{tag}")
    for child in index["manifests"]:
        manifest = document(f"http://{address}/v2/{repository}/manifests/{child['digest']}")
        for blob in [manifest["config"], *manifest["layers"]]:
            url = f"http://{address}/v2/{repository}/blobs/{blob['digest']}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert len(answer.read()) == blob["size"]
    return index


def document(url: str) -> dict[str, Any]:
    """A manifest."""
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.loads(answer.read())
        return found


def test_another_tag_of_the_same_repository(shop: Project) -> None:
    """One manifest is put; the digest is kept; again, it costs two requests."""
    first = shop.invoke("promote", "web", ":stable,:v1", "--json")
    before = len(shop.requests())
    again = shop.invoke("promote", "web", ":stable", "--json")

    built = shop.invoke("exists", "web", "--json").json["digest"]
    assert digests(first) == digests(again) == {built}
    assert [method for method, _ in shop.requests()[before:-1]] == ["HEAD", "HEAD"]
    assert again.json["requests"] == 2
    assert again.json["destinations"][0]["copied"] is False


def test_another_app_of_the_same_registry(shop: Project) -> None:
    """Blobs are mounted, not sent; all of the index is there."""
    before = len(shop.requests())

    ran = shop.invoke("promote", "web", "production/web:v1", "--json")

    asked = shop.requests()[before:]
    assert len(whole(host(shop), "production/web", "v1")["manifests"]) == 2
    assert len(digests(ran)) == 1
    assert not [path for method, path in asked if method == "GET" and "/blobs/" in path]
    assert not [path for method, path in asked if method in ("PATCH", "PUT") and "/blobs/" in path]
    assert asked[-1][0] == "PUT"
    assert asked[-1][1].endswith("/manifests/v1")


def test_another_registry(shop: Project, elsewhere: Registry) -> None:
    """What cannot be mounted is streamed from one registry to the other."""
    ran = shop.invoke("promote", "web", f"{elsewhere.address}/web:v1", "--json")
    again = shop.invoke("promote", "web", f"{elsewhere.address}/web:v1", "--json")

    assert len(digests(ran)) == 1
    assert len(whole(elsewhere.address, "web", "v1")["manifests"]) == 2
    assert again.json["requests"] == 2


def test_what_is_not_there_is_not_promoted(shop: Project) -> None:
    """Exit 1, and what is missing is named."""
    ran = shop.invoke("promote", f"{host(shop)}/none:1", ":v1")

    assert ran.code == 1
    assert f"{host(shop)}/none:1" in ran.err


@pytest.mark.parametrize("destination", ["UPPER:1", ":bad tag", "web@sha256:" + "0" * 64])
def test_a_destination_that_is_none(shop: Project, destination: str) -> None:
    """Wrong use, before anything is asked."""
    ran = shop.invoke("promote", "web", destination)

    assert ran.code == 2, ran.err
    assert "Traceback" not in ran.err
