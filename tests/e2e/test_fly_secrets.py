"""A token for Fly comes out nowhere, whatever Fly or flyctl say of it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.fly.tokens import Token
from tests.support.fly_shop import Shop, open_shop
from tests.support.planted import Planted, assert_clean, command_lines, fresh
from tests.support.programs import program
from tests.support.scripted import Asked, Reply, scripted

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
def planted() -> Planted:
    """A macaroon and what discharges it."""
    return Planted({"macaroon": fresh("fm2_"), "discharge": fresh("fo1_")})


@pytest.fixture
def shop(tmp_path: Path, planted: Planted, engine: None) -> Iterator[Shop]:
    """Who works in it has the planted token; its temporary files are in a folder that is empty."""
    del engine
    (tmp_path / "temporary").mkdir()
    with open_shop(tmp_path, "web") as opened:
        macaroon, discharge = planted.values.values()
        opened.fly.tokens.known[macaroon] = Token(macaroon, "acme")
        opened.fly.environ["FLY_API_TOKEN"] = f"FlyV1 {macaroon},{discharge}"
        opened.fly.environ["TMPDIR"] = str(tmp_path / "temporary")
        yield opened


def watched(tmp_path: Path) -> list[Path]:
    """Where nothing of it may be left."""
    return [tmp_path / "project", tmp_path / "temporary"]


def test_when_all_goes_well(shop: Shop, planted: Planted, tmp_path: Path) -> None:
    """All tasks that ask Fly."""
    with command_lines() as argv:
        ran = [shop.invoke(*task) for task in TASKS]

    assert ran[1].code == 0, ran[1].err
    assert {machine.digest for machine in shop.fly.apps["acme-web"].alive}
    assert_clean(planted, ran, argv, watched(tmp_path))


@pytest.mark.parametrize("status", [401, 403, 500])
def test_when_fly_tells_all_it_was_sent(
    shop: Shop, planted: Planted, tmp_path: Path, status: int
) -> None:
    """The header stands in the answer, in its body and as an error code."""

    def echo(asked: Asked) -> Reply:
        sent = asked.headers["authorization"]
        told = {"error": f"no: {sent}", "status": sent, "errors": [{"message": sent}]}
        return Reply(status, {"Content-Type": "application/json"}, json.dumps(told).encode())

    with scripted(echo) as careless, command_lines() as argv:
        urls = dict.fromkeys(
            ("FLY_API_BASE_URL", "FLY_FLAPS_BASE_URL"), f"http://{careless.address}"
        )
        tasks = (*TASKS[:4], ("rollback", "web"), ("apps",), ("keep", "--list"))
        # They wait most of the time, and change nothing.
        with ThreadPoolExecutor() as pool:
            ran = list(pool.map(lambda task: shop.invoke(*task, **urls), tasks))
        assert careless.asked

    assert planted.found_in(careless.asked[0].headers["authorization"])
    assert {one.code for one in ran} <= {1, 4}, [one.err for one in ran]
    assert_clean(planted, ran, argv, watched(tmp_path))


def test_when_flyctl_tells_its_token(shop: Shop, planted: Planted, tmp_path: Path) -> None:
    """Its last lines are in the report of a failure."""
    telling = '[ "$1" = version ] && exec echo "fly v0.4.87 linux/amd64 Commit: ad0172fac"\n'
    telling += 'echo "Error: $FLY_ACCESS_TOKEN, $FLY_API_TOKEN" >&2\nexit 1'
    script = program(tmp_path / "bin" / "flyctl", telling)
    path = f"{script.parent}{os.pathsep}{shop.fly.environ['PATH']}"
    with command_lines() as argv:
        ran = [shop.invoke("deploy-all", *more, PATH=path) for more in ((), ("--json",))]

    assert [one.code for one in ran] == [1, 1]
    assert "***" in ran[0].err
    assert_clean(planted, ran, argv, watched(tmp_path))
