"""The driver `fly` from build to machines: real engine, real processes, a stand-in for Fly."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.fly_shop import Shop, open_shop
from tests.support.processes import patiently
from tests.support.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Ran

pytestmark = pytest.mark.engine


@pytest.fixture
def shop(tmp_path: Path, engine: None) -> Iterator[Shop]:
    """An app that exists at Fly."""
    del engine
    with open_shop(tmp_path, "web") as opened:
        yield opened


def ends(ran: Ran) -> dict[str, str]:
    """The status of each app."""
    return {deploy["app"]: deploy["status"] for deploy in ran.json["deploys"]}


def test_from_build_to_machines_and_then_nothing(shop: Shop) -> None:
    """The machines run the digest that was pushed; the second run asks once and runs no flyctl."""
    first = shop.invoke("deploy-all", "--json")
    assert first.code == 0, first.err
    image = first.json["images"][0]
    (deploy,) = first.json["deploys"]
    assert shop.digests("acme-web") == {image["digest"]}
    assert deploy["status"] == "deployed"
    assert deploy["release"] == "1"
    assert deploy["url"] == "https://acme-web.fly.dev"

    asked, runs = len(shop.fly.asked("machines")), shop.deploys()
    second = shop.invoke("deploy-all", "--json")
    assert second.code == 0, second.err
    assert ends(second) == {"acme-web": "current"}
    assert len(shop.fly.asked("machines")) == asked + 1
    assert shop.deploys() == runs == 1


def test_flyctl_is_given_the_digest_the_apps_own_file_and_no_token(shop: Shop) -> None:
    """As a user would write it; one of the two has a file of its own, in another language."""
    shop.fly.create_app("acme-eu")
    own = '{ name = "acme-eu", config = "fly.eu.yaml" }'
    shop.project.write("images/web/image.toml", f'[deploy]\napps = ["acme-web", {own}]\n')
    shop.project.write("images/web/fly.eu.yaml", "env: {COLOUR: green}\n")
    ran = shop.invoke("deploy", "web", "--json")
    assert ran.code == 0, ran.err

    calls = [one.argv for one in shop.fly.asked("flyctl") if one.method == "deploy"]
    digest = ran.json["images"][0]["digest"]
    assert set(calls) == {
        (
            *("deploy", "--app", app, "--image", f"{shop.fly.registry}/acme-web@{digest}"),
            *("--remote-only", "--yes", "--config", config),
        )
        for app, config in (("acme-web", "fly.toml"), ("acme-eu", "fly.eu.yaml"))
    }
    colours = {m.config["env"]["COLOUR"] for m in shop.fly.apps["acme-eu"].alive}
    assert colours == {"green"}


def test_a_plan_says_why(shop: Shop) -> None:
    """Nothing runs; the same; another image."""
    said = []
    for step in ("", "deploy-all", "change"):
        if step == "change":
            shop.app("web", answer="2")
        elif step:
            assert shop.invoke(step).code == 0
        ran = shop.invoke("plan", "--json")
        assert ran.code == 0, ran.err
        (deploy,) = ran.json["deploys"]
        said.append((deploy["action"], deploy["reason"]))

    assert said == [
        ("deploy", "nothing runs yet"),
        ("current", "it runs this image"),
        ("deploy", "its image is built anew"),
    ]


def test_another_configuration_alone_is_deployed(shop: Shop) -> None:
    """Nothing is built, the key is named, `status` counts it; `--force` deploys all the same."""
    assert shop.invoke("deploy-all").code == 0
    shop.app("web", colour="red")
    planned = shop.invoke("plan", "--json", "--exit-code")
    stands = shop.invoke("status", "--json", "--exit-code")
    ran = shop.invoke("deploy-all", "--only", "web", "--json")
    forced = shop.invoke("deploy", "web", "--force", "--json")

    (step,) = planned.json["deploys"]
    why = "its configuration differs: `[env] COLOUR`"
    assert (planned.code, step["action"], step["reason"]) == (5, "deploy", why)
    assert step["differs"] == ["`[env] COLOUR`"]
    assert (stands.code, stands.json["apps"][0]["state"]) == (5, "outdated")
    assert stands.json["apps"][0]["reason"] == why
    assert (ran.statuses(), ends(ran)) == ({"web": "exists"}, {"acme-web": "deployed"})
    machines = shop.fly.apps["acme-web"].alive
    assert {machine.config["env"]["COLOUR"] for machine in machines} == {"red"}
    assert (forced.statuses(), ends(forced)) == ({"web": "exists"}, {"acme-web": "deployed"})
    assert forced.json["deploys"][0]["reason"] == "forced"
    assert shop.deploys() == 3


def test_an_image_that_fly_does_not_see_at_once_is_waited_for(shop: Shop) -> None:
    """It was pushed by this run, so that it must come."""
    shop.fly.knobs.propagation_seconds = 3
    ran = shop.invoke("deploy-all", "--json")

    assert ran.code == 0, ran.err
    assert ends(ran) == {"acme-web": "deployed"}
    assert shop.deploys() > 1


def test_an_image_pruned_between_plan_and_deploy_is_not_waited_for(shop: Shop) -> None:
    """It does not come back by itself; the message says what brings it back, and a rerun does."""
    shop.fly.create_app("acme-api")
    shop.app("api", answer="api")
    shop.app("web", toml="")
    shop.project.write("images/web/image.toml", '[deploy]\nafter = ["api"]\n')
    built = shop.invoke("build-all", "--json")
    reference = next(i["reference"] for i in built.json["images"] if i["name"] == "web")
    shop.fly.knobs.start_seconds = 2
    with shop.start("deploy-all", "--json") as process:
        patiently(lambda: bool(shop.fly.apps["acme-api"].releases))
        shop.fly.prune(reference)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, err

    found = {one["app"]: one for one in json.loads(out)["deploys"]}
    assert (found["acme-api"]["status"], found["acme-web"]["status"]) == ("deployed", "failed")
    assert "could not find image" in found["acme-web"]["reason"].lower()
    assert "run again, and missing images are built" in err
    assert shop.deploys() == 2
    shop.fly.knobs.start_seconds = 0.02
    again = shop.invoke("deploy-all", "--json")
    assert again.code == 0, again.err
    assert again.statuses() == {"api": "exists", "web": "built"}
    assert ends(again) == {"acme-api": "current", "acme-web": "deployed"}


def test_a_machine_that_never_gets_well(shop: Shop) -> None:
    """Exit 1; the reason is flyctl's, and a further run tries again."""
    assert shop.invoke("deploy-all").code == 0
    before = shop.digests("acme-web")
    shop.app("web", answer="2")
    shop.fly.sick(app="acme-web")
    ran = shop.invoke("deploy-all", "--json")

    assert ran.code == 1
    (deploy,) = ran.json["deploys"]
    assert deploy["status"] == "failed"
    assert "timeout reached waiting for health checks" in deploy["reason"]
    plan = shop.invoke("plan", "--json").json["deploys"][0]
    assert plan["action"] == "deploy"
    status = shop.invoke("status", "--json").json["apps"][0]
    assert status["state"] == "unhealthy"

    shop.fly.heal()
    again = shop.invoke("deploy-all", "--json")
    assert again.code == 0, again.err
    assert shop.digests("acme-web") != before


def test_releases_and_rollback(shop: Shop, tmp_path: Path) -> None:
    """Image and configuration of the release before; a second one goes forward again."""
    assert shop.invoke("deploy-all").code == 0
    first = shop.digests("acme-web")
    shop.app("web", answer="2", colour="red")
    assert shop.invoke("deploy-all").code == 0
    second = shop.digests("acme-web")
    back = shop.invoke("rollback", "web", "--json")

    assert back.code == 0, back.err
    assert shop.digests("acme-web") == first != second
    colours = {m.config["env"]["COLOUR"] for m in shop.fly.apps["acme-web"].alive}
    assert colours == {"blue"}
    listed = shop.invoke("releases", "web", "--json").json["releases"]
    assert [(r["version"], r["status"]) for r in listed] == [
        ("3", "complete"),
        ("2", "complete"),
        ("1", "complete"),
    ]
    assert next(iter(first)) in listed[0]["image"]
    # One that is killed leaves a folder with the app's configuration; the next one sweeps it.
    temporary, path = tmp_path / "temporary", shop.fly.environ["PATH"]
    killing = f'test "$1" != deploy || kill -KILL $PPID; PATH="{path}" exec flyctl "$@"'
    program(tmp_path / "bin" / "flyctl", killing)
    temporary.mkdir()
    environ = {"TMPDIR": str(temporary), "XDG_RUNTIME_DIR": ""}
    cut = shop.invoke("rollback", "web", PATH=f"{tmp_path}/bin{os.pathsep}{path}", **environ)
    assert (cut.code, len([*temporary.glob("*/fly.json")])) == (-9, 1), cut.err
    assert shop.invoke("rollback", "web", **environ).code == 0
    assert not [*temporary.iterdir()]
    assert shop.digests("acme-web") == second


def test_there_is_nothing_to_go_back_to(shop: Shop) -> None:
    """Exit 1, and a sentence."""
    assert shop.invoke("deploy-all").code == 0
    back = shop.invoke("rollback", "web")

    assert back.code == 1
    assert "there is no previous release that succeeded" in back.err
