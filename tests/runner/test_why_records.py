"""`why` explains images by the records beside earlier ones, and finds those that are hollow."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import load
from pipeline.model.record import record_reference
from pipeline.reference import ImageName
from pipeline.registry.client import Registry as Client
from tests.console import schemas
from tests.support.git_commits import commit
from tests.support.incomplete_images import delete
from tests.support.project import Project, project_at
from tests.support.registry_documents import manifest
from tests.support.small_records import publish

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.reference import Reference
    from tests.support.project import Ran
    from tests.support.registries import Registry

WEB, LANG, OS = map(ImageName, ("web", "lang", "os"))


@pytest.fixture
def project(tmp_path: Path, registry: Registry) -> Project:
    """Make a project of two bases and an app; it is committed, and nothing is built."""
    made = project_at(registry, tmp_path)
    made.image("os", "FROM debian:bookworm-slim\nCOPY os.txt /\n", os_txt="os\n")
    made.image("lang", "FROM os\nCOPY lang.txt /\n", lang_txt="lang\n")
    made.image("web", "FROM lang\nARG TOKEN=1\nCOPY web.txt /\n", web_txt="web\n")
    commit(made.root)
    return made


def explained(ran: Ran) -> dict[str, Any]:
    """Return the explanations by the names of their images."""
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    schemas.validate(document)
    return {one["name"]: one for one in document["images"]}


def named(explanation: Any) -> list[tuple[str, ...]]:
    """Return what differs, without values."""
    return [
        (one["kind"], one["name"], one["change"], *one["because"])
        for one in explanation["differences"]
    ]


def delete_record(reference: Reference) -> None:
    """Delete the record of an image."""
    at = record_reference(reference)
    assert at is not None
    with Client() as client:
        delete(str(at.repository), f"manifests/{client.manifest(at).digest}")


@pytest.mark.parametrize("path", ["images/web/web.txt", "images/lang/lang.txt", "images/os/os.txt"])
def test_a_record_and_git_name_the_same(project: Project, path: str) -> None:
    """Down to the first cause in a base of a base; without Git, the record alone says it."""
    first = commit(project.root)
    reference = publish(load(project.root, environ={}), first)[WEB]
    project.write(path, "other\n")
    by_git = explained(project.invoke("why", "--only", "web", "--against", "HEAD", "--json"))["web"]
    shutil.rmtree(project.root / ".git")
    before = len(project.requests())
    words = ("why", "--only", "web", "--against", str(reference), "--json")
    found = explained(project.invoke(*words))["web"]
    reads = [line for line in project.requests()[before:] if line[0] == "GET"]

    assert (by_git["recorded"], found["recorded"]) == (False, True)
    assert named(found) == named(by_git)
    assert found["commit"] == first
    bases = {"images/web/web.txt": 0, "images/lang/lang.txt": 1, "images/os/os.txt": 2}
    assert len(reads) == 1 + bases[path], reads


def test_a_tag_alone_names_an_image(project: Project) -> None:
    """In the image's own repository; another image's tag is none of it."""
    known = publish(load(project.root, environ={}))
    project.write("images/web/web.txt", "other\n")
    found = explained(project.invoke("why", "--against", f"web:{known[WEB].tag}", "--json"))

    assert found["web"]["against"] == str(known[WEB])
    assert named(found["web"]) == [("file", "images/web/web.txt", "changed")]
    assert not found.get("os", {"differences": []})["differences"]


def test_a_base_without_a_record(project: Project) -> None:
    """What has changed in it is not known, and that is said."""
    known = publish(load(project.root, environ={}))
    delete_record(known[LANG])
    project.write("images/lang/lang.txt", "other\n")
    words = ("why", "--only", "web", "--against", str(known[WEB]), "--json")
    explanation = explained(project.invoke(*words))["web"]

    assert named(explanation) == [("base", "lang", "changed")]
    assert explanation["notes"] == ["no record says why the base `lang` has changed"]


def test_a_reference_without_a_record(project: Project) -> None:
    """Where no commit gives it either, the error says what to do."""
    reference = publish(load(project.root, environ={}))[WEB]
    delete_record(reference)
    project.write("images/web/web.txt", "other\n")
    assert project.invoke("why", "--only", "web", "--against", str(reference)).code == 0
    shutil.rmtree(project.root / ".git")
    commit(project.root)
    ran = project.invoke("why", "--only", "web", "--against", str(reference))

    assert ran.code == 2
    assert f"there is no record of `{reference}`" in ran.err
    assert "name a Git revision" in ran.err


def test_no_value_of_an_argument_is_shown(project: Project) -> None:
    """Not the one that is in the record as a digest, nor the one of now."""
    project.write("images/web/image.toml", 'args = { TOKEN = "hunter2" }\n')
    reference = publish(load(project.root, environ={}))[WEB]
    project.write("images/web/image.toml", 'args = { TOKEN = "hunter3" }\n')
    ran = project.invoke("why", "--only", "web", "--against", str(reference))

    assert "argument TOKEN  changed  sha256 f52fbd32b2b3 → sha256 fb8c2e2b85ca" in ran.out
    assert "hunter" not in ran.out + ran.err


def test_a_hollow_image(project: Project) -> None:
    """Its manifest is there, and a layer is not: named or with `--verify deep`, that is said."""
    reference = publish(load(project.root, environ={}))[WEB]
    delete(str(reference.repository), f"blobs/{manifest(str(reference))['layers'][0]['digest']}")

    assert project.invoke("why").out == "nothing would be built or deployed\n"
    for words in (("--only", "web"), ("--verify", "deep")):
        found = explained(project.invoke("why", *words, "--json"))
        assert {name: one["verdict"] for name, one in found.items()} == {"web": "hollow"}
        assert "lacks the layer" in found["web"]["notes"][0]
    text = project.invoke("why", "--only", "web").out
    assert f"web would be built: {reference} is hollow" in text


def test_a_missing_platform_is_hollow(project: Project) -> None:
    """An image that lacks a platform is built again with `--verify deep`, too."""
    project.write("images/web/image.toml", 'platforms = ["linux/arm64"]\n')
    publish(load(project.root, environ={}))
    found = explained(project.invoke("why", "--only", "web", "--json"))

    assert found["web"]["verdict"] == "hollow"
    assert "not there for `linux/arm64`" in found["web"]["notes"][0]
