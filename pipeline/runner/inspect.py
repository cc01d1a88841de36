"""Ask what exists: the registry, in one parallel round, and the place that apps run on."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..errors import Problem, raise_problems
from ..fingerprints.fingerprint import fingerprint
from ..model.events import silent
from ..model.plan import to_ask
from ..model.presence import Absent
from ..model.project import reference_of
from ..model.state import State, alias_references
from ..process.git import revision_of
from .apps import driver_for, wanted_apps
from .open_registry import open_registry
from .verify import Asking, certain, look_further

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.apps import Running
    from ..model.events import Reporter
    from ..model.presence import Presence, Standing
    from ..model.project import Project
    from ..reference import ImageName, Reference
    from ..registry.client import Registry


def inspect(  # noqa: PLR0913 - each a choice of the caller's, by keyword
    project: Project,
    *,
    only: Collection[ImageName] | None = None,
    force: bool = False,
    deep: bool = False,
    copies: bool = True,
    apps: Collection[str] = (),
    report: Reporter = silent,
    registry: Registry | None = None,
    environ: Mapping[str, str] | None = None,
) -> State:
    """Fingerprint the images in `only` (default: all), ask for them and for what `apps` run.

    One request per image, all in parallel; the bases of an image that exists are not asked for.
    With `force`, the images in `only` are taken as missing, if they are built at all. With `deep`,
    what exists is looked at more closely: whether its platforms and all its parts are there. With
    `copies`, what is missing is looked for elsewhere (`model.candidates`).

    Raises `UnknownError` when the registry refuses or does not answer: nothing is ever taken as
    absent for want of an answer. Raises `ConfigError` for an image that nobody builds and that is
    nowhere.
    """
    started = time.monotonic()
    environ = os.environ if environ is None else environ
    inputs = fingerprint(project, only=only)
    opened = nullcontext(registry) if registry else open_registry(project.settings, environ, report)
    with opened as r:
        wanted = frozenset(project.names if only is None else only)
        before = r.requests
        asking = Asking(project, inputs, r, report, deep=deep, copies=copies)
        presence, aliases = _ask(asking, wanted, force=force)
        requests = r.requests - before
    running = _running(project, apps, environ)
    revision = revision_of(project.root, environ) if apps else None
    seconds = time.monotonic() - started
    return State(project, inputs, presence, aliases, running, requests, seconds, revision)


def _ask(
    asking: Asking, wanted: frozenset[ImageName], *, force: bool
) -> tuple[dict[ImageName, Standing], dict[Reference, Presence]]:
    project = asking.project
    standing: dict[ImageName, Standing] = {}
    aliases = [a for n in wanted if not force for a in alias_references(project, project.image(n))]
    moving: dict[Reference, Presence] = {}
    while names := to_ask(project, standing, wanted, force=force):
        where = {n: reference_of(project, n, asking.inputs[n].fingerprint) for n in names}
        built = [r for n, r in where.items() if not project.image(n).public]
        public = [r for n, r in where.items() if project.image(n).public]
        asking.registry.reads_public(reference.repository for reference in public)
        unasked = [a for a in aliases if a not in moving]
        asking.registry.pushes_to(r.repository for r in (*built, *unasked))
        answers = _answers(asking.registry, [*where.values(), *unasked])
        moving |= {alias: answers[alias] for alias in unasked}
        standing |= look_further(asking, {n: answers[r] for n, r in where.items()})
    raise_problems([_no_such(project, name) for name in _lost(project, standing)])
    return standing, moving


def _lost(project: Project, standing: Mapping[ImageName, Standing]) -> list[ImageName]:
    """The images that nobody builds, and that do not exist."""
    return [n for n, s in standing.items() if project.image(n).public and isinstance(s, Absent)]


def _no_such(project: Project, name: ImageName) -> Problem:
    image = project.image(name)
    hint = "`invoke exists REFERENCE` asks for any other"
    return Problem(image.externals[0].location, f"there is no image `{image.public}`", hint)


def _answers(registry: Registry, references: list[Reference]) -> dict[Reference, Presence]:
    return certain(registry.head_all(references))


def _running(
    project: Project, apps: Collection[str], environ: Mapping[str, str]
) -> Mapping[str, Running | None]:
    if not apps:
        return {}
    with driver_for(project, environ) as driver:
        return driver.running(wanted_apps(project, apps))
