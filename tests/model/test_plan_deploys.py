"""Tables: which apps are deployed, why, in which order and in which waves."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.model.actions import AppAction, DeployAction
from pipeline.model.image import AppSpec
from pipeline.model.waves import deploy_order, deploy_waves
from pipeline.reference import ImageName
from tests.console.values import make_image, make_project
from tests.model.example import PROJECT, deploys, going_backwards, images, plans


@pytest.mark.parametrize(
    ("standing", "running", "redeploy", "action", "reason"),
    [
        ("present", "nothing", "", "deploy", "nothing runs yet"),
        ("present", "this", "", "current", "it runs this image"),
        ("present", "another", "", "deploy", "it runs another image"),
        ("present", "ill", "", "deploy", "it is not healthy"),
        ("present", "out-of-memory", "", "deploy", "it is out of memory"),
        ("present", "older", "", "deploy", "it runs another image"),
        (
            "present",
            "configured-otherwise",
            "",
            "deploy",
            "its configuration differs: `[env] COLOUR`",
        ),
        ("present", "this", "web-1", "deploy", "forced"),
        ("present", "this", "web-2", "current", "it runs this image"),
        ("present", "another", "web-1", "deploy", "it runs another image"),
        ("absent", "this", "", "deploy", "its image is built anew"),
        ("absent", "nothing", "", "deploy", "nothing runs yet"),
        ("hollow", "this", "", "deploy", "its image is built anew"),
        ("elsewhere", "this", "", "current", "it runs this image"),
        ("elsewhere", "another", "", "deploy", "it runs another image"),
        ("present", "newer", "", "held", "commit bbbbbbb runs, which is newer"),
        ("present", "newer", "web-1", "held", "commit bbbbbbb runs, which is newer"),
        ("present", "newer-same", "", "current", "it runs this image"),
        (
            "present",
            "went-back",
            "",
            "held",
            "somebody went back from commit aaaaaaa: a newer one is deployed again",
        ),
    ],
)
def test_an_app(standing: str, running: str, redeploy: str, action: str, reason: str) -> None:
    """The action depends on what the app runs and on the action of its image."""
    made = plans(
        f"web={standing} lang=present", only="web", running=f"web-1={running}", redeploy=redeploy
    )
    (step,) = made.deploys
    assert (step.app, step.action, step.reason) == ("web-1", action, reason)
    assert (step.held is not None) is (action == "held")


@pytest.mark.parametrize(
    ("standing", "running", "action", "reason"),
    [
        ("unknown", "this", "unknown", "it is unknown whether its image `web` exists"),
        ("unknown", "nothing", "deploy", "nothing runs yet"),
        ("unknown", "unknown", "unknown", "it is asleep"),
        ("present", "unknown", "unknown", "it is asleep"),
        ("absent", "unknown", "unknown", "it is asleep"),
    ],
)
def test_what_is_unknown(standing: str, running: str, action: str, reason: str) -> None:
    """An image or app that nothing could be found out about is taken for no other."""
    made = plans(f"web={standing} lang=present", only="web", running=f"web-1={running}")
    (step,) = made.deploys
    assert ("web=unknown" in images(made)) is (standing == "unknown")
    assert (step.action, step.reason) == (action, reason)
    assert made.hints == ("wake it",)
    assert made.unknown


def test_an_unknown_base_is_asked_for_no_dependent() -> None:
    """A base that may exist is not built, and an image that is missing is still known to be."""
    assert images(plans("os=present lang=unknown web=absent", only="web")) == (
        "lang=unknown web=build"
    )


@pytest.mark.parametrize(
    ("standing", "running", "expected"),
    [
        ("present", "this", "proxy-1=current"),
        ("present", "another", "proxy-1=deploy"),
        ("present", "nothing", "proxy-1=deploy"),
    ],
)
def test_an_app_of_a_public_image(standing: str, running: str, expected: str) -> None:
    """An app of a public image follows the current digest of its tag."""
    made = plans(f"proxy={standing}", only="proxy", running=f"proxy-1={running}")
    assert (deploys(made), images(made)) == (expected, "proxy=exists")


@pytest.mark.parametrize("running", ["newer", "went-back"])
def test_a_setting_allows_an_older_commit(running: str) -> None:
    """A setting allows an older commit to replace a newer one."""
    made = plans("web=present", project=going_backwards(), only="web", running=f"web-1={running}")
    assert deploys(made) == "web-1=deploy"


@pytest.mark.parametrize(
    ("standing", "running", "built", "expected"),
    [
        ("web=absent", "web-1=newer", "", "web-1=held"),
        ("web=hollow", "web-1=newer", "", "web-1=held"),
        ("web=absent", "web-1=newer web-2=newer", "", "web-1=held web-2=held"),
        (
            "web=absent lang=present",
            "web-1=newer web-2=this",
            "lang=exists web=build",
            "web-1=held web-2=deploy",
        ),
        ("web=present", "web-1=newer", "web=exists", "web-1=held"),
    ],
)
def test_an_image_only_for_held_apps_is_not_built(
    standing: str, running: str, built: str, expected: str
) -> None:
    """Only if the held app was requested."""
    made = plans(standing, only="web", running=running)
    assert (images(made), deploys(made)) == (built, expected)


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ("web-1=this web-2=this api-1=this", "api-1=current web-1=current web-2=current"),
        ("web-2=another api-1=this", "api-1=current web-2=deploy"),
        ("web-1=nothing", "web-1=deploy"),
        ("", ""),
    ],
)
def test_apps_come_in_the_order_of_after(running: str, expected: str) -> None:
    """Apps are sorted by `after`; only requested apps are in the plan."""
    made = plans("web=present api=present", only="web api", running=running)
    assert deploys(made) == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("web api job", "api+job+web"),
        ("web:api api job", "api+job web"),
        ("web:api api:job job", "job api web"),
        ("web:api,job api job", "api+job web"),
        ("web:lang api job", "api+job+web"),
    ],
)
def test_groups_of_apps(after: str, expected: str) -> None:
    """Each group waits for the one before; a base without apps delays nothing."""
    made = [make_image("lang")]
    for text in after.split():
        name, _, needs = text.partition(":")
        before = tuple(ImageName(need) for need in needs.split(",") if need)
        made.append(replace(make_image(name), deploy=AppSpec((name,), after=before)))
    groups = deploy_order(make_project(*made))
    assert " ".join("+".join(group) for group in groups) == expected


def test_the_groups_of_the_project() -> None:
    """The groups of the example project; the public image is in one."""
    assert deploy_order(PROJECT) == (("api", "proxy"), ("web",))


@pytest.mark.parametrize(
    ("steps", "waves", "expected"),
    [
        ("web-1 web-2 web-3", (), "web-1+web-2+web-3"),
        ("web-1 web-2 web-3", (1,), "web-1 web-2+web-3"),
        ("web-1 web-2 web-3", (1, 2), "web-1 web-2 web-3"),
        ("web-1 web-2 web-3", (2, 1), "web-1+web-2 web-3"),
        ("web-1 web-2 web-3", ("50%",), "web-1+web-2 web-3"),
        ("web-1 web-2 web-3", (9,), "web-1+web-2+web-3"),
        ("web-1 web-2 api-1 api-2", (1,), "web-1+api-1 web-2+api-2"),
        ("web-1 api-1 api-2 api-3", (1, 2), "web-1+api-1 api-2 api-3"),
        ("web-1? web-2 web-3", (1,), "web-1 web-2 web-3"),
        ("web-1 web-2? web-3", ("50%",), "web-2 web-1 web-3"),
        ("web-1? web-2?", (1,), "web-1+web-2"),
        ("", (1,), ""),
    ],
)
def test_waves(steps: str, waves: tuple[int | str, ...], expected: str) -> None:
    """Each image has its own first apps; current apps, marked `?`, delay nothing."""
    made = [
        AppAction(
            step.strip("?"),
            ImageName(step.partition("-")[0]),
            DeployAction.CURRENT if step.endswith("?") else DeployAction.DEPLOY,
            "",
        )
        for step in steps.split()
    ]
    cut = deploy_waves(made, waves)
    assert " ".join("+".join(step.app for step in wave) for wave in cut) == expected
