"""Decide what must be done, in which order, each action with its reason.

`plan` is pure: it compares the project's files with the `State` of the world and returns a `Plan`,
which `runner.run` carries out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from .. import graph
from ..errors import UnknownError
from .actions import Action, AppAction, DeployAction, Fallback, ImageAction
from .hold import held_apps, unneeded_images
from .plan_apps import plan_apps, replan_app
from .presence import Absent, Elsewhere, Incomplete, Present
from .stamp import Wanted, tag_of_inputs
from .state import alias_references, make_goal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ..errors import Problem
    from ..reference import Digest, ImageName, Reference
    from .image import Image
    from .inputs import Inputs
    from .presence import Availability, Presence
    from .project import Project
    from .stamp import Revision
    from .state import State


_EXISTS = "the registry has it"


class Plan(Struct, frozen=True):
    """Actions for images in build order (bases first), and for apps in order of `after`.

    `floating` says, for each image, what can change without its tag changing. `warnings` are about
    what the tags of these images and all their bases may hide, each once. `inputs` are what went
    into the fingerprints, of the images that only a fallback builds too: nothing else is built
    from. `requests` counts the requests to registries for this plan, in `seconds`. `revision` is
    the commit that is deployed, if one is known. `unlisted` are the images whose apps are not
    known, and why: only a command lists them (`model.apps.not_run`), or Fly does not answer. With
    `deep`, images that exist are checked for all their parts.
    """

    project: Project
    images: tuple[ImageAction, ...]
    deploys: tuple[AppAction, ...] = ()
    floating: Mapping[ImageName, tuple[str, ...]] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    warnings: tuple[Problem, ...] = ()
    inputs: Mapping[ImageName, Inputs] = field(default_factory=dict)
    revision: Revision | None = None
    unlisted: Mapping[ImageName, UnknownError] = field(default_factory=dict)
    deep: bool = False

    def __repr__(self) -> str:
        words = [*(a.action.value for a in self.images), *(a.action.value for a in self.deploys)]
        parts = [f"{word} {count}" for word, count in Counter(words).items()]
        return f"<Plan: {', '.join(parts) or 'nothing'}>"

    @property
    def backwards(self) -> bool:
        """Whether apps are deployed even if they run a newer commit."""
        return self.project.settings.deploy.backwards

    def wanted(self, name: ImageName) -> Wanted:
        """Return what the files want an app of an image to run; its configuration is left open."""
        action = next(action for action in self.images if action.name == name)
        return Wanted(tag_of_inputs(action.reference.tag), action.digest)

    @property
    def to_build(self) -> tuple[ImageAction, ...]:
        """The actions that build."""
        return tuple(a for a in self.images if a.action is Action.BUILD)

    @property
    def to_copy(self) -> tuple[ImageAction, ...]:
        """The actions that copy."""
        return tuple(a for a in self.images if a.action is Action.COPY)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        moves = any(action.move for action in self.images)
        deploys = any(action.action is DeployAction.DEPLOY for action in self.deploys)
        return not self.to_build and not self.to_copy and not moves and not deploys

    @property
    def unknown(self) -> tuple[UnknownError, ...]:
        """Why actions are unknown, in their order; a plan that has any cannot be run."""
        images = (action.error for action in self.images)
        apps = (action.error for action in self.deploys)
        return tuple(error for error in (*images, *apps) if error)

    @property
    def hints(self) -> tuple[str, ...]:
        """What to do about what is unknown, each once."""
        errors = (*self.unknown, *self.unlisted.values())
        return tuple(dict.fromkeys(error.hint for error in errors if error.hint))

    def without_copies(self, failed: Mapping[ImageName, Presence]) -> Plan:
        """Return the plan in which the fallbacks of copies take their place.

        `failed` has the images whose copy failed, and what the registry has of each by now: another
        run may have published it meanwhile, and then nothing is built.
        Raises `UnknownError` if it is not known what such a build needs.
        """
        actions = {action.name: action for action in self.images}
        for name, found in failed.items():
            if not (fallback := actions[name].fallback):
                continue
            if isinstance(found, Present):
                actions[name] = _as_existing(fallback.build, found.digest)
                continue
            if fallback.error:
                raise fallback.error
            actions |= {name: fallback.build}
            actions |= {more.name: more for more in fallback.more if more.name not in actions}
        images = tuple(actions[name] for name in self.project.names if name in actions)
        deploys = tuple(
            replan_app(a, actions[a.image]) if a.image in failed else a for a in self.deploys
        )
        return replace(self, images=images, deploys=deploys)


def plan(
    project: Project,
    state: State,
    *,
    only: Collection[str] | None = None,
    force: bool | None = None,
    apps: Collection[str] | None = None,
    redeploy: Collection[str] | None = None,
) -> Plan:
    """Decide what must be done to reach the goal of `state`. Nothing is asked, nothing is done.

    `inspect` has set the goal; an argument that is given here replaces its part of it. `only` are
    the images that must exist, with their missing bases, and `apps` the apps that must run them.
    With `force`, the images in `only` are built even if they exist; their bases are not. The apps
    in `redeploy` are deployed even if they are current.
    """
    names = None if only is None else project.named(only)
    goal = make_goal(names, force=force, apps=apps, redeploy=redeploy, given=state.goal)
    held = held_apps(project, state, goal.apps)
    wanted = goal.names(project)
    if goal.images is not None:
        wanted -= unneeded_images(project, state, held, goal.apps)
    building = to_build(project, state.presence, wanted, force=goal.force)
    chosen = wanted | _bases_of(project, building)
    images = tuple(
        _image_action(state, image, building, forced=goal.force and image.name in wanted)
        for image in project
        if image.name in chosen
    )
    images = tuple(_with_fallback(state, action, chosen) for action in images)
    redeployed = frozenset(goal.redeploy)
    deploys = plan_apps(state, images, goal.apps, held, redeployed)
    kept = {action.image for action in deploys if action.held}
    images = tuple(_without_aliases(a) if a.name in kept else a for a in images)
    more = (m for a in images if a.fallback for m in a.fallback.more)
    return Plan(
        project,
        images,
        deploys,
        {a.name: found for a in images if (found := state.inputs[a.name].floating)},
        state.requests,
        state.seconds,
        _warnings(project, state, chosen),
        {a.name: state.inputs[a.name] for a in (*images, *more)},
        state.revision,
        deep=goal.deep,
    )


def to_build(
    project: Project,
    presence: Mapping[ImageName, Availability],
    wanted: Collection[ImageName],
    *,
    force: bool,
) -> frozenset[ImageName]:
    """Name the images that must be built: absent, incomplete or forced, and wanted or a base."""
    needed, building = set(wanted), set()
    for image in reversed(project.images):
        if image.public:
            continue
        forced = force and image.name in wanted
        missing = isinstance(presence.get(image.name), Absent | Incomplete)
        if image.name in needed and (forced or missing):
            building.add(image.name)
            needed.update(image.base_names)
    return frozenset(building)


def to_ask(
    project: Project,
    presence: Mapping[ImageName, Availability],
    wanted: Collection[ImageName],
    *,
    force: bool,
) -> tuple[ImageName, ...]:
    """Name the images whose presence must still be asked for before a plan can be made.

    First come the wanted images, then the bases of those that are missing, until nothing is left:
    the bases of an image that exists are not asked for.
    """
    building = to_build(project, presence, wanted, force=force)
    forced = frozenset(n for n in wanted if force and not project.image(n).public)
    needed = (frozenset(wanted) - forced) | _bases_of(project, building)
    return tuple(n for n in project.names if n in needed - forced and n not in presence)


def to_ask_for_fallbacks(
    project: Project,
    presence: Mapping[ImageName, Availability],
    fallback: Mapping[ImageName, Availability | UnknownError],
    wanted: Collection[ImageName],
    *,
    force: bool,
) -> tuple[ImageName, ...]:
    """Name the images whose presence must be asked for in case that no copy succeeds.

    None is named where nothing is to be copied.
    """
    absent = {n: Absent() for n, s in presence.items() if isinstance(s, Elsewhere)}
    if not absent:
        return ()
    names = to_ask(project, {**presence, **_answered(fallback), **absent}, wanted, force=force)
    return tuple(name for name in names if name not in fallback)


def _warnings(project: Project, state: State, names: Collection[ImageName]) -> tuple[Problem, ...]:
    """Return the warnings about images and all their bases, each once."""
    below = graph.closure({image.name: image.base_names for image in project}, names)
    concerned = (name for name in project.names if name in below)
    found = (problem for name in concerned for problem in state.inputs[name].warnings)
    return tuple(dict.fromkeys(found))


def _bases_of(project: Project, names: Iterable[ImageName]) -> frozenset[ImageName]:
    return frozenset(base for name in names for base in project.image(name).base_names)


def _answered(
    found: Mapping[ImageName, Availability | UnknownError],
) -> dict[ImageName, Availability]:
    return {name: one for name, one in found.items() if not isinstance(one, UnknownError)}


def _image_action(
    state: State,
    image: Image,
    building: Collection[ImageName],
    *,
    forced: bool = False,
    found: Availability | None = None,
) -> ImageAction:
    name, reference = image.name, state.reference(image.name)
    fingerprint = state.inputs[name].fingerprint
    if error := state.unknown.get(name):
        return ImageAction(
            image, reference, fingerprint, Action.UNKNOWN, error.message, error=error
        )
    found = found or state.presence.get(name)
    if name in building:
        aliases = alias_references(state.project, image)
        anew = forced or isinstance(found, Incomplete)
        why = "forced" if forced else f"{_why_build(reference, found)}{_own_config(state, image)}"
        action = ImageAction(
            image, reference, fingerprint, Action.BUILD, why, None, aliases, forced=anew
        )
        return _reusable(action, building) if name in state.reusable and not anew else action
    digest = found.digest if isinstance(found, Present | Elsewhere) else None
    move = _aliases_to_move(state, image, digest)
    if isinstance(found, Elsewhere):
        why, source = f"`{found.source}` has the same fingerprint", found.source.at(found.digest)
        return ImageAction(
            image, reference, fingerprint, Action.COPY, why, digest, move, source=source
        )
    why = "it is deployed as it is" if image.public else _EXISTS
    return ImageAction(image, reference, fingerprint, Action.EXISTS, why, digest, move)


def _reusable(action: ImageAction, building: Collection[ImageName]) -> ImageAction:
    """Return a build that may turn out not to be needed."""
    bases = [name for name in action.image.base_names if name in building]
    from .past import may_be_reused  # noqa: PLC0415 - most runs build nothing

    reason = f"{action.reason}{may_be_reused(bases)}"
    return replace(action, reason=reason, reusable=True)


def _with_fallback(
    state: State, action: ImageAction, planned: Collection[ImageName]
) -> ImageAction:
    """Add to an action that copies what is done if the copy fails.

    The bases that are `planned` anyway are left to the plan.
    """
    if action.action is not Action.COPY:
        return action
    project = state.project
    presence: dict[ImageName, Availability] = {**state.presence, **_answered(state.fallback)}
    presence[action.name] = Absent()
    building = to_build(project, presence, {action.name}, force=False)
    needed = _bases_of(project, building) - set(planned)
    build = _image_action(state, action.image, building, found=Absent())
    if error := next((_not_known(state, n) for n in needed if n not in presence), None):
        return replace(action, fallback=Fallback(build, error=error))
    more = tuple(
        _image_action(state, image, building, found=presence.get(image.name))
        for image in project
        if image.name in needed
    )
    return replace(action, fallback=Fallback(build, more))


def _not_known(state: State, name: ImageName) -> UnknownError:
    found = state.fallback.get(name)
    if isinstance(found, UnknownError):
        return found
    return UnknownError(f"the registry was not asked for `{state.reference(name)}`")


def _as_existing(build: ImageAction, digest: Digest) -> ImageAction:
    return replace(build, action=Action.EXISTS, reason=_EXISTS, digest=digest)


def _without_aliases(action: ImageAction) -> ImageAction:
    fallback = action.fallback
    if fallback:
        fallback = replace(fallback, build=replace(fallback.build, move=()))
    return replace(action, move=(), fallback=fallback)


def _why_build(reference: Reference, found: Availability | None) -> str:
    return found.reason if isinstance(found, Incomplete) else f"the registry has no `{reference}`"


def _own_config(state: State, image: Image) -> str:
    """Say that an app's configuration changed if it is among the files of its own image."""
    files = {entry.path for entry in state.inputs[image.name].entries}
    for app in image.deploy.apps if image.deploy else ():
        running, config = state.running.get(app), _config_inside(image, app)
        if running and running.differs and config in files:
            return f": `{config}` changed, which is among its files"
    return ""


def _config_inside(image: Image, app: str) -> str:
    """Return the path of an app's configuration in the context; empty if it lies outside."""
    config = image.deploy.config_of(app) if image.deploy else None
    if config is None or not config.is_relative_to(image.context):
        return ""
    return str(config.relative_to(image.context))


def _aliases_to_move(state: State, image: Image, digest: Digest | None) -> tuple[Reference, ...]:
    asked = (r for r in alias_references(state.project, image) if r in state.aliases)
    return tuple(alias for alias in asked if not _points_to(state.aliases[alias], digest))


def _points_to(found: Presence, digest: Digest | None) -> bool:
    return isinstance(found, Present) and found.digest == digest
