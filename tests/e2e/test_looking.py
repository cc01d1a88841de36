"""Tasks that only look run nothing that the tree names, unless the user lets them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.console import schemas
from tests.support.fly import fly_stand_in
from tests.support.programs import program
from tests.support.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Ran

LIST = "./tenants.sh"
ALLOWED = {"PIPELINE_ALLOW": "commands"}
NOT_RUN = "listed by a command that was not run"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A base, an app, and an image whose apps a command lists, which tells that it was run."""
    folder = tmp_path_factory.mktemp("looking")
    with fly_stand_in(folder / "fly") as fly:
        project = Project(folder / "project", folder / "none", {**fly.environ})
        project.write("tasks.py", "from pipeline.tasks import ns\n")
        project.write("pipeline.toml", '[registry]\nrepository = "acme-{name}"\n')
        project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="os")
        project.image("web", "FROM os\n", fly_toml='app = "acme-web"\n')
        told = f'[deploy]\napps = "command:{LIST}"\n'
        project.image("tenant", "FROM os\n", image_toml=told)
        program(project.root / LIST, "touch was-run; echo tenant-eu")
        for app in ("acme-os", "acme-web", "acme-tenant", "tenant-eu"):
            fly.create_app(app)
        yield project


@pytest.fixture
def ran(shop: Project) -> Iterator[Path]:
    """The file that is there when the command was run."""
    mark = shop.root / "was-run"
    yield mark
    mark.unlink(missing_ok=True)


def row(ran: Ran, key: str) -> tuple[str, str, str]:
    """The one row without an app: its image, what is said of it and why."""
    (found,) = (one for one in ran.json[key] if one["app"] is None)
    return found["image"], found["action" if key == "deploys" else "state"], found["reason"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("plan", 0, "unknown  apps of tenant  listed by a command that was not run"),
        ("deploy tenant --dry", 0, "1 list of apps not known"),
        ("status --only tenant --exit-code", 4, "apps of tenant"),
        ("releases tenant-eu", 4, "no app or app image `tenant-eu` that is known: the apps of"),
        ("releases tenant", 4, "which app is meant: the apps of `tenant` are listed by a command"),
        ("apps --check", 4, "note: the apps of `tenant` are listed by a command that was not run"),
        ("keep --list", 4, "note: the apps of `tenant` are listed by a command that was not run"),
    ],
)
def test_a_command_is_not_run(shop: Project, ran: Path, words: str, code: int, said: str) -> None:
    """Neither by what looks nor by what shows a plan; what is not known for that is said."""
    ended = shop.invoke(*words.split())

    assert not ran.exists(), words
    assert ended.code == code, ended.err
    assert said in ended.out + ended.err


def test_scripts_get_one_row(shop: Project) -> None:
    """Beside those of the apps that are known."""
    plan, status = shop.invoke("plan", "--json"), shop.invoke("status", "--json")

    jsonschema.validate(plan.json, schemas.PLAN)
    jsonschema.validate(status.json, schemas.STATUS)
    assert row(plan, "deploys") == row(status, "apps") == ("tenant", "unknown", NOT_RUN)
    assert [one["app"] for one in plan.json["deploys"]] == ["acme-web", None]
    assert [one["app"] for one in status.json["apps"]] == ["acme-web", None]


@pytest.mark.parametrize("words", ["plan --allow commands", "apps --check"])
def test_a_user_allows_it(shop: Project, ran: Path, words: str) -> None:
    """By a word of the command line, or in the environment: no file of the tree is either."""
    ended = shop.invoke(*words.split(), environ={} if "--allow" in words else ALLOWED)

    assert ended.code == 0, ended.err
    assert ran.exists()
    assert "tenant-eu" in ended.out
    assert "not run" not in ended.out + ended.err


@pytest.mark.parametrize("words", ["rollback tenant"])
def test_what_changes_something_runs_it(shop: Project, ran: Path, words: str) -> None:
    """Without being told, as the names are needed."""
    shop.invoke(*words.split())

    assert ran.exists()


def test_a_program_of_the_tree_is_none_of_the_user_s(shop: Project, ran: Path) -> None:
    """Neither by a folder of PATH that depends on where somebody stands, nor by a login."""
    for name in ("docker", "flyctl", "fly", "git"):
        program(shop.root / name, "touch was-run; exec false")
    shop.write(".docker/config.json", '{"credHelpers": {"registry.example.com": "x"}}')
    here = {"PATH": f".::{shop.environ.get('PATH', os.environ['PATH'])}"}
    theirs = {"DOCKER_CONFIG": str(shop.root / ".docker")}

    doctor = shop.invoke("doctor", environ=here)
    plan = shop.invoke("plan", environ={**here, **theirs})

    assert "flyctl" in doctor.out
    assert plan.code == 2
    assert "names programs that Docker runs" in plan.err
    assert not ran.exists()
