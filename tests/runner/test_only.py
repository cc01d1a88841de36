"""What is not wanted is not looked at: another step may have yet to make its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load, resolve_apps
from pipeline.errors import ConfigError
from pipeline.reference import ImageName
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

WEB, OS = ImageName("web"), ImageName("os")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image `web` on `os`, `site` whose `dist` is not there, and `docs` without its context."""
    for name, lines in {
        "os": "COPY a /",
        "web": "COPY a /",
        "site": "COPY dist /",
        "docs": "COPY . /",
    }.items():
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        (folder / "a").write_text(name)
        base = "os" if name == "web" else "scratch"
        (folder / "Dockerfile").write_text(f"FROM {base}\n{lines}\n")
    (tmp_path / "images" / "docs" / "image.toml").write_text('\ncontext = "out"\n')
    settings = '[deploy]\ndriver = "docker"\n[registry]\nhost = "127.0.0.1:1"\n'
    (tmp_path / "pipeline.toml").write_text(settings)
    return tmp_path


def test_an_image_is_fingerprinted_with_what_it_stands_on(root: Path) -> None:
    """As in a run of all, and nothing else is in it."""
    project = load(root)
    found = fingerprint(project, only=[WEB])
    (root / "images" / "site" / "dist").mkdir()
    (root / "images" / "docs" / "out").mkdir()

    assert tuple(found) == (OS, WEB)
    assert found[WEB] == fingerprint(project)[WEB]


def test_what_is_not_there_is_told_where_it_is_wanted(root: Path) -> None:
    """Each at its place: a source that is missing, and a context."""
    with pytest.raises(ConfigError) as caught:
        fingerprint(load(root))

    assert [str(problem.location) for problem in caught.value.problems] == [
        "images/docs/image.toml:2:11",
        "images/site/Dockerfile:2:6",
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, ("graph",)),
        (0, ("inputs", "web")),
        (4, ("exists", "web")),
        (4, ("build", "web")),
        (4, ("deploy", "web")),
        (2, ("plan",)),
    ],
)
def test_a_task_looks_at_what_it_needs(root: Path, code: int, words: tuple[str, ...]) -> None:
    """It gets as far as the registry, where nobody answers, or ends with what is missing."""
    project = Project(root, root / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("images/web/fly.toml", 'app = "acme-web"\n')

    ran = project.invoke(*words)

    assert ran.code == code, ran.err
    assert ("site/Dockerfile:2:6" in ran.err) is (code == 2)


def test_a_file_of_names_is_wanted_where_the_names_are(root: Path) -> None:
    """The project can be loaded without it; one that comes later is read."""
    folder = root / "images" / "web"
    (folder / "image.toml").write_text('[deploy]\napps = "file:made.txt"\n')
    project = load(root)

    with pytest.raises(ConfigError, match=r"image.toml:2:8: `made.txt` cannot be read"):
        resolve_apps(project, {})
    (folder / "made.txt").write_text("acme-web\n")

    deploy = resolve_apps(project, {}).image(WEB).deploy
    assert deploy
    assert deploy.apps == ("acme-web",)
