"""`invoke promote` copies the identical image without pulling it."""

from __future__ import annotations

import json
import secrets
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.registry import Settings, free_port
from tests.support.incomplete_images import is_complete
from tests.support.project import requests_in
from tests.support.registries import serve
from tests.support.small_images import shares_blobs
from tests.support.tampering_proxy import ResetAfter, tampering_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Project, Ran
    from tests.support.registries import Registry

pytestmark = pytest.mark.engine


@pytest.fixture
def other_registry(tmp_path: Path) -> Iterator[Registry]:
    """Start a second registry."""
    with serve(tmp_path / "elsewhere", Settings(access_log=True)) as running:
        yield running


@pytest.fixture
def sample_project(project: Project) -> Project:
    """Make a project with one image for two platforms, built and pushed."""
    project.image(
        "web",
        "FROM scratch\nCOPY web.txt /\n",
        web_txt="w" * 100_000,
        image_toml='platforms = ["linux/amd64", "linux/arm64"]\n',
    )
    assert project.invoke("build-all").code == 0
    return project


def host(project: Project) -> str:
    """Return the project's registry."""
    return (project.root / "pipeline.toml").read_text().split('"')[1]


def digests(ran: Ran) -> set[str]:
    """Return the digests of a report."""
    assert ran.code == 0, ran.err
    return {one["digest"] for one in ran.json["destinations"]}


def complete_index(address: str, repository: str, tag: str) -> dict[str, Any]:
    """Return the index of a tag; raise if anything that it names is missing."""
    index = document(f"http://{address}/v2/{repository}/manifests/{tag}")
    for child in index["manifests"]:
        manifest = document(f"http://{address}/v2/{repository}/manifests/{child['digest']}")
        for blob in [manifest["config"], *manifest["layers"]]:
            url = f"http://{address}/v2/{repository}/blobs/{blob['digest']}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert len(answer.read()) == blob["size"]
    return index


def document(url: str) -> dict[str, Any]:
    """Return a manifest."""
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.loads(answer.read())
        return found


def test_another_tag_of_the_same_repository(sample_project: Project) -> None:
    """One manifest is put with the same digest; again, it costs two requests."""
    first = sample_project.invoke("promote", "web", ":stable,:v1", "--json")
    before = len(sample_project.requests())
    again = sample_project.invoke("promote", "web", ":stable", "--json")

    built = sample_project.invoke("exists", "web", "--json").json["digest"]
    assert digests(first) == digests(again) == {built}
    assert [method for method, _ in sample_project.requests()[before:-1]] == ["HEAD", "HEAD"]
    assert again.json["requests"] == 2
    assert again.json["destinations"][0]["copied"] is False


def test_another_app_of_the_same_registry(sample_project: Project) -> None:
    """Blobs are mounted, not uploaded; the index is complete."""
    before = len(sample_project.requests())

    ran = sample_project.invoke("promote", "web", "production/web:v1", "--json")

    asked = sample_project.requests()[before:]
    assert len(complete_index(host(sample_project), "production/web", "v1")["manifests"]) == 2
    assert len(digests(ran)) == 1
    assert not [path for method, path in asked if method == "GET" and "/blobs/" in path]
    assert not [path for method, path in asked if method in ("PATCH", "PUT") and "/blobs/" in path]
    assert asked[-1][0] == "PUT"
    assert asked[-1][1].endswith("/manifests/v1")


def test_another_registry(sample_project: Project, other_registry: Registry) -> None:
    """Blobs that cannot be mounted are streamed from one registry to the other."""
    ran = sample_project.invoke("promote", "web", f"{other_registry.address}/web:v1", "--json")
    again = sample_project.invoke("promote", "web", f"{other_registry.address}/web:v1", "--json")

    assert len(digests(ran)) == 1
    assert len(complete_index(other_registry.address, "web", "v1")["manifests"]) == 2
    assert again.json["requests"] == 2


def test_several_destinations_share_uploads(
    sample_project: Project, other_registry: Registry, tmp_path: Path
) -> None:
    """Each blob is uploaded once per registry; its other repositories mount it."""
    there = [f"{other_registry.address}/{name}:v1" for name in ("web", "eu/web", "us/web")]
    words = ",".join([*there, ":v1", "production/web:v1"])

    ran = sample_project.invoke("promote", "web", words, "--json")
    again = sample_project.invoke("promote", "web", words, "--json")

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
        assert len(complete_index(other_registry.address, name, "v1")["manifests"]) == 2
    assert len(complete_index(host(sample_project), "production/web", "v1")["manifests"]) == 2
    assert again.json["requests"] == 1 + 5
    assert not any(one["copied"] for one in again.json["destinations"])


def test_a_failed_destination_stops_no_other(
    sample_project: Project, other_registry: Registry
) -> None:
    """The others are copied; the report has both; the exit code is that of the failure."""
    gone = f"127.0.0.1:{free_port()}"

    ran = sample_project.invoke(
        "promote", "web", f"{gone}/web:v1,{other_registry.address}/web:v1", "--json"
    )

    first, second = ran.json["destinations"]
    assert ran.code == 4
    assert "connection refused" in first["error"]
    assert f"error: `{gone}/web:v1` is not" in ran.err
    assert (second["copied"], second["error"]) == (True, None)
    assert len(complete_index(other_registry.address, "web", "v1")["manifests"]) == 2


@pytest.mark.parametrize("after", [1_000, 300_000])
def test_an_interrupted_upload_is_retried(
    sample_project: Project, other_registry: Registry, after: int
) -> None:
    """An upload starts again after its connection was reset, twice."""
    breaks = ResetAfter(after, times=2)
    sample_project.image(
        "big", "FROM scratch\nCOPY big.txt /\n", big_txt=secrets.token_hex(1_000_000)
    )
    assert sample_project.invoke("build", "big").code == 0

    with tampering_proxy(other_registry.address, breaks) as address:
        ran = sample_project.invoke("promote", "big", f"{address}/big:v1", "--json")

    assert breaks.left < 2, "nothing broke off"
    assert ran.code == 0, ran.err
    assert is_complete(f"{other_registry.address}/big:v1")


def test_an_interrupted_download_is_retried(
    sample_project: Project, other_registry: Registry
) -> None:
    """A download starts again after its connection was reset during an upload."""
    sample_project.image(
        "big", "FROM scratch\nCOPY big.txt /\n", big_txt=secrets.token_hex(1_000_000)
    )
    assert sample_project.invoke("build", "big").code == 0
    source = sample_project.invoke("exists", "big", "--json").json["reference"]
    breaks = ResetAfter(300_000, times=1)

    with tampering_proxy(host(sample_project), lambda piece: piece, back=breaks) as address:
        found = f"{address}/{source.partition('/')[2]}"
        ran = sample_project.invoke("promote", found, f"{other_registry.address}/big:v1", "--json")

    assert breaks.left == 0
    assert ran.code == 0, ran.err
    assert is_complete(f"{other_registry.address}/big:v1")


def test_blobs_are_streamed_if_mounting_is_refused(sample_project: Project) -> None:
    """Blobs are uploaded if the registry refuses to mount them."""
    if shares_blobs(host(sample_project)):
        pytest.skip("this registry finds every blob in each repository: nothing is uploaded")

    def without_mounts(piece: bytes) -> bytes:
        return piece.replace(b"?mount=", b"?xount=")

    reference = sample_project.invoke("exists", "web", "--json").json["reference"]
    before = len(sample_project.requests())
    with tampering_proxy(host(sample_project), without_mounts) as address:
        named = f"{address}/{reference.partition('/')[2]}"
        ran = sample_project.invoke("promote", named, f"{address}/production/web:v1", "--json")

    asked = sample_project.requests()[before:]
    assert len(digests(ran)) == 1
    assert len(complete_index(host(sample_project), "production/web", "v1")["manifests"]) == 2
    assert [m for m, p in asked if "/blobs/uploads/" in p].count("PUT") == 3


def test_a_missing_image_is_not_promoted(sample_project: Project) -> None:
    """A missing image exits with 1 and is named."""
    ran = sample_project.invoke("promote", f"{host(sample_project)}/none:1", ":v1")

    assert ran.code == 1
    assert f"{host(sample_project)}/none:1" in ran.err


@pytest.mark.parametrize(
    "destination", [",", "stable", "UPPER:1", ":bad tag", "web@sha256:" + "0" * 64]
)
def test_a_wrong_destination(sample_project: Project, destination: str) -> None:
    """A wrong destination is refused before any request."""
    ran = sample_project.invoke("promote", "web", destination)

    assert ran.code == 2, ran.err
    assert "Traceback" not in ran.err


def test_a_full_reference_needs_no_valid_images(sample_project: Project) -> None:
    """A full reference needs no valid image files, only valid settings."""
    reference = sample_project.invoke("exists", "web", "--json").json["reference"]
    sample_project.image("half", "FORM scratch\n")

    assert sample_project.invoke("exists", "web").code == 2
    assert sample_project.invoke("exists", reference).code == 0
    assert sample_project.invoke("promote", reference, ":v1").code == 0
    assert is_complete(f"{reference.rpartition(':')[0]}:v1")

    settings = (sample_project.root / "pipeline.toml").read_text(encoding="utf-8")
    sample_project.write("pipeline.toml", f"{settings}\nunknown = 1\n")
    for ran in (
        sample_project.invoke("exists", reference),
        sample_project.invoke("promote", reference, ":v2"),
    ):
        assert ran.code == 2
        assert "pipeline.toml:" in ran.err
