"""What a thousand apps must show: each scene is a project, runs of Invoke, and what Fly then has.

Fly's rate limits are on throughout: one request a second for each action on each app, three at
once.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.processes import patiently

if TYPE_CHECKING:
    from tests.support.fly_shop import Shop
    from tests.support.project import Ran

WAVES = 'waves = [1, "10%", "100%"]\nmax_parallel = {parallel}\n'
PARALLEL = 16


def names(count: int) -> list[str]:
    """The apps' names."""
    return [f"tenant-{number:04}" for number in range(count)]


def in_waves(shop: Shop, count: int) -> dict[str, float]:
    """All are deployed, the first one alone before the rest; a plan costs a request for each."""
    prepare(shop, count)
    shop.fly.world.requests.clear()
    started = time.monotonic()
    plan = shop.invoke("plan", "--json")
    planned = time.monotonic() - started
    assert plan.code == 0, plan.err
    assert len(plan.json["deploys"]) == count
    assert Counter(statuses_asked(shop)).most_common(1)[0][1] == 1
    assert len(statuses_asked(shop)) == count
    assert not shop.fly.limits.refused

    started = time.monotonic()
    ran = shop.invoke("deploy-all", "--json")
    deployed = time.monotonic() - started
    assert ran.code == 0, ran.err[-2000:]
    assert ends(ran) == {"deployed": count}
    assert all_run(shop, count) == {digest_of(ran)}
    order = [one.argv[2] for one in shop.fly.asked("flyctl") if one.method == "deploy"]
    tenth = -(-count // 10)
    assert order[0] == names(count)[0]
    assert set(order[:tenth]) == set(names(count)[:tenth])
    assert not shop.fly.limits.refused
    return {"plan, s": planned, "deploy, s": deployed}


def cut_off_and_finished(shop: Shop, count: int) -> dict[str, float]:
    """SIGKILL half-way; what was deployed is current in the next run, which does the rest."""
    change(shop, "2")
    before = shop.deploys()
    with shop.start("deploy-all", "--json") as process:
        patiently(lambda: shop.deploys() - before >= count // 2, seconds=600)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    killed_at = shop.deploys() - before
    ran = shop.invoke("deploy-all", "--json")
    assert ran.code == 0, ran.err[-2000:]
    assert all_run(shop, count) == {digest_of(ran)}
    found = ends(ran)
    # What was under way when it was killed may count as either.
    assert found["current"] >= killed_at - PARALLEL
    assert found["current"] + found["deployed"] == count
    return {"deployed before the kill": killed_at, "current in the next run": found["current"]}


def one_sick_app(shop: Shop, count: int) -> dict[str, float]:
    """The first wave stops the rest, and all run what they ran before, image and configuration."""
    before = all_run(shop, count)
    change(shop, "3")
    shop.fly.sick(app=names(count)[0], image=newest(shop))
    ran = shop.invoke("deploy-all", "--rollback", "--json")
    shop.fly.heal()
    assert ran.code == 1, ran.err[-2000:]
    found = ends(ran)
    assert found == {"rolled-back": 1, "blocked": count - 1}
    assert all_run(shop, count) == before
    return {"blocked": found["blocked"]}


def prepare(shop: Shop, count: int) -> None:
    """The apps at Fly, an image for them that is pushed, waves."""
    shop.settings(f"[deploy]\n{WAVES.format(parallel=PARALLEL)}")
    shop.fly.create_app("acme-site")
    for name in names(count):
        shop.fly.create_app(name)
    shop.many("site", names(count))
    shop.fly.knobs.rate_limits = True


def change(shop: Shop, answer: str) -> None:
    """Another image, which is built and pushed."""
    shop.project.write("images/site/answer", answer)
    built = shop.invoke("build-all", "--json")
    assert built.code == 0, built.err


def newest(shop: Shop) -> str:
    """The digest of the image as it is now."""
    ran = shop.invoke("build-all", "--json")
    return digest_of(ran)


def digest_of(ran: Ran) -> str:
    """The digest of the one image."""
    return str(ran.json["images"][0]["digest"])


def ends(ran: Ran) -> Counter[str]:
    """How many apps ended how."""
    return Counter(deploy["status"] for deploy in ran.json["deploys"])


def all_run(shop: Shop, count: int) -> set[str]:
    """What all machines of all apps run."""
    return {digest for name in names(count) for digest in shop.digests(name)}


def statuses_asked(shop: Shop) -> list[str]:
    """The questions of what runs."""
    return [one.path for one in shop.fly.asked("machines", "/machines")]
