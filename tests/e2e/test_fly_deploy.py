"""The driver `fly` from build to machines: real engine, real processes, a fake Fly."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_programs import write_program
from tests.support.fly_project import FlyProject, open_fly_project
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Ran

pytestmark = pytest.mark.engine


@pytest.fixture
def fly_project(tmp_path: Path, engine: None) -> Iterator[FlyProject]:
    """Make a project with an app that exists at Fly."""
    del engine
    with open_fly_project(tmp_path, "web") as opened:
        yield opened


def statuses(ran: Ran) -> dict[str, str]:
    """Return the status of each app."""
    return {deploy["app"]: deploy["status"] for deploy in ran.json["deploys"]}


def test_machines_run_the_pushed_digest(fly_project: FlyProject) -> None:
    """The machines run the pushed digest; the second run sends one query and no `fly deploy`."""
    first = fly_project.invoke("deploy-all", "--json")
    assert first.code == 0, first.err
    image = first.json["images"][0]
    (deploy,) = first.json["deploys"]
    assert fly_project.digests("acme-web") == {image["digest"]}
    assert deploy["status"] == "deployed"
    assert deploy["release"] == "1"
    assert deploy["url"] == "https://acme-web.fly.dev"

    asked, is_running = len(fly_project.fly.requests_to("machines")), fly_project.deploys()
    second = fly_project.invoke("deploy-all", "--json")
    assert second.code == 0, second.err
    assert statuses(second) == {"acme-web": "current"}
    assert len(fly_project.fly.requests_to("machines")) == asked + 1
    assert fly_project.deploys() == is_running == 1


def test_arguments_of_flyctl(fly_project: FlyProject) -> None:
    """Pass flyctl the digest, each app's own configuration file, and no token in its arguments."""
    fly_project.fly.create_app("acme-eu")
    own = '{ name = "acme-eu", config = "fly.eu.yaml" }'
    fly_project.project.write("images/web/image.toml", f'[deploy]\napps = ["acme-web", {own}]\n')
    fly_project.project.write("images/web/fly.eu.yaml", "env: {COLOUR: green}\n")
    ran = fly_project.invoke("deploy", "web", "--json")
    assert ran.code == 0, ran.err

    calls = [one.argv for one in fly_project.fly.requests_to("flyctl") if one.method == "deploy"]
    digest = ran.json["images"][0]["digest"]
    assert set(calls) == {
        (
            *("deploy", "--app", app, "--image", f"{fly_project.fly.registry}/acme-web@{digest}"),
            *("--remote-only", "--yes", "--config", config),
        )
        for app, config in (("acme-web", "fly.toml"), ("acme-eu", "fly.eu.yaml"))
    }
    colours = {m.config["env"]["COLOUR"] for m in fly_project.fly.apps["acme-eu"].alive}
    assert colours == {"green"}


def test_a_plan_gives_the_reason(fly_project: FlyProject) -> None:
    """A plan gives the reason: nothing runs, another image, or it is current."""
    said = []
    for step in ("", "deploy-all", "change"):
        if step == "change":
            fly_project.app("web", answer="2")
        elif step:
            assert fly_project.invoke(step).code == 0
        ran = fly_project.invoke("plan", "--json")
        assert ran.code == 0, ran.err
        (deploy,) = ran.json["deploys"]
        said.append((deploy["action"], deploy["reason"]))

    assert said == [
        ("deploy", "nothing runs yet"),
        ("current", "it runs this image"),
        ("deploy", "its image is built anew"),
    ]


def test_another_configuration_alone_is_deployed(fly_project: FlyProject) -> None:
    """A changed configuration is deployed without a build; plan and `status` name the key."""
    assert fly_project.invoke("deploy-all").code == 0
    fly_project.app("web", colour="red")
    planned = fly_project.invoke("plan", "--json", "--exit-code")
    stands = fly_project.invoke("status", "--json", "--exit-code")
    ran = fly_project.invoke("deploy-all", "--only", "web", "--json")
    forced = fly_project.invoke("deploy", "web", "--force", "--json")

    (step,) = planned.json["deploys"]
    why = "its configuration differs: `[env] COLOUR`"
    assert (planned.code, step["action"], step["reason"]) == (5, "deploy", why)
    assert step["differs"] == ["`[env] COLOUR`"]
    assert (stands.code, stands.json["apps"][0]["state"]) == (5, "outdated")
    assert stands.json["apps"][0]["reason"] == why
    assert (ran.statuses(), statuses(ran)) == ({"web": "exists"}, {"acme-web": "deployed"})
    machines = fly_project.fly.apps["acme-web"].alive
    assert {machine.config["env"]["COLOUR"] for machine in machines} == {"red"}
    assert (forced.statuses(), statuses(forced)) == ({"web": "exists"}, {"acme-web": "deployed"})
    assert forced.json["deploys"][0]["reason"] == "forced"
    assert fly_project.deploys() == 3


def test_an_image_that_fly_does_not_see_at_once_is_waited_for(fly_project: FlyProject) -> None:
    """A deploy waits until Fly knows the image that this run pushed."""
    fly_project.fly.knobs.propagation_seconds = 3
    ran = fly_project.invoke("deploy-all", "--json")

    assert ran.code == 0, ran.err
    assert statuses(ran) == {"acme-web": "deployed"}
    assert fly_project.deploys() > 1


def test_an_image_pruned_between_plan_and_deploy_is_not_waited_for(fly_project: FlyProject) -> None:
    """A pruned image fails at once with a hint; the next run builds it again."""
    fly_project.fly.create_app("acme-api")
    fly_project.app("api", answer="api")
    fly_project.app("web", toml="")
    fly_project.project.write("images/web/image.toml", '[deploy]\nafter = ["api"]\n')
    built = fly_project.invoke("build-all", "--json")
    reference = next(i["reference"] for i in built.json["images"] if i["name"] == "web")
    fly_project.fly.knobs.start_seconds = 2
    with fly_project.start("deploy-all", "--json") as process:
        wait_until(lambda: bool(fly_project.fly.apps["acme-api"].releases))
        fly_project.fly.prune(reference)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, err

    found = {one["app"]: one for one in json.loads(out)["deploys"]}
    assert (found["acme-api"]["status"], found["acme-web"]["status"]) == ("deployed", "failed")
    assert "could not find image" in found["acme-web"]["reason"].lower()
    assert "run again, and missing images are built" in err
    assert fly_project.deploys() == 2
    fly_project.fly.knobs.start_seconds = 0.02
    again = fly_project.invoke("deploy-all", "--json")
    assert again.code == 0, again.err
    assert again.statuses() == {"api": "exists", "web": "built"}
    assert statuses(again) == {"acme-api": "current", "acme-web": "deployed"}


def test_a_machine_that_never_gets_healthy(fly_project: FlyProject) -> None:
    """A machine that never gets healthy exits with 1 and flyctl's reason; the next run retries."""
    assert fly_project.invoke("deploy-all").code == 0
    before = fly_project.digests("acme-web")
    fly_project.app("web", answer="2")
    fly_project.fly.make_unhealthy(app="acme-web")
    ran = fly_project.invoke("deploy-all", "--json")

    assert ran.code == 1
    (deploy,) = ran.json["deploys"]
    assert deploy["status"] == "failed"
    assert "timeout reached waiting for health checks" in deploy["reason"]
    plan = fly_project.invoke("plan", "--json").json["deploys"][0]
    assert plan["action"] == "deploy"
    status = fly_project.invoke("status", "--json").json["apps"][0]
    assert status["state"] == "unhealthy"

    fly_project.fly.heal()
    again = fly_project.invoke("deploy-all", "--json")
    assert again.code == 0, again.err
    assert fly_project.digests("acme-web") != before


def test_releases_and_rollback(fly_project: FlyProject, tmp_path: Path) -> None:
    """A rollback restores image and configuration; a second one goes one release further back."""
    assert fly_project.invoke("deploy-all").code == 0
    zeroth = fly_project.digests("acme-web")
    fly_project.app("web", answer="1.5")
    assert fly_project.invoke("deploy-all").code == 0
    first = fly_project.digests("acme-web")
    fly_project.app("web", answer="2", colour="red")
    assert fly_project.invoke("deploy-all").code == 0
    second = fly_project.digests("acme-web")
    back = fly_project.invoke("rollback", "web", "--json")

    assert back.code == 0, back.err
    assert fly_project.digests("acme-web") == first != second
    colours = {m.config["env"]["COLOUR"] for m in fly_project.fly.apps["acme-web"].alive}
    assert colours == {"blue"}
    listed = fly_project.invoke("releases", "web", "--json").json["releases"]
    assert [(r["version"], r["status"]) for r in listed] == [
        ("4", "complete"),
        ("3", "complete"),
        ("2", "complete"),
        ("1", "complete"),
    ]
    assert next(iter(first)) in listed[0]["image"]
    assert back.json["deploys"][0]["reason"] == "rolled back to release 2"
    # What was left is held, without Git, while it is wanted.
    plan = fly_project.invoke("plan", "--exit-code", "--json")
    assert (plan.code, [d["action"] for d in plan.json["deploys"]]) == (0, ["held"])
    ran = fly_project.invoke("deploy-all", "--json")
    assert (ran.code, [d["status"] for d in ran.json["deploys"]]) == (0, ["held"])
    status = fly_project.invoke("status", "--exit-code", "--json")
    assert (status.code, [a["state"] for a in status.json["apps"]]) == (0, ["held"])
    assert fly_project.digests("acme-web") == first
    # A killed rollback leaves a folder with the app's configuration; the next one removes it.
    temporary, path = tmp_path / "temporary", fly_project.fly.environ["PATH"]
    killing = f'test "$1" != deploy || kill -KILL $PPID; PATH="{path}" exec flyctl "$@"'
    write_program(tmp_path / "bin" / "flyctl", killing)
    temporary.mkdir()
    environ = {"TMPDIR": str(temporary), "XDG_RUNTIME_DIR": ""}
    cut = fly_project.invoke("rollback", "web", PATH=f"{tmp_path}/bin{os.pathsep}{path}", **environ)
    assert (cut.code, len([*temporary.glob("*/fly.json")])) == (-9, 1), cut.err
    assert fly_project.invoke("rollback", "web", **environ).code == 0
    assert not [*temporary.iterdir()]
    assert fly_project.digests("acme-web") == zeroth
    to = fly_project.invoke("rollback", "web", "--to", "v3", "--json")
    assert to.json["deploys"][0]["reason"] == "rolled back to release 3"
    assert fly_project.digests("acme-web") == second
    fly_project.app("web", answer="3")
    assert fly_project.invoke("deploy-all").code == 0
    assert fly_project.digests("acme-web") not in (zeroth, first, second)


def test_rollback_without_an_earlier_release(fly_project: FlyProject) -> None:
    """A rollback without an earlier release exits with 1 and says why."""
    assert fly_project.invoke("deploy-all").code == 0
    back = fly_project.invoke("rollback", "web")

    assert back.code == 1
    assert "there is no previous release that succeeded" in back.err
