"""Invoke's `--dry` shows the plan of a task that has one, and stops tasks that cannot show one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.tasks import ns

if TYPE_CHECKING:
    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine

PLANS = {
    "build-all": ("build-all",),
    "build": ("build", "os"),
    "deploy-all": ("deploy-all",),
    "deploy": ("deploy", "web"),
}
"""Tasks that execute a plan."""

LOOKS = {
    "plan": (("plan",), 0),
    "graph": (("graph",), 0),
    "help": (("help",), 0),
    "impact": (("impact", "--files", "images/os/own.txt"), 0),
    "why": (("why", "--json"), 4),
    "inputs": (("inputs", "web"), 0),
    "exists": (("exists", "web"), 1),
    "status": (("status",), 0),
    "releases": (("releases", "web"), 0),
    "doctor": (("doctor",), 0),
}
"""Tasks that change nothing, and their exit codes here."""

CHANGES = {
    "rollback": ("rollback", "web"),
    "down": ("down",),
    "apps": ("apps",),
    "keep": ("keep",),
    "lock": ("lock",),
    "init": ("init",),
    "promote": ("promote", "web", ":stable"),
    "login": ("login",),
}
"""Tasks that change something without a plan."""

ALSO_LOOK = {"apps": "--check", "keep": "--list", "lock": "--check"}
"""Options with which such a task changes nothing."""


@pytest.fixture
def sample_project(project: Project) -> Project:
    """Make an app and its base, neither of them built."""
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    project.image("os", "FROM scratch\nCOPY own.txt /\n", own_txt="os")
    project.image("web", "FROM os\nCOPY own.txt /\n", own_txt="web", fly_toml='app = "dry-web"\n')
    return project


@pytest.fixture
def dry(sample_project: Project) -> Project:
    """Set INVOKE_RUN_DRY for the same project."""
    sample_project.environ["INVOKE_RUN_DRY"] = "1"
    return sample_project


def files(project: Project) -> dict[str, bytes]:
    """Return all files of a project."""
    return {str(p): p.read_bytes() for p in sorted(project.root.rglob("*")) if p.is_file()}


def write_requests(project: Project) -> list[tuple[str, str]]:
    """Return the requests that change something in the registry."""
    return [(method, path) for method, path in project.requests() if method not in {"GET", "HEAD"}]


def actions(ran: Ran) -> dict[str, str]:
    """Return the action of each image and app in a plan."""
    assert ran.code == 0, ran.err
    assert ran.json["schema"] == "pipeline.plan/1"
    images = {image["name"]: image["action"] for image in ran.json["images"]}
    return images | {step["app"]: step["action"] for step in ran.json["deploys"]}


def test_every_task_is_in_a_table() -> None:
    """Every task is in one of the tables."""
    assert {*PLANS, *LOOKS, *CHANGES} == set(ns.task_names)


def test_dry_shows_the_plan(dry: Project) -> None:
    """The plan is that of `plan` for the same arguments, and nothing is changed."""
    before = files(dry)
    both = {"os": "build", "web": "build"}

    assert actions(dry.invoke("build-all", "--json")) == both
    assert actions(dry.invoke("build-all", "--only", "os", "--json")) == {"os": "build"}
    assert actions(dry.invoke("build", "os", "--dependents", "--json")) == both
    assert actions(dry.invoke("deploy", "web", "--json")) == both | {"dry-web": "deploy"}
    assert actions(dry.invoke("deploy-all", "--json")) == both | {"dry-web": "deploy"}
    assert dry.invoke("deploy-all").out == dry.invoke("plan").out
    assert files(dry) == before
    assert not write_requests(dry)


def test_force_is_in_the_plan(sample_project: Project) -> None:
    """With `--force` the plan builds what exists and moves its aliases; nothing is changed."""
    sample_project.write("images/os/image.toml", 'aliases = ["latest"]\n')
    assert sample_project.invoke("build", "os").code == 0
    sample_project.write("invoke.yaml", "run: {dry: true}\n")
    before = write_requests(sample_project)

    assert actions(sample_project.invoke("build", "os", "--json")) == {"os": "exists"}
    assert actions(sample_project.invoke("build", "os", "--force", "--json")) == {"os": "build"}
    assert write_requests(sample_project) == before


def test_a_wrong_name(dry: Project) -> None:
    """A wrong name is an error, as without `--dry`."""
    assert dry.invoke("build", "wbe").code == 2
    assert dry.invoke("deploy", "wbe").code == 2


@pytest.mark.parametrize("words", CHANGES.values(), ids=CHANGES)
def test_a_task_without_a_plan_is_refused(sample_project: Project, words: tuple[str, ...]) -> None:
    """A task without a plan is refused before any request; the hint names Invoke's flag."""
    before = sample_project.requests()

    ran = sample_project.invoke("--dry", *words)

    assert ran.code == 2
    assert f"`{words[0]}` has no plan for `--dry` to show" in ran.err
    assert "hint: run it without `--dry`; `invoke " in ran.err
    assert not ran.out
    assert sample_project.requests() == before


@pytest.mark.parametrize("task", LOOKS)
def test_a_task_that_changes_nothing_runs(dry: Project, task: str) -> None:
    """A task that changes nothing runs as without `--dry`."""
    words, code = LOOKS[task]

    ran = dry.invoke(*words)

    assert ran.code == code, ran.err
    assert ran.out or task == "releases"
    assert not write_requests(dry)


@pytest.mark.parametrize(("task", "option"), ALSO_LOOK.items())
def test_an_option_that_prevents_changes(dry: Project, task: str, option: str) -> None:
    """A task with such an option runs as without `--dry`."""
    ran = dry.invoke(task, option)

    assert "--dry" not in ran.err
    assert (ran.code, "Fly" in ran.err) == ((0, False) if task == "lock" else (2, True)), ran.err
