"""Invoke's `--dry`: the plan of a task that has one, a refusal of what changes something else."""

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
"""Tasks that do what a plan says."""

LOOKS = {
    "plan": (("plan",), 0),
    "graph": (("graph",), 0),
    "inputs": (("inputs", "web"), 0),
    "exists": (("exists", "web"), 1),
    "status": (("status",), 0),
    "releases": (("releases", "web"), 0),
    "doctor": (("doctor",), 0),
}
"""Tasks that change nothing, and how they end here."""

CHANGES = {
    "rollback": ("rollback", "web"),
    "down": ("down",),
    "apps": ("apps",),
    "keep": ("keep",),
    "lock": ("lock",),
    "promote": ("promote", "web", ":stable"),
    "login": ("login",),
}
"""Tasks that change something, and have no plan."""

ALSO_LOOK = {"apps": "--check", "keep": "--list", "lock": "--check"}
"""Options with which such a task only looks."""


@pytest.fixture
def shop(project: Project) -> Project:
    """An app on a base, neither of them built."""
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    project.image("os", "FROM scratch\nCOPY own.txt /\n", own_txt="os")
    project.image("web", "FROM os\nCOPY own.txt /\n", own_txt="web", fly_toml='app = "dry-web"\n')
    return project


@pytest.fixture
def dry(shop: Project) -> Project:
    """The same, where the environment says `--dry`."""
    shop.environ["INVOKE_RUN_DRY"] = "1"
    return shop


def files(project: Project) -> dict[str, bytes]:
    """All files of a project."""
    return {str(p): p.read_bytes() for p in sorted(project.root.rglob("*")) if p.is_file()}


def changed(project: Project) -> list[tuple[str, str]]:
    """What the registry was asked to change."""
    return [(method, path) for method, path in project.requests() if method not in {"GET", "HEAD"}]


def actions(ran: Ran) -> dict[str, str]:
    """What a plan does about each image and app."""
    assert ran.code == 0, ran.err
    assert ran.json["schema"] == "pipeline.plan/1"
    images = {image["name"]: image["action"] for image in ran.json["images"]}
    return images | {step["app"]: step["action"] for step in ran.json["deploys"]}


def test_every_task_has_chosen() -> None:
    """A new task belongs in one of the tables."""
    assert {*PLANS, *LOOKS, *CHANGES} == set(ns.task_names)


def test_what_would_be_done(dry: Project) -> None:
    """Exactly what was asked for, as `plan` says it; and nothing is done."""
    before = files(dry)
    both = {"os": "build", "web": "build"}

    assert actions(dry.invoke("build-all", "--json")) == both
    assert actions(dry.invoke("build-all", "--only", "os", "--json")) == {"os": "build"}
    assert actions(dry.invoke("build", "os", "--dependents", "--json")) == both
    assert actions(dry.invoke("deploy", "web", "--json")) == both | {"dry-web": "deploy"}
    assert actions(dry.invoke("deploy-all", "--json")) == both | {"dry-web": "deploy"}
    assert dry.invoke("deploy-all").out == dry.invoke("plan").out
    assert files(dry) == before
    assert not changed(dry)


def test_force_is_in_the_plan(shop: Project) -> None:
    """What exists is built anew with `--force`, and its aliases move; neither is done."""
    shop.write("images/os/image.toml", 'aliases = ["latest"]\n')
    assert shop.invoke("build", "os").code == 0
    shop.write("invoke.yaml", "run: {dry: true}\n")
    before = changed(shop)

    assert actions(shop.invoke("build", "os", "--json")) == {"os": "exists"}
    assert actions(shop.invoke("build", "os", "--force", "--json")) == {"os": "build"}
    assert changed(shop) == before


def test_a_wrong_name_is_one(dry: Project) -> None:
    """As without `--dry`."""
    assert dry.invoke("build", "wbe").code == 2
    assert dry.invoke("deploy", "wbe").code == 2


@pytest.mark.parametrize("words", CHANGES.values(), ids=CHANGES)
def test_what_has_no_plan_is_refused(shop: Project, words: tuple[str, ...]) -> None:
    """Before anybody is asked; the flag is Invoke's."""
    before = shop.requests()

    ran = shop.invoke("--dry", *words)

    assert ran.code == 2
    assert f"`{words[0]}` has no plan for `--dry` to show" in ran.err
    assert "hint: run it without `--dry`; `invoke " in ran.err
    assert not ran.out
    assert shop.requests() == before


@pytest.mark.parametrize("task", LOOKS)
def test_what_only_looks_runs(dry: Project, task: str) -> None:
    """As always."""
    words, code = LOOKS[task]

    ran = dry.invoke(*words)

    assert ran.code == code, ran.err
    assert ran.out or task == "releases"
    assert not changed(dry)


@pytest.mark.parametrize(("task", "option"), ALSO_LOOK.items())
def test_an_option_with_which_a_task_looks(dry: Project, task: str, option: str) -> None:
    """It runs, as far as it does where nothing is at Fly."""
    ran = dry.invoke(task, option)

    assert "--dry" not in ran.err
    assert (ran.code, "Fly" in ran.err) == ((0, False) if task == "lock" else (2, True)), ran.err
