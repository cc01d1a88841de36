"""Which apps are held because they run a newer commit."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.model.apps import Running
from pipeline.model.hold import hold
from pipeline.model.image import AppSpec
from pipeline.model.plan import Plan, plan
from pipeline.model.presence import Absent, Present
from pipeline.model.report import DeployResult, DeployStatus, Report
from pipeline.model.settings import DeploySettings, Settings
from pipeline.model.stamp import Revision, Stamp
from pipeline.model.state import State, alias_references
from pipeline.reference import Digest, ImageName, Tag
from tests.console.values import make_image, make_project
from tests.model.test_plan import inputs

OLD, NEW = Digest(f"sha256:{1:064x}"), Digest(f"sha256:{2:064x}")
A, B, C = "a" * 40, "b" * 40, "c" * 40


def running(commit: str, *parents: str, digest: Digest = NEW, healthy: bool = True) -> Running:
    """Return an app that runs the image deployed from `commit`."""
    stamp = Stamp("0" * 64, digest, "2", Revision(commit, parents) if commit else None)
    return Running(digest, "2", healthy=healthy, stamp=stamp)


@pytest.mark.parametrize(
    ("head", "now", "held"),
    [
        (A, running(B, A[:12]), True),
        (A, running(C, B[:12], A[:12]), True),
        (A, running(C, B[:12], A[:7]), True),
        (A, running(B, A), True),
        (B, running(B, A[:12]), False),
        (C, running(B, A[:12]), False),
        (A, running(B), False),
        (A, running(B, "a", ""), False),
        (A, running(B, "bbbbbbbaaaaa"), False),
        (A, running(""), False),
        (A, replace(running(B, A[:12]), stamp=None), False),
        (A, None, False),
        (None, running(B, A[:12]), False),
    ],
    ids=[
        "its parent",
        "a grandparent",
        "a shorter id",
        "a whole id",
        "the same commit",
        "a newer or another branch's",
        "no parents known",
        "too short to be an id",
        "not at its beginning",
        "deployed without Git",
        "deployed by somebody else",
        "nothing runs",
        "no Git here",
    ],
)
def test_which_apps_are_held(head: str | None, now: Running | None, *, held: bool) -> None:
    """An app is held if the commit of the files is an earlier first parent of the running one."""
    found = hold(Revision(head) if head else None, now)

    assert (found is not None) is held
    if found:
        assert found.reason == f"commit {now.stamp.revision.id[:7]} runs, which is newer"  # type: ignore[union-attr]
        assert not found.deliberate


@pytest.mark.parametrize(("head", "held"), [(A, True), (B, True), (C, False)])
def test_held_after_a_rollback(head: str, *, held: bool) -> None:
    """After a rollback, neither that commit nor an older one is deployed again; a newer one is."""
    now = running(B, A[:12])
    assert now.stamp
    back = replace(now, stamp=replace(now.stamp, back=True))

    found = hold(Revision(head), back)

    assert (found is not None) is held
    if found:
        assert found.deliberate
        assert "went back from commit bbbbbbb" in found.reason


BASE = make_image("base")
WEB = replace(make_image("web", "base"), deploy=AppSpec(("eu", "us")), aliases=(Tag("latest"),))


def planned(
    apps: dict[str, Running],
    *,
    there: bool = True,
    backwards: bool = False,
    everything: bool = False,
) -> Plan:
    """Return the plan for apps of `web` at commit A; `there` says whether its image exists."""
    settings = Settings(deploy=DeploySettings(backwards=backwards))
    project = replace(make_project(BASE, WEB), settings=settings)
    found = Present(OLD) if there else Absent()
    presence = {ImageName("web"): found, ImageName("base"): Absent()}
    (alias,) = alias_references(project, WEB)
    state = State(
        project,
        inputs(BASE, WEB),
        presence,
        {alias: Present(NEW)},
        running=apps,
        revision=Revision(A),
    )
    only = None if everything else [ImageName("web")]
    return plan(project, state, only=only, apps=tuple(apps))


NEWER = running(B, A[:12])
OTHERS = running(C)


def actions(found: Plan) -> dict[str, str]:
    """Return the action of each app."""
    return {step.app: step.action.value for step in found.deploys}


def test_a_held_app_is_left_with_its_aliases() -> None:
    """The other app is deployed; the alias, which both share, stays on the newer image."""
    found = planned({"eu": NEWER, "us": OTHERS})

    assert actions(found) == {"eu": "held", "us": "deploy"}
    assert [(a.name, a.action.value, a.move) for a in found.images] == [("web", "exists", ())]
    assert found.deploys[0].reason == "commit bbbbbbb runs, which is newer"
    assert found.revision == Revision(A)


def test_an_image_for_held_apps_alone_is_not_built() -> None:
    """An image only for held apps is not built, nor is its base, unless another app needs it."""
    assert planned({"eu": NEWER, "us": NEWER}, there=False).images == ()
    mixed = planned({"eu": NEWER, "us": OTHERS}, there=False)
    assert [a.name for a in mixed.to_build] == ["base", "web"]
    assert mixed.images[1].move == ()


def test_a_held_app_is_nothing_to_do() -> None:
    """`plan --exit-code` gives 0; what `build-all` would build is still built."""
    assert planned({"eu": NEWER, "us": NEWER}).empty
    found = planned({"eu": NEWER, "us": NEWER}, there=False, everything=True)
    assert [a.name for a in found.to_build] == ["base", "web"]
    assert actions(found) == {"eu": "held", "us": "held"}


def test_an_app_that_runs_this_image_is_current() -> None:
    """An app with the same image is current, unless it is unhealthy."""
    same = running(B, A[:12], digest=OLD)
    sick = running(B, A[:12], digest=OLD, healthy=False)

    assert actions(planned({"eu": same, "us": sick})) == {"eu": "current", "us": "held"}


def test_backwards_allows_an_older_commit() -> None:
    """`backwards` deploys it and moves the alias."""
    found = planned({"eu": NEWER, "us": NEWER}, backwards=True)

    assert actions(found) == {"eu": "deploy", "us": "deploy"}
    assert [len(a.move) for a in found.images] == [1]


@pytest.mark.parametrize(("deliberate", "code"), [(False, 1), (True, 0)])
def test_the_exit_code(*, deliberate: bool, code: int) -> None:
    """1 if an older commit was held, 0 if a rollback caused it."""
    held = DeployResult("eu", ImageName("web"), DeployStatus.HELD, "", deliberate=deliberate)

    assert Report((), (held,)).exit_code == code
