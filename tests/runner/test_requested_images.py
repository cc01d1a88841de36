"""Images that are not requested are not read: their files may not exist yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load, resolve_apps
from pipeline.errors import ConfigError
from pipeline.reference import ImageName
from tests.support.project import Project
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from pathlib import Path

WEB, OS = ImageName("web"), ImageName("os")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make `web` on `os`, `site` whose `dist` is missing, and `docs` without its context."""
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


def test_an_image_is_fingerprinted_with_its_bases(root: Path) -> None:
    """An image alone has the same fingerprint as in a run of all."""
    project = load(root)
    found = fingerprint(project, only=[WEB])
    (root / "images" / "site" / "dist").mkdir()
    (root / "images" / "docs" / "out").mkdir()

    assert tuple(found) == (OS, WEB)
    assert found[WEB] == fingerprint(project)[WEB]


def test_missing_files_of_a_requested_image(root: Path) -> None:
    """A missing source or context is reported with its location if the image is requested."""
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
def test_a_task_reads_only_what_it_needs(root: Path, code: int, words: tuple[str, ...]) -> None:
    """A task reaches the registry, which refuses it, or reports the missing file."""
    project = Project(root, root / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("images/web/fly.toml", 'app = "acme-web"\n')
    settings = (root / "pipeline.toml").read_text()

    with scripted_server(lambda _request: Reply(403)) as server:
        project.write("pipeline.toml", settings.replace("127.0.0.1:1", server.address))
        ran = project.invoke(*words)

    assert ran.code == code, ran.err
    assert bool(server.requests) is (code == 4)
    assert ("site/Dockerfile:2:6" in ran.err) is (code == 2)


def test_a_file_of_app_names_is_read_when_needed(root: Path) -> None:
    """A file of app names is read when the names are needed, and may be created later."""
    folder = root / "images" / "web"
    (folder / "image.toml").write_text('[deploy]\napps = "file:made.txt"\n')
    project = load(root)

    with pytest.raises(ConfigError, match=r"image.toml:2:8: `made.txt` cannot be read"):
        resolve_apps(project, {})
    (folder / "made.txt").write_text("acme-web\n")

    deploy = resolve_apps(project, {}).image(WEB).deploy
    assert deploy
    assert deploy.apps == ("acme-web",)
