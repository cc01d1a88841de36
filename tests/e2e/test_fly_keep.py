"""`invoke keep` against the stand-in for Fly: machines that never start, and what they hold.

Images are put into the registry as they would be pushed; `test_fly_guide.py` keeps built ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import pipeline
from tests.console import schemas
from tests.support.fly import asking
from tests.support.fly_shop import Shop, open_shop
from tests.support.processes import patiently

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fly.world import Machine
    from tests.support.project import Ran


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A base, and two apps that exist at Fly; nothing is pushed yet."""
    with open_shop(tmp_path, "web", "api") as opened:
        opened.fly.create_app("acme-os")
        opened.project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="1")
        yield opened


@pytest.fixture
def released(shop: Shop) -> Shop:
    """The base is pushed, and each app has two releases."""
    push(shop, "os")
    for answer in ("1", "2"):
        for image in ("web", "api"):
            shop.app(image, f"{image} {answer}")
            deploy(shop, image)
    return shop


def push(shop: Shop, image: str) -> str:
    """Put an image under the tag that its files give it now; the reference."""
    inputs = pipeline.fingerprint(pipeline.load(shop.project.root, environ={}))
    found = next(one.fingerprint for name, one in inputs.items() if name == image)
    return shop.fly.push(f"acme-{image}", found.short, str(found))


def deploy(shop: Shop, image: str, *words: str) -> str:
    """Push an image and let flyctl deploy it; its digest."""
    app, folder = f"acme-{image}", shop.project.root / "images" / image
    command = ("deploy", "--app", app, "--config", "fly.toml", "--image", push(shop, image))
    ran = asking.flyctl(shop.fly, *command, "--remote-only", "--yes", *words, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return shop.fly.apps[app].releases[-1].digest


def rows(ran: Ran) -> dict[tuple[str, str], str]:
    """The status of each image, by its role and name."""
    jsonschema.validate(ran.json, schemas.KEEP)
    return {(row["role"], row["image"]): row["status"] for row in ran.json["images"]}


def machines(ran: Ran) -> list[str]:
    """The machines that keep an image each."""
    found = [row["machine"] for row in ran.json["images"]]
    assert all(found)
    return found


def keepers(shop: Shop, app: str) -> list[Machine]:
    """The machines of an app that keep images."""
    machines = shop.fly.apps[app].alive
    return [one for one in machines if "pipeline_keep" in (one.config.get("metadata") or {})]


def changes(shop: Shop) -> int:
    """How often something was changed by the Machines API."""
    return sum(one.method != "GET" for one in shop.fly.asked("machines"))


def test_what_is_kept_outlives_pruning_and_a_rollback_finds_it(released: Shop) -> None:
    """What is not kept is gone, and an app that was not kept cannot go back."""
    shop, fly = released, released.fly
    before = {app: fly.apps[app].releases[0].digest for app in ("acme-web", "acme-api")}
    fly.push("acme-web", "stray")
    first = shop.invoke("keep", "--only", "os,web", "--json")
    made = changes(shop)
    again = shop.invoke("keep", "--only", "os,acme-web", "--json")
    fly.knobs.retention_seconds = 0.0
    base = shop.invoke("exists", "os")
    stray = shop.invoke("exists", f"{fly.registry}/acme-web:stray")
    back = shop.invoke("rollback", "web", "--json")
    lost = shop.invoke("rollback", "api", "--json")

    assert first.code == 0, first.err
    assert rows(first) == {("base", "os"): "added", ("rollback", "web"): "added"}
    assert again.code == 0, again.err
    assert set(rows(again).values()) == {"kept"}
    assert machines(again) == machines(first)
    assert changes(shop) == made == 2
    assert (base.code, stray.code) == (0, 1), base.err + stray.err
    assert back.code == 0, back.err
    assert before["acme-web"] in shop.digests("acme-web")
    assert lost.code == 1, lost.err
    assert before["acme-api"] not in shop.digests("acme-api")


def test_a_keeper_never_starts_and_no_deploy_touches_it(released: Shop) -> None:
    """Neither a rolling nor a blue-green one; `status` does not see it."""
    shop = released
    assert shop.invoke("keep", "--only", "web").code == 0
    (keeper,) = keepers(shop, "acme-web")
    ran = (keeper.id, keeper.digest, keeper.version)
    status = shop.invoke("status", "--only", "web", "--exit-code", "--json")
    shop.app("web", "web 3")
    rolling = deploy(shop, "web")
    shop.app("web", "web 4")
    green = deploy(shop, "web", "--strategy", "bluegreen")
    (after,) = keepers(shop, "acme-web")

    assert keeper.started is None
    assert keeper.state == "created"
    assert keeper.config["image"] == f"{shop.fly.registry}/acme-web@{keeper.digest}"
    assert keeper.config["restart"] == {"policy": "no"}
    assert keeper.config["guest"] == {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
    assert "services" not in keeper.config
    assert "fly_platform_version" not in keeper.config["metadata"]
    # flyctl takes a machine of no group for one of the default group, and refuses bluegreen.
    assert keeper.config["metadata"]["fly_process_group"] == "pipeline_keep"
    assert status.code == 0, status.out
    assert rolling != green
    assert shop.digests("acme-web") == {green, keeper.digest}
    assert (after.id, after.digest, after.version, after.state) == (*ran, "created")


def test_another_image_moves_the_same_machine(released: Shop) -> None:
    """A base that is built anew, and a release that came after."""
    shop = released
    assert shop.invoke("keep").code == 0
    before = {app: keepers(shop, app)[0] for app in ("acme-os", "acme-web")}
    ids = {app: machine.id for app, machine in before.items()}
    digests = {app: machine.digest for app, machine in before.items()}
    second = shop.fly.apps["acme-web"].releases[-1].digest
    shop.project.write("images/os/os.txt", "2")
    shop.app("web", "web 3")
    base = push(shop, "os").rpartition(":")[2]
    deploy(shop, "web")
    moved = shop.invoke("keep", "--json")

    assert moved.code == 0, moved.err
    assert rows(moved) == {
        ("base", "os"): "moved",
        ("rollback", "web"): "moved",
        ("rollback", "api"): "kept",
    }
    for app, wanted in (("acme-os", shop.fly.images.tags["acme-os", base]), ("acme-web", second)):
        (machine,) = keepers(shop, app)
        assert machine.id == ids[app]
        assert machine.digest == wanted != digests[app]
        assert machine.state == "created"
        assert machine.config["metadata"]["fly_process_group"] == "pipeline_keep"


def test_what_is_kept_is_listed_and_let_go_of(released: Shop) -> None:
    """By the image's or the app's name, or all of it."""
    shop = released
    assert shop.invoke("keep").code == 0
    listed = shop.invoke("keep", "--list", "--json")
    table = shop.invoke("keep", "--list")
    wrong = shop.invoke("keep", "--release", "nobody")
    one = shop.invoke("keep", "--release", "os", "--json")
    left = {app: len(keepers(shop, app)) for app in ("acme-os", "acme-web", "acme-api")}
    rest = shop.invoke("keep", "--release", "all", "--json")
    none = shop.invoke("keep", "--list")

    assert listed.code == 0, listed.err
    found: dict[str, Any] = {row["app"]: row for row in listed.json["images"]}
    keeper = next(m for m in shop.fly.apps["acme-os"].machines)
    assert found["acme-os"]["machine"] == keeper.id
    assert found["acme-os"]["digest"] == keeper.digest
    assert found["acme-os"]["since"] == keeper.updated_at
    assert found["acme-os"]["reference"].startswith(f"{shop.fly.registry}/acme-os:")
    assert "base os" in table.out
    assert "kept 3" in table.out
    assert wrong.code == 2
    assert rows(one) == {("base", "os"): "released"}
    assert left == {"acme-os": 0, "acme-web": 1, "acme-api": 1}
    assert set(rows(rest).values()) == {"released"}
    assert none.out == "no image is kept\n"
    # The apps' own machines are there yet.
    assert all(shop.digests(app) for app in ("acme-web", "acme-api"))


def test_two_runs_at_once_add_one_machine(shop: Shop) -> None:
    """Both have seen that there is none; one finds afterwards what the other has added."""
    shop.fly.knobs.propagation_seconds = 600
    push(shop, "os")
    runs = [shop.start("keep", "--only", "os", "--json") for _ in range(2)]
    patiently(lambda: len(looks(shop)) == 2 and 400 in tries(shop))
    shop.fly.knobs.propagation_seconds = 0.0
    ends = [run.communicate(timeout=60) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], ends
    assert sorted(json.loads(out)["images"][0]["status"] for out, _ in ends) == ["added", "kept"]
    assert len(keepers(shop, "acme-os")) == 1


def test_a_release_before_that_needs_no_keeper(released: Shop) -> None:
    """It is pruned already, its image is not Fly's to prune, or the app's own machines run it."""
    shop, fly = released, released.fly
    fly.prune(f"{fly.registry}/acme-web@{fly.apps['acme-web'].releases[0].digest}")
    fly.apps["acme-api"].releases[0].image_ref = "docker.io/flyio/hellofly:latest"
    gone = shop.invoke("keep", "--only", "web,api", "--json")
    running = fly.apps["acme-api"].releases[-1]
    fly.apps["acme-api"].releases[0].image_ref = running.image_ref
    same = shop.invoke("keep", "--only", "api", "--json")

    assert gone.code == 1, gone.err
    assert rows(gone) == {("rollback", "web"): "absent", ("rollback", "api"): "none"}
    why = {row["image"]: row["reason"] for row in gone.json["images"]}
    assert "`rollback` cannot restore it" in why["web"]
    assert "no previous release whose image is on Fly's registry" in why["api"]
    assert same.code == 0, same.err
    assert rows(same) == {("rollback", "api"): "kept"}
    assert "the app's own machines run it" in same.json["images"][0]["reason"]
    assert changes(shop) == 0


def test_what_cannot_be_kept_is_told(shop: Shop) -> None:
    """A base that was never pushed, no release yet, Fly down, and a registry that is not Fly's."""
    nothing = shop.invoke("keep", "--json")
    shop.fly.down("machines")
    down = shop.invoke("keep", "--only", "web")
    shop.fly.up()
    shop.settings('[profiles.local]\nregistry = { host = "127.0.0.1:1" }\n')
    elsewhere = shop.invoke("keep", "--profile", "local")
    both = shop.invoke("keep", "--list", "--only", "os")

    assert nothing.code == 1
    assert rows(nothing) == {
        ("base", "os"): "absent",
        ("rollback", "web"): "none",
        ("rollback", "api"): "none",
    }
    assert "`invoke build os` builds and pushes it" in nothing.err
    assert (down.code, down.out) == (4, "")
    assert "Machines API is not available: 503" in down.err
    assert (elsewhere.code, both.code) == (2, 2)
    assert "is not Fly's registry" in elsewhere.err


def test_an_image_that_fly_does_not_see_yet_is_waited_for(shop: Shop) -> None:
    """The registry has it, so that it must come."""
    shop.fly.knobs.propagation_seconds = 600
    push(shop, "os")
    with shop.start("keep", "--only", "os") as running:
        patiently(lambda: 400 in tries(shop))
        shop.fly.knobs.propagation_seconds = 0.0
        out, err = running.communicate(timeout=60)

    assert running.returncode == 0, err
    assert "added 1" in out
    assert tries(shop)[-1] == 200


def tries(shop: Shop) -> list[int]:
    """How each attempt to add a machine was answered."""
    return [one.status for one in shop.fly.asked("machines", "/machines") if one.method == "POST"]


def looks(shop: Shop) -> list[int]:
    """How each look at the machines of an app was answered."""
    return [one.status for one in shop.fly.asked("machines", "/machines") if one.method == "GET"]
