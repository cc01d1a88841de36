"""Plans of images that are hollow, or stand elsewhere."""

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
    """Inputs of images, each with a fingerprint of its own, or all with one."""
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
    """The plan for all images, or for one."""
    presence = {ImageName(name): found for name, found in standing.items()}
    state = State(PROJECT, inputs(OS, WEB, TOP), presence)
    return plan(PROJECT, state, only=[ImageName(only)] if only else None)


def actions(made: Plan) -> dict[str, str]:
    """Name and action."""
    return {action.name: action.action.value for action in made.images}


def test_what_is_hollow_is_built_as_if_forced() -> None:
    """Its tag says nothing of the build, and its reason is what it lacks."""
    reason = "`os:1` lacks the layer `x`"

    made = planned({"os": Incomplete(ONE, reason), "web": Present(TWO), "top": Present(TWO)})

    hollow = made.images[0]
    assert (hollow.action, hollow.reason, hollow.forced) == (Action.BUILD, reason, True)
    assert hollow.digest is None
    assert actions(made) == {"os": "build", "web": "exists", "top": "exists"}


def test_bases_of_what_is_hollow_are_asked_for() -> None:
    """They are needed for the build, as those of what is absent."""
    asked = to_ask(PROJECT, {NAMES[1]: Incomplete(ONE, "x")}, [NAMES[1]], force=False)

    assert asked == ("os",)


def test_what_stands_elsewhere_is_copied_and_needs_no_bases() -> None:
    """Its source is pinned."""
    elsewhere = Elsewhere(SOURCE, ONE)
    asked = to_ask(PROJECT, {NAMES[1]: elsewhere}, [NAMES[1]], force=False)
    made = planned({"web": elsewhere, "top": Absent()}, only="top")

    assert asked == ()
    assert actions(made) == {"web": "copy", "top": "build"}
    copied = made.images[0]
    assert (copied.source, copied.digest) == (SOURCE.at(ONE), ONE)
    assert copied.reason == "`ghcr.io/acme/web:1` has the same fingerprint"
    assert made.to_copy == (copied,)
    assert not made.empty


def test_a_plan_warns_of_its_images_and_of_all_that_they_stand_on() -> None:
    """Each warning once, the lowest image's first, whether or not its image is built."""
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


def deploys_web(now: Running, entries: tuple[ContextEntry, ...] = (), **more: Any) -> Plan:
    """The plan for an app `web-1` of an image `web`, whose registry has it unless it is wanted."""
    web = replace(make_image("web", app=True), deploy=AppSpec(("web-1",), Path("web/fly.toml")))
    web = replace(web, folder=Path("web"), context=Path("web"))
    project = make_project(web)
    found = {name: replace(one, entries=entries) for name, one in inputs(web).items()}
    standing = more.pop("standing", Present(ONE))
    state = State(project, found, {NAMES[1]: standing}, running={"web-1": now})
    return plan(project, state, apps=["web-1"], **more)


def test_an_app_with_another_configuration_is_deployed_and_nothing_built() -> None:
    """The keys are named; what is the same in both is current."""
    made = deploys_web(Running(ONE, differs=("`[env] COLOUR`",)))
    (step,) = made.deploys

    assert made.to_build == ()
    assert (step.action, step.reason) == (
        DeployAction.DEPLOY,
        "its configuration differs: `[env] COLOUR`",
    )
    assert deploys_web(Running(ONE)).deploys[0].action is DeployAction.CURRENT


def test_a_current_app_is_deployed_where_that_is_asked_for() -> None:
    """Nothing is built for it; where there is a reason already, that one is given."""
    made = deploys_web(Running(ONE), redeploy=["web-1"])

    assert made.to_build == ()
    assert (made.deploys[0].action, made.deploys[0].reason) == (DeployAction.DEPLOY, "forced")
    other = deploys_web(Running(TWO), redeploy=["web-1"])
    assert other.deploys[0].reason == "it runs another image"


def test_a_configuration_that_is_in_its_own_image_builds_it_and_says_so() -> None:
    """`COPY . .` takes it along, so that it changes the image too."""
    changed = Running(ONE, differs=("`[env] COLOUR`",))
    inside = (ContextEntry("fly.toml", EntryKind.FILE, sha256="0" * 64),)

    def why(now: Running, entries: tuple[ContextEntry, ...]) -> str:
        return deploys_web(now, entries, standing=Absent()).images[0].reason

    assert why(changed, inside).endswith(": `fly.toml` changed, which is among its files")
    assert "fly.toml" not in why(changed, ())
    assert "fly.toml" not in why(Running(ONE), inside)


def test_a_plan_of_copies_alone_is_not_empty() -> None:
    """`plan --exit-code` must say so."""
    made = planned({"os": Present(ONE), "web": Elsewhere(SOURCE, ONE), "top": Present(ONE)})

    assert made.to_build == ()
    assert not made.empty


def copied(running: Running, **fallback: Availability | UnknownError) -> Plan:
    """The plan to build `top` on `web`, which is to be copied and whose app runs."""
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


def test_what_could_not_be_copied_is_built_instead() -> None:
    """With the bases that it misses; the rest of the plan stays, and its app is deployed."""
    before = copied(Running(ONE), os=Absent())

    made = before.without_copies({NAMES[1]: Absent()})

    assert actions(before) == {"web": "copy", "top": "build"}
    assert before.deploys[0].action is DeployAction.CURRENT
    assert actions(made) == {"os": "build", "web": "build", "top": "build"}
    assert made.images[2] is before.images[1]
    assert made.deploys[0].action is DeployAction.DEPLOY
    assert made.deploys[0].reason == "its image is built anew"
    assert before.inputs.keys() == {"os", "web", "top"}


def test_a_base_that_exists_is_not_built_for_a_copy_that_failed() -> None:
    """It is in the plan then, and its digest is known."""
    made = copied(Running(ONE), os=Present(TWO)).without_copies({NAMES[1]: Absent()})

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
def test_what_another_run_published_meanwhile_is_not_built(
    running: Digest, published: Digest, action: DeployAction
) -> None:
    """Its app is deployed unless it runs that image already, as far as the plan knew."""
    before = copied(Running(running), os=Absent())

    made = before.without_copies({NAMES[1]: Present(published)})

    assert actions(made) == {"web": "exists", "top": "build"}
    assert made.images[0].digest == published
    assert made.deploys[0].action is action


def test_a_base_that_is_not_known_stops_the_run_only_where_it_is_needed() -> None:
    """A token of one app may not ask for another's repository."""
    refused = UnknownError("401")
    made = copied(Running(ONE), os=refused)

    assert actions(made.without_copies({})) == {"web": "copy", "top": "build"}
    assert actions(made.without_copies({NAMES[1]: Present(ONE)}))["web"] == "exists"
    with pytest.raises(UnknownError) as caught:
        made.without_copies({NAMES[1]: Absent()})
    assert caught.value is refused
    with pytest.raises(UnknownError, match=r"was not asked for `registry\.fly\.io/os"):
        copied(Running(ONE)).without_copies({NAMES[1]: Absent()})


def test_what_builds_instead_of_a_copy_is_asked_for_only_where_there_is_one() -> None:
    """Round after round, until all that it takes is known."""
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


def test_a_plan_knows_what_was_asked_for() -> None:
    """The goal of the state holds; an argument replaces its part of it."""
    presence = dict.fromkeys(NAMES, Present(ONE))
    state = State(PROJECT, inputs(OS, WEB, TOP), presence, goal=Goal(NAMES[1:2], force=True))

    assert actions(plan(PROJECT, state)) == {"os": "exists", "web": "build"}
    assert actions(plan(PROJECT, state, force=False)) == {"web": "exists"}
    assert actions(plan(PROJECT, state, only=NAMES[:1])) == {"os": "build"}


def test_candidates_are_twins_and_then_other_repositories() -> None:
    """Never the image's own place, nor one with other secrets."""
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
