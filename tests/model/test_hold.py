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
from pipeline.model.stamp import Left, Revision, Stamp, Wanted, left_behind, read_stamp
from pipeline.model.state import State, alias_references
from pipeline.reference import Digest, ImageName, Tag
from tests.console.values import make_image, make_project
from tests.model.test_plan import inputs

OLD, NEW = Digest(f"sha256:{'1' * 64}"), Digest(f"sha256:{'2' * 64}")
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
    found = hold(Revision(head) if head else None, now, Wanted())

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

    found = hold(Revision(head), back, Wanted())

    assert (found is not None) is held
    if found:
        assert found.deliberate
        assert "went back from commit bbbbbbb" in found.reason


WEB_TAG = "1f2e3d4c5b6a79881726"
CONFIGURATION = "c" * 64


@pytest.mark.parametrize("head", [A, B, C, None], ids=["older", "the same", "newer", "no Git"])
@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        (Wanted(WEB_TAG, NEW, CONFIGURATION), True),
        (Wanted(WEB_TAG, None, CONFIGURATION), True),
        (Wanted("", NEW, CONFIGURATION), True),
        (Wanted(WEB_TAG, OLD, CONFIGURATION), True),
        (Wanted("f" * 20, NEW, ""), True),
        (Wanted(WEB_TAG, NEW, "d" * 64), False),
        (Wanted("f" * 20, OLD, CONFIGURATION), False),
        (Wanted("f" * 20, None, CONFIGURATION), False),
        (Wanted(), False),
    ],
    ids=[
        "all the same",
        "its image is pruned",
        "deployed by flyctl",
        "built again with another digest",
        "its configuration is not known",
        "another configuration",
        "another image",
        "another image, not built yet",
        "nothing known",
    ],
)
def test_what_was_left_is_held_while_it_is_wanted(
    head: str | None, wanted: Wanted, *, held: bool
) -> None:
    """With any commit and without Git; an older commit is held whatever it wants."""
    ran = Stamp(CONFIGURATION, NEW, "2", Revision(B, (A[:12],)), tag=WEB_TAG)
    back = Stamp("", OLD, "3", ran.revision, back=True, left=left_behind(ran, NEW), restored="1")
    stamp = read_stamp(back.text, OLD, "3")
    assert stamp == back

    found = hold(Revision(head) if head else None, Running(OLD, "3", stamp=stamp), wanted)

    assert (found is not None) is (held or head == A)
    assert found is None or found.deliberate


def test_several_rollbacks_hold_all_that_they_left() -> None:
    """The last one first, and not without end."""
    stamp: Stamp | None = None
    for number in range(5):
        left = left_behind(stamp, Digest(f"sha256:{str(number) * 64}"))
        stamp = Stamp("", OLD, str(number), None, back=True, left=left)
    assert stamp
    images = [one.image for one in stamp.left]
    assert images == [f"{0:020x}"] or len(images) <= 3
    assert len(stamp.text) < 1200


def test_a_deploy_after_a_rollback_forgets_what_was_left() -> None:
    """The next rollback begins anew."""
    deployed = Stamp(CONFIGURATION, NEW, "4", left=(Left("a" * 20),))
    assert left_behind(deployed, NEW) == (Left("2" * 20, CONFIGURATION[:20]),)


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
