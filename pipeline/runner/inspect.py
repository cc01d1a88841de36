"""Find out what exists: in the registry, in parallel rounds, and on the place to deploy to."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import PipelineError, Problem, UnknownError, raise_problems
from ..fingerprints.fingerprint import each_fingerprint
from ..model.apps import MissingAppsError
from ..model.copy_sources import copy_sources
from ..model.events import Notice, silent
from ..model.plan import to_ask, to_ask_for_fallbacks
from ..model.presence import Absent, Elsewhere, Incomplete, Present
from ..model.project import reference_of
from ..model.settings import repository_of
from ..model.state import State, alias_references, make_goal
from ..process.gc_pause import gc_paused
from ..process.git import revision_of
from .apps import configured_apps, open_driver
from .open_registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ..model.apps import App, Running
    from ..model.configuration import Configuration
    from ..model.events import Reporter
    from ..model.inputs import Inputs
    from ..model.presence import Availability, Presence
    from ..model.project import Project
    from ..model.state import Goal
    from ..reference import ImageName, Platform, Reference
    from ..registry.client import Registry
    from ..registry.heads import Heads
    from .apps import OpenDriver

_WHERE = "`[registry] host` in `pipeline.toml` says where images are pushed"


class _Query(Struct, frozen=True):
    """The registry, and what it is asked about. With `copies`, missing images are looked for.

    `heads` are the answers for the references of images, and for aliases.
    """

    project: Project
    inputs: Mapping[ImageName, Inputs]
    registry: Registry
    heads: Heads
    report: Reporter
    goal: Goal
    copies: bool

    def reference(self, name: ImageName) -> Reference:
        """Return the reference that the image's inputs give it."""
        return reference_of(self.project, name, self.inputs[name].fingerprint)


class _Answers(Struct, frozen=True):
    """What a registry has said so far; `unknown` are images that it did not answer for."""

    presence: dict[ImageName, Availability] = field(default_factory=dict)
    aliases: dict[Reference, Presence] = field(default_factory=dict)
    unknown: dict[ImageName, UnknownError] = field(default_factory=dict)


def inspect(  # noqa: PLR0913 - each a choice of the caller's, by keyword
    project: Project,
    *,
    only: Collection[str] | None = None,
    force: bool = False,
    deep: bool = False,
    copies: bool = True,
    apps: Collection[str] = (),
    redeploy: Collection[str] = (),
    report: Reporter = silent,
    registry: Registry | None = None,
    driver: OpenDriver | None = None,
    environ: Mapping[str, str] | None = None,
) -> State:
    """Fingerprint images and ask the registry for them, and the driver what apps run.

    The arguments are the goal of a run, which the returned `State` carries to `plan`: the images in
    `only` (default: all) are to exist, and `apps` to run them. Each image is asked for once, all in
    parallel; the bases of an image that exists are not. With `force`, the images in `only` are
    built even if they exist, and not asked for. `redeploy` are apps to deploy even if they are
    current. With `deep`, existing images are checked for their platforms and all their parts. With
    `copies`, missing images are looked for under other references (`model.copy_sources`); if one is
    found, what it takes to build it is asked too, in case the copy fails.

    Raises `UnknownError` if the registry refuses or does not answer: only its own answer makes an
    image absent. Raises `ConfigError` for an image that is deployed without a build and that does
    not exist.
    """
    names = None if only is None else project.named(only)
    goal = make_goal(names, force=force, apps=apps, redeploy=redeploy, deep=deep)
    environ = os.environ if environ is None else environ
    with _opened(project, environ, report, registry, driver) as (asked, opened):
        state = _ask_registry(project, goal, asked, report, copies=copies)
        if state.unknown:
            raise _together(state)
        return _ask_driver(state, opened, environ)


def look(  # noqa: PLR0913 - as for `inspect`
    project: Project,
    *,
    only: Collection[str] | None = None,
    force: bool = False,
    deep: bool = False,
    apps: Collection[str] = (),
    redeploy: Collection[str] = (),
    report: Reporter = silent,
    registry: Registry | None = None,
    driver: OpenDriver | None = None,
    environ: Mapping[str, str] | None = None,
) -> State:
    """Find out what can be found out, for a plan that is only shown; see `inspect`.

    Images and apps that nothing is known about are in the `unknown` and `unknown_apps` of the
    state, each with its error. Raises `ConfigError` as `inspect` does.
    """
    names = None if only is None else project.named(only)
    goal = make_goal(names, force=force, apps=apps, redeploy=redeploy, deep=deep)
    environ = os.environ if environ is None else environ
    with _opened(project, environ, report, registry, driver) as (asked, opened):
        state = _ask_registry(project, goal, asked, report, copies=True)
        return _ask_each(state, opened, environ) if apps else state


def _ask_each(state: State, driver: OpenDriver, environ: Mapping[str, str]) -> State:
    """Do as `_ask_driver`; an error for one app says nothing of the others.

    Raises `MissingAppsError` for apps that must be created first.
    """
    from .status import ask  # noqa: PLC0415 - only for a plan that is shown

    apps = configured_apps(state.project, state.goal.apps)
    found: Mapping[str, Running | PipelineError | None]
    try:
        found = ask(driver(), apps)
    except UnknownError as error:
        found = {app.name: error for app in apps}
    for answer in found.values():
        if isinstance(answer, MissingAppsError):
            raise answer
    return replace(
        state,
        running={a: one for a, one in found.items() if not isinstance(one, PipelineError)},
        unknown_apps={a: one for a, one in found.items() if isinstance(one, UnknownError)},
        revision=revision_of(state.project.root, environ),
        configurations=_configurations(apps),
    )


@contextmanager
def _opened(
    project: Project,
    environ: Mapping[str, str],
    report: Reporter,
    registry: Registry | None,
    driver: OpenDriver | None,
) -> Iterator[tuple[Registry, OpenDriver]]:
    """Yield registry and driver, opened if they are not given."""
    with ExitStack() as stack:
        if registry is None:
            registry = stack.enter_context(open_registry(project.settings, environ, report))
        if driver is None:
            driver = stack.enter_context(open_driver(project, environ))
        yield registry, driver


def _ask_registry(
    project: Project, goal: Goal, registry: Registry, report: Reporter, *, copies: bool
) -> State:
    """Fingerprint the images of the goal, and ask for them and for what they need."""
    started = time.monotonic()
    before = registry.requests
    inputs, heads = _fingerprint_and_ask(project, goal, registry)
    query = _Query(project, inputs, registry, heads, report, goal, copies)
    answers = _ask(query)
    fallback = _ask_for_fallbacks(query, answers.presence)
    reusable = _find_reusable(query, answers.presence)
    return State(
        project=project,
        inputs=inputs,
        presence=answers.presence,
        aliases=answers.aliases,
        requests=registry.requests - before,
        seconds=time.monotonic() - started,
        goal=goal,
        fallback=fallback,
        unknown=answers.unknown,
        reusable=reusable,
    )


def _ask_driver(state: State, driver: OpenDriver, environ: Mapping[str, str]) -> State:
    """Ask the driver what the apps of the goal run, and Git for the commit of the files."""
    started = time.monotonic()
    if not state.goal.apps:
        return state
    apps = configured_apps(state.project, state.goal.apps)
    return replace(
        state,
        running=driver().running(apps),
        revision=revision_of(state.project.root, environ),
        seconds=state.seconds + time.monotonic() - started,
        configurations=_configurations(apps),
    )


def _configurations(apps: Iterable[App]) -> dict[str, Configuration]:
    return {app.name: app.configuration for app in apps}


def verify_reference(
    registry: Registry, reference: Reference, platforms: tuple[Platform, ...] = ()
) -> Presence | Incomplete:
    """Ask whether `reference` exists for `platforms`, with all its parts. Raises `UnknownError`."""
    from ..registry.verify import Look, look_closer  # noqa: PLC0415 - only for `--verify deep`

    found = registry.head(reference)
    if not isinstance(found, Present):
        return found
    answer = look_closer(registry, [Look(reference, found, platforms)])[reference]
    if isinstance(answer, UnknownError):
        raise answer
    return answer


def _fingerprint_and_ask(
    project: Project, goal: Goal, registry: Registry
) -> tuple[dict[ImageName, Inputs], Heads]:
    """Fingerprint images, and begin to ask for each wanted one as soon as its tag is known.

    A registry takes as long to answer as it takes to read the files of the next images.
    """
    first = frozenset(to_ask(project, {}, goal.names(project), force=goal.force))
    _note_repositories(project, registry, first)
    heads = registry.heads()
    inputs: dict[ImageName, Inputs] = {}
    with gc_paused():
        for found in each_fingerprint(project, only=goal.images):
            inputs[found.name] = found
            if found.name in first:
                heads.add(reference_of(project, found.name, found.fingerprint))
    return inputs, heads


def _note_repositories(
    project: Project,
    registry: Registry,
    names: Collection[ImageName],
    aliases: Iterable[Reference] = (),
) -> None:
    """Tell the registry which repositories are read only, and which are pushed to."""
    public = [reference for name in names if (reference := project.image(name).public)]
    settings = project.settings.registry
    built = [repository_of(settings, n) for n in names if not project.image(n).public]
    registry.reads_public(reference.repository for reference in public)
    registry.pushes_to((*built, *(alias.repository for alias in aliases)))


def _ask(query: _Query) -> _Answers:
    """Ask for images, round after round, and in the first one for the aliases of wanted images."""
    project, goal = query.project, query.goal
    wanted = goal.names(project)
    known = _Answers()
    while names := _to_ask(query, known):
        references = {name: query.reference(name) for name in names}
        images = () if goal.force else map(project.image, wanted.intersection(names))
        aliases = {image.name: alias_references(project, image) for image in images}
        moving = [alias for some in aliases.values() for alias in some]
        _note_repositories(project, query.registry, names, moving)
        answers = query.heads.answers([*references.values(), *moving])
        errors = {r: a for r, a in answers.items() if isinstance(a, UnknownError)}
        for name, reference in references.items():
            places = (reference, *aliases.get(name, ()))
            if error := next((errors[place] for place in places if place in errors), None):
                known.unknown[name] = error
        given = {r: a for r, a in answers.items() if not isinstance(a, UnknownError)}
        known.aliases.update((alias, given[alias]) for alias in moving if alias in given)
        rest = {n: given[r] for n, r in references.items() if n not in known.unknown}
        found = _verify_and_find(query, rest)
        known.unknown.update((n, a) for n, a in found.items() if isinstance(a, UnknownError))
        known.presence.update((n, a) for n, a in found.items() if not isinstance(a, UnknownError))
    raise_problems([_no_such(project, name) for name in _missing_public(project, known.presence)])
    return known


def _to_ask(query: _Query, known: _Answers) -> list[ImageName]:
    wanted = query.goal.names(query.project)
    names = to_ask(query.project, known.presence, wanted, force=query.goal.force)
    return [name for name in names if name not in known.unknown]


def _ask_for_fallbacks(
    query: _Query, presence: Mapping[ImageName, Availability]
) -> dict[ImageName, Availability | UnknownError]:
    """Ask for what building the images would take that are to be copied; nothing without copies.

    An image that the registry does not answer for is an error only if the build is needed.
    """
    project, goal = query.project, query.goal
    wanted = goal.names(project)
    found: dict[ImageName, Availability | UnknownError] = {}
    while names := to_ask_for_fallbacks(project, presence, found, wanted, force=goal.force):
        references = {name: query.reference(name) for name in names}
        query.registry.pushes_to(reference.repository for reference in references.values())
        answers = query.registry.head_all(list(references.values()))
        found |= {name: answers[reference] for name, reference in references.items()}
    return found


def _find_reusable(
    query: _Query, presence: Mapping[ImageName, Availability]
) -> frozenset[ImageName]:
    """Return the missing images that may be reused; none is looked for without copies."""
    missing = any(isinstance(found, Absent) for found in presence.values())
    if not missing or not query.copies:
        return frozenset()
    from .reuse import find_reusable  # noqa: PLC0415 - most runs build nothing

    return find_reusable(
        query.project, query.goal, query.inputs, presence, query.registry, query.report
    )


def _missing_public(project: Project, found: Mapping[ImageName, Availability]) -> list[ImageName]:
    """Name the images that are deployed without a build and do not exist."""
    return [n for n, s in found.items() if project.image(n).public and isinstance(s, Absent)]


def _no_such(project: Project, name: ImageName) -> Problem:
    image = project.image(name)
    hint = "`invoke exists REFERENCE` asks for any other"
    return Problem(image.externals[0].location, f"there is no image `{image.public}`", hint)


def _verify_and_find(
    query: _Query, answers: Mapping[ImageName, Presence]
) -> dict[ImageName, Availability | UnknownError]:
    """Verify the images that exist, if that is asked for; look for copies of the others.

    Raises `ConfigError` for an incomplete image that is deployed without a build.
    """
    found: dict[ImageName, Availability | UnknownError] = {**answers}
    if query.goal.deep:
        found |= _verify(query, {n: a for n, a in answers.items() if isinstance(a, Present)})
    if query.copies:
        found |= _find_copies(query, [n for n, s in found.items() if isinstance(s, Absent)])
    return found


def _verify(
    query: _Query, present: Mapping[ImageName, Present]
) -> dict[ImageName, Availability | UnknownError]:
    from ..registry.verify import Look, look_closer  # noqa: PLC0415 - only for `--verify deep`

    looks = {
        name: Look(query.reference(name), answer, query.project.image(name).platforms)
        for name, answer in present.items()
    }
    answers = look_closer(query.registry, list(looks.values()))
    found: dict[ImageName, Availability | UnknownError] = {
        name: answers[look.reference] for name, look in looks.items()
    }
    raise_problems(list(_incomplete_public(query.project, found)))
    return found


def _incomplete_public(
    project: Project, found: Mapping[ImageName, Availability | UnknownError]
) -> Iterable[Problem]:
    """Return a problem for each incomplete image that is deployed without a build."""
    for name, answer in found.items():
        image = project.image(name)
        if image.public and isinstance(answer, Incomplete):
            hint = "`invoke exists REFERENCE --verify deep` looks at any other"
            yield Problem(image.externals[0].location, answer.reason, hint)


def _find_copies(query: _Query, names: Iterable[ImageName]) -> dict[ImageName, Availability]:
    """Look for absent images under other references; report those that could not be asked for."""
    sources = copy_sources(query.project, query.inputs, names)
    if not sources:
        return {}
    answers = query.registry.head_all([place for found in sources.values() for place in found])
    errors = {a.message: r for r, a in answers.items() if isinstance(a, UnknownError)}
    for message, reference in errors.items():
        text = f"`{reference}` could not be asked for, and is not copied: {message}"
        query.report(Notice(text))
    present = {r: a for r, a in answers.items() if isinstance(a, Present)}
    firsts = {n: next((r for r in found if r in present), None) for n, found in sources.items()}
    return {name: Elsewhere(r, present[r].digest) for name, r in firsts.items() if r}


def _together(state: State) -> UnknownError:
    """Return one error for all images that the registry did not answer for."""
    errors: dict[str, UnknownError] = {}
    for error in state.unknown.values():
        errors.setdefault(error.message, error)
    first, *more = errors.values()
    asked = len(state.presence) + len(state.unknown)
    hint = f"{first.hint}; {_WHERE}" if first.hint else _WHERE
    if asked == 1:
        return UnknownError(first.message, hint=hint)
    such = f" (and {len(more)} more such)" if more else ""
    message = f"{first.message}{such}; {len(state.presence)} of {asked} images could be looked up"
    return UnknownError(message, hint=hint)
