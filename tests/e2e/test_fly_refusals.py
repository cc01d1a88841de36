"""What goes wrong between a user and Fly: exit code, sentence, and what to do next, for each."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.fly_shop import Shop, open_shop
from tests.support.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture
def shop(tmp_path: Path, engine: None) -> Iterator[Shop]:
    """Two apps that exist at Fly, each with an image that is pushed."""
    del engine
    with open_shop(tmp_path, "web", "api") as opened:
        for app in ("web", "api"):
            opened.app(app, answer=app)
        built = opened.invoke("build-all")
        assert built.code == 0, built.err
        yield opened


def without_flyctl(shop: Shop, tmp_path: Path) -> str:
    """A PATH that has all but flyctl: the `fly` on it is Concourse's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("docker", "git"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    program(folder / "fly", "echo 'Unknown command' >&2; exit 1")
    kept = [p for p in shop.fly.environ["PATH"].split(os.pathsep)[1:] if not _has_fly(p)]
    return os.pathsep.join([str(folder), *kept])


def _has_fly(folder: str) -> bool:
    return any(os.access(f"{folder}/{name}", os.X_OK) for name in ("fly", "flyctl"))


def test_no_flyctl(shop: Shop, tmp_path: Path) -> None:
    """Said before anything is built, and by `doctor`; what only looks needs none."""
    shop.app("web", answer="new")
    path = without_flyctl(shop, tmp_path)
    ran = shop.invoke("deploy-all", "--json", PATH=path)

    assert ran.code == 4
    assert ran.out == ""
    assert "error: flyctl, which deploys to Fly, is not on PATH: " in ran.err
    assert "/bin/fly` is another program, or broken: it says 'Unknown command'" in ran.err
    assert "https://fly.io/docs/flyctl/install/" in ran.err
    assert shop.invoke("plan", "--json", PATH=path).json["images"][1]["action"] == "build"
    assert shop.invoke("status", "--json", PATH=path).code == 0
    (check,) = [
        c for c in shop.invoke("doctor", "--json", PATH=path).json["checks"] if "fly" in c["name"]
    ]
    assert (check["ok"], "is another program" in check["detail"]) == (False, True)


@pytest.mark.parametrize("task", ["plan", "deploy-all", "status"])
def test_no_token(shop: Shop, task: str) -> None:
    """A plan asks the registry first; of apps each says that it is not known, and what to do."""
    ran = shop.invoke(task, "--json", FLY_API_TOKEN="")

    assert ran.code == 4, ran.err
    if task == "status":
        assert {app["state"] for app in ran.json["apps"]} == {"unknown"}
        assert "set FLY_API_TOKEN" in ran.json["apps"][0]["hint"]
        assert "there is no token" in ran.out
    else:
        assert "requires a login, and there is no credential for it" in ran.err
    assert shop.deploys() == 0


@pytest.mark.parametrize("task", ["plan", "deploy-all", "status"])
def test_an_expired_token(shop: Shop, task: str) -> None:
    """It is named by where it comes from, and not shown."""
    token = shop.fly.expired_token()
    ran = shop.invoke(task, "--json", FLY_API_TOKEN=token)

    assert ran.code == 4, ran.err
    text = ran.err + ran.out
    assert "refused the" in text
    assert "from FLY_API_TOKEN" in text
    assert token.removeprefix("FlyV1 ") not in text


def test_an_apps_token_for_two_apps(shop: Shop) -> None:
    """It reaches its own app; for both, the message names the other, and the token that does."""
    shop.app("web", answer="web", toml="")
    token = shop.fly.app_token("acme-web")
    own = shop.invoke("deploy", "web", "--json", FLY_API_TOKEN=token)
    assert own.code == 0, own.err
    both = shop.invoke("status", "--json", FLY_API_TOKEN=token)

    assert both.code == 4
    found = {app["app"]: app for app in both.json["apps"]}
    assert found["acme-web"]["state"] == "current"
    assert found["acme-api"]["state"] == "unknown"
    assert "does not reach the app `acme-api`" in found["acme-api"]["reason"]
    ran = shop.invoke("deploy-all", FLY_API_TOKEN=token)
    assert ran.code == 4
    assert "acme-api" in ran.err
    assert "fly tokens create org" in ran.err


def test_an_app_of_another_organization(shop: Shop) -> None:
    """403: its name is taken by others."""
    shop.fly.world.orgs.append("other")
    shop.fly.create_app("others-app", org="other")
    shop.many("web", ["acme-web", "others-app"])
    ran = shop.invoke("plan", "--json")

    assert ran.code == 4, ran.err
    assert "does not reach the app `others-app`" in ran.err
    assert "another app or organization" in ran.err


def test_an_app_that_is_missing(shop: Shop) -> None:
    """Wrong configuration, found before anything is built; all such apps are named at once."""
    shop.many("web", ["acme-web", "acme-none", "acme-nobody"])
    shop.project.write("images/web/answer", "another")
    ran = shop.invoke("deploy-all", "--json")

    assert ran.code == 2, ran.err
    assert "there is no app `acme-nobody` at Fly" in ran.err
    assert "there is no app `acme-none` at Fly" in ran.err
    assert "invoke apps" in ran.err
    assert shop.deploys() == 0
    status = shop.invoke("status", "--json")
    assert status.code == 0, status.err
    assert {a["app"]: a["state"] for a in status.json["apps"]} == {
        "acme-api": "missing",
        "acme-web": "missing",
        "acme-none": "missing",
        "acme-nobody": "missing",
    }


@pytest.mark.parametrize("how", ["503", "drop"])
def test_the_api_is_down(shop: Shop, how: str) -> None:
    """Nothing is built or deployed on a guess; status says of each app that it is not known."""
    shop.app("web", answer="new")
    shop.fly.down("machines", how=how)
    ran = shop.invoke("deploy-all", "--json")

    assert ran.code == 4, ran.err
    assert "status.flyio.net" in ran.err
    assert shop.deploys() == 0
    status = shop.invoke("status", "--json")
    assert status.code == 4
    assert {app["state"] for app in status.json["apps"]} == {"unknown"}


def test_the_api_goes_down_while_apps_are_deployed(shop: Shop) -> None:
    """What was deployed is told; the rest could not be found out, and a rerun finishes."""
    shop.project.write("images/api/image.toml", '[deploy]\nafter = ["web"]\n')
    shop.fly.knobs.start_seconds = 1
    with shop.start("deploy-all", "--json") as process:
        while not shop.fly.apps["acme-web"].releases:
            pass
        while shop.fly.apps["acme-web"].releases[-1].status == "running":
            pass
        shop.fly.down("machines")
        out, err = process.communicate(timeout=120)

    assert process.returncode in (0, 4), err
    shop.fly.up()
    again = shop.invoke("deploy-all", "--json")
    assert again.code == 0, again.err
    assert shop.invoke("deploy-all", "--json").json["deploys"][0]["status"] == "current"
    assert out
