"""One round: kill a build at some moment, run the next one, and check both."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.faults.truth import Truth
from tests.kills.engine import without_engine
from tests.kills.traces import leftovers
from tests.support.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

    from sandbox.engine import Engine

IMAGES = ("os", "lang", "api", "web")
BOUND = 150.0
"""Seconds after which a run counts as hanging."""

TOKEN = "fm2_a-secret-that-no-kill-may-leave"
_WORDS = {"testing": "testing", "pushing": "pushing", "built": "publishing", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class CampaignRegistry:
    """The registry of a campaign, the environment of its clients, and the engine.

    If `own` is an engine, it is killed instead of the builds.
    """

    registry: str
    ca: Path
    trust: Mapping[str, str]
    engine: DockerClient
    own: Engine | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """A finished round: killed after `seconds`, in which stage, and what was `wrong`."""

    seed: int
    seconds: float
    whom: str
    stage: str
    tags: int
    wrong: tuple[str, ...]


def duration(place: CampaignRegistry) -> float:
    """Return how long an undisturbed build takes."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        project = _project(Path(folder), place, "calibration")
        began = time.monotonic()
        ran = project.invoke("build-all", "--json")
        assert ran.code == 0, ran.err
        return time.monotonic() - began


def run_round(seed: int, place: CampaignRegistry, span: float) -> Round:
    """Kill a build at a moment within `span` seconds; repeat with a new build if it was faster."""
    chance = Random(seed)  # noqa: S311 - it is to come again
    group = chance.random() < 0.5
    whom = "engine" if place.own else "group" if group else "process"
    for attempt in range(20):
        moment = chance.random() * span
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            project = _project(Path(folder), place, f"k{seed}-{attempt}")
            if place.own:
                said, wrong = without_engine(project, place.own, moment)
            else:
                said, wrong = _killed(project, moment, whole_group=group), []
            if said is not None:
                tags, more = _judged(project, place, f"k{seed}-{attempt}")
                return Round(seed, moment, whom, _stage(said), tags, (*wrong, *more))
    message = f"seed {seed}: every build of 20 was over before it could be killed"
    raise AssertionError(message)


def _project(folder: Path, place: CampaignRegistry, prefix: str) -> Project:
    """Make a base, a tested image on it, and two apps on that, none of them ever built."""
    root, private, home = (folder / name for name in ("project", "private", "home"))
    for path in (root, private, home):
        path.mkdir()
    environ = {
        **({"DOCKER_HOST": place.own.host} if place.own else {}),
        **place.trust,
        "FLY_REGISTRY_HOST": place.registry,
        "FLY_API_TOKEN": TOKEN,
        "TMPDIR": str(private),
        "XDG_RUNTIME_DIR": "",
        "HOME": str(home),
    }
    made = Project(root, root / "none.log", environ)
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", f'[registry]\nrepository = "{prefix}/{{name}}"\n')
    nonce = os.urandom(8).hex()
    big = "RUN head -c 400000 /dev/urandom > /big"
    made.image("os", f"FROM debian:bookworm-slim\nRUN echo {nonce} > /nonce\n{big}\n")
    made.image("lang", "FROM os\nRUN cp /nonce /lang\n")
    made.write("images/lang/image.toml", '[test]\ncommand = ["sh", "-c", "sleep 0.5; cat /lang"]\n')
    for name in ("api", "web"):
        made.image(name, f"FROM lang\n{big}-{name}\n")
    return made


def _killed(project: Project, moment: float, *, whole_group: bool) -> str | None:
    """Return the output of a build until it was killed; None if it was faster."""
    with project.start("build-all") as build:
        time.sleep(moment)
        was_over = build.poll() is not None
        with suppress(ProcessLookupError):
            (os.killpg if whole_group else os.kill)(build.pid, signal.SIGKILL)
        _, said = build.communicate(timeout=BOUND)
        return None if was_over or build.returncode != -signal.SIGKILL else said


def _judged(project: Project, place: CampaignRegistry, prefix: str) -> tuple[int, list[str]]:
    """Return the number of tags after the kill, and what is wrong then and after the rerun."""
    truth = Truth(place.registry, place.ca, "x", TOKEN)
    tags = sum(len(truth.tags(f"{prefix}/{name}")) for name in IMAGES)
    wrong = [f"after the kill: {what}" for what in _missing_parts(truth, prefix)]
    ran = project.invoke("build-all", "--json")
    if ran.code:
        wrong.append(f"the next run ended with {ran.code}: {ran.err[-2000:]}")
    else:
        wrong += _false_reports(truth, ran.json["images"])
    wrong += [f"after the next run: {what}" for what in _missing_parts(truth, prefix)]
    folder = project.root.parent
    wrong += leftovers(folder, TOKEN, place.engine, f"{place.registry}/{prefix}/")
    return tags, wrong


def _missing_parts(truth: Truth, prefix: str) -> Iterator[str]:
    for name in IMAGES:
        repository = f"{prefix}/{name}"
        for tag in truth.tags(repository):
            if lost := truth.lacks(repository, tag):
                yield f"{repository}:{tag} lacks {', '.join(lost)}"


def _false_reports(truth: Truth, images: list[Mapping[str, str]]) -> Iterator[str]:
    """Yield what the report of the next run says wrongly of its images."""
    if {image["name"] for image in images} != set(IMAGES):
        yield f"the next run reported only {[image['name'] for image in images]}"
    for image in images:
        name, _, tag = image["reference"].partition("/")[2].rpartition(":")
        if image["status"] not in ("built", "exists"):
            yield f"{name} is {image['status']}"
        if truth.digest(name, tag) != image["digest"]:
            yield f"{name}:{tag} is not {image['digest']}"


def _stage(said: str) -> str:
    """Return the stage of the build, by its last line about an image."""
    lines = [line.partition(" | ")[2] for line in said.splitlines() if " | " in line]
    if not lines:
        return "building" if "to build" in said else "looking"
    return _WORDS.get(lines[-1].split()[0].rstrip(":") if lines[-1].split() else "", "building")
