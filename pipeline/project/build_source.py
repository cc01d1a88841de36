"""From what an image is built: `image.toml` first, then `[build]` of its apps' configurations."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import Location, Problem
from ..process.paths import inside
from .fly_build import Said, read_fly_build
from .image_folders import DOCKERFILES
from .result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .app_configs import AppConfigs
    from .fly_build import FlyBuild
    from .image_file import ImageFile

FOR_BUILDS = (
    "context",
    "dockerfile",
    "target",
    "platforms",
    "aliases",
    "args",
    "secrets",
    "ssh",
    "salt",
    "bases",
    "contexts",
    "test",
)
"""Keys of `image.toml` that are for an image that is built."""

_ONE_BUILD = "say it in `image.toml`, which goes before both, or give each app an image of its own"
_ONE_OF_TWO = "take one of the two out"


class BuildSource(Struct, frozen=True):
    """What an image is built from: `file` has what the configurations say, too.

    `image` is a ready image that is deployed in place of a build. `origins` says where a value is
    written that `image.toml` or a configuration gives: `dockerfile`, `target`, `args.NAME`;
    `from_fly` are those of a configuration.
    """

    file: ImageFile
    image: Said | None = None
    origins: Mapping[str, Location] = field(default_factory=dict)
    from_fly: frozenset[str] = frozenset()
    warnings: tuple[Problem, ...] = ()


def build_source(
    root: Path, folder: PurePosixPath, file: ImageFile, configs: AppConfigs
) -> Result[BuildSource]:
    """Settle what the image is built from. Contradictions are told with both places."""
    problems: list[Problem] = []
    builds: dict[PurePosixPath, FlyBuild] = {}
    for config in configs:
        build, wrong = read_fly_build(config)
        problems += wrong
        builds |= {config.file: build} if build else {}
    if problems:
        return Result(None, tuple(problems))
    own = _own(folder, file)
    usual = _usual(root, folder)
    if "dockerfile" not in own:
        file = replace(file, dockerfile=PurePosixPath(usual.name))
    said = _agreed(builds, own, usual, problems)
    if file.image:
        return Result(BuildSource(file, warnings=_overruled_by_image(builds)))
    warnings = _overruled(builds, own)
    image = said.pop("image", None)
    named = own.get("dockerfile") or said.get("dockerfile")
    dockerfile = PurePosixPath(named.value) if named else usual
    built = os.path.lexists(root / dockerfile)
    if image and not (built and _speaks(file)):
        warnings = (_not_built(dockerfile, image),) if built else ()
        return Result(_or_none(BuildSource(file, image, warnings=warnings), problems), (*problems,))
    warnings += (_built_all_the_same(image),) if image else ()
    foreign = [build.foreign for build in builds.values() if build.foreign]
    if "dockerfile" in own:
        warnings += tuple(_overrules(said, "`dockerfile`") for said in foreign)
    else:
        problems += [_cannot_build(said) for said in foreign]
    context = inside(folder / file.context) or folder
    warnings += _ignore_files(root, dockerfile, context, builds)
    origins = {key: one.place for key, one in {**said, **own}.items()}
    settled = _settled(folder, file, {k: v for k, v in said.items() if k not in own})
    from_fly = frozenset(said) - frozenset(own)
    source = BuildSource(settled, None, origins, from_fly, warnings)
    return Result(_or_none(source, problems), tuple(problems))


def _or_none(source: BuildSource, problems: Sequence[Problem]) -> BuildSource | None:
    return None if problems else source


def _own(folder: PurePosixPath, file: ImageFile) -> dict[str, Said]:
    """What `image.toml` says of what a configuration may say too."""
    own = {}
    if file.document.has("dockerfile"):
        path = inside(folder / file.dockerfile)
        own["dockerfile"] = Said(str(path), file.locate("dockerfile"))
    if file.target:
        own["target"] = Said(file.target, file.locate("target"))
    args = {f"args.{arg}": Said(v, file.locate("args", arg)) for arg, v in file.args.items()}
    return own | args


def _values(build: FlyBuild) -> dict[str, Said]:
    named = {"image": build.image, "dockerfile": build.dockerfile, "target": build.target}
    args = {f"args.{arg}": said for arg, said in build.args.items()}
    return {key: said for key, said in (named | args).items() if said}


def _agreed(
    builds: Mapping[PurePosixPath, FlyBuild],
    own: Mapping[str, Said],
    dockerfile: PurePosixPath,
    problems: list[Problem],
) -> dict[str, Said]:
    """What the configurations say, where they say the same or `image.toml` goes before them."""
    each = {file: _values(build) for file, build in builds.items()}
    found: dict[str, Said] = {}
    for key in dict.fromkeys(key for values in each.values() for key in values):
        usual = Said(str(dockerfile) if key == "dockerfile" else "", Location(""))
        told = [(file, values.get(key, usual)) for file, values in each.items()]
        first = found[key] = next(said for _, said in told if said is not usual)
        if key not in own:
            problems += _contradictions(key, first, told)
    return found


def _contradictions(
    key: str, first: Said, told: Sequence[tuple[PurePosixPath, Said]]
) -> Iterator[Problem]:
    for file, said in told:
        if said.value != first.value:
            place = said.place if said.place.file else Location(str(file))
            here = f"`{said.value}`" if said.place.file else "not"
            message = (
                f"one image is built once: `{_shown(key)}` is {here} said here, and "
                f"`{first.value}` at {first.place}"
            )
            yield Problem(place, message, _ONE_BUILD)


def _overruled(
    builds: Mapping[PurePosixPath, FlyBuild], own: Mapping[str, Said]
) -> tuple[Problem, ...]:
    """What configurations say otherwise than `image.toml`."""
    found = []
    for build in builds.values():
        for key, said in _values(build).items():
            if key in own and own[key].value != said.value:
                what = f"`{_shown(key)}` is `{said.value}` here"
                message = f"{what}, and `{own[key].value}` at {own[key].place}, which goes before"
                found.append(Problem(said.place, message, _ONE_OF_TWO))
    return tuple(found)


def _overruled_by_image(builds: Mapping[PurePosixPath, FlyBuild]) -> tuple[Problem, ...]:
    places = (said.place for build in builds.values() for said in _values(build).values())
    message = "it is not heeded: `image` in `image.toml` goes before it"
    return tuple(Problem(place, message, _ONE_OF_TWO) for place in places)


def _overrules(said: Said, what: str) -> Problem:
    message = f"`{said.value}` is not heeded: {what} in `image.toml` goes before it"
    return Problem(said.place, message, _ONE_OF_TWO)


def _speaks(file: ImageFile) -> bool:
    """Whether `image.toml` says how the image is built."""
    return any(file.document.has(key) for key in FOR_BUILDS)


def _not_built(dockerfile: PurePosixPath, image: Said) -> Problem:
    message = f"`{dockerfile}` is not built: `image` goes before it, as it does for `fly deploy`"
    return Problem(image.place, message, "remove one of the two")


def _built_all_the_same(image: Said) -> Problem:
    message = f"`{image.value}` is not deployed: `image.toml` says how an image is built here"
    return Problem(image.place, message, _ONE_OF_TWO)


def _cannot_build(said: Said) -> Problem:
    message = f"`{said.value}`: only a Dockerfile can be built here"
    hint = (
        "write a Dockerfile and take this out; where there is one that is meant, "
        '`dockerfile = "Dockerfile"` in `image.toml` goes before this'
    )
    return Problem(said.place, message, hint)


def _usual(root: Path, folder: PurePosixPath) -> PurePosixPath:
    """The Dockerfile that is taken where none is named: as by BuildKit and flyctl."""
    small = folder / DOCKERFILES[1]
    exists = os.path.lexists(root / small) and not os.path.lexists(root / folder / DOCKERFILES[0])
    return small if exists else folder / DOCKERFILES[0]


def _ignore_files(
    root: Path,
    dockerfile: PurePosixPath,
    context: PurePosixPath,
    builds: Mapping[PurePosixPath, FlyBuild],
) -> tuple[Problem, ...]:
    """Ignore files that are not in force, here as in `fly deploy`.

    flyctl gives `ignorefile` to builds without BuildKit alone (`dockerfile_builder.go`), and
    BuildKit itself knows two names.
    """
    beside = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    read = beside if os.path.lexists(root / beside) else context / ".dockerignore"
    return tuple(
        Problem(
            build.ignorefile.place,
            f"`{build.ignorefile.value}` is not in force: BuildKit reads `{read}`, and "
            "`fly deploy` heeds `ignorefile` without BuildKit alone; what it should leave out "
            "may be in the image",
            f"move it to `{beside}`",
        )
        for build in builds.values()
        if build.ignorefile and build.ignorefile.value != str(read)
    )


def _settled(folder: PurePosixPath, file: ImageFile, said: Mapping[str, Said]) -> ImageFile:
    """The `image.toml` with what the configurations add to it."""
    args = {k.removeprefix("args."): v.value for k, v in said.items() if k.startswith("args.")}
    path = said.get("dockerfile")
    relative = PurePosixPath(os.path.relpath(path.value, folder)) if path else file.dockerfile
    target = said.get("target")
    return replace(
        file,
        dockerfile=relative,
        target=target.value if target else file.target,
        args={**args, **file.args},
    )


def _shown(key: str) -> str:
    return "build-target" if key == "target" else key
