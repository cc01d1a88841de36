"""Add to a plan why its images are built: the first cause of each, where it is cheaply known.

That takes one request for each image that is built, and none if nothing is. The image is compared
with the one that its apps run, if that has a small record; else with that of the commit before, if
the registry has it. What only more work could find out is left to `why`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import ConfigError, UnknownError
from ..model.actions import Action
from ..model.presence import Present
from ..model.project import reference_of
from ..model.record import are_recorded
from ..model.settings import repository_of
from ..model.stamp import tag_of_inputs
from ..model.why import Recorded, Side, first_cause
from ..process.git_tree import Checkout, commit_of, index_size, open_repository
from ..reference import ImageName, Reference, ReferenceSyntaxError, parse_tag
from ..registry.auth.fly_login import fly_registry
from .earlier import Loader
from .open_registry import open_registry
from .record import read_small_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..model.plan import Plan
    from ..registry.client import Registry

    WasBuilt = Callable[[Mapping[ImageName, Reference]], frozenset[ImageName]]

MOST_INDEX = 2_000_000
"""Bytes of Git's index, some 20,000 files: to write those of a commit takes about a second."""
_BEFORE = ("HEAD", "HEAD~1")


def with_causes(plan: Plan, args: Mapping[str, str], environ: Mapping[str, str]) -> Plan:
    """Return the plan with the first causes that could be found, in front of its reasons.

    What fails on the way leaves the reasons as they are.
    """
    absent = [a.name for a in plan.images if a.action is Action.BUILD and not a.forced]
    if not absent:
        return plan
    now = Side(plan.project, plan.inputs)
    with open_registry(plan.project.settings, environ) as registry:
        registry.pushes_to(action.reference.repository for action in plan.images)
        running = {name: at for name in absent if (at := _running(plan, name))}
        recorded = are_recorded(plan.project.settings.registry, fly_registry(environ))
        found = dict(_by_records(now, running, registry)) if recorded else {}
        left = [name for name in absent if name not in found]
        asked = frozenset(running) if recorded else frozenset[ImageName]()
        with suppress(ConfigError, UnknownError):  # No Git, or mistakes: `why` says which.
            found |= _by_git(now, left, partial(_built, registry, running, asked), args, environ)
    images = tuple(
        replace(action, reason=f"{cause}; {action.reason}")
        if (cause := found.get(action.name))
        else action
        for action in plan.images
    )
    return replace(plan, images=images)


def _by_records(
    now: Side, running: Mapping[ImageName, Reference], registry: Registry
) -> Iterator[tuple[ImageName, str]]:
    """Yield the causes that the records of running images tell."""
    records = read_small_records(registry, running.values())
    for name, at in running.items():
        record = records[at]
        if record is None or isinstance(record, UnknownError) or record.name != name:
            continue
        if cause := first_cause(Recorded({name: record.facts}), now, name):
            yield name, cause


def _running(plan: Plan, name: ImageName) -> Reference | None:
    """Return the image that an app runs, if it says which tag it was deployed by."""
    stamps = (step.now.stamp for step in plan.deploys if step.image == name and step.now)
    tag = next((tag for stamp in stamps if stamp and (tag := tag_of_inputs(stamp.tag))), "")
    try:
        repository = repository_of(plan.project.settings.registry, name)
        return Reference(repository, parse_tag(tag)) if tag else None
    except ReferenceSyntaxError:
        return None


def _by_git(
    now: Side,
    names: list[ImageName],
    was_built: WasBuilt,
    args: Mapping[str, str],
    environ: Mapping[str, str],
) -> dict[ImageName, str]:
    """Return the causes by the newest of two commits that has other inputs, if it was built."""
    found: dict[ImageName, str] = {}
    if not names:
        return found
    repository = open_repository(now.project.root, os.environ)
    if index_size(repository) > MOST_INDEX:
        return found
    left = names
    with TemporaryDirectory(prefix="plan-") as folder:
        loader = Loader(Checkout(repository, Path(folder)), now.project, args, environ)
        for revision in _BEFORE:
            commit = commit_of(repository, revision) if left else None
            if not commit:
                break
            before = loader.load(commit, left)
            differing = [name for name in left if _differs(before, now, name)]
            built = was_built(_references(before, differing))
            found |= {name: first_cause(before, now, name) for name in differing if name in built}
            left = [name for name in left if name not in differing and before.has(name)]
    return found


def _differs(before: Side, now: Side, name: ImageName) -> bool:
    same = before.has(name) and before.inputs[name].fingerprint == now.inputs[name].fingerprint
    return before.has(name) and not same


def _references(side: Side, names: list[ImageName]) -> dict[ImageName, Reference]:
    return {n: reference_of(side.project, n, side.inputs[n].fingerprint) for n in names}


def _built(
    registry: Registry,
    running: Mapping[ImageName, Reference],
    asked: frozenset[ImageName],
    wanted: Mapping[ImageName, Reference],
) -> frozenset[ImageName]:
    """Return the images that an app runs or, if nothing was `asked` for them, the registry has."""
    runs = {name for name, at in wanted.items() if running.get(name) == at}
    rest = {name: at for name, at in wanted.items() if name not in runs | asked}
    answers = registry.head_all(list(rest.values()))
    return frozenset({*runs, *(n for n, at in rest.items() if isinstance(answers[at], Present))})
