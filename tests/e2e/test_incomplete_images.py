"""`--verify deep` finds and rebuilds an incomplete image, which a plain check calls present."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.incomplete_images import delete, is_complete, manifests, put
from tests.support.registry_documents import manifest
from tests.support.small_images import shares_blobs

if TYPE_CHECKING:
    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine

TWO = 'platforms = ["linux/amd64", "linux/arm64"]\n'


def build_all(project: Project, *words: str) -> dict[str, dict[str, Any]]:
    """Run `build-all` and return its report of each image."""
    ran = project.invoke("build-all", "--json", *words)
    assert ran.code == 0, ran.err
    return {image["name"]: image for image in ran.json["images"]}


def planned(project: Project, *words: str) -> dict[str, tuple[str, str]]:
    """Return action and reason of each image."""
    ran = project.invoke("plan", "--json", *words)
    assert ran.code == 0, ran.err
    return {image["name"]: (image["action"], image["reason"]) for image in ran.json["images"]}


def build_web(project: Project, settings: str = "", answer: str = "web") -> str:
    """Build an image on one base; return its reference."""
    project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="os")
    project.image("web", "FROM os\nCOPY web.txt /\n", web_txt=answer, image_toml=settings)
    if settings:
        project.write("images/os/image.toml", settings)
    reference: str = build_all(project)["web"]["reference"]
    return reference


def test_an_image_without_one_of_its_layers(project: Project) -> None:
    """A deep check names the missing layer; `build-all --verify deep` rebuilds the image."""
    reference = build_web(project)
    repository = reference.rpartition(":")[0]
    layer = manifests(reference)[0]["layers"][-1]["digest"]
    delete(repository, f"blobs/{layer}")

    plain = project.invoke("exists", "web")
    deep = project.invoke("exists", "web", "--verify", "deep")
    document = project.invoke("exists", reference, "--verify", "deep", "--json")
    believed = planned(project)
    known = planned(project, "--verify", "deep")
    left = build_all(project)
    mended = build_all(project, "--verify", "deep")

    reason = f"`{reference}` lacks the layer `{layer}`"
    assert (plain.code, deep.code, document.code) == (0, 1, 1)
    assert reason in deep.out
    assert document.json["reason"] == reason
    assert believed["web"][0] == "exists"
    assert known == {"os": ("exists", "the registry has it"), "web": ("build", reason)}
    assert left["web"]["status"] == "exists"
    assert (mended["os"]["status"], mended["web"]["status"]) == ("exists", "built")
    assert mended["web"]["reason"] == reason
    assert is_complete(reference)
    assert planned(project, "--verify", "deep")["web"][0] == "exists"


def test_an_image_without_its_config(project: Project) -> None:
    """A missing config makes an image incomplete, too."""
    reference = build_web(project)
    config = manifests(reference)[0]["config"]["digest"]
    delete(reference.rpartition(":")[0], f"blobs/{config}")

    known = planned(project, "--verify", "deep")
    ran = project.invoke("build", "web", "--verify", "deep", "--json")

    assert known["web"] == ("build", f"`{reference}` lacks the config `{config}`")
    assert ran.statuses()["web"] == "built"
    assert is_complete(reference)


def test_an_index_without_one_of_its_manifests(project: Project) -> None:
    """A missing manifest of an index, or a blob of it, is named with its platform."""
    reference = build_web(project, TWO)
    repository = reference.rpartition(":")[0]
    second = manifest(reference)["manifests"][1]
    layer = manifests(reference)[0]["layers"][-1]["digest"]
    delete(repository, f"blobs/{layer}")

    blob = planned(project, "--verify", "deep")
    delete(repository, f"manifests/{second['digest']}")
    child = planned(project, "--verify", "deep")
    build_all(project, "--verify", "deep")

    assert second["platform"]["architecture"] == "arm64"
    assert blob["web"][0] == "build"
    assert f"lacks the layer `{layer}` of `linux/a" in blob["web"][1]
    assert f"the manifest `{second['digest']}` of `linux/arm64`" in child["web"][1]
    assert is_complete(reference)


def test_an_image_without_a_platform(project: Project) -> None:
    """An image without one of its platforms is incomplete, as index and as single manifest."""
    reference = build_web(project, TWO)
    repository, _, tag = reference.rpartition(":")
    index = manifest(reference)
    put(repository, tag, {**index, "manifests": index["manifests"][:1]})
    of_index = planned(project, "--verify", "deep")
    put(repository, tag, manifests(reference)[0])
    of_manifest = planned(project, "--verify", "deep")
    unasked = project.invoke("exists", reference, "--verify", "deep")
    mended = build_all(project, "--verify", "deep")

    reason = f"`{reference}` is not there for `linux/arm64`"
    assert of_index["web"] == of_manifest["web"] == ("build", reason)
    assert unasked.code == 0, "a reference by itself needs no platform"
    assert mended["web"]["status"] == "built"
    found = [one["platform"]["architecture"] for one in manifest(reference)["manifests"]]
    assert found == ["amd64", "arm64"]


def test_attestations_are_parts_of_an_image(project: Project) -> None:
    """Blobs of an attestation manifest are checked, too."""
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f"{settings}[build]\nprovenance = true\n")
    reference = build_web(project)
    statement = manifests(reference)[1]["layers"][0]["digest"]
    whole = planned(project, "--verify", "deep")
    delete(reference.rpartition(":")[0], f"blobs/{statement}")

    known = planned(project, "--verify", "deep")

    assert whole["web"][0] == "exists"
    assert known["web"] == (
        "build",
        f"`{reference}` lacks the layer `{statement}` of its attestations",
    )


def test_an_incomplete_base_is_built_before_its_dependents(project: Project) -> None:
    """An incomplete base is rebuilt before the image on it, which is left alone.

    Where all repositories share their blobs, the image on it is incomplete as well.
    """
    build_web(project)
    base = build_all(project)["os"]["reference"]
    layer = manifests(base)[0]["layers"][0]["digest"]
    delete(base.rpartition(":")[0], f"blobs/{layer}")

    mended = build_all(project, "--verify", "deep")

    assert {name: image["status"] for name, image in mended.items()} == {
        "os": "built",
        "web": "built" if shares_blobs(base.partition("/")[0]) else "exists",
    }
    assert is_complete(base)


def test_a_plain_check_costs_one_request(project: Project) -> None:
    """A plain check costs one request per image; a deep one reports how many it needed."""
    build_web(project)
    before = len(project.requests())

    build_all(project)
    plain = [method for method, _ in project.requests()[before:]]
    deep: Ran = project.invoke("build-all", "--verify", "deep", "--json")

    assert plain == ["HEAD", "HEAD"]
    # HEAD for each tag and each layer (one, and two); GET for manifests and configs.
    assert deep.json["requests"] == 2 + 2 + 2 + 3
    assert [m for m, _ in project.requests()[before + 2 :]].count("GET") == 4


def test_an_unknown_value(project: Project) -> None:
    """An unknown value of `--verify` is wrong usage."""
    ran = project.invoke("plan", "--verify", "depe")

    assert ran.code == 2
    assert "`depe`" in ran.err
