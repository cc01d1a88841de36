"""Ask what exists: the registry, in one parallel round, and the place that apps run on."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from pipeline.core.events import silent
from pipeline.core.model import reference_of
from pipeline.core.plan import to_ask
from pipeline.core.presence import Absent
from pipeline.core.state import State, alias_references
from pipeline.errors import Problem, UnknownError, raise_problems
from pipeline.shell.apps import apps_of, driver_for
from pipeline.shell.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pipeline.core.apps import Running
    from pipeline.core.events import Reporter
    from pipeline.core.model import Image, Inputs, Project
    from pipeline.core.presence import Presence
    from pipeline.core.reference import ImageName, Reference
    from pipeline.edge.registry import Registry


def inspect(  # noqa: PLR0913 - each a choice of the caller's, by keyword
    project: Project,
    *,
    only: Collection[ImageName] | None = None,
    force: bool = False,
    apps: Collection[str] = (),
    report: Reporter = silent,
    registry: Registry | None = None,
    environ: Mapping[str, str] | None = None,
) -> State:
    """Fingerprint every image, ask for those in `only` (default: all) and for what `apps` run.

    One request per image, all in parallel; the bases of an image that exists are not asked for.
    With `force`, the images in `only` are taken as missing, if they are built at all. Raises
    `UnknownError` when the registry refuses or does not answer: nothing is ever taken as absent for
    want of an answer. Raises `ConfigError` for an image that nobody builds and that is nowhere.
    """
    started = time.monotonic()
    environ = os.environ if environ is None else environ
    inputs = fingerprint(project)
    opened = nullcontext(registry) if registry else open_registry(project, environ, report)
    with opened as r:
        wanted = frozenset(project.names if only is None else only)
        presence, aliases = _ask(project, inputs, r, wanted, force=force)
        requests = r.requests
    running = _running(project, apps, environ)
    seconds = time.monotonic() - started
    return State(project, inputs, presence, aliases, running, requests, seconds)


@contextmanager
def open_registry(
    project: Project, environ: Mapping[str, str], report: Reporter = silent
) -> Iterator[Registry]:
    """The registry client of a project, with the credentials of this environment."""
    from pipeline.edge.registry import (  # noqa: PLC0415 - httpx costs 60 ms
        Registry,
        credentials,
        namespaces,
    )

    settings = project.settings.registry
    insecure = frozenset({settings.host}) if settings.insecure else frozenset()
    opened = Registry(
        credentials=credentials(environ),
        namespaces=namespaces(environ),
        insecure=insecure,
        report=report,
    )
    with opened as registry:
        yield registry


def _ask(
    project: Project,
    inputs: Mapping[ImageName, Inputs],
    registry: Registry,
    wanted: frozenset[ImageName],
    *,
    force: bool,
) -> tuple[dict[ImageName, Presence], dict[Reference, Presence]]:
    presence: dict[ImageName, Presence] = {}
    aliases = [a for n in wanted if not force for a in alias_references(project, project.image(n))]
    moving: dict[Reference, Presence] = {}
    while names := to_ask(project, presence, wanted, force=force):
        where = {n: reference_of(project, n, inputs[n].fingerprint) for n in names}
        answers = _answers(registry, [*where.values(), *(a for a in aliases if a not in moving)])
        presence |= {name: answers[reference] for name, reference in where.items()}
        moving |= {alias: answers[alias] for alias in aliases if alias in answers}
    raise_problems([_no_such(project.image(name)) for name in _lost(project, presence)])
    return presence, moving


def _lost(project: Project, presence: Mapping[ImageName, Presence]) -> list[ImageName]:
    """The images that nobody builds, and that do not exist."""
    return [n for n, p in presence.items() if project.image(n).public and isinstance(p, Absent)]


def _no_such(image: Image) -> Problem:
    hint = "`invoke exists REFERENCE` asks for any other"
    return Problem(image.externals[0].location, f"there is no image `{image.public}`", hint)


def _answers(registry: Registry, references: list[Reference]) -> dict[Reference, Presence]:
    found: dict[Reference, Presence] = {}
    errors: dict[str, UnknownError] = {}
    for reference, answer in registry.head_all(references).items():
        if isinstance(answer, UnknownError):
            errors.setdefault(answer.message, answer)
        else:
            found[reference] = answer
    if errors:
        raise _together(list(errors.values()), asked=len(references), answered=len(found))
    return found


def _together(errors: list[UnknownError], *, asked: int, answered: int) -> UnknownError:
    first = errors[0]
    if asked == 1:
        return first
    more = f" (and {len(errors) - 1} more such)" if len(errors) > 1 else ""
    message = f"{first.message}{more}; {answered} of {asked} images could be looked up"
    return UnknownError(message, hint=first.hint)


def _running(
    project: Project, apps: Collection[str], environ: Mapping[str, str]
) -> Mapping[str, Running | None]:
    if not apps:
        return {}
    chosen = frozenset(apps)
    with driver_for(project, environ) as driver:
        return driver.running([app for app in apps_of(project) if app.name in chosen])
