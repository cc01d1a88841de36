"""`impact` says what a change would build, and that is what gets another tag."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import fingerprint, load
from pipeline.model.impact import causes_of_files, reached, reached_since
from pipeline.model.why import Side
from tests.console import schemas
from tests.support.git_commits import commit
from tests.support.project import Project, project_at
from tests.support.small_projects import write_tree
from tests.support.small_records import SECONDS, publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Ran
    from tests.support.registries import Registry

IMAGES = 60
CHANGES = int(os.environ.get("CHANGES", "12"))


def large_project(root: Path) -> list[str]:
    """Write a project of many images on several levels; return the files that may change."""
    numbers = random.Random("impact")  # noqa: S311 - the same on each machine
    files: dict[str, str | None] = {"pipeline.toml": "", "shared/all.txt": "all\n"}
    for number in range(IMAGES):
        folder = f"images/i{number:02}"
        bases = numbers.sample(range(number), k=min(number, numbers.choice((0, 1, 1, 2))))
        first = f"i{bases[0]:02}" if bases else "debian:bookworm-slim"
        lines = [f"FROM {first}", "COPY own.txt /own/"]
        lines += [f"COPY --from=i{base:02} /own/own.txt /other/" for base in bases[1:]]
        if numbers.random() < 0.3:
            lines.append("COPY --from=shared all.txt /")
            files[f"{folder}/image.toml"] = '[contexts]\nshared = "../../shared"\n'
        files[f"{folder}/Dockerfile"] = "\n".join((*lines, ""))
        files[f"{folder}/own.txt"] = f"{number}\n"
        files[f"{folder}/unused.txt"] = "never read\n"
    write_tree(root, files)
    return [path for path in files if path.endswith(("txt", "Dockerfile"))]


def side(root: Path) -> Side:
    """Load and fingerprint a project."""
    project = load(root, environ={})
    return Side(project, fingerprint(project))


def test_the_prediction_is_what_gets_another_tag(tmp_path: Path) -> None:
    """For random files: what `--files` predicts, what `--since` finds, and the fingerprints."""
    files = large_project(tmp_path)
    numbers = random.Random("changes")  # noqa: S311 - the same on each machine
    before = side(tmp_path)
    seen = 0
    for _ in range(CHANGES):
        chosen = numbers.sample(files, k=numbers.choice((1, 1, 2)))
        predicted = reached(before.project, causes_of_files(before, chosen))
        for file in chosen:
            path = tmp_path / file
            path.write_text(f"{path.read_text()}# {numbers.random()}\n")
        after = side(tmp_path)
        changed = [
            n for n, i in after.inputs.items() if i.fingerprint != before.inputs[n].fingerprint
        ]

        assert [one.image for one in predicted] == changed, chosen
        assert [one.image for one in reached_since(before, after)] == changed, chosen
        seen += len(changed)
        before = after
    assert seen > CHANGES


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a committed project of a base and an app; nothing listens at its registry."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", '[registry]\nhost = "127.0.0.1:1"\n')
    made.image("os", "FROM debian:bookworm-slim\nCOPY os.txt /\n", os_txt="os\n")
    made.image("web", "FROM os\nCOPY web.txt /\n", web_txt="web\n")
    made.write("images/web/fly.toml", 'app = "acme-web"\n')
    commit(made.root)
    return made


def images(ran: Ran) -> dict[str, Any]:
    """Return the causes and apps of images."""
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["schema"] == "pipeline.impact/1"
    return {one["name"]: (one["causes"], one["apps"]) for one in found["images"]}


def test_since_a_revision(project: Project) -> None:
    """What changed, and what depends on it; nobody answers who could say what that takes."""
    project.write("images/os/os.txt", "other\n")
    found = images(project.invoke("impact", "--since", "HEAD", "--json"))

    assert list(found) == ["os", "web"]
    assert found["os"][0][0].startswith("images/os/os.txt changed, ")
    assert found["web"] == (["base os changes"], ["acme-web"])


def test_another_test_reaches_one_image(project: Project) -> None:
    """The tags of its dependents do not change."""
    project.write("images/os/image.toml", '[test]\ncommand = ["true"]\n')
    found = images(project.invoke("impact", "--since", "HEAD", "--json"))

    assert found == {"os": (["test changed, nothing → true"], [])}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--files", "images/web/web.txt"), ["web"]),
        (("--files", "images/os/Dockerfile,README.md"), ["os", "web"]),
        (("--files", "README.md"), []),
        (("--base", "os"), ["os", "web"]),
        (("--base", "debian"), ["os", "web"]),
    ],
    ids=str,
)
def test_files_and_bases(project: Project, words: tuple[str, ...], names: list[str]) -> None:
    """What reads or names them, and all that depends on it."""
    assert list(images(project.invoke("impact", *words, "--json"))) == names


def test_for_people(project: Project) -> None:
    """A table, and Markdown for a pull request."""
    table = project.invoke("impact", "--base", "os").out
    markdown = project.invoke("impact", "--base", "os", "--markdown").out

    assert table.splitlines()[-1] == "2 images to build, 1 app to deploy"
    assert markdown.splitlines() == [
        "**2 images to build, 1 app to deploy**",
        "",
        "| Image | Apps | Reason |",
        "| --- | --- | --- |",
        "| `os` |  | it changes |",
        "| `web` | `acme-web` | base os changes |",
    ]
    assert project.invoke("impact", "--files", "README.md").out == "no image is reached\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "`impact` needs one of `--since`, `--files` and `--base`"),
        (("--since", "HEAD", "--base", "os"), "`impact` needs one of"),
        (("--since", "nosuch"), "`nosuch` is no Git revision"),
        (("--base", "sos"), "no external is called `sos`"),
        (("--files", "/etc/passwd"), "is not in the project"),
    ],
    ids=str,
)
def test_a_wrong_command(project: Project, words: tuple[str, ...], message: str) -> None:
    """Exit code 2, and what is wrong."""
    ran = project.invoke("impact", *words)
    assert ran.code == 2
    assert message in ran.err


def test_what_it_takes(tmp_path: Path, registry: Registry) -> None:
    """From the records of earlier builds; an image without one is not counted."""
    made = project_at(registry, tmp_path)
    made.image("os", "FROM debian:bookworm-slim\nCOPY os.txt /\n", os_txt="os\n")
    made.image("web", "FROM os\nCOPY web.txt /\n", web_txt="web\n")
    commit(made.root)
    publish(load(made.root, environ={}))
    made.write("images/os/os.txt", "other\n")
    made.image("new", "FROM os\n")
    since = ("impact", "--since", "HEAD")
    document = made.invoke(*since, "--json").json
    shown = made.invoke(*since)
    assert shown.code == 0, shown.err
    table, markdown = shown.out, made.invoke(*since, "--markdown").out
    before = len(made.requests())
    offline = made.invoke(*since, "--offline").out

    schemas.validate(document)
    assert {one["name"]: one["seconds"] for one in document["images"]} == {
        "os": SECONDS,
        "new": None,
        "web": SECONDS,
    }
    assert document["total"] == {"seconds": 2 * SECONDS, "bytes": 2_001_000, "machines": None}
    assert table.splitlines()[0].split() == ["IMAGE", "APPS", "TIME", "REASON"]
    cost = "about 3 minutes (1 image not counted), at most 2.0 MB to push"
    assert table.splitlines()[-1] == f"3 images to build, 0 apps to deploy: {cost}"
    assert "| `web` |  | 2 minutes | base os changes |" in markdown
    assert offline.splitlines()[-1] == "3 images to build, 0 apps to deploy"
    assert len(made.requests()) == before
