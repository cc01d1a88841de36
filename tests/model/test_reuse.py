"""Tables: which images wait for their bases, under which tags, and what is deployed then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.model.actions import AppAction, DeployAction
from pipeline.model.apps import Running
from pipeline.model.inputs import Key
from pipeline.model.past import past
from pipeline.model.plan import plan, to_build
from pipeline.model.plan_apps import replan_reused
from pipeline.model.refresh import refresh
from pipeline.model.reuse import may_wait, own_reference, reuse_reference, without_dependents
from pipeline.model.settings import BuildSettings, RegistrySettings, Settings
from pipeline.model.state import Goal, State
from pipeline.reference import ImageName
from tests.console.values import make_project
from tests.model.example import (
    ONE,
    PROJECT,
    RUNNING,
    TWO,
    deploys,
    inputs,
    names,
    presence,
)

if TYPE_CHECKING:
    from pipeline.model.plan import Plan
    from pipeline.model.project import Project
    from pipeline.reference import Digest

ALL = "os=present proxy=present lang=present api=present web=present"
GONE = "os=absent proxy=present lang=absent api=absent web=absent"


def waits(standing: str, *, only: str = "", force: bool = False, project: Project = PROJECT) -> str:
    """Name the images that may be reused, for a state of images."""
    goal = Goal(names(only) if only else None, force=force)
    found = presence(standing)
    building = to_build(project, found, goal.names(project), force=force)
    return " ".join(may_wait(project, goal, found, building))


@pytest.mark.parametrize(
    ("standing", "only", "expected"),
    [
        (ALL, "", ""),
        (GONE, "", "lang api web"),
        (f"{ALL} os=absent", "", ""),
        (f"{ALL} web=absent", "", "web"),
        (f"{ALL} lang=absent web=absent", "", "lang web"),
        (f"{ALL} lang=absent web=absent api=absent", "", "lang api web"),
        (f"{ALL} lang=absent web=hollow", "", "lang"),
        (f"{ALL} lang=hollow web=absent", "", "web"),
        (f"{ALL} lang=elsewhere web=absent", "", "web"),
        (f"{ALL} lang=absent web=elsewhere", "", "lang"),
        (GONE, "web", "lang web"),
        (GONE, "lang", "lang"),
        (GONE, "os", ""),
    ],
)
def test_what_is_missing_and_has_a_base(standing: str, only: str, expected: str) -> None:
    """Whether the base is to be built or exists; not an image that is built anew."""
    assert waits(standing, only=only) == expected


def test_nothing_is_reused_with_force_or_against_the_settings() -> None:
    """With `--force` everything is to be built anew."""
    settings = replace(PROJECT.settings, build=BuildSettings(reuse=False))

    assert waits(GONE, force=True) == ""
    assert waits(GONE, only="web", force=True) == ""
    assert waits(GONE, project=replace(PROJECT, settings=settings)) == ""


@pytest.mark.parametrize(
    ("refreshed", "expected"),
    [("os", ""), ("lang", "lang"), ("web", "lang api web"), ("proxy", "lang api web")],
)
def test_a_base_that_is_built_without_the_cache_never_contains_the_same(
    refreshed: str, expected: str
) -> None:
    """What depends on it is built in the same solve; nobody waits."""
    every = (
        replace(image, refresh=refresh("7d", image.name, 0)) if image.name == refreshed else image
        for image in PROJECT.images
    )

    assert waits(GONE, project=make_project(*every)) == expected


@pytest.mark.parametrize(
    ("waiting", "missed", "expected"),
    [
        ("lang api web", "", "lang api web"),
        ("lang api web", "web", "lang api"),
        ("lang api web", "lang", ""),
        ("api web", "os", ""),
        ("api web", "proxy", "api web"),
    ],
)
def test_what_depends_on_a_new_image_does_not_wait(
    waiting: str, missed: str, expected: str
) -> None:
    """It is built in the same solve."""
    found = without_dependents(PROJECT, names(waiting), names(missed))

    assert found == frozenset(names(expected))


@pytest.mark.parametrize(
    ("repository", "tag", "expected"),
    [
        ("{name}", "{fingerprint}", "r.example/web:00000000000000000000"),
        ("all", "{name}-{fingerprint}", "r.example/all:web-00000000000000000000"),
        ("{name}", "v1-{fingerprint}.x", "r.example/web:v1-00000000000000000000.x"),
    ],
)
def test_tags_follow_the_template(repository: str, tag: str, expected: str) -> None:
    """With an ending, so that neither is ever a fingerprint tag."""
    project = _on(RegistrySettings("r.example", repository, tag))
    key, web = Key("0" * 64), ImageName("web")

    assert str(own_reference(project, web, key)) == f"{expected}.own"
    assert str(reuse_reference(project, web, key)) == f"{expected}.reuse"


def test_an_image_whose_tag_would_be_too_long_is_not_reused() -> None:
    """A tag has 128 characters at most."""
    key, web = Key("0" * 64), ImageName("web")
    fits, longer = (_on(RegistrySettings(tag="x" * n + "{fingerprint}")) for n in (102, 103))

    assert reuse_reference(fits, web, key) is not None
    assert reuse_reference(longer, web, key) is None


def _on(registry: RegistrySettings) -> Project:
    return replace(PROJECT, settings=Settings(registry=registry))


def planned(standing: str, reusable: str, running: str = "", redeploy: str = "") -> Plan:
    """Return the plan for a state in which some images may be reused."""
    pairs = [pair.split("=") for pair in running.split()]
    state = State(
        PROJECT,
        inputs(PROJECT),
        presence(standing),
        running={app: RUNNING[word] for app, word in pairs},
        reusable=frozenset(names(reusable)),
    )
    return plan(PROJECT, state, apps=[app for app, _ in pairs], redeploy=redeploy.split())


def test_the_plan_says_what_may_be_reused() -> None:
    """It is a build until its base is there; what is done reads as if nothing had been said."""
    made = planned(GONE, "api web")
    by_name = {action.name: action for action in made.images}

    assert {name for name, action in by_name.items() if action.reusable} == {"api", "web"}
    assert by_name[ImageName("web")].reason.endswith("; it may be reused once `lang` is built")
    assert "reused" not in by_name[ImageName("lang")].reason
    assert "reused" not in past(by_name[ImageName("web")].reason)


def test_the_plan_says_so_of_an_image_whose_base_exists() -> None:
    """A run for the base alone has built it; the words do not promise anything."""
    web = next(a for a in planned(f"{ALL} web=absent", "web").images if a.name == "web")

    assert web.reusable
    assert web.reason.endswith("; it may be reused, if its bases contain the same as before")
    assert "reused" not in past(web.reason)


def test_an_image_that_is_built_anew_is_not_reused() -> None:
    """Forced, or incomplete."""
    state = State(PROJECT, inputs(PROJECT), presence(GONE), reusable=frozenset(names("web")))
    forced = plan(PROJECT, state, only=names("web"), force=True)

    assert not any(action.reusable for action in forced.images)
    assert not any(a.reusable for a in planned(f"{ALL} lang=absent web=hollow", "web").images)


@pytest.mark.parametrize(
    ("running", "redeploy", "digest", "expected"),
    [
        ("this", "", ONE, "current: it runs this image"),
        ("this", "", TWO, "deploy: it runs another image"),
        ("another", "", ONE, "deploy: it runs another image"),
        ("nothing", "", ONE, "deploy: nothing runs yet"),
        ("ill", "", ONE, "deploy: it is not healthy"),
        ("configured-otherwise", "", ONE, "deploy: its configuration differs: `[env] COLOUR`"),
        ("this", "api-1", ONE, "deploy: forced"),
        ("this", "", None, "deploy: it runs another image"),
    ],
)
def test_an_app_is_current_if_its_image_turns_out_to_run(
    running: str, redeploy: str, digest: Digest | None, expected: str
) -> None:
    """Unless there is another reason to deploy it."""
    made = planned(GONE, "api", running=f"api-1={running}", redeploy=redeploy)
    assert deploys(made) == "api-1=deploy"

    after = replan_reused(made.deploys[0], digest)

    assert f"{after.action}: {after.reason}" == expected


def test_an_app_that_is_held_stays_held() -> None:
    """Whatever its image turns out to be."""
    held = AppAction("api-1", ImageName("api"), DeployAction.HELD, "held", Running(ONE))

    assert replan_reused(held, ONE) == held
