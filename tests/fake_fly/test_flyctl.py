"""The fake `fly`: flags, texts and exit codes of flyctl (facts, section 3)."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.fly import fake_fly
from tests.support.fly.raw_requests import flyctl, machines
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fly import FakeFly

SERVICE = "[http_service]\ninternal_port = 80\n[[http_service.checks]]\npath = '/'\n"


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    """Return a folder with a fly.toml of the app `web`."""
    (tmp_path / "fly.toml").write_text(f'app = "web"\n{SERVICE}', encoding="utf-8")
    return tmp_path


def test_a_first_deploy(fly: FakeFly, cwd: Path) -> None:
    """The JSON of the release is the second last line; the digest is the pushed one."""
    fly.create_app("first")
    image = fly.push("first", "v1")
    words = ["deploy", "--app", "first", "--config", "fly.toml", "--image", image]
    done = flyctl(fly, *words, "--remote-only", "--yes", cwd=cwd, FLY_EMIT_RELEASE_JSON="1")
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    app = fly.apps["first"]

    assert done.returncode == 0, done.stderr
    assert told == [{"id": app.releases[0].id, "version": 1, "image_ref": image}]
    assert [one.digest for one in app.machines] == [fly.images.tags["first", "v1"]] * 2
    assert app.config["app"] == "first"
    assert fly.requests[-1].argv[0] == "deploy"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("fly.toml", 'app = "groups"\n[processes]\na = "run"\nb = "run"\n'),
        ("fly.json", '{"app": "groups", "processes": {"a": "run", "b": "run"}}'),
        ("fly.yaml", "app: groups\nprocesses: {a: run, b: run}\n"),
    ],
)
def test_without_services_the_second_machine_is_a_standby(
    fly: FakeFly, tmp_path: Path, file: str, text: str
) -> None:
    """One that is not started for each process group, in each format of the configuration."""
    fly.create_app("groups")
    (tmp_path / file).write_text(text)
    done = flyctl(fly, "deploy", "-i", fly.push("groups", "v1"), cwd=tmp_path)
    found = [(one.process_group, one.state) for one in fly.apps["groups"].machines]

    assert done.returncode == 0, done.stderr
    assert found == [("a", "started"), ("a", "created"), ("b", "started"), ("b", "created")]


def test_a_machine_that_flyctl_did_not_make_is_left_alone(fly: FakeFly, cwd: Path) -> None:
    """Such as one that keeps an image."""
    fly.create_app("kept")
    old, new = fly.push("kept", "old"), fly.push("kept", "new")
    body = {"skip_launch": True, "config": {"image": old}}
    kept = machines(fly, "POST", "/apps/kept/machines", body).json["id"]
    for image in (old, new):
        done = flyctl(fly, "deploy", "-a", "kept", "-i", image, "--ha=false", cwd=cwd)
        assert done.returncode == 0, done.stderr
    tags = {one.id: one.image.tag for one in fly.apps["kept"].alive}

    assert tags.pop(kept) == "old"
    assert list(tags.values()) == ["new"]


def test_an_image_is_not_found_by_the_resolver_and_then_by_the_release(
    fly: FakeFly, cwd: Path
) -> None:
    """Two error texts for a recent push."""
    fly.create_app("late")
    image = fly.push("late", "v1")
    fly.knobs.propagation_seconds = 3600
    first = flyctl(fly, "deploy", "-a", "late", "-i", image, cwd=cwd)
    fly.knobs.propagation_seconds, fly.knobs.release_lag_seconds = 0, 3600
    then = flyctl(fly, "deploy", "-a", "late", "-i", image, cwd=cwd)
    fly.knobs.release_lag_seconds = 0

    cause = f'Could not find image "{image}"'
    assert "Error: failed to fetch an image or build from source: " in first.stderr
    assert cause in first.stderr
    body = json.dumps({"error": cause}, separators=(",", ":"))
    assert f"Error: failed to create release (status 404): {body}" in then.stderr
    assert not fly.apps["late"].releases


@pytest.fixture
def unhealthy_fly(tmp_path: Path) -> Iterator[FakeFly]:
    """Deploy `v1` to two machines of `web`; the next deploy never gets healthy."""
    with fake_fly(tmp_path / "fly", lease_seconds=0.5) as running:
        running.create_app("web")
        (tmp_path / "fly.toml").write_text(f'app = "web"\n{SERVICE}', encoding="utf-8")
        done = flyctl(running, "deploy", "-i", running.push("web", "v1"), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        running.make_unhealthy(image="v2")
        running.push("web", "v2")
        yield running


def test_a_machine_that_never_gets_healthy_fails_the_deploy(
    unhealthy_fly: FakeFly, tmp_path: Path
) -> None:
    """After the timeout; the other machine still runs the old image."""
    image = f"{unhealthy_fly.registry}/web:v2"
    done = flyctl(unhealthy_fly, "deploy", "-i", image, "--wait-timeout", "1s", cwd=tmp_path)

    assert done.returncode == 1
    assert "timeout reached waiting for health checks to pass for machine" in done.stderr
    assert unhealthy_fly.apps["web"].releases[-1].status == "failed"
    assert sorted(one.image.tag for one in unhealthy_fly.apps["web"].machines) == ["v1", "v2"]


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [(signal.SIGKILL, -9, "running"), (signal.SIGTERM, 127, "interrupted")],
)
def test_a_killed_deploy(
    unhealthy_fly: FakeFly, tmp_path: Path, number: signal.Signals, code: int, status: str
) -> None:
    """A killed flyctl cannot report: the release stays running, its leases expire."""
    words = ["fly", "deploy", "-i", f"{unhealthy_fly.registry}/web:v2"]
    with subprocess.Popen(
        words, env=unhealthy_fly.environ, cwd=tmp_path, stdout=-3, stderr=-3
    ) as process:
        wait_until(lambda: len(unhealthy_fly.apps["web"].releases) == 2)
        wait_until(lambda: any(one.image.tag == "v2" for one in unhealthy_fly.apps["web"].machines))
        process.send_signal(number)
        assert process.wait() == code
    wait_until(lambda: len(unhealthy_fly.requests_to("flyctl", "v2")) == 1)
    machine = unhealthy_fly.apps["web"].machines[0]
    taken = machines(unhealthy_fly, "POST", f"/apps/web/machines/{machine.id}/lease", {}).status

    assert unhealthy_fly.apps["web"].releases[-1].status == status
    assert sorted(one.image.tag for one in unhealthy_fly.apps["web"].machines) == ["v1", "v2"]
    assert taken == (409 if number == signal.SIGKILL else 201)


def test_a_release_command_that_fails_stops_the_deploy(
    unhealthy_fly: FakeFly, tmp_path: Path
) -> None:
    """No machine is changed."""
    command = f'app = "web"\n{SERVICE}[deploy]\nrelease_command = "false"\n'
    (tmp_path / "fly.toml").write_text(command, encoding="utf-8")
    done = flyctl(unhealthy_fly, "deploy", "-i", f"{unhealthy_fly.registry}/web:v2", cwd=tmp_path)

    assert done.returncode == 1
    assert "release command failed - aborting deployment." in done.stderr
    assert {one.image.tag for one in unhealthy_fly.apps["web"].machines} == {"v1"}


def test_unhealthy_green_machines_are_removed(unhealthy_fly: FakeFly, tmp_path: Path) -> None:
    """The blue ones stay; healthy green ones replace them."""
    words = ["deploy", "--strategy", "bluegreen", "--wait-timeout", "1s", "-i"]
    sick = flyctl(unhealthy_fly, *words, f"{unhealthy_fly.registry}/web:v2", cwd=tmp_path)
    after_sick = [one.image.tag for one in unhealthy_fly.apps["web"].alive]
    unhealthy_fly.heal()
    well = flyctl(unhealthy_fly, *words, f"{unhealthy_fly.registry}/web:v2", cwd=tmp_path)

    assert (sick.returncode, well.returncode) == (1, 0)
    assert after_sick == ["v1", "v1"]
    assert [one.image.tag for one in unhealthy_fly.apps["web"].alive] == ["v2", "v2"]


def test_a_deploy_while_the_api_is_down(unhealthy_fly: FakeFly, tmp_path: Path) -> None:
    """Before a release is created."""
    unhealthy_fly.down("graphql")
    done = flyctl(unhealthy_fly, "deploy", "-i", f"{unhealthy_fly.registry}/web:v2", cwd=tmp_path)

    assert done.returncode == 1
    assert "server returned a non-200 status code: 503" in done.stderr
    assert len(unhealthy_fly.apps["web"].releases) == 1
