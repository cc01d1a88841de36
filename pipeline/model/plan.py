"""The plan: what is to be done, in order, each action with its reason.

`plan` is pure: it looks at a project and at what exists, and answers with a value. `run` does it.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from .. import graph
from .configuration import why_differs
from .hold import held_apps, needless
from .presence import Absent, Elsewhere, Hollow, Present
from .state import alias_references
from .waves import split

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ..errors import Problem
    from ..reference import Digest, ImageName, Reference
    from .apps import Running
    from .hold import Held
    from .image import Image, Kind
    from .inputs import Fingerprint, Inputs
    from .presence import Presence, Standing
    from .project import Project
    from .stamp import Revision
    from .state import State
    from .waves import Wave


_BUILT_ANEW = "its image is built anew"


class Action(StrEnum):
    """What is to be done about an image."""

    BUILD = "build"
    COPY = "copy"
    EXISTS = "exists"


class DeployAction(StrEnum):
    """What is to be done about an app."""

    DEPLOY = "deploy"
    CURRENT = "current"
    HELD = "held"


class ImageAction(Struct, frozen=True):
    """An image, and whether it is built. `digest` is known for what exists, and what is copied.

    One that is deployed as it is (`Image.public`) always exists, under its own `reference`; its
    `fingerprint` is in no tag, and a tag that moves to another digest means a deploy.

    `move` are the aliases that do not stand on this image yet. What is `forced` is built though
    the registry may have it, so that finding it there says nothing of this build; so is what is
    hollow. `source` is where an image that is copied stands.
    """

    image: Image
    reference: Reference
    fingerprint: Fingerprint
    action: Action
    reason: str
    digest: Digest | None = None
    move: tuple[Reference, ...] = ()
    forced: bool = False
    source: Reference | None = None

    @property
    def name(self) -> ImageName:
        """The image's name."""
        return self.image.name

    @property
    def kind(self) -> Kind:
        """Whether it is a base or an app image."""
        return self.image.kind


class DeployStep(Struct, frozen=True):
    """An app, what it runs `now`, and whether it is deployed; in the order of the work.

    `held` says why one is left that would be deployed otherwise.
    """

    app: str
    image: ImageName
    action: DeployAction
    reason: str
    now: Running | None = None
    held: Held | None = None


class Plan(Struct, frozen=True):
    """Actions in build order (bases first) and deploys in order of `after`.

    `floating` says, for each image, what can change without its tag changing. `warnings` are what
    the tags of these images and of all that they stand on may hide, each once. `inputs` are what
    went into the fingerprints: nothing else is built from. `requests` counts what the registry was
    asked to make this plan, in `seconds`. `revision` is the commit that is deployed, where one is
    known. `unasked` are the images whose apps nobody knows (`model.apps.NOT_RUN`).
    """

    project: Project
    images: tuple[ImageAction, ...]
    deploys: tuple[DeployStep, ...] = ()
    floating: Mapping[ImageName, tuple[str, ...]] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    warnings: tuple[Problem, ...] = ()
    inputs: Mapping[ImageName, Inputs] = field(default_factory=dict)
    revision: Revision | None = None
    unasked: tuple[ImageName, ...] = ()

    @property
    def backwards(self) -> bool:
        """Whether apps are deployed also over what is of a newer commit."""
        return self.project.settings.deploy.backwards

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
        deploys = any(step.action is DeployAction.DEPLOY for step in self.deploys)
        return not self.to_build and not self.to_copy and not moves and not deploys

    def instead(self, other: Plan) -> Plan:
        """The plan, with what `other` says of its images that were to be copied.

        Images that only `other` knows, as bases that are now needed, are added in build order.
        """
        ours = {a.name: a for a in self.images}
        copied = {a.name for a in self.to_copy}
        theirs = {a.name: a for a in other.images if a.name not in ours or a.name in copied}
        actions = ours | theirs
        images = tuple(actions[name] for name in self.project.names if name in actions)
        built = {a.name for a in images if a.action is Action.BUILD}
        deploys = tuple(_anew(s) if s.image in built else s for s in self.deploys)
        floating = {**other.floating, **self.floating}
        inputs = {**self.inputs, **{n: i for n, i in other.inputs.items() if n in theirs}}
        return replace(self, images=images, deploys=deploys, floating=floating, inputs=inputs)


def plan(
    project: Project,
    state: State,
    *,
    only: Collection[ImageName] | None = None,
    force: bool = False,
    apps: Collection[str] = (),
    redeploy: Collection[str] = (),
) -> Plan:
    """Say what must be done so that the images `only` (default: all) exist and `apps` run them.

    With `force`, they are built though they exist; their bases are not. Those of `apps` that are
    in `redeploy` are deployed though they are current. `state` must come from `inspect` with the
    same `only` and `force`. Nothing is asked and nothing is done here.
    """
    held = held_apps(project, state, apps)
    wanted = frozenset(project.names if only is None else only)
    if only is not None:
        wanted -= needless(project, state, held, apps)
    building = to_build(project, state.presence, wanted, force=force)
    chosen = wanted | {base for name in building for base in project.image(name).base_names}
    images = tuple(
        _image_action(state, image, building, forced=force and image.name in wanted)
        for image in project
        if image.name in chosen
    )
    deploys = _deploy_steps(state, images, apps, held, redeploy)
    kept = {step.image for step in deploys if step.held}
    images = tuple(replace(a, move=()) if a.name in kept else a for a in images)
    return Plan(
        project,
        images,
        deploys,
        {a.name: told for a in images if (told := state.inputs[a.name].floating)},
        state.requests,
        state.seconds,
        _warnings(project, state, chosen),
        {a.name: state.inputs[a.name] for a in images},
        state.revision,
    )


def to_build(
    project: Project,
    presence: Mapping[ImageName, Standing],
    wanted: Collection[ImageName],
    *,
    force: bool,
) -> frozenset[ImageName]:
    """Name the images that must be built: absent, hollow or forced, and wanted or under such."""
    needed, building = set(wanted), set()
    for image in reversed(project.images):
        if image.public:
            continue
        forced = force and image.name in wanted
        missing = isinstance(presence.get(image.name), Absent | Hollow)
        if image.name in needed and (forced or missing):
            building.add(image.name)
            needed.update(image.base_names)
    return frozenset(building)


def to_ask(
    project: Project,
    presence: Mapping[ImageName, Standing],
    wanted: Collection[ImageName],
    *,
    force: bool,
) -> tuple[ImageName, ...]:
    """Name the images whose presence must still be asked for before a plan can be made.

    First those that are wanted, then the bases of what is missing, until nothing is left: an
    image that exists does not make its bases be asked for.
    """
    building = to_build(project, presence, wanted, force=force)
    forced = frozenset(n for n in wanted if force and not project.image(n).public)
    needed = (frozenset(wanted) - forced) | _bases_of(project, building)
    return tuple(n for n in project.names if n in needed - forced and n not in presence)


def deploy_order(project: Project) -> tuple[tuple[ImageName, ...], ...]:
    """Group app images by `after`: those of a group may be deployed at once."""
    return graph.levels({i.name: i.deploy.after for i in project if i.deploy})


def deploy_waves(
    steps: Iterable[DeployStep], waves: Sequence[Wave]
) -> Iterator[tuple[DeployStep, ...]]:
    """Cut steps that may go at once: each image has first apps of its own.

    Those that are not deployed wait for none, and no share counts them.
    """
    changes: dict[ImageName, list[DeployStep]] = {}
    others: list[DeployStep] = []
    for step in steps:
        is_due = step.action is DeployAction.DEPLOY
        (changes.setdefault(step.image, []) if is_due else others).append(step)
    if others:
        yield tuple(others)
    for parts in zip_longest(*(split(each, waves) for each in changes.values()), fillvalue=()):
        yield tuple(chain.from_iterable(parts))


def _warnings(project: Project, state: State, names: Collection[ImageName]) -> tuple[Problem, ...]:
    """What the tags of images may hide, and those of all that they stand on, each once."""
    below = graph.closure({image.name: image.base_names for image in project}, names)
    concerned = (name for name in project.names if name in below)
    found = (problem for name in concerned for problem in state.inputs[name].warnings)
    return tuple(dict.fromkeys(found))


def _bases_of(project: Project, names: Collection[ImageName]) -> frozenset[ImageName]:
    return frozenset(base for name in names for base in project.image(name).base_names)


def _image_action(
    state: State, image: Image, building: Collection[ImageName], *, forced: bool
) -> ImageAction:
    name, reference = image.name, state.reference(image.name)
    fingerprint = state.inputs[name].fingerprint
    found = state.presence.get(name)
    if name in building:
        aliases = alias_references(state.project, image)
        anew = forced or isinstance(found, Hollow)
        why = "forced" if forced else f"{_why_build(reference, found)}{_own_config(state, image)}"
        return ImageAction(
            image, reference, fingerprint, Action.BUILD, why, None, aliases, forced=anew
        )
    digest = found.digest if isinstance(found, Present | Elsewhere) else None
    move = _aliases_to_move(state, image, digest)
    if isinstance(found, Elsewhere):
        why, source = f"`{found.source}` has the same fingerprint", found.source.at(found.digest)
        return ImageAction(
            image, reference, fingerprint, Action.COPY, why, digest, move, source=source
        )
    why = "it is deployed as it is" if image.public else "the registry has it"
    return ImageAction(image, reference, fingerprint, Action.EXISTS, why, digest, move)


def _why_build(reference: Reference, found: Standing | None) -> str:
    return found.reason if isinstance(found, Hollow) else f"the registry has no `{reference}`"


def _own_config(state: State, image: Image) -> str:
    """Say that an app's configuration changed where it is among the files of its own image."""
    files = {entry.path for entry in state.inputs[image.name].entries}
    for app in image.deploy.apps if image.deploy else ():
        running, config = state.running.get(app), _config_inside(image, app)
        if running and running.differs and config in files:
            return f": `{config}` changed, which is among its files"
    return ""


def _config_inside(image: Image, app: str) -> str:
    """The path of an app's configuration in the context; empty where it lies outside."""
    config = image.deploy.config_of(app) if image.deploy else None
    if config is None or not config.is_relative_to(image.context):
        return ""
    return str(config.relative_to(image.context))


def _aliases_to_move(state: State, image: Image, digest: Digest | None) -> tuple[Reference, ...]:
    asked = (r for r in alias_references(state.project, image) if r in state.aliases)
    return tuple(alias for alias in asked if not _stands_for(state.aliases[alias], digest))


def _stands_for(found: Presence, digest: Digest | None) -> bool:
    return isinstance(found, Present) and found.digest == digest


def _deploy_steps(
    state: State,
    images: tuple[ImageAction, ...],
    apps: Collection[str],
    held: Mapping[str, Held],
    redeploy: Collection[str],
) -> tuple[DeployStep, ...]:
    actions = {action.name: action for action in images}
    names = (name for group in deploy_order(state.project) for name in group)
    chosen, forced = frozenset(apps), frozenset(redeploy)
    return tuple(
        _deploy_step(
            (app, name),
            _why_deploy(actions.get(name), state.running.get(app), forced=app in forced),
            state.running.get(app),
            held.get(app),
        )
        for name in names
        if (spec := state.project.image(name).deploy)
        for app in spec.apps
        if app in chosen
    )


def _deploy_step(
    named: tuple[str, ImageName], why: str, running: Running | None, held: Held | None
) -> DeployStep:
    """Say what is done about an app that is deployed for the reason `why`, if there is one."""
    if why and held:
        return DeployStep(*named, DeployAction.HELD, held.reason, running, held)
    if why:
        return DeployStep(*named, DeployAction.DEPLOY, why, running)
    return DeployStep(*named, DeployAction.CURRENT, "it runs this image", running)


def _anew(step: DeployStep) -> DeployStep:
    if step.action is not DeployAction.CURRENT:
        return step
    return replace(step, action=DeployAction.DEPLOY, reason=_BUILT_ANEW)


def _why_deploy(action: ImageAction | None, running: Running | None, *, forced: bool) -> str:
    """Say why an app is deployed; empty where it is current.

    The image of one that is held may be needed by nobody, and has no action then.
    """
    if action is None:
        return "its image is not built"
    if running is None:
        return "nothing runs yet"
    if action.action is Action.BUILD:
        return _BUILT_ANEW
    if running.digest != action.digest:
        return "it runs another image"
    return _why_same_image(running) or ("forced" if forced else "")


def _why_same_image(running: Running) -> str:
    if running.differs:
        return why_differs(running.differs)
    return "" if running.healthy else running.trouble or "it is not healthy"
