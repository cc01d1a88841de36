"""Scenarios with a thousand apps: a project, runs of Invoke, and the resulting state of Fly.

Fly's rate limits apply: one request a second for each action on each app, with a burst of three.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.fly.flyctl.real import real_flyctl
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from tests.support.fly_project import FlyProject
    from tests.support.project import Ran

WAVES = 'waves = [1, "10%", "100%"]\nmax_parallel = {parallel}\n'
PARALLEL = 16


def names(count: int) -> list[str]:
    """Return the names of the apps."""
    return [f"tenant-{number:04}" for number in range(count)]


def deploy_in_waves(fly_project: FlyProject, count: int) -> dict[str, float]:
    """Deploy all apps, the first one before the rest; a plan costs a request for each."""
    prepare(fly_project, count)
    fly_project.fly.world.requests.clear()
    started = time.monotonic()
    plan = fly_project.invoke("plan", "--json")
    planned = time.monotonic() - started
    assert plan.code == 0, plan.err
    assert len(plan.json["deploys"]) == count
    assert Counter(statuses_asked(fly_project)).most_common(1)[0][1] == 1
    assert len(statuses_asked(fly_project)) == count
    assert not fly_project.fly.limits.refused

    started = time.monotonic()
    ran = fly_project.invoke("deploy-all", "--json")
    deployed = time.monotonic() - started
    assert ran.code == 0, ran.err[-2000:]
    assert statuses(ran) == {"deployed": count}
    assert running_digests(fly_project, count) == {digest_of(ran)}
    # A real flyctl does not keep to the rate limits, and is run again where they refused it.
    runs = [one.argv[2] for one in fly_project.fly.requests_to("flyctl") if one.method == "deploy"]
    order = list(dict.fromkeys(runs))
    tenth = -(-count // 10)
    assert order[0] == names(count)[0]
    assert set(order[:tenth]) == set(names(count)[:tenth])
    if not real_flyctl():
        assert not fly_project.fly.limits.refused
        assert order == runs
    return {"plan, s": planned, "deploy, s": deployed}


def kill_and_resume(fly_project: FlyProject, count: int) -> dict[str, float]:
    """Send SIGKILL half-way; deployed apps are current in the next run, which does the rest."""
    change(fly_project, "2")
    before = fly_project.deploys()
    with fly_project.start("deploy-all", "--json") as process:
        wait_until(lambda: fly_project.deploys() - before >= count // 2, seconds=600)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    killed_at = fly_project.deploys() - before
    ran = fly_project.invoke("deploy-all", "--json")
    assert ran.code == 0, ran.err[-2000:]
    assert running_digests(fly_project, count) == {digest_of(ran)}
    found = statuses(ran)
    # Apps in progress during the kill may count as either.
    assert found["current"] >= killed_at - PARALLEL
    assert found["current"] + found["deployed"] == count
    return {"deployed before the kill": killed_at, "current in the next run": found["current"]}


def fail_in_the_first_wave(fly_project: FlyProject, count: int) -> dict[str, float]:
    """Fail in the first wave, which stops the rest; all are rolled back."""
    before = running_digests(fly_project, count)
    change(fly_project, "3")
    fly_project.fly.make_unhealthy(app=names(count)[0], image=newest_digest(fly_project))
    ran = fly_project.invoke("deploy-all", "--rollback", "--json")
    fly_project.fly.heal()
    assert ran.code == 1, ran.err[-2000:]
    found = statuses(ran)
    assert found == {"rolled-back": 1, "blocked": count - 1}
    assert running_digests(fly_project, count) == before
    return {"blocked": found["blocked"]}


def prepare(fly_project: FlyProject, count: int) -> None:
    """Create the apps, and an image for them with waves."""
    fly_project.write_settings(f"[deploy]\n{WAVES.format(parallel=PARALLEL)}")
    fly_project.fly.create_app("acme-site")
    for name in names(count):
        fly_project.fly.create_app(name)
    fly_project.app_for_many("site", names(count))
    fly_project.fly.knobs.rate_limits = True


def change(fly_project: FlyProject, answer: str) -> None:
    """Build and push another image."""
    fly_project.project.write("images/site/answer", answer)
    built = fly_project.invoke("build-all", "--json")
    assert built.code == 0, built.err


def newest_digest(fly_project: FlyProject) -> str:
    """Return the digest of the current image."""
    ran = fly_project.invoke("build-all", "--json")
    return digest_of(ran)


def digest_of(ran: Ran) -> str:
    """Return the digest of the only image."""
    return str(ran.json["images"][0]["digest"])


def statuses(ran: Ran) -> Counter[str]:
    """Count the apps by status."""
    return Counter(deploy["status"] for deploy in ran.json["deploys"])


def running_digests(fly_project: FlyProject, count: int) -> set[str]:
    """Return what all machines of all apps run."""
    return {digest for name in names(count) for digest in fly_project.digests(name)}


def statuses_asked(fly_project: FlyProject) -> list[str]:
    """Return the queries of what apps run."""
    return [one.path for one in fly_project.fly.requests_to("machines", "/machines")]
