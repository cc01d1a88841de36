"""Names of apps from a file, a pattern or a command: real files, and real processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline import load, resolve_apps
from pipeline.errors import ConfigError, UnknownError
from pipeline.runner.resolve_apps import _matching
from tests.support.programs import program

if TYPE_CHECKING:
    from pathlib import Path


def image(root: Path, name: str, apps: str) -> Path:
    """An image of a project whose `[deploy] apps` is that TOML value; its folder."""
    folder = root / "images" / name
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM debian:bookworm-slim\n")
    (folder / "image.toml").write_text(f"[deploy]\napps = {apps}\n")
    return folder


def script(root: Path, text: str) -> None:
    """A command of the project's: `./tenants.sh`."""
    program(root / "tenants.sh", text)


def names(root: Path) -> list[str]:
    """The apps of the project, asked for where that must be."""
    project = resolve_apps(load(root), os.environ)
    return [app for image in project if image.deploy for app in image.deploy.apps]


def refusal(root: Path) -> list[str]:
    """What is wrong with the project."""
    with pytest.raises(ConfigError) as caught:
        names(root)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_has_one_name_a_line(tmp_path: Path) -> None:
    """Relative to its image; comments and empty lines are left out, as is a name's second time."""
    folder = image(tmp_path, "web", '"file:apps.txt"')
    (folder / "apps.txt").write_text("# tenants\nacme-eu\n\nacme-us  # the large one\nacme-eu\n")

    assert names(tmp_path) == ["acme-eu", "acme-us"]


def test_a_name_that_is_none_has_its_line(tmp_path: Path) -> None:
    """All of them at once."""
    folder = image(tmp_path, "web", '"file:apps.txt"')
    (folder / "apps.txt").write_text("Acme\nacme-eu\nacme_us\n")

    assert [said.split(": ")[0] for said in refusal(tmp_path)] == [
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
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, apps: str, said: str) -> None:
    """File, line and column of `image.toml`."""
    image(tmp_path, "web", apps)

    (told,) = refusal(tmp_path)
    assert said in told


def test_an_app_of_two_images_is_told_at_its_line(tmp_path: Path) -> None:
    """In a list, and in a file of names."""
    image(tmp_path, "api", '["acme-eu"]')
    image(tmp_path, "web", '["acme-us", "acme-eu"]')
    folder = image(tmp_path, "work", '"file:apps.txt"')
    (folder / "apps.txt").write_text("acme-de\nacme-us\n")

    assert [said.split(" is ")[0] for said in refusal(tmp_path)] == [
        "images/web/image.toml:2:20: the app `acme-eu`",
        "images/work/apps.txt:2:1: the app `acme-us`",
    ]


def test_a_command_prints_names(tmp_path: Path) -> None:
    """It runs in the project's root with its words as they are: no shell looks at them."""
    image(tmp_path, "web", "\"command:./tenants.sh 'a b' $HOME\"")
    script(tmp_path, "test \"$1\" = 'a b' && test \"$2\" = '$HOME' && ls images && echo acme-$#")

    assert names(tmp_path) == ["web", "acme-2"]


def test_nothing_is_run_to_load_a_project(tmp_path: Path) -> None:
    """What must be asked for waits for `resolve_apps`."""
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
    """It could not be found out: 4, with what the command said, and its place."""
    image(tmp_path, "web", '"command:./tenants.sh"')
    script(tmp_path, text)

    with pytest.raises(UnknownError) as caught:
        names(tmp_path)
    assert said in caught.value.message
    assert caught.value.message.startswith("images/web/image.toml:2:8: ")


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    image(tmp_path, "web", '"command:./none.sh"')

    with pytest.raises(UnknownError, match=r"`\./none\.sh` could not be started: no such file"):
        names(tmp_path)


def test_a_command_that_prints_no_names_is_warned_of(tmp_path: Path) -> None:
    """Nothing to deploy is allowed, but seldom meant."""
    image(tmp_path, "web", '"command:./tenants.sh"')
    script(tmp_path, "exit 0")

    assert resolve_apps(load(tmp_path), os.environ).warnings == (
        "`images/web/image.toml`: `apps` gives no names",
    )


def test_a_log_is_no_list(tmp_path: Path) -> None:
    """Twenty lines that are no names are told, each at a readable length, and not all of them."""
    folder = image(tmp_path, "web", '"file:apps.txt"')
    (folder / "apps.txt").write_text(f"{'No name: ' * 1000}\n" * 100)

    told = refusal(tmp_path)

    assert len(told) == 21
    assert max(map(len, told)) < 400
    assert "images/web/apps.txt: the rest of the file was not read" in told


def test_an_app_that_a_command_prints_may_be_another_images(tmp_path: Path) -> None:
    """Found where it is known, at the line of the command."""
    image(tmp_path, "api", '["acme-eu"]')
    image(tmp_path, "web", '"command:./tenants.sh"')
    script(tmp_path, "echo acme-eu")

    (said,) = refusal(tmp_path)
    assert said.startswith("images/web/image.toml:2:8: the app `acme-eu` is deployed from")


def test_a_pattern_takes_the_apps_that_fit() -> None:
    """In the order that the driver's names are given."""
    known = ["acme-eu", "acme-us", "other"]

    assert list(_matching(known, "acme-*")) == ["acme-eu", "acme-us"]


@pytest.mark.parametrize("name", ["acme-\x1b[2J", "acme-/../other", "acme- --config=x", "acme-EU"])
def test_an_app_that_is_listed_under_no_name(name: str) -> None:
    """Nothing is deployed to what cannot be an app; one that is listed twice is one app."""
    assert list(_matching(["acme-eu", "acme-eu", name], "acme-eu")) == ["acme-eu"]
    with pytest.raises(UnknownError, match="the driver lists an app whose name is not valid"):
        list(_matching(["acme-eu", name], "acme-*"))


def test_a_project_without_such_names_is_left_as_it_is(tmp_path: Path) -> None:
    """No driver is opened and nothing is asked."""
    image(tmp_path, "web", '["acme-eu"]')
    project = load(tmp_path)

    assert resolve_apps(project, {}) is project
