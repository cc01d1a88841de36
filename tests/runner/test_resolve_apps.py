"""App names from a file, a pattern or a command, with real files and processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline import load, resolve_apps
from pipeline.errors import ConfigError, UnknownError
from pipeline.runner.resolve_apps import _matching
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from pathlib import Path


def image(root: Path, name: str, apps: str) -> Path:
    """Make an image with this TOML value of `[deploy] apps`; its folder is named like it."""
    folder = root / "images" / name
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM debian:bookworm-slim\n")
    (folder / "image.toml").write_text(f"[deploy]\napps = {apps}\n")
    return folder


def script(root: Path, text: str) -> None:
    """Write the project's command `./tenants.sh`."""
    write_program(root / "tenants.sh", text)


def names(root: Path) -> list[str]:
    """Return the apps of the project, after running what must be run."""
    project = resolve_apps(load(root), os.environ)
    return [app for image in project if image.deploy for app in image.deploy.apps]


def problems_of(root: Path) -> list[str]:
    """Return the problems of the project."""
    with pytest.raises(ConfigError) as caught:
        names(root)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_has_one_name_a_line(tmp_path: Path) -> None:
    """A file has one name per line; comments, empty lines and repetitions are ignored."""
    folder = image(tmp_path, "web", '"file:apps.txt"')
    (folder / "apps.txt").write_text("# tenants\nacme-eu\n\nacme-us  # the large one\nacme-eu\n")

    assert names(tmp_path) == ["acme-eu", "acme-us"]


def test_invalid_names_have_their_line(tmp_path: Path) -> None:
    """All invalid names are reported at once with their lines."""
    folder = image(tmp_path, "web", '"file:apps.txt"')
    (folder / "apps.txt").write_text("Acme\nacme-eu\nacme_us\n")

    assert [said.split(": ")[0] for said in problems_of(tmp_path)] == [
        "images/web/apps.txt:1:1",
        "images/web/apps.txt:3:1",
    ]


@pytest.mark.parametrize(
    ("apps", "said"),
    [
        ('"file:none.txt"', "images/web/image.toml:2:8: `none.txt` cannot be read: no such file"),
        ('"file:../../../apps.txt"', "lies outside the project"),
        ('"fiel:apps.txt"', "images/web/image.toml:2:8: `fiel:apps.txt` does not say where"),
        ('"acme-eu"', "does not say where the apps' names are"),
        ('"match:"', "`match:` names nothing"),
        ('"command:echo \'a"', "`echo 'a` is not a command"),
        ("5", "`deploy.apps` must be a list of app names"),
        ('["acme-eu", "Acme"]', "images/web/image.toml:2:20: `Acme` is not an app name"),
        ("[]", "`deploy.apps` is empty"),
    ],
)
def test_mistakes_are_reported_with_their_location(tmp_path: Path, apps: str, said: str) -> None:
    """File, line and column of `image.toml`."""
    image(tmp_path, "web", apps)

    (told,) = problems_of(tmp_path)
    assert said in told


def test_an_app_of_two_images_has_its_line(tmp_path: Path) -> None:
    """An app of two images is reported with its line, in a list or in a file of names."""
    image(tmp_path, "api", '["acme-eu"]')
    image(tmp_path, "web", '["acme-us", "acme-eu"]')
    folder = image(tmp_path, "work", '"file:apps.txt"')
    (folder / "apps.txt").write_text("acme-de\nacme-us\n")

    assert [said.split(" is ")[0] for said in problems_of(tmp_path)] == [
        "images/web/image.toml:2:20: the app `acme-eu`",
        "images/work/apps.txt:2:1: the app `acme-us`",
    ]


def test_a_command_prints_names(tmp_path: Path) -> None:
    """The command runs in the project's root without a shell."""
    image(tmp_path, "web", "\"command:./tenants.sh 'a b' $HOME\"")
    script(tmp_path, "test \"$1\" = 'a b' && test \"$2\" = '$HOME' && ls images && echo acme-$#")

    assert names(tmp_path) == ["web", "acme-2"]


def test_loading_runs_nothing(tmp_path: Path) -> None:
    """Loading runs nothing; `resolve_apps` does."""
    image(tmp_path, "web", '"command:./tenants.sh"')
    script(tmp_path, "touch was-run")

    project = load(tmp_path)

    (web,) = project.images
    assert web.deploy
    assert web.deploy.pending == "command:./tenants.sh"
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo acme-eu; echo no database >&2; exit 7", "ended with 7:\nno database"),
        ("exec ./none", "./none"),
    ],
)
def test_a_command_that_fails_is_not_an_empty_list(tmp_path: Path, text: str, said: str) -> None:
    """A failed command gives exit code 4 with its stderr and location."""
    image(tmp_path, "web", '"command:./tenants.sh"')
    script(tmp_path, text)

    with pytest.raises(UnknownError) as caught:
        names(tmp_path)
    assert said in caught.value.message
    assert caught.value.message.startswith("images/web/image.toml:2:8: ")


def test_a_missing_command(tmp_path: Path) -> None:
    """A missing command is named."""
    image(tmp_path, "web", '"command:./none.sh"')

    with pytest.raises(UnknownError, match=r"`\./none\.sh` could not be started: no such file"):
        names(tmp_path)


def test_a_command_without_output_is_a_warning(tmp_path: Path) -> None:
    """A command without output gives a warning."""
    image(tmp_path, "web", '"command:./tenants.sh"')
    script(tmp_path, "exit 0")

    assert resolve_apps(load(tmp_path), os.environ).warnings == (
        "`images/web/image.toml`: `apps` gives no names",
    )


def test_many_invalid_names(tmp_path: Path) -> None:
    """Of twenty invalid lines, a few are shown, shortened."""
    folder = image(tmp_path, "web", '"file:apps.txt"')
    (folder / "apps.txt").write_text(f"{'No name: ' * 1000}\n" * 100)

    told = problems_of(tmp_path)

    assert len(told) == 21
    assert max(map(len, told)) < 400
    assert "images/web/apps.txt: the rest of the file was not read" in told


def test_a_commands_app_of_another_image(tmp_path: Path) -> None:
    """A command's app that belongs to another image is reported at the command's line."""
    image(tmp_path, "api", '["acme-eu"]')
    image(tmp_path, "web", '"command:./tenants.sh"')
    script(tmp_path, "echo acme-eu")

    (said,) = problems_of(tmp_path)
    assert said.startswith("images/web/image.toml:2:8: the app `acme-eu` is deployed from")


def test_apps_that_match_a_pattern() -> None:
    """Matching apps, in the order of the driver's list."""
    known = ["acme-eu", "acme-us", "other"]

    assert list(_matching(known, "acme-*")) == ["acme-eu", "acme-us"]


@pytest.mark.parametrize("name", ["acme-\x1b[2J", "acme-/../other", "acme- --config=x", "acme-EU"])
def test_invalid_names_in_the_drivers_list(name: str) -> None:
    """Invalid names in the driver's list are ignored, repeated ones count once."""
    assert list(_matching(["acme-eu", "acme-eu", name], "acme-eu")) == ["acme-eu"]
    with pytest.raises(UnknownError, match="the driver lists an app whose name is not valid"):
        list(_matching(["acme-eu", name], "acme-*"))


def test_a_project_without_such_names(tmp_path: Path) -> None:
    """A project without them is returned unchanged, and no driver is created."""
    image(tmp_path, "web", '["acme-eu"]')
    project = load(tmp_path)

    assert resolve_apps(project, {}) is project
