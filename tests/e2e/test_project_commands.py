"""Tasks that change nothing run no command of the project without permission."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.console import schemas
from tests.support.fake_programs import write_program
from tests.support.fly import fake_fly
from tests.support.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Ran

LIST = "./tenants.sh"
ALLOWED = {"PIPELINE_ALLOW": "commands"}
NOT_RUN = "listed by a command that was not run"


@pytest.fixture(scope="module")
def sample_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Make a base, an app, and an image whose apps a command lists, which records that it ran."""
    folder = tmp_path_factory.mktemp("looking")
    with fake_fly(folder / "fly") as fly:
        project = Project(folder / "project", folder / "none", {**fly.environ})
        project.write("tasks.py", "from pipeline.tasks import ns\n")
        project.write("pipeline.toml", '[registry]\nrepository = "acme-{name}"\n')
        project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="os")
        project.image("web", "FROM os\n", fly_toml='app = "acme-web"\n')
        told = f'[deploy]\napps = "command:{LIST}"\n'
        project.image("tenant", "FROM os\n", image_toml=told)
        write_program(project.root / LIST, "touch was-run; echo tenant-eu")
        for app in ("acme-os", "acme-web", "acme-tenant", "tenant-eu"):
            fly.create_app(app)
        yield project


@pytest.fixture
def marker_file(sample_project: Project) -> Iterator[Path]:
    """Return the file that exists if the command ran."""
    mark = sample_project.root / "was-run"
    yield mark
    mark.unlink(missing_ok=True)


def row(marker_file: Ran, key: str) -> tuple[str, str, str]:
    """Return image, status and reason of the only row without an app."""
    (found,) = (one for one in marker_file.json[key] if one["app"] is None)
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
def test_a_command_is_not_run(
    sample_project: Project, marker_file: Path, words: str, code: int, said: str
) -> None:
    """Tasks without side effects do not run it, and report what they therefore do not know."""
    ended = sample_project.invoke(*words.split())

    assert not marker_file.exists(), words
    assert ended.code == code, ended.err
    assert said in ended.out + ended.err


def test_json_has_one_row_for_the_command(sample_project: Project) -> None:
    """The row is printed beside those of known apps."""
    plan, status = (
        sample_project.invoke("plan", "--json"),
        sample_project.invoke("status", "--json"),
    )

    jsonschema.validate(plan.json, schemas.PLAN)
    jsonschema.validate(status.json, schemas.STATUS)
    assert row(plan, "deploys") == row(status, "apps") == ("tenant", "unknown", NOT_RUN)
    assert [one["app"] for one in plan.json["deploys"]] == ["acme-web", None]
    assert [one["app"] for one in status.json["apps"]] == ["acme-web", None]


@pytest.mark.parametrize("words", ["plan --allow commands", "apps --check"])
def test_a_command_runs_with_permission(
    sample_project: Project, marker_file: Path, words: str
) -> None:
    """`--allow` or the environment permits it; a file of the project cannot."""
    ended = sample_project.invoke(*words.split(), environ={} if "--allow" in words else ALLOWED)

    assert ended.code == 0, ended.err
    assert marker_file.exists()
    assert "tenant-eu" in ended.out
    assert "not run" not in ended.out + ended.err


@pytest.mark.parametrize("words", ["rollback tenant"])
def test_deploying_tasks_run_the_command(
    sample_project: Project, marker_file: Path, words: str
) -> None:
    """Tasks that deploy run it without permission, as they need the names."""
    sample_project.invoke(*words.split())

    assert marker_file.exists()


def test_programs_in_the_project_are_not_used(sample_project: Project, marker_file: Path) -> None:
    """Relative folders in PATH and credential helpers of the project are not used."""
    for name in ("docker", "flyctl", "fly", "git"):
        write_program(sample_project.root / name, "touch was-run; exec false")
    sample_project.write(".docker/config.json", '{"credHelpers": {"registry.example.com": "x"}}')
    here = {"PATH": f".::{sample_project.environ.get('PATH', os.environ['PATH'])}"}
    theirs = {"DOCKER_CONFIG": str(sample_project.root / ".docker")}

    doctor = sample_project.invoke("doctor", environ=here)
    plan = sample_project.invoke("plan", environ={**here, **theirs})

    assert "flyctl" in doctor.out
    assert plan.code == 2
    assert "names programs that Docker runs" in plan.err
    assert not marker_file.exists()
