"""`invoke lock` with a real registry: what has moved, what it reaches, and what stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pipeline.project.lock_file import load_lock
from pipeline.reference import parse_reference
from tests.console import schemas
from tests.support.project import Project, project_at
from tests.support.small_images import INDEX, push_image, push_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Ran
    from tests.support.registries import Registry


@pytest.fixture
def project(tmp_path: Path, registry: Registry) -> Project:
    """Make a project with two externals: `os`, which an app depends on, and `tools`."""
    made = project_at(registry, tmp_path)
    made.image("base", f"FROM {registry.address}/outside/os:1\nCOPY base.txt /\n", base_txt="b")
    made.image("web", "FROM base\nCOPY web.txt /\n", web_txt="w")
    made.write("images/web/fly.toml", 'app = "acme-web"\n')
    made.image("tool", f"FROM {registry.address}/outside/tools:1\nCOPY t.txt /\n", t_txt="t")
    for name in ("os", "tools"):
        push(registry, name, b"one")
    return made


def push(registry: Registry, name: str, content: bytes, version: str = "") -> str:
    """Push an external image; return its digest."""
    repository = f"{registry.address}/outside/{name}"
    return push_image(repository, "1", content=content, version=version).digest


def pins(project: Project) -> dict[str, str]:
    """Return the digests of the lock by the last names of their repositories."""
    locked = load_lock(project.root).value or {}
    return {r.repository.path.rpartition("/")[2]: pin.digest for r, pin in locked.items()}


def document(ran: Ran, code: int = 0) -> dict[str, Any]:
    """Return the JSON document of a run."""
    assert ran.code == code, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    jsonschema.validate(found, schemas.LOCK)
    return found


def test_what_moved_and_what_it_reaches(project: Project, registry: Registry) -> None:
    """`--check` changes nothing, and exits with 5; both forms say the same."""
    assert project.invoke("lock").code == 0
    before = pins(project)
    assert project.invoke("lock", "--check").code == 0
    now = push(registry, "os", b"two")
    text = project.invoke("lock", "--check")
    found = document(project.invoke("lock", "--check", "--json"), code=5)

    assert text.code == 5
    assert "images: `base` and `web`" in text.out
    assert "apps: `acme-web`" in text.out
    assert text.out.endswith("1 of 2 externals is not as `pipeline.lock` has them\n")
    assert found == {
        "schema": "pipeline.lock/1",
        "externals": 2,
        "moved": [
            {
                "reference": f"{registry.address}/outside/os:1",
                "before": before["os"],
                "now": now,
                "images": ["base", "web"],
                "apps": ["acme-web"],
                "version_before": None,
                "version_now": None,
                "seconds": None,
                "bytes": None,
                "machines": None,
            }
        ],
        "written": False,
    }
    assert pins(project) == before


def test_the_versions_that_labels_say(project: Project, registry: Registry) -> None:
    """Before and now, of an image and of an index, for a platform that is built."""
    was = push(registry, "os", b"one", "12.7")
    project.invoke("lock")
    repository = f"{registry.address}/outside/os"
    children = [
        {
            **push_image(
                repository, "", content=b"two", architecture=name, version=said
            ).descriptor,
            "platform": {"os": "linux", "architecture": name},
        }
        for name, said in (("arm64", "another"), ("amd64", "12.8\n\x1b[31m"))
    ]
    whole = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
    is_now = push_manifest(repository, "1", whole).digest

    (moved,) = document(project.invoke("lock", "--check", "--json"), code=5)["moved"]
    assert (moved["version_before"], moved["version_now"]) == ("12.7", "12.8 [31m")
    text = project.invoke("lock", "--check").out
    assert f"{repository}:1 is `{is_now}` (12.8 [31m), and was `{was}` (12.7)\n" in text


@pytest.mark.parametrize("word", ["tools", "outside/tools", "{host}/outside/tools:1"])
def test_only_some_are_updated(project: Project, registry: Registry, word: str) -> None:
    """The others stay as they are locked; nothing is asked about them."""
    project.invoke("lock")
    before = pins(project)
    push(registry, "os", b"two")
    now = push(registry, "tools", b"two")
    word = word.replace("{host}", registry.address)
    found = document(project.invoke("lock", "--update", word, "--json"))

    assert [one["now"] for one in found["moved"]] == [now]
    assert pins(project) == {"os": before["os"], "tools": now}


def test_an_external_that_nobody_names(project: Project) -> None:
    """The nearest name is suggested."""
    ran = project.invoke("lock", "--update", "tolls")

    assert ran.code == 2
    assert "no external is called `tolls`" in ran.err
    assert "did you mean `tools`?" in ran.err


def test_a_platform_that_is_not_built(project: Project, registry: Registry) -> None:
    """A new manifest for it changes nothing; one for a platform that is built does."""
    repository = f"{registry.address}/outside/os"

    def index(amd64: bytes, arm64: bytes) -> str:
        """Push an index with these contents; return its digest."""
        contents = {"amd64": amd64, "arm64": arm64}
        children = [
            {
                **push_image(repository, "", content=content, architecture=name).descriptor,
                "platform": {"os": "linux", "architecture": name},
            }
            for name, content in contents.items()
        ]
        whole = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
        return push_manifest(repository, "1", whole).digest

    first = index(b"one", b"one")
    project.invoke("lock")
    assert pins(project)["os"] == first
    index(b"one", b"two")
    assert project.invoke("lock", "--check").code == 0
    project.invoke("lock")
    assert pins(project)["os"] == first
    third = index(b"two", b"two")
    assert project.invoke("lock", "--check").code == 5
    project.invoke("lock")
    assert pins(project)["os"] == third


def test_a_lock_of_an_older_version(project: Project, registry: Registry) -> None:
    """Without the manifests of its platforms, another index is another external."""
    project.invoke("lock")
    lines = (project.root / "pipeline.lock").read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("platforms"))
    (project.root / "pipeline.lock").write_text(text)
    push(registry, "os", b"two")

    found = document(project.invoke("lock", "--check", "--json"), code=5)
    assert [parse_reference(one["reference"]).repository.path for one in found["moved"]] == [
        "outside/os"
    ]
