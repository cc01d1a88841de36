"""`plan` says the first cause of each build, with one request for each at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from tests.support.git_commits import commit
from tests.support.project import Project, project_at
from tests.support.small_records import publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registries import Registry


@pytest.fixture
def project(tmp_path: Path, registry: Registry) -> Project:
    """Make a project of two bases and an app, committed and built."""
    made = project_at(registry, tmp_path)
    made.image("os", "FROM debian:bookworm-slim\nCOPY os.txt /\n", os_txt="os\n")
    made.image("lang", "FROM os\nCOPY lang.txt /\n", lang_txt="lang\n")
    made.image("web", "FROM lang\nARG TOKEN=1\nCOPY src /srv/\n", other_txt="")
    made.write("images/web/src/app.py", "app\n")
    commit(made.root)
    publish(load(made.root, environ={}))
    return made


def reasons(project: Project) -> dict[str, str]:
    """Return the reasons of builds, up to what the registry lacks."""
    ran = project.invoke("plan", "--json")
    assert ran.code == 0, ran.err
    return {
        image["name"]: image["reason"].partition("; the registry has no")[0]
        for image in ran.json["images"]
        if image["action"] == "build"
    }


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("images/web/src/app.py", "other\n", {"web": "images/web/src/app.py changed"}),
        ("images/web/src/new.py", "new\n", {"web": "images/web/src/new.py added"}),
        ("images/web/image.toml", 'salt = "1"\n', {"web": "salt changed, nothing → sha256 6b86b2"}),
        (
            "images/lang/lang.txt",
            "other\n",
            {
                "lang": "images/lang/lang.txt changed",
                "web": "base lang changed (lang: images/lang/lang.txt changed",
            },
        ),
        (
            "images/os/os.txt",
            "other\n",
            {
                "os": "images/os/os.txt changed",
                "lang": "base os changed (os: images/os/os.txt changed",
                "web": "base lang changed (os: images/os/os.txt changed",
            },
        ),
    ],
    ids=["file", "new", "salt", "base", "base of a base"],
)
def test_the_first_cause(project: Project, path: str, text: str, expected: dict[str, str]) -> None:
    """It is in front of the reason, whether the change is committed or not."""
    project.write(path, text)
    before = len(project.requests())
    found = reasons(project)
    asked = len(project.requests()) - before
    if path.endswith("app.py"):
        commit(project.root)
        assert reasons(project) == found

    assert found.keys() == expected.keys()
    assert all(found[name].startswith(cause) for name, cause in expected.items()), found
    on_a_base = len(expected.keys() - {"os"})  # of each, whether it may be reused (`model.reuse`)
    assert asked <= 3 + len(expected) + on_a_base


def test_nothing_is_asked_where_nothing_is_built(project: Project) -> None:
    """A plan of images that exist takes one request for each, as before."""
    before = len(project.requests())
    assert reasons(project) == {}
    assert len(project.requests()) == before + 3


def test_a_commit_that_was_not_built(project: Project) -> None:
    """Its images are no cause of anything: the reason stays what it was."""
    for text in ("second\n", "third\n"):
        project.write("images/web/src/app.py", text)
        commit(project.root)
    ran = project.invoke("plan", "--json")
    (reason,) = (i["reason"] for i in ran.json["images"] if i["action"] == "build")

    assert reason.startswith("the registry has no `")


def test_without_git(project: Project) -> None:
    """Nothing is known, and nothing is said of it."""
    (project.root / ".git").rename(project.root.parent / "elsewhere")
    project.write("images/web/src/app.py", "other\n")
    ran = project.invoke("plan")

    assert ran.code == 0
    assert "build   web   the registry has no `" in ran.out
    assert ran.err == ""
