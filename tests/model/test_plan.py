"""Plans of images that are incomplete or exist elsewhere."""

from __future__ import annotations

from pathlib import PurePosixPath as Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from pipeline.errors import Problem, UnknownError
from pipeline.model.actions import Action, DeployAction
from pipeline.model.apps import Running
from pipeline.model.copy_sources import copy_sources
from pipeline.model.image import AppSpec
from pipeline.model.inputs import ContextEntry, EntryKind, Fingerprint, Inputs, Key
from pipeline.model.plan import plan, to_ask, to_ask_for_fallbacks
from pipeline.model.presence import Absent, Elsewhere, Incomplete, Present
from pipeline.model.project import Project
from pipeline.model.settings import RegistrySettings, Settings
from pipeline.model.state import Goal, State
from pipeline.reference import Digest, ImageName, parse_reference
from tests.console.values import make_image, make_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model.image import Image
    from pipeline.model.plan import Plan
    from pipeline.model.presence import Availability

OS, WEB, TOP = make_image("os"), make_image("web", "os"), make_image("top", "web")
PROJECT = make_project(OS, WEB, TOP)
ONE, TWO = Digest("sha256:" + "1" * 64), Digest("sha256:" + "2" * 64)
SOURCE = parse_reference("ghcr.io/acme/web:1")
NAMES = tuple(ImageName(name) for name in ("os", "web", "top"))


def inputs(*images: Image, print_: str = "") -> dict[ImageName, Inputs]:
    """Return inputs of images, each with a different fingerprint, or all with the same."""
    return {
        image.name: Inputs(
            name=image.name,
            key=Key("0" * 64),
            fingerprint=Fingerprint((print_ or image.name.encode().hex()).ljust(64, "0")),
            entries=(),
            args={},
            target=None,
            platforms=image.platforms,
            bases={},
            externals={},
        )
        for image in images
    }


def planned(standing: Mapping[str, Availability], only: str = "") -> Plan:
    """Return the plan for all images, or for one."""
    presence = {ImageName(name): found for name, found in standing.items()}
    state = State(PROJECT, inputs(OS, WEB, TOP), presence)
    return plan(PROJECT, state, only=[ImageName(only)] if only else None)


def actions(made: Plan) -> dict[str, str]:
    """Return the action of each image."""
    return {action.name: action.action.value for action in made.images}


def test_an_incomplete_image_is_built_as_if_forced() -> None:
    """An incomplete image is built as with `--force`; the reason names what is missing."""
    reason = "`os:1` lacks the layer `x`"

    made = planned({"os": Incomplete(ONE, reason), "web": Present(TWO), "top": Present(TWO)})

    hollow = made.images[0]
    assert (hollow.action, hollow.reason, hollow.forced) == (Action.BUILD, reason, True)
    assert hollow.digest is None
    assert actions(made) == {"os": "build", "web": "exists", "top": "exists"}


def test_bases_of_an_incomplete_image_are_queried() -> None:
    """The bases of an incomplete image are queried, as for an absent one."""
    asked = to_ask(PROJECT, {NAMES[1]: Incomplete(ONE, "x")}, [NAMES[1]], force=False)

    assert asked == ("os",)


def test_an_image_that_exists_elsewhere_is_copied_without_bases() -> None:
    """An image that exists elsewhere is copied by digest; its bases are not needed."""
    elsewhere = Elsewhere(SOURCE, ONE)
    asked = to_ask(PROJECT, {NAMES[1]: elsewhere}, [NAMES[1]], force=False)
    made = planned({"web": elsewhere, "top": Absent()}, only="top")

    assert asked == ()
    assert actions(made) == {"web": "copy", "top": "build"}
    plan_with_copy = made.images[0]
    assert (plan_with_copy.source, plan_with_copy.digest) == (SOURCE.at(ONE), ONE)
    assert plan_with_copy.reason == "`ghcr.io/acme/web:1` has the same fingerprint"
    assert made.to_copy == (plan_with_copy,)
    assert not made.empty


def test_a_plan_has_the_warnings_of_images_and_bases() -> None:
    """A plan has each warning of its images and their bases once, bases first."""
    one, two, other = (Problem(None, text) for text in ("one", "two", "other"))
    told = {"os": (one,), "web": (one, two), "top": (other,)}
    given = {
        name: replace(found, warnings=told[name]) for name, found in inputs(OS, WEB, TOP).items()
    }
    presence = {NAMES[1]: Present(TWO)}

    made = plan(PROJECT, State(PROJECT, given, presence), only=[NAMES[1]])

    assert actions(made) == {"web": "exists"}
    assert made.warnings == (one, two)
    assert made.without_copies({}).warnings == (one, two)


def plan_for_web(now: Running, entries: tuple[ContextEntry, ...] = (), **more: Any) -> Plan:
    """Return the plan for an app `web-1` whose image `web` exists."""
    web = replace(make_image("web", app=True), deploy=AppSpec(("web-1",), Path("web/fly.toml")))
    web = replace(web, folder=Path("web"), context=Path("web"))
    project = make_project(web)
    found = {name: replace(one, entries=entries) for name, one in inputs(web).items()}
    standing = more.pop("standing", Present(ONE))
    state = State(project, found, {NAMES[1]: standing}, running={"web-1": now})
    return plan(project, state, apps=["web-1"], **more)


def test_a_changed_configuration_is_deployed_without_a_build() -> None:
    """A changed configuration is deployed without a build, and the plan names the keys."""
    made = plan_for_web(Running(ONE, differs=("`[env] COLOUR`",)))
    (step,) = made.deploys

    assert made.to_build == ()
    assert (step.action, step.reason) == (
        DeployAction.DEPLOY,
        "its configuration differs: `[env] COLOUR`",
    )
    assert plan_for_web(Running(ONE)).deploys[0].action is DeployAction.CURRENT


def test_a_current_app_is_deployed_on_request() -> None:
    """A current app is deployed if that is requested; another reason has priority."""
    made = plan_for_web(Running(ONE), redeploy=["web-1"])

    assert made.to_build == ()
    assert (made.deploys[0].action, made.deploys[0].reason) == (DeployAction.DEPLOY, "forced")
    other = plan_for_web(Running(TWO), redeploy=["web-1"])
    assert other.deploys[0].reason == "it runs another image"


def test_a_configuration_that_is_copied_into_the_image() -> None:
    """`COPY . .` copies the configuration too, so its change builds the image; the plan says so."""
    changed = Running(ONE, differs=("`[env] COLOUR`",))
    inside = (ContextEntry("fly.toml", EntryKind.FILE, sha256="0" * 64),)

    def reason_of(now: Running, entries: tuple[ContextEntry, ...]) -> str:
        return plan_for_web(now, entries, standing=Absent()).images[0].reason

    assert reason_of(changed, inside).endswith(": `fly.toml` changed, which is among its files")
    assert "fly.toml" not in reason_of(changed, ())
    assert "fly.toml" not in reason_of(Running(ONE), inside)


def test_a_plan_with_only_copies_is_not_empty() -> None:
    """A plan with only copies is not empty for `plan --exit-code`."""
    made = planned({"os": Present(ONE), "web": Elsewhere(SOURCE, ONE), "top": Present(ONE)})

    assert made.to_build == ()
    assert not made.empty


def plan_with_copy(running: Running, **fallback: Availability | UnknownError) -> Plan:
    """Return the plan to build `top` on `web`, which is copied and whose app runs."""
    web = replace(WEB, deploy=AppSpec(("web",)))
    project = make_project(OS, web, TOP)
    state = State(
        project,
        inputs(OS, web, TOP),
        {NAMES[1]: Elsewhere(SOURCE, ONE), NAMES[2]: Absent()},
        running={"web": running},
        goal=Goal(NAMES[1:], apps=("web",)),
        fallback={ImageName(name): found for name, found in fallback.items()},
    )
    return plan(project, state)


def test_a_failed_copy_is_built() -> None:
    """A failed copy is replaced by a build, with the missing bases; its app is deployed."""
    before = plan_with_copy(Running(ONE), os=Absent())

    made = before.without_copies({NAMES[1]: Absent()})

    assert actions(before) == {"web": "copy", "top": "build"}
    assert before.deploys[0].action is DeployAction.CURRENT
    assert actions(made) == {"os": "build", "web": "build", "top": "build"}
    assert made.images[2] is before.images[1]
    assert made.deploys[0].action is DeployAction.DEPLOY
    assert made.deploys[0].reason == "its image is built anew"
    assert before.inputs.keys() == {"os", "web", "top"}


def test_an_existing_base_is_not_built_for_a_failed_copy() -> None:
    """An existing base is in the plan for a failed copy, with its digest, and is not built."""
    made = plan_with_copy(Running(ONE), os=Present(TWO)).without_copies({NAMES[1]: Absent()})

    assert actions(made) == {"os": "exists", "web": "build", "top": "build"}
    assert made.images[0].digest == TWO


@pytest.mark.parametrize(
    ("running", "published", "action"),
    [
        (ONE, ONE, DeployAction.CURRENT),
        (ONE, TWO, DeployAction.DEPLOY),
        (TWO, TWO, DeployAction.DEPLOY),
    ],
)
def test_an_image_that_another_run_published_is_not_built(
    running: Digest, published: Digest, action: DeployAction
) -> None:
    """An image that another run has published is not built; its app may still be deployed."""
    before = plan_with_copy(Running(running), os=Absent())

    made = before.without_copies({NAMES[1]: Present(published)})

    assert actions(made) == {"web": "exists", "top": "build"}
    assert made.images[0].digest == published
    assert made.deploys[0].action is action


def test_an_unknown_base_stops_the_run_only_if_needed() -> None:
    """An unknown base stops the run only if needed: an app's token cannot query other apps."""
    refused = UnknownError("401")
    made = plan_with_copy(Running(ONE), os=refused)

    assert actions(made.without_copies({})) == {"web": "copy", "top": "build"}
    assert actions(made.without_copies({NAMES[1]: Present(ONE)}))["web"] == "exists"
    with pytest.raises(UnknownError) as caught:
        made.without_copies({NAMES[1]: Absent()})
    assert caught.value is refused
    with pytest.raises(UnknownError, match=r"was not asked for `registry\.fly\.io/os"):
        plan_with_copy(Running(ONE)).without_copies({NAMES[1]: Absent()})


def test_bases_for_a_failed_copy_are_queried_only_for_copies() -> None:
    """Bases for a failed copy are queried in rounds, only if there is something to copy."""
    elsewhere: dict[ImageName, Availability] = {
        NAMES[1]: Elsewhere(SOURCE, ONE),
        NAMES[2]: Absent(),
    }
    top = [NAMES[2]]

    def asked(
        presence: Mapping[ImageName, Availability], **fallback: Availability | UnknownError
    ) -> tuple[str, ...]:
        found = {ImageName(name): one for name, one in fallback.items()}
        return to_ask_for_fallbacks(PROJECT, presence, found, top, force=False)

    assert asked({NAMES[2]: Absent(), NAMES[1]: Absent()}) == ()
    assert asked({NAMES[2]: Present(ONE)}) == ()
    assert asked(elsewhere) == ("os",)
    assert asked(elsewhere, os=Present(ONE)) == asked(elsewhere, os=UnknownError("503")) == ()


def test_a_plan_has_the_goal_of_its_state() -> None:
    """A plan has the goal of its state; an argument replaces that part of it."""
    presence = dict.fromkeys(NAMES, Present(ONE))
    state = State(PROJECT, inputs(OS, WEB, TOP), presence, goal=Goal(NAMES[1:2], force=True))

    assert actions(plan(PROJECT, state)) == {"os": "exists", "web": "build"}
    assert actions(plan(PROJECT, state, force=False)) == {"web": "exists"}
    assert actions(plan(PROJECT, state, only=NAMES[:1])) == {"os": "build"}


def test_sources_of_a_copy() -> None:
    """Sources of a copy: first images with the same inputs, then other repositories."""
    registry = RegistrySettings("r.io", also=("{name}", "old-{name}", "h.io/acme/{name}"))
    web = make_image("web")
    secret = replace(make_image("secret"), secrets=("id=token",))
    images = (web, make_image("www"), secret, make_image("other"))
    project = Project(PROJECT.root, Settings(registry=registry), images)
    given = inputs(*images[:3], print_="ab") | inputs(images[3])

    found = copy_sources(project, given, [web.name, images[3].name])

    tag = "ab" + "0" * 18
    assert [str(reference) for reference in found[web.name]] == [
        f"r.io/www:{tag}",
        f"r.io/old-web:{tag}",
        f"h.io/acme/web:{tag}",
    ]
    assert [r.repository.path for r in found[images[3].name]] == ["old-other", "acme/other"]
    assert copy_sources(PROJECT, inputs(OS, WEB, TOP), NAMES) == {}
