"""No output contains a token for Fly, whatever Fly or flyctl respond."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_programs import write_program
from tests.support.fly.tokens import Token, Tokens
from tests.support.fly_project import FlyProject, open_fly_project
from tests.support.planted_secrets import PlantedSecrets, assert_clean, command_lines, new_secret
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

TASKS = (
    ("plan", "--json"),
    ("deploy-all", "--json"),
    ("status", "--json"),
    ("releases", "web", "--json"),
    ("rollback", "web"),
    ("apps", "--json"),
    ("keep",),
    ("doctor",),
)


@pytest.fixture
def planted() -> PlantedSecrets:
    """Return a macaroon token, which flyctl can decode, and its discharge token."""
    macaroon = Tokens().give("acme").removeprefix("FlyV1 ")
    return PlantedSecrets({"macaroon": macaroon, "discharge": new_secret("fo1_")})


@pytest.fixture
def fly_project(tmp_path: Path, planted: PlantedSecrets, engine: None) -> Iterator[FlyProject]:
    """Make a project with the planted token and empty folders for temporary files."""
    del engine
    (tmp_path / "temporary").mkdir()
    with open_fly_project(tmp_path, "web") as opened:
        macaroon, discharge = planted.values.values()
        opened.fly.tokens.known[macaroon] = Token(macaroon, "acme")
        opened.fly.environ["FLY_API_TOKEN"] = f"FlyV1 {macaroon},{discharge}"
        opened.fly.environ["TMPDIR"] = str(tmp_path / "temporary")
        yield opened


def watched(tmp_path: Path) -> list[Path]:
    """Return the folders in which no secret may be left."""
    return [tmp_path / "project", tmp_path / "temporary"]


def test_no_secret_without_a_failure(
    fly_project: FlyProject, planted: PlantedSecrets, tmp_path: Path
) -> None:
    """All tasks that query Fly, with no failure."""
    with command_lines() as argv:
        ran = [fly_project.invoke(*task) for task in TASKS]

    assert ran[1].code == 0, ran[1].err
    assert {machine.digest for machine in fly_project.fly.apps["acme-web"].alive}
    assert_clean(planted, ran, argv, watched(tmp_path))


@pytest.mark.parametrize("status", [401, 403, 500])
def test_no_secret_when_fly_repeats_it(
    fly_project: FlyProject, planted: PlantedSecrets, tmp_path: Path, status: int
) -> None:
    """Fly repeats the authorization header in the body and as an error code."""

    def echo(request: Request) -> Reply:
        sent = request.headers["authorization"]
        told = {"error": f"no: {sent}", "status": sent, "errors": [{"message": sent}]}
        return Reply(status, {"Content-Type": "application/json"}, json.dumps(told).encode())

    with scripted_server(echo) as careless, command_lines() as argv:
        urls = dict.fromkeys(
            ("FLY_API_BASE_URL", "FLY_FLAPS_BASE_URL"), f"http://{careless.address}"
        )
        tasks = (*TASKS[:4], ("rollback", "web"), ("apps",), ("keep", "--list"))
        # These tasks mostly wait and change nothing.
        with ThreadPoolExecutor() as pool:
            ran = list(pool.map(lambda task: fly_project.invoke(*task, **urls), tasks))
        assert careless.requests

    assert planted.found_in(careless.requests[0].headers["authorization"])
    assert {one.code for one in ran} <= {1, 4}, [one.err for one in ran]
    assert_clean(planted, ran, argv, watched(tmp_path))


def test_no_secret_when_flyctl_prints_it(
    fly_project: FlyProject, planted: PlantedSecrets, tmp_path: Path
) -> None:
    """A failed flyctl prints its token at the end of its output."""
    telling = '[ "$1" = version ] && exec echo "fly v0.4.87 linux/amd64 Commit: ad0172fac"\n'
    telling += 'echo "Error: $FLY_ACCESS_TOKEN, $FLY_API_TOKEN" >&2\nexit 1'
    script = write_program(tmp_path / "bin" / "flyctl", telling)
    path = f"{script.parent}{os.pathsep}{fly_project.fly.environ['PATH']}"
    with command_lines() as argv:
        ran = [fly_project.invoke("deploy-all", *more, PATH=path) for more in ((), ("--json",))]

    assert [one.code for one in ran] == [1, 1]
    assert "***" in ran[0].err
    assert_clean(planted, ran, argv, watched(tmp_path))
