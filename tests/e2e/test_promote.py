"""`invoke promote`: the same image, to the byte, elsewhere; nothing is pulled."""

from __future__ import annotations

import json
import secrets
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.registry import Settings, free_port, serve
from tests.support.hollow import is_whole
from tests.support.project import requests_in
from tests.support.tampering import BreaksOff, tampering

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


def test_several_at_once_share_what_is_brought(
    shop: Project, elsewhere: Registry, tmp_path: Path
) -> None:
    """Each blob is sent to a registry once; its other repositories mount it."""
    there = [f"{elsewhere.address}/{name}:v1" for name in ("web", "eu/web", "us/web")]
    words = ",".join([*there, ":v1", "production/web:v1"])

    ran = shop.invoke("promote", "web", words, "--json")
    again = shop.invoke("promote", "web", words, "--json")

    asked = requests_in(tmp_path / "elsewhere/registry.log")
    sent = [path for method, path in asked if method == "PUT" and "/blobs/uploads/" in path]
    blobs = {p.rpartition("/")[2] for _, p in asked if "/blobs/sha256:" in p}
    assert [one["reference"].partition("/")[2] for one in ran.json["destinations"]] == [
        "web:v1",
        "eu/web:v1",
        "us/web:v1",
        "web:v1",
        "production/web:v1",
    ]
    assert len(digests(ran)) == 1
    assert len(sent) == len(blobs) == 3, "two configs, and the layer of both"
    for name in ("web", "eu/web", "us/web"):
        assert len(whole(elsewhere.address, name, "v1")["manifests"]) == 2
    assert len(whole(host(shop), "production/web", "v1")["manifests"]) == 2
    assert again.json["requests"] == 1 + 5
    assert not any(one["copied"] for one in again.json["destinations"])


def test_one_that_fails_stops_no_other(shop: Project, elsewhere: Registry) -> None:
    """What was done is told, and what was not; the exit code is that of what was not."""
    gone = f"127.0.0.1:{free_port()}"

    ran = shop.invoke("promote", "web", f"{gone}/web:v1,{elsewhere.address}/web:v1", "--json")

    first, second = ran.json["destinations"]
    assert ran.code == 4
    assert "connection refused" in first["error"]
    assert f"error: `{gone}/web:v1` is not" in ran.err
    assert (second["copied"], second["error"]) == (True, None)
    assert len(whole(elsewhere.address, "web", "v1")["manifests"]) == 2


@pytest.mark.parametrize("after", [1_000, 300_000])
def test_an_upload_that_breaks_off_is_begun_anew(
    shop: Project, elsewhere: Registry, after: int
) -> None:
    """A connection that is reset in the middle of a blob, twice."""
    breaks = BreaksOff(after, times=2)
    shop.image("big", "FROM scratch\nCOPY big.txt /\n", big_txt=secrets.token_hex(1_000_000))
    assert shop.invoke("build", "big").code == 0

    with tampering(elsewhere.address, breaks) as address:
        ran = shop.invoke("promote", "big", f"{address}/big:v1", "--json")

    assert breaks.left < 2, "nothing broke off"
    assert ran.code == 0, ran.err
    assert is_whole(f"{elsewhere.address}/big:v1")


def test_what_is_read_and_breaks_off_is_read_anew(shop: Project, elsewhere: Registry) -> None:
    """The source's connection is reset, which leaves the upload without its end."""
    shop.image("big", "FROM scratch\nCOPY big.txt /\n", big_txt=secrets.token_hex(1_000_000))
    assert shop.invoke("build", "big").code == 0
    source = shop.invoke("exists", "big", "--json").json["reference"]
    breaks = BreaksOff(300_000, times=1)

    with tampering(host(shop), lambda piece: piece, back=breaks) as address:
        found = f"{address}/{source.partition('/')[2]}"
        ran = shop.invoke("promote", found, f"{elsewhere.address}/big:v1", "--json")

    assert breaks.left == 0
    assert ran.code == 0, ran.err
    assert is_whole(f"{elsewhere.address}/big:v1")


def test_where_a_mount_is_refused_blobs_are_streamed(shop: Project) -> None:
    """As where a registry does not let one repository have what another holds."""

    def without_mounts(piece: bytes) -> bytes:
        return piece.replace(b"?mount=", b"?xount=")

    reference = shop.invoke("exists", "web", "--json").json["reference"]
    before = len(shop.requests())
    with tampering(host(shop), without_mounts) as address:
        named = f"{address}/{reference.partition('/')[2]}"
        ran = shop.invoke("promote", named, f"{address}/production/web:v1", "--json")

    asked = shop.requests()[before:]
    assert len(digests(ran)) == 1
    assert len(whole(host(shop), "production/web", "v1")["manifests"]) == 2
    assert [m for m, p in asked if "/blobs/uploads/" in p].count("PUT") == 3


def test_what_is_not_there_is_not_promoted(shop: Project) -> None:
    """Exit 1, and what is missing is named."""
    ran = shop.invoke("promote", f"{host(shop)}/none:1", ":v1")

    assert ran.code == 1
    assert f"{host(shop)}/none:1" in ran.err


@pytest.mark.parametrize("destination", [",", "UPPER:1", ":bad tag", "web@sha256:" + "0" * 64])
def test_a_destination_that_is_none(shop: Project, destination: str) -> None:
    """Wrong use, before anything is asked."""
    ran = shop.invoke("promote", "web", destination)

    assert ran.code == 2, ran.err
    assert "Traceback" not in ran.err


def test_what_is_written_out_needs_no_image_of_the_project(shop: Project) -> None:
    """One promotes and asks, whatever state the images are in; the settings must be right."""
    reference = shop.invoke("exists", "web", "--json").json["reference"]
    shop.image("half", "FORM scratch\n")

    assert shop.invoke("exists", "web").code == 2
    assert shop.invoke("exists", reference).code == 0
    assert shop.invoke("promote", reference, ":v1").code == 0
    assert is_whole(f"{reference.rpartition(':')[0]}:v1")

    settings = (shop.root / "pipeline.toml").read_text(encoding="utf-8")
    shop.write("pipeline.toml", f"{settings}\nunknown = 1\n")
    for ran in (shop.invoke("exists", reference), shop.invoke("promote", reference, ":v2")):
        assert ran.code == 2
        assert "pipeline.toml:" in ran.err
