"""`invoke keep` with a fake Fly: stopped machines protect images from pruning.

Most images are put into the registry without a build; `test_fly_guide.py` keeps built ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import pipeline
from tests.console import schemas
from tests.support.fly import raw_requests
from tests.support.fly_project import FlyProject, open_fly_project
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fly.state import Machine
    from tests.support.project import Ran


@pytest.fixture
def fly_project(tmp_path: Path) -> Iterator[FlyProject]:
    """Make a base and two apps that exist at Fly; nothing is pushed yet."""
    with open_fly_project(tmp_path, "web", "api") as opened:
        opened.fly.create_app("acme-os")
        opened.project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="1")
        yield opened


@pytest.fixture
def deployed_project(fly_project: FlyProject) -> FlyProject:
    """Push the base and deploy two releases of each app."""
    push(fly_project, "os")
    for answer in ("1", "2"):
        for image in ("web", "api"):
            fly_project.app(image, f"{image} {answer}")
            deploy(fly_project, image)
    return fly_project


def push(fly_project: FlyProject, image: str) -> str:
    """Put an image under the tag of its current files; return the reference."""
    inputs = pipeline.fingerprint(pipeline.load(fly_project.project.root, environ={}))
    found = next(one.fingerprint for name, one in inputs.items() if name == image)
    return fly_project.fly.push(f"acme-{image}", found.short, str(found))


def deploy(fly_project: FlyProject, image: str, *words: str) -> str:
    """Push an image and deploy it by flyctl; return its digest."""
    app, folder = f"acme-{image}", fly_project.project.root / "images" / image
    command = ("deploy", "--app", app, "--config", "fly.toml", "--image", push(fly_project, image))
    ran = raw_requests.flyctl(
        fly_project.fly, *command, "--remote-only", "--yes", *words, cwd=folder
    )
    assert ran.returncode == 0, ran.stderr
    return fly_project.fly.apps[app].releases[-1].digest


def rows(ran: Ran) -> dict[tuple[str, str], str]:
    """Return the status of each image by role and name."""
    jsonschema.validate(ran.json, schemas.KEEP)
    return {(row["role"], row["image"]): row["status"] for row in ran.json["images"]}


def machines(ran: Ran) -> list[str]:
    """Return the machines that keep the images."""
    found = [row["machine"] for row in ran.json["images"]]
    assert all(found)
    return found


def keeping_machines(fly_project: FlyProject, app: str) -> list[Machine]:
    """Return an app's machines that keep images."""
    machines = fly_project.fly.apps[app].alive
    return [one for one in machines if "pipeline_keep" in (one.config.get("metadata") or {})]


def changes(fly_project: FlyProject) -> int:
    """Count the changes by the Machines API."""
    return sum(one.method != "GET" for one in fly_project.fly.requests_to("machines"))


def test_a_rollback_after_pruning(deployed_project: FlyProject) -> None:
    """A rollback finds a kept image after pruning; an app without one cannot be rolled back."""
    fly_project, fly = deployed_project, deployed_project.fly
    before = {app: fly.apps[app].releases[0].digest for app in ("acme-web", "acme-api")}
    fly.push("acme-web", "stray")
    first = fly_project.invoke("keep", "--only", "os,web", "--json")
    made = changes(fly_project)
    again = fly_project.invoke("keep", "--only", "os,acme-web", "--json")
    remade = changes(fly_project)
    fly.knobs.retention_seconds = 0.0
    base = fly_project.invoke("exists", "os")
    stray = fly_project.invoke("exists", f"{fly.registry}/acme-web:stray")
    back = fly_project.invoke("rollback", "web", "--json")
    lost = fly_project.invoke("rollback", "api", "--json")

    assert first.code == 0, first.err
    assert rows(first) == {("base", "os"): "added", ("rollback", "web"): "added"}
    assert again.code == 0, again.err
    assert set(rows(again).values()) == {"kept"}
    assert machines(again) == machines(first)
    assert remade == made == 2
    assert (base.code, stray.code) == (0, 1), base.err + stray.err
    assert back.code == 0, back.err
    assert before["acme-web"] in fly_project.digests("acme-web")
    assert lost.code == 1, lost.err
    assert before["acme-api"] not in fly_project.digests("acme-api")


def test_a_keeping_machine_never_starts(deployed_project: FlyProject) -> None:
    """The machine never starts, no deploy changes it, and `status` ignores it."""
    fly_project = deployed_project
    assert fly_project.invoke("keep", "--only", "web").code == 0
    (keeper,) = keeping_machines(fly_project, "acme-web")
    ran = (keeper.id, keeper.digest, keeper.version)
    status = fly_project.invoke("status", "--only", "web", "--exit-code", "--json")
    fly_project.app("web", "web 3")
    rolling = deploy(fly_project, "web")
    fly_project.app("web", "web 4")
    green = deploy(fly_project, "web", "--strategy", "bluegreen")
    (after,) = keeping_machines(fly_project, "acme-web")

    assert keeper.started is None
    assert keeper.state == "created"
    assert keeper.config["image"] == f"{fly_project.fly.registry}/acme-web@{keeper.digest}"
    assert keeper.config["restart"] == {"policy": "no"}
    assert keeper.config["guest"] == {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
    assert "services" not in keeper.config
    assert "fly_platform_version" not in keeper.config["metadata"]
    # flyctl assigns a machine without a group to the default group, and refuses bluegreen.
    assert keeper.config["metadata"]["fly_process_group"] == "pipeline_keep"
    assert status.code == 0, status.out
    assert rolling != green
    assert fly_project.digests("acme-web") == {green, keeper.digest}
    assert (after.id, after.digest, after.version, after.state) == (*ran, "created")


def test_another_image_moves_the_same_machine(deployed_project: FlyProject) -> None:
    """A rebuilt base and a new release move the same machine to another image."""
    fly_project = deployed_project
    assert fly_project.invoke("keep").code == 0
    before = {app: keeping_machines(fly_project, app)[0] for app in ("acme-os", "acme-web")}
    ids = {app: machine.id for app, machine in before.items()}
    digests = {app: machine.digest for app, machine in before.items()}
    second = fly_project.fly.apps["acme-web"].releases[-1].digest
    fly_project.project.write("images/os/os.txt", "2")
    fly_project.app("web", "web 3")
    base = push(fly_project, "os").rpartition(":")[2]
    deploy(fly_project, "web")
    moved = fly_project.invoke("keep", "--json")

    assert moved.code == 0, moved.err
    assert rows(moved) == {
        ("base", "os"): "moved",
        ("rollback", "web"): "moved",
        ("rollback", "api"): "kept",
    }
    for app, wanted in (
        ("acme-os", fly_project.fly.images.tags["acme-os", base]),
        ("acme-web", second),
    ):
        (machine,) = keeping_machines(fly_project, app)
        assert machine.id == ids[app]
        assert machine.digest == wanted != digests[app]
        assert machine.state == "created"
        assert machine.config["metadata"]["fly_process_group"] == "pipeline_keep"


def test_list_and_release(deployed_project: FlyProject) -> None:
    """Kept images are listed, and released by the name of an image or app, or all at once."""
    fly_project = deployed_project
    assert fly_project.invoke("keep").code == 0
    listed = fly_project.invoke("keep", "--list", "--json")
    table = fly_project.invoke("keep", "--list")
    wrong = fly_project.invoke("keep", "--release", "nobody")
    one = fly_project.invoke("keep", "--release", "os", "--json")
    left = {
        app: len(keeping_machines(fly_project, app)) for app in ("acme-os", "acme-web", "acme-api")
    }
    rest = fly_project.invoke("keep", "--release", "all", "--json")
    none = fly_project.invoke("keep", "--list")

    assert listed.code == 0, listed.err
    found: dict[str, Any] = {row["app"]: row for row in listed.json["images"]}
    keeper = next(m for m in fly_project.fly.apps["acme-os"].machines)
    assert found["acme-os"]["machine"] == keeper.id
    assert found["acme-os"]["digest"] == keeper.digest
    assert found["acme-os"]["since"] == keeper.updated_at
    assert found["acme-os"]["reference"].startswith(f"{fly_project.fly.registry}/acme-os:")
    assert "base os" in table.out
    assert "kept 3" in table.out
    assert wrong.code == 2
    assert rows(one) == {("base", "os"): "released"}
    assert left == {"acme-os": 0, "acme-web": 1, "acme-api": 1}
    assert set(rows(rest).values()) == {"released"}
    assert none.out == "no image is kept\n"
    # The apps' own machines still exist.
    assert all(fly_project.digests(app) for app in ("acme-web", "acme-api"))


def test_two_simultaneous_runs_add_one_machine(fly_project: FlyProject) -> None:
    """Two simultaneous runs add one machine: one of them finds what the other has added."""
    fly_project.fly.knobs.propagation_seconds = 600
    push(fly_project, "os")
    is_running = [fly_project.start("keep", "--only", "os", "--json") for _ in range(2)]
    wait_until(
        lambda: len(query_statuses(fly_project)) == 2 and 400 in attempt_statuses(fly_project)
    )
    fly_project.fly.knobs.propagation_seconds = 0.0
    ends = [run.communicate(timeout=60) for run in is_running]

    assert [run.returncode for run in is_running] == [0, 0], ends
    assert sorted(json.loads(out)["images"][0]["status"] for out, _ in ends) == ["added", "kept"]
    assert len(keeping_machines(fly_project, "acme-os")) == 1


def test_a_previous_release_that_needs_no_machine(deployed_project: FlyProject) -> None:
    """No machine is needed for an image that is pruned, public, or that the app still runs."""
    fly_project, fly = deployed_project, deployed_project.fly
    fly.prune(f"{fly.registry}/acme-web@{fly.apps['acme-web'].releases[0].digest}")
    fly.apps["acme-api"].releases[0].image_ref = "docker.io/flyio/hellofly:latest"
    gone = fly_project.invoke("keep", "--only", "web,api", "--json")
    running = fly.apps["acme-api"].releases[-1]
    fly.apps["acme-api"].releases[0].image_ref = running.image_ref
    same = fly_project.invoke("keep", "--only", "api", "--json")

    assert gone.code == 1, gone.err
    assert rows(gone) == {("rollback", "web"): "absent", ("rollback", "api"): "none"}
    why = {row["image"]: row["reason"] for row in gone.json["images"]}
    assert "`rollback` cannot restore it" in why["web"]
    assert "no previous release whose image is on Fly's registry" in why["api"]
    assert same.code == 0, same.err
    assert rows(same) == {("rollback", "api"): "kept"}
    assert "the app's own machines run it" in same.json["images"][0]["reason"]
    assert changes(fly_project) == 0


def test_images_that_cannot_be_kept(fly_project: FlyProject) -> None:
    """A base without a push, an app without a release, and other registries are reported."""
    nothing = fly_project.invoke("keep", "--json")
    fly_project.fly.down("machines")
    down = fly_project.invoke("keep", "--only", "web")
    fly_project.fly.up()
    fly_project.write_settings('[profiles.local]\nregistry = { host = "127.0.0.1:1" }\n')
    elsewhere = fly_project.invoke("keep", "--profile", "local")
    both = fly_project.invoke("keep", "--list", "--only", "os")

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


def test_an_image_that_fly_does_not_see_yet_is_waited_for(fly_project: FlyProject) -> None:
    """A run waits until Fly knows an image that is in its registry."""
    fly_project.fly.knobs.propagation_seconds = 600
    push(fly_project, "os")
    with fly_project.start("keep", "--only", "os") as running:
        wait_until(lambda: 400 in attempt_statuses(fly_project))
        fly_project.fly.knobs.propagation_seconds = 0.0
        out, err = running.communicate(timeout=60)

    assert running.returncode == 0, err
    assert "added 1" in out
    assert attempt_statuses(fly_project)[-1] == 200


def attempt_statuses(fly_project: FlyProject) -> list[int]:
    """Return the statuses of all attempts to add a machine."""
    return [
        one.status
        for one in fly_project.fly.requests_to("machines", "/machines")
        if one.method == "POST"
    ]


def query_statuses(fly_project: FlyProject) -> list[int]:
    """Return the statuses of all queries for an app's machines."""
    return [
        one.status
        for one in fly_project.fly.requests_to("machines", "/machines")
        if one.method == "GET"
    ]
