"""Link the images of a project by the names in their Dockerfiles: bases, externals, order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from .. import graph
from ..buildkit.definition import clashes
from ..dockerfile import Reads, context_key, given_repositories, merge_reads, merge_steps, resolve
from ..errors import ConfigError, Location, Problem
from ..model.image import EMPTY, Base, External, Image, NamedContext, Triggers
from ..reference import ReferenceSyntaxError, parse_platform, parse_reference
from .argument_checks import check_bindings, undeclared_arguments, unused_contexts
from .build_arguments import bound_twice, undeclared, with_arguments
from .edges import project_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..dockerfile import Onbuild, Resolved
    from ..model.image import Pin
    from ..model.refresh import Refresh
    from ..model.settings import Settings
    from ..reference import ImageName, Platform, Reference
    from .edges import Names
    from .public_image import PublicImage
    from .read_image import Draft

BaseTriggers = dict[str, tuple[str, ...]]
"""The ONBUILD triggers of bases, by the names that a Dockerfile uses for them."""


def link_images(
    settings: Settings,
    drafts: Sequence[Draft],
    locks: Mapping[Reference, Pin],
    arguments: Mapping[str, str] = EMPTY,
    lost: Collection[ImageName] = (),
    instant: int = 0,
) -> tuple[tuple[Image, ...], tuple[Problem, ...]]:
    """Return the images in build order, or every problem of their names.

    `locks` pins externals, and has their ONBUILD triggers. An image is resolved again if a base of
    it has triggers, as they run in it. Each of `arguments` goes to the images that declare it.
    `lost` are the names of images that could not be read. The periods of `refresh` are those at
    `instant`.
    """
    names = project_names(settings.registry, [*(draft.name for draft in drafts), *lost])
    problems: list[Problem] = []
    public = {draft.name: draft.public.written for draft in drafts if draft.public}
    known = _Known(settings, names, locks, public, problems, arguments, instant)
    first = {d.name: _link_one(known, d, {}) for d in drafts}
    images = {name: linked.image for name, linked in first.items() if linked}
    if cycles := _cycles(images):
        return (), (*problems, *cycles)
    done: dict[ImageName, Image] = {}
    triggers: dict[ImageName, tuple[str, ...]] = {}
    by_name = {draft.name: draft for draft in drafts}
    for name in graph.order({n: image.base_names for n, image in images.items()}):
        below = _triggers(images[name], triggers)
        linked = first[name]
        if below:
            linked = _link_one(known, by_name[name], below)
        if linked:
            done[name], triggers[name] = linked.image, linked.onbuild
            # A base that could not be read may have a trigger that declares the argument.
            known_wrong = {problem.location for problem in problems}
            if not set(linked.image.base_names) & set(lost):
                problems += [slip for slip in linked.slips if slip.location not in known_wrong]
    if not problems and not lost and len(done) == len(drafts):
        problems += undeclared(arguments, known.declared)
    order = graph.order({n: image.base_names for n, image in done.items()})
    return tuple(done[n] for n in order), tuple(problems)


def _triggers(image: Image, known: Mapping[ImageName, tuple[str, ...]]) -> BaseTriggers:
    return {b.written: known[b.name] for b in image.bases if known.get(b.name)}


class _Linked(Struct, frozen=True):
    """An image, the triggers that it carries, and its undeclared_arguments arguments.

    These are reported at the end: a trigger of a base may declare them.
    """

    image: Image
    onbuild: tuple[str, ...] = ()
    slips: tuple[Problem, ...] = ()


class _Known(Struct, frozen=True):
    """What every image is linked with; `problems` collects what is wrong.

    `public` has the ready images, which begin a stage as they are. `arguments` are those of the
    command line; `declared` collects the names that any image declares.
    """

    settings: Settings
    names: Names
    locks: Mapping[Reference, Pin]
    public: Mapping[ImageName, str]
    problems: list[Problem]
    arguments: Mapping[str, str]
    instant: int = 0
    declared: set[str] = field(default_factory=set)

    def triggers(self, written: str, given: str, platform: Platform) -> tuple[str, ...] | None:
        """Return the ONBUILD triggers of an image that is not built here; `None`: not known."""
        try:
            name = self.names.find(written, given)
            if name is not None and name not in self.public:
                return ()
            pin = self.locks.get(parse_reference(written if name is None else self.public[name]))
        except ReferenceSyntaxError:  # which is reported at its location
            return None
        return pin.triggers.get(platform) if pin else None


def _link_one(known: _Known, draft: Draft, triggers: BaseTriggers) -> _Linked | None:
    if draft.public:
        return _Linked(_public(known, draft, draft.public))
    problems = known.problems
    platforms = draft.file.platforms or known.settings.build.platforms
    bound = {arg: str(name) for arg, (name, _) in draft.file.bases.items()}
    problems += check_bindings(draft, known.names)
    given = _given(with_arguments(draft, known.arguments), known.names, bound, platforms)

    def onbuild(written: str, asked: Platform) -> tuple[str, ...] | None:
        if written in triggers:
            return triggers[written]
        return known.triggers(written, given.get(written, ""), asked)

    def resolved(draft: Draft) -> list[Resolved]:
        args = {**draft.file.args, **bound}
        return [_resolve(draft, args, platform, onbuild) for platform in platforms]

    try:
        found = resolved(with_arguments(draft, known.arguments))
        mine = _declared_arguments(known, found)
        problems += bound_twice(draft, mine)
        draft = with_arguments(draft, mine)
        if mine != known.arguments:
            found = resolved(draft)
    except ConfigError as error:
        problems += _located(draft, error.problems)
        return None
    bases, externals = _edges(found, known, given)
    misuse = undeclared_arguments(draft, found[0])
    image = _image(draft, found, platforms, bound, bases, externals)
    image = replace(
        image,
        floating=_floating(found, externals, known.names),
        refresh=_refresh(known, draft, found),
        warnings=(
            *draft.build.warnings,
            *misuse.warnings,
            *unused_contexts(draft, found[0], externals),
        ),
    )
    problems += [*clashes(image), *_indistinguishable(image)]
    return _Linked(image, found[0].onbuild, misuse.errors)


def _declared_arguments(known: _Known, found: Sequence[Resolved]) -> dict[str, str]:
    """Return the arguments of the command line that an image declares, and note what it does."""
    declared = {name for resolved in found for name in resolved.arguments}
    known.declared.update(declared)
    return {name: value for name, value in known.arguments.items() if name in declared}


def _located(draft: Draft, problems: Sequence[Problem]) -> list[Problem]:
    """Locate a missing target at the setting that names it."""
    location = draft.build.origins.get("target")
    lost = Location(str(draft.dockerfile))
    return [
        replace(p, location=location) if location and p.location == lost else p for p in problems
    ]


def _public(known: _Known, draft: Draft, public: PublicImage) -> Image:
    """Return a ready image, which is deployed under the reference that its file names."""
    platforms = known.settings.build.platforms
    known.problems.extend(_meant_of_project(known, draft, public))
    external = _external(public.written, public.location, known, platforms)
    reference, locked = external.reference, external.locked
    return Image(
        name=draft.name,
        folder=draft.folder,
        settings=draft.place.settings,
        dockerfile=draft.dockerfile,
        context=draft.context,
        source=draft.source,
        reads=Reads(),
        platforms=platforms,
        externals=(external,),
        deploy=draft.app,
        floating=_unpinned([external], known.names),
        public=reference.at(locked) if locked else reference,
        warnings=draft.build.warnings,
    )


def _meant_of_project(known: _Known, draft: Draft, public: PublicImage) -> Iterator[Problem]:
    """Yield a problem for a bare name that is, or nearly is, another image of the project."""
    written, location = public.written, public.location
    bare = written.removesuffix(":latest")
    if bare in known.names.bare and bare != draft.name:
        message = f"`{bare}` is an image of this project, and `image` names one that is ready"
        hub = f"Docker Hub's image is `docker.io/library/{bare}`"
        yield Problem(location, message, f"add this app to `apps` of that image; {hub}")
    elif near := known.names.meant(written):
        yield _nearly(written, near, location)


def _resolve(
    draft: Draft, args: Mapping[str, str], platform: Platform, onbuild: Onbuild
) -> Resolved:
    return resolve(
        draft.source,
        target=draft.file.target,
        args=args,
        platform=platform,
        onbuild=onbuild,
        contexts=draft.contexts,
    )


def _image(
    draft: Draft,
    found: Sequence[Resolved],
    platforms: tuple[Platform, ...],
    bound: Mapping[str, str],
    bases: tuple[Base, ...],
    externals: tuple[External, ...],
) -> Image:
    file = draft.file
    return Image(
        name=draft.name,
        folder=draft.folder,
        settings=draft.place.settings,
        dockerfile=draft.dockerfile,
        context=draft.context,
        source=draft.source,
        reads=merge_reads(resolved.reads for resolved in found),
        target=_target(draft, found),
        platforms=platforms,
        args={**file.args, **bound},
        declared=_declared(found),
        differing=_differing(found, platforms),
        bases=bases,
        externals=externals,
        frontend=found[0].frontend,
        aliases=file.aliases,
        secrets=file.secrets,
        ssh=file.ssh,
        salt=file.salt,
        test=file.test,
        deploy=draft.app,
        remotes=tuple(dict.fromkeys(url for resolved in found for url in resolved.remotes)),
        origins=draft.build.origins,
        contexts=_contexts(draft, found),
        steps=merge_steps(resolved.steps for resolved in found),
        context_location=draft.context_location,
        host_network=tuple(dict.fromkeys(at for resolved in found for at in resolved.host_network)),
        roots=_roots(found, bases),
    )


def _roots(found: Sequence[Resolved], bases: Sequence[Base]) -> tuple[ImageName, ...]:
    names = {base.written: base.name for base in bases}
    return tuple(dict.fromkeys(names[r.root] for r in found if r.root in names))


def _target(draft: Draft, found: Sequence[Resolved]) -> str | None:
    """Return the target; `None` for the last stage under any name, as it is the same build."""
    last = found[0].stages[-1] is draft.source.stages[-1]
    return None if last else draft.file.target


def _declared(found: Sequence[Resolved]) -> dict[str, str | None]:
    """Return every declared argument; if platforms differ in a value, all values with commas."""
    declared: dict[str, str | None] = {}
    for name in _declared_names(found):
        values = dict.fromkeys(resolved.declared.get(name) for resolved in found)
        known = [value for value in values if value is not None]
        declared[name] = ",".join(known) if known else None
    return declared


def _differing(
    found: Sequence[Resolved], platforms: Sequence[Platform]
) -> dict[str, tuple[str | None, ...]]:
    """Return the values of arguments that differ, in the order of sorted platforms."""
    if len(found) == 1:
        return {}
    of = {str(platform): each for platform, each in zip(platforms, found, strict=True)}
    ordered = [of[platform].declared for platform in sorted(of)]
    values = {n: tuple(each.get(n) for each in ordered) for n in _declared_names(found)}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def _declared_names(found: Sequence[Resolved]) -> dict[str, None]:
    return dict.fromkeys(name for resolved in found for name in resolved.declared)


def _refresh(known: _Known, draft: Draft, found: Sequence[Resolved]) -> Refresh | None:
    """Return the period that an image is in: its own, or the default if steps of it may change."""
    written = draft.file.refresh
    if written is None and any(resolved.unpinned_steps for resolved in found):
        written = known.settings.build.refresh
    if not written:
        return None
    from ..model.refresh import refresh  # noqa: PLC0415 - rare in settings

    return refresh(written, draft.name, known.instant)


def _floating(
    found: Sequence[Resolved], externals: Sequence[External], names: Names
) -> tuple[str, ...]:
    said = (sentence for resolved in found for sentence in resolved.floating)
    return tuple(dict.fromkeys((*_unpinned(externals, names), *said)))


def _unpinned(externals: Sequence[External], names: Names) -> tuple[str, ...]:
    """Return a sentence for each external that may move, and one for what may be a typo.

    A repository on our own registry may well be another project's.
    """
    written = [e.written for e in externals if e.reference.digest is None and e.locked is None]
    near = ((one, names.nearest_repository(one)) for one in written)
    return (
        *(f"`{one}` may move: it is pinned by no digest" for one in written),
        *(
            f"`{one}` is not an image of this project, whose nearest is `{name}`"
            for one, name in near
            if name
        ),
    )


def _given(
    draft: Draft, names: Names, bound: Mapping[str, str], platforms: Sequence[Platform]
) -> dict[str, str]:
    """Map names of FROM whose whole repository is an argument's value to the image it names."""
    args = draft.file.args
    images = {arg: value for arg, value in args.items() if value in names.bare} | dict(bound)
    if not images:
        return {}
    target = draft.file.target
    found = (
        given_repositories(draft.source, target=target, args=args, names=images, platform=platform)
        for platform in platforms
    )
    return {written: name for each in found for written, name in each.items()}


def _edges(
    found: Sequence[Resolved], known: _Known, given: Mapping[str, str]
) -> tuple[tuple[Base, ...], tuple[External, ...]]:
    bases: dict[str, Base] = {}
    externals: dict[str, External] = {}
    begun = _platforms_of_bases(found)
    for named in (named for resolved in found for named in resolved.names):
        written, location = named.written, named.location
        try:
            name = known.names.find(written, given.get(written, ""))
        except ReferenceSyntaxError as error:
            hint = "an image is named as in `debian:bookworm-slim` or `registry.fly.io/app:tag`"
            known.problems.append(Problem(location, str(error), hint))
            continue
        if name is not None:
            bases.setdefault(written, Base(written, name, location))
        elif near := known.names.meant(written):
            known.problems.append(_nearly(written, near, location))
        else:
            begins = sorted(begun.get(written, ()))
            externals.setdefault(written, _external(written, location, known, begins))
    return tuple(bases.values()), tuple(externals.values())


def _nearly(written: str, near: str, location: Location) -> Problem:
    hint = f"did you mean `{near}`? Docker Hub's image is `docker.io/library/{written}`"
    return Problem(location, f"there is no image `{written}` in this project", hint)


def _platforms_of_bases(found: Sequence[Resolved]) -> Mapping[str, set[Platform]]:
    """Return the platforms that each image that a stage begins with is needed for."""
    begun: dict[str, set[Platform]] = {}
    for named in (named for resolved in found for named in resolved.names):
        if named.instruction == "FROM":
            begun.setdefault(named.written, set()).add(parse_platform(named.platform))
    return begun


def _external(
    written: str, location: Location, known: _Known, begins: Sequence[Platform]
) -> External:
    reference = parse_reference(written)
    pin = known.locks.get(reference)
    # The Dockerfile's own pin overrides the lock.
    locked = pin.digest if pin and not reference.digest else None
    by_platform = ((p, pin.triggers.get(p, ())) for p in begins) if pin else ()
    triggers = tuple(Triggers(platform, texts) for platform, texts in by_platform if texts)
    return External(written, reference, location, locked, tuple(begins), triggers)


def _contexts(draft: Draft, found: Sequence[Resolved]) -> dict[str, NamedContext]:
    """Return the named contexts that are taken from, on any platform."""
    names = dict.fromkeys(name for resolved in found for name in resolved.contexts)
    reads = {
        name: merge_reads(r.contexts[name] for r in found if name in r.contexts) for name in names
    }
    return {
        name: NamedContext(draft.contexts[name], reads[name], draft.file.locate("contexts", name))
        for name in names
    }


def _indistinguishable(image: Image) -> list[Problem]:
    """Find Docker Hub's images whose name a base has too: BuildKit cannot distinguish the two."""
    keys = {context_key(base.written): base for base in image.bases}
    return [
        Problem(
            external.location,
            f"`{external.written}` and the image `{keys[context_key(external.written)].written}` "
            "of this project have one name to BuildKit",
            "rename the project's image",
        )
        for external in image.externals
        if context_key(external.written) in keys
    ]


def _cycles(images: Mapping[ImageName, Image]) -> list[Problem]:
    needs = {name: image.base_names for name, image in images.items()}
    return [_cycle(images, path) for path in graph.cycles(needs)]


def _cycle(images: Mapping[ImageName, Image], path: Sequence[ImageName]) -> Problem:
    edge = next(base for base in images[path[0]].bases if base.name == path[1])
    shown = graph.shown(path)
    if len(path) == 2:
        hint = f"Docker Hub's image of that name is `docker.io/library/{path[0]}`"
        return Problem(edge.location, f"`{path[0]}` depends on itself: {shown}", hint)
    return Problem(
        edge.location, f"images depend on each other: {shown}", "remove one of these dependencies"
    )
