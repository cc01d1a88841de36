"""Failures between a user and Fly: exit code, message and hint of each."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_programs import write_program
from tests.support.fly_project import FlyProject, open_fly_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture
def fly_project(tmp_path: Path, engine: None) -> Iterator[FlyProject]:
    """Make two apps that exist at Fly, each with a pushed image."""
    del engine
    with open_fly_project(tmp_path, "web", "api") as opened:
        for app in ("web", "api"):
            opened.app(app, answer=app)
        built = opened.invoke("build-all")
        assert built.code == 0, built.err
        yield opened


def without_flyctl(fly_project: FlyProject, tmp_path: Path) -> str:
    """Return a PATH without flyctl, whose `fly` is Concourse's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("docker", "git"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    write_program(folder / "fly", "echo 'Unknown command' >&2; exit 1")
    kept = [p for p in fly_project.fly.environ["PATH"].split(os.pathsep)[1:] if not _has_fly(p)]
    return os.pathsep.join([str(folder), *kept])


def _has_fly(folder: str) -> bool:
    return any(os.access(f"{folder}/{name}", os.X_OK) for name in ("fly", "flyctl"))


def test_no_flyctl(fly_project: FlyProject, tmp_path: Path) -> None:
    """A missing flyctl is reported before a build, and by `doctor`; a plan does not need it."""
    fly_project.app("web", answer="new")
    path = without_flyctl(fly_project, tmp_path)
    ran = fly_project.invoke("deploy-all", "--json", PATH=path)

    assert ran.code == 4
    assert ran.json["schema"] == "pipeline.error/1"
    assert "error: flyctl, which deploys to Fly, is not on PATH: " in ran.err
    assert "/bin/fly` is another program, or broken: it says 'Unknown command'" in ran.err
    assert "https://fly.io/docs/flyctl/install/" in ran.err
    assert fly_project.invoke("plan", "--json", PATH=path).json["images"][1]["action"] == "build"
    assert fly_project.invoke("status", "--json", PATH=path).code == 0
    (check,) = [
        c
        for c in fly_project.invoke("doctor", "--json", PATH=path).json["checks"]
        if "fly" in c["name"]
    ]
    assert (check["ok"], "is another program" in check["detail"]) == (False, True)


@pytest.mark.parametrize("task", ["plan", "deploy-all", "status"])
def test_no_token(fly_project: FlyProject, task: str) -> None:
    """Without a token a plan still asks the registry; each app is unknown, with a hint."""
    ran = fly_project.invoke(task, "--json", FLY_API_TOKEN="")

    assert ran.code == 4, ran.err
    if task == "status":
        assert {app["state"] for app in ran.json["apps"]} == {"unknown"}
        assert "set FLY_API_TOKEN" in ran.json["apps"][0]["hint"]
        assert "there is no token" in ran.out
    elif task == "plan":
        assert {row["action"] for row in ran.json["images"] + ran.json["deploys"]} == {"unknown"}
        assert "requires a login, and there is no credential for it" in ran.out
    else:
        assert "requires a login, and there is no credential for it" in ran.err
    assert fly_project.deploys() == 0


@pytest.mark.parametrize("task", ["plan", "deploy-all", "status"])
def test_an_expired_token(fly_project: FlyProject, task: str) -> None:
    """The error names the source of the expired token, and does not print it."""
    token = fly_project.fly.expired_token()
    ran = fly_project.invoke(task, "--json", FLY_API_TOKEN=token)

    assert ran.code == 4, ran.err
    text = ran.err + ran.out
    assert "refused the" in text
    assert "from FLY_API_TOKEN" in text
    assert token.removeprefix("FlyV1 ") not in text


def test_an_apps_token_for_two_apps(fly_project: FlyProject) -> None:
    """An app's token works for its own app; the error for another names the right token."""
    fly_project.app("web", answer="web", toml="")
    token = fly_project.fly.app_token("acme-web")
    own = fly_project.invoke("deploy", "web", "--json", FLY_API_TOKEN=token)
    assert own.code == 0, own.err
    both = fly_project.invoke("status", "--json", FLY_API_TOKEN=token)

    assert both.code == 4
    found = {app["app"]: app for app in both.json["apps"]}
    assert found["acme-web"]["state"] == "current"
    assert found["acme-api"]["state"] == "unknown"
    assert "does not reach the app `acme-api`" in found["acme-api"]["reason"]
    ran = fly_project.invoke("deploy-all", FLY_API_TOKEN=token)
    assert ran.code == 4
    assert "acme-api" in ran.err
    assert "fly tokens create org" in ran.err


def test_an_app_of_another_organization(fly_project: FlyProject) -> None:
    """403 means that another organization has the app."""
    fly_project.fly.world.orgs.append("other")
    fly_project.fly.create_app("others-app", org="other")
    fly_project.app_for_many("web", ["acme-web", "others-app"])
    ran = fly_project.invoke("plan", "--json")

    assert ran.code == 4, ran.err
    assert {step["app"]: step["action"] for step in ran.json["deploys"]} == {
        "acme-api": "deploy",
        "acme-web": "deploy",
        "others-app": "unknown",
    }
    assert "does not reach the app `others-app`" in ran.json["deploys"][-1]["reason"]
    assert "another app or organization" in "".join(ran.json["hints"])


def test_an_app_that_is_missing(fly_project: FlyProject) -> None:
    """All missing apps are reported before a build, with exit code 2."""
    fly_project.app_for_many("web", ["acme-web", "acme-none", "acme-nobody"])
    fly_project.project.write("images/web/answer", "another")
    ran = fly_project.invoke("deploy-all", "--json")

    assert ran.code == 2, ran.err
    assert "there is no app `acme-nobody` at Fly" in ran.err
    assert "there is no app `acme-none` at Fly" in ran.err
    assert "invoke apps" in ran.err
    assert fly_project.deploys() == 0
    status = fly_project.invoke("status", "--json")
    assert status.code == 0, status.err
    assert {a["app"]: a["state"] for a in status.json["apps"]} == {
        "acme-api": "missing",
        "acme-web": "missing",
        "acme-none": "missing",
        "acme-nobody": "missing",
    }


@pytest.mark.parametrize("how", ["503", "drop"])
def test_the_api_is_down(fly_project: FlyProject, how: str) -> None:
    """While the API is down nothing is built or deployed; `status` calls each app unknown."""
    fly_project.app("web", answer="new")
    fly_project.fly.down("machines", how=how)
    ran = fly_project.invoke("deploy-all", "--json")

    assert ran.code == 4, ran.err
    assert "status.flyio.net" in ran.err
    assert fly_project.deploys() == 0
    status = fly_project.invoke("status", "--json")
    assert status.code == 4
    assert {app["state"] for app in status.json["apps"]} == {"unknown"}


def test_the_api_goes_down_while_apps_are_deployed(fly_project: FlyProject) -> None:
    """The report has the apps that were deployed before the outage; a rerun deploys the rest."""
    fly_project.project.write("images/api/image.toml", '[deploy]\nafter = ["web"]\n')
    fly_project.fly.knobs.start_seconds = 1
    with fly_project.start("deploy-all", "--json") as process:
        while not fly_project.fly.apps["acme-web"].releases:
            pass
        while fly_project.fly.apps["acme-web"].releases[-1].status == "running":
            pass
        fly_project.fly.down("machines")
        out, err = process.communicate(timeout=120)

    assert process.returncode in (0, 4), err
    fly_project.fly.up()
    again = fly_project.invoke("deploy-all", "--json")
    assert again.code == 0, again.err
    assert fly_project.invoke("deploy-all", "--json").json["deploys"][0]["status"] == "current"
    assert out
