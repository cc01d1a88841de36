"""`why` finds the image to compare with in Git and in a real registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from pipeline import fingerprint, load
from pipeline.model.project import reference_of
from tests.console import schemas
from tests.support.git_commits import commit
from tests.support.project import Project, project_at
from tests.support.scripted_server import GONE, Reply, Request, scripted_server
from tests.support.small_images import push_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Ran
    from tests.support.registries import Registry


@pytest.fixture
def project(tmp_path: Path, registry: Registry) -> Project:
    """Make a project of a base and an app, with all its images in the registry, and commit it."""
    made = project_at(registry, tmp_path)
    made.image("os", "FROM debian:bookworm-slim\nCOPY os.txt /\n", os_txt="os\n")
    made.image("web", "FROM os\nCOPY web.txt /\n", web_txt="web\n")
    commit(made.root)
    publish(made)
    return made


def publish(project: Project) -> dict[str, str]:
    """Push an image under the reference of each image; return the references."""
    loaded = load(project.root, environ={})
    found = {}
    for name, inputs in fingerprint(loaded).items():
        reference = reference_of(loaded, name, inputs.fingerprint)
        push_image(str(reference.repository), str(reference.tag))
        found[str(name)] = str(reference)
    return found


def documents(ran: Ran) -> dict[str, dict[str, object]]:
    """Return the explanations by the names of their images."""
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    jsonschema.validate(document, schemas.WHY)
    return {one["name"]: one for one in document["images"]}


def test_nothing_would_be_built(project: Project) -> None:
    """All images exist; one that is named says under which reference."""
    assert project.invoke("why").out == "nothing would be built or deployed\n"
    assert project.invoke("why", "--only", "web").out.startswith("web exists as ")


def test_compared_with_the_newest_image_of_the_history(project: Project) -> None:
    """Commits that were never built are passed over, also one that cannot be read."""
    (built,) = (one for name, one in publish(project).items() if name == "web")
    project.write("images/web/web.txt", "not built\n")
    commit(project.root)
    project.write("images/os/Dockerfile", "FORM nothing\n")
    commit(project.root)
    project.write("images/os/Dockerfile", "FROM debian:bookworm-slim\nCOPY os.txt /\n")
    project.write("images/web/web.txt", "now\n")

    ran = project.invoke("why")
    assert f"web would be built: 1 of 3 inputs differs from {built} (commit " in ran.out
    assert "  ~  images/web/web.txt  changed  " in ran.out
    assert "os " not in ran.out.replace("os:", "")


def test_compared_with_a_revision(project: Project) -> None:
    """Whether it was built or not, and also for an image that exists."""
    project.write("images/os/os.txt", "other\n")
    found = documents(project.invoke("why", "--against", "HEAD", "--json"))

    assert [one["verdict"] for one in found.values()] == ["differs", "differs"]
    assert found["web"]["differences"] == [
        {
            "kind": "base",
            "name": "os",
            "change": "changed",
            "before": found["web"]["differences"][0]["before"],  # type: ignore[index]
            "after": found["web"]["differences"][0]["after"],  # type: ignore[index]
            "because": [found["web"]["differences"][0]["because"][0]],  # type: ignore[index]
        }
    ]
    publish(project)
    found = documents(project.invoke("why", "--only", "os", "--against", "HEAD", "--json"))
    assert found["os"]["verdict"] == "exists"
    assert len(found["os"]["differences"]) == 1  # type: ignore[arg-type]


def test_compared_with_a_reference(project: Project) -> None:
    """The commit that gives its tag is found."""
    built = publish(project)["web"]
    project.write("images/web/web.txt", "second\n")
    commit(project.root)
    publish(project)
    project.write("images/web/web.txt", "third\n")

    found = documents(project.invoke("why", "--only", "web", "--against", built, "--json"))
    assert found["web"]["against"] == built


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ("nosuch", "`nosuch` is neither a Git revision nor an image with a fingerprint tag"),
        ("web:" + "0" * 20, "there is no record of `web:0000"),
    ],
)
def test_nothing_to_compare_with(project: Project, against: str, message: str) -> None:
    """A wrong `--against` is a wrong command."""
    project.write("images/web/web.txt", "other\n")
    ran = project.invoke("why", "--against", against)

    assert ran.code == 2
    assert message in ran.err


def test_lost_and_never_built(project: Project) -> None:
    """Four verdicts do not mix: the registry never had `new`, and lost `web`."""
    project.image("new", "FROM scratch\nCOPY new.txt /\n", new_txt="new\n")
    project.write("images/web/web.txt", "other\n")
    commit(project.root)

    found = documents(project.invoke("why", "--against", "HEAD", "--json"))
    assert {name: one["verdict"] for name, one in found.items()} == {"new": "lost", "web": "lost"}
    found = documents(project.invoke("why", "--only", "new", "--json"))
    assert found["new"]["verdict"] == "never-built"
    assert found["new"]["notes"] == ["the registry has none of the last 20 commits"]


def test_an_earlier_image_that_nobody_answers_for(tmp_path: Path) -> None:
    """It is unknown whether it was built, which is not the same as never."""
    made = Project(tmp_path / "plain", tmp_path / "none.log")
    made.root.mkdir()
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="web\n")
    seen: list[str] = []

    def script(request: Request) -> Reply:
        seen.append(request.path)
        return GONE if request.path == seen[0] else Reply(403)

    with scripted_server(script) as server:
        made.write("pipeline.toml", f'[registry]\nhost = "{server.address}"\n')
        commit(made.root)
        made.write("images/web/web.txt", "other\n")
        ran = made.invoke("why")

    assert ran.code == 4, ran.out
    assert "never" not in ran.out


def test_files_that_are_not_in_git(project: Project) -> None:
    """Nothing is known of what they were, and a note says so."""
    project.image("web", "FROM os\nCOPY web.txt made.txt /\n", made_txt="made\n")
    found = documents(project.invoke("why", "--only", "web", "--json"))

    assert found["web"]["notes"] == [
        "`images/web/made.txt`: not in Git, so nothing is known of an earlier state"
    ]


def test_a_secret_argument_is_not_shown(project: Project) -> None:
    """Only the beginning of its sha256."""
    project.image("web", "FROM os\nARG TOKEN\nCOPY web.txt /\n")
    commit(project.root)
    ran = project.invoke("why", "--against", "HEAD", "--arg", "TOKEN=hunter2")
    project.write("images/web/image.toml", 'args = { TOKEN = "hunter3" }\n')
    other = project.invoke("why", "--against", "HEAD", "--json")

    assert "hunter" not in ran.out + ran.err + other.out + other.err
    assert "argument TOKEN" in other.out or '"TOKEN"' in other.out


def test_no_repository(tmp_path: Path, registry: Registry) -> None:
    """Without Git there is nothing to compare with, which is no fault of the project."""
    made = Project(tmp_path / "plain", tmp_path / "registry" / "registry.log")
    made.root.mkdir()
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", f'[registry]\nhost = "{registry.address}"\n')
    made.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="web\n")
    ran = made.invoke("why")

    assert ran.code == 4
    assert "not a git repository" in ran.err
