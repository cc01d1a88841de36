"""Decide what an image is built from: `image.toml` first, then `[build]` of a `fly.toml`."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import Location, Problem
from ..process.paths import has, inside
from .document import Document
from .fly_build import LocatedValue, read_fly_build
from .image_folders import usual_dockerfile
from .origins import Origins
from .result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .app_configs import AppConfigs
    from .fly_build import FlyBuild
    from .image_file import ImageFile
    from .image_folders import ImagePlace

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
    "refresh",
    "bases",
    "contexts",
    "test",
)
"""Keys of `image.toml` that only an image that is built may have."""

_ONE_BUILD = "set it in `image.toml`, which overrides both, or give each app an image of its own"
_ONE_OF_TWO = "remove one of the two"


class _Own(Struct, frozen=True):
    """A value of `image.toml`, and the keys that lead to it."""

    value: str
    path: tuple[str, ...]


class BuildSource(Struct, frozen=True):
    """What an image is built from: `file` includes what the configurations add.

    `image` is a ready image that is deployed instead of a build. `origins` has the location of each
    value that `image.toml` or a configuration gives: `dockerfile`, `target`, `args.NAME`;
    `from_fly` are those of a configuration.
    """

    file: ImageFile
    image: LocatedValue | None = None
    origins: Origins = field(default_factory=lambda: Origins(Document(""), {}, {}))
    from_fly: frozenset[str] = frozenset()
    warnings: tuple[Problem, ...] = ()


def build_source(
    root: Path, place: ImagePlace, file: ImageFile, configs: AppConfigs
) -> Result[BuildSource]:
    """Decide what the image is built from; a contradiction is a problem with both locations."""
    problems: list[Problem] = []
    builds: dict[PurePosixPath, FlyBuild] = {}
    for config in configs:
        build, wrong = read_fly_build(config)
        problems += wrong
        builds |= {config.file: build} if build else {}
    if problems:
        return Result(None, tuple(problems))
    folder = place.folder
    own = _own_values(folder, file)
    usual = folder / (place.dockerfile or usual_dockerfile(root, folder))
    if "dockerfile" not in own:
        file = replace(file, dockerfile=PurePosixPath(usual.name))
    configured = _agreed_values(builds, own, usual, problems) if builds else {}
    if place.dockerfile and place.matched == place.dockerfile:
        problems += _another_dockerfile(place, file, own, configured)
    if file.image:
        return Result(BuildSource(file, warnings=_overridden_by_image(builds)))
    warnings = _overridden(builds, own, file)
    image = configured.pop("image", None)
    named = own.get("dockerfile") or configured.get("dockerfile")
    dockerfile = PurePosixPath(named.value) if named else usual
    if image and not (_says_how_to_build(file) and has(root, dockerfile)):
        warnings = (_not_built(dockerfile, image),) if has(root, dockerfile) else ()
        return Result(_or_none(BuildSource(file, image, warnings=warnings), problems), (*problems,))
    warnings += (_image_not_used(image),) if image else ()
    foreign = [build.foreign for build in builds.values() if build.foreign]
    if "dockerfile" in own:
        warnings += tuple(_ignored(setting, "`dockerfile`") for setting in foreign)
    else:
        problems += [_cannot_build(setting) for setting in foreign]
    if builds:
        context = inside(folder / file.context) or folder
        warnings += _ignore_files(root, dockerfile, context, builds)
    paths = {key: one.path for key, one in own.items()}
    origins = Origins(file.document, paths, {key: one.location for key, one in configured.items()})
    settled = _completed(folder, file, {k: v for k, v in configured.items() if k not in own})
    from_fly = frozenset(configured) - frozenset(own)
    source = BuildSource(settled, None, origins, from_fly, warnings)
    return Result(_or_none(source, problems), tuple(problems))


def _or_none(source: BuildSource, problems: Sequence[Problem]) -> BuildSource | None:
    return None if problems else source


def _own_values(folder: PurePosixPath, file: ImageFile) -> dict[str, _Own]:
    """Return the values of `image.toml` that a configuration may have too."""
    own = {}
    if file.document.has("dockerfile"):
        own["dockerfile"] = _Own(str(inside(folder / file.dockerfile)), ("dockerfile",))
    if file.target:
        own["target"] = _Own(file.target, ("target",))
    return own | {f"args.{arg}": _Own(v, ("args", arg)) for arg, v in file.args.items()}


def _values(build: FlyBuild) -> dict[str, LocatedValue]:
    named = {"image": build.image, "dockerfile": build.dockerfile, "target": build.target}
    args = {f"args.{arg}": setting for arg, setting in build.args.items()}
    return {key: setting for key, setting in (named | args).items() if setting}


def _agreed_values(
    builds: Mapping[PurePosixPath, FlyBuild],
    own: Mapping[str, _Own],
    dockerfile: PurePosixPath,
    problems: list[Problem],
) -> dict[str, LocatedValue]:
    """Return the configurations' values; they must agree, or `image.toml` overrides them."""
    each = {file: _values(build) for file, build in builds.items()}
    found: dict[str, LocatedValue] = {}
    for key in dict.fromkeys(key for values in each.values() for key in values):
        usual = LocatedValue(str(dockerfile) if key == "dockerfile" else "", Location(""))
        stated = [(file, values.get(key, usual)) for file, values in each.items()]
        first = found[key] = next(setting for _, setting in stated if setting is not usual)
        if key not in own:
            problems += _contradictions(key, first, stated)
    return found


def _contradictions(
    key: str, first: LocatedValue, stated: Sequence[tuple[PurePosixPath, LocatedValue]]
) -> Iterator[Problem]:
    for file, setting in stated:
        if setting.value != first.value:
            location = setting.location if setting.location.file else Location(str(file))
            here = f"`{setting.value}` here" if setting.location.file else "not set here"
            message = (
                f"one image is built once, but `{_shown(key)}` is {here}, and "
                f"`{first.value}` at {first.location}"
            )
            yield Problem(location, message, _ONE_BUILD)


def _overridden(
    builds: Mapping[PurePosixPath, FlyBuild], own: Mapping[str, _Own], image: ImageFile
) -> tuple[Problem, ...]:
    """Warn of values in configurations that `image.toml` overrides."""
    found = []
    for build in builds.values():
        for key, setting in _values(build).items():
            if key in own and own[key].value != setting.value:
                what = f"`{_shown(key)}` is `{setting.value}` here"
                location = image.locate(*own[key].path)
                message = f"{what}, and `{own[key].value}` at {location}, which overrides it"
                found.append(Problem(setting.location, message, _ONE_OF_TWO))
    return tuple(found)


def _overridden_by_image(builds: Mapping[PurePosixPath, FlyBuild]) -> tuple[Problem, ...]:
    locations = (
        setting.location for build in builds.values() for setting in _values(build).values()
    )
    message = "it is ignored: `image` in `image.toml` overrides it"
    return tuple(Problem(location, message, _ONE_OF_TWO) for location in locations)


def _ignored(setting: LocatedValue, what: str) -> Problem:
    message = f"`{setting.value}` is ignored: {what} in `image.toml` overrides it"
    return Problem(setting.location, message, _ONE_OF_TWO)


def _says_how_to_build(file: ImageFile) -> bool:
    """Return whether `image.toml` has keys about how the image is built."""
    return any(file.document.has(key) for key in FOR_BUILDS)


def _not_built(dockerfile: PurePosixPath, image: LocatedValue) -> Problem:
    message = f"`{dockerfile}` is not built: `image` overrides it, as in `fly deploy`"
    return Problem(image.location, message, "remove one of the two")


def _image_not_used(image: LocatedValue) -> Problem:
    message = f"`{image.value}` is not deployed: `image.toml` says how an image is built here"
    return Problem(image.location, message, _ONE_OF_TWO)


def _cannot_build(setting: LocatedValue) -> Problem:
    message = f"`{setting.value}`: only a Dockerfile can be built here"
    hint = (
        "write a Dockerfile and remove this; if there is a Dockerfile, set "
        '`dockerfile = "Dockerfile"` in `image.toml` to override this'
    )
    return Problem(setting.location, message, hint)


def _another_dockerfile(
    place: ImagePlace,
    file: ImageFile,
    own: Mapping[str, _Own],
    configured: Mapping[str, LocatedValue],
) -> Iterator[Problem]:
    """Yield a problem if the settings of a Dockerfile that `images` matches name another one."""
    named = own.get("dockerfile") or configured.get("dockerfile")
    if named is None or named.value == place.shown:
        return
    location = named.location if isinstance(named, LocatedValue) else file.locate("dockerfile")
    message = f"`{named.value}` here, but `images` matches this image by `{place.shown}`"
    hint = "remove it here, or match the folder, or the other Dockerfile, under `images`"
    yield Problem(location, message, hint)


def _ignore_files(
    root: Path,
    dockerfile: PurePosixPath,
    context: PurePosixPath,
    builds: Mapping[PurePosixPath, FlyBuild],
) -> tuple[Problem, ...]:
    """Warn of ignore files that have no effect, here as in `fly deploy`.

    flyctl passes `ignorefile` to builds without BuildKit only (`dockerfile_builder.go`), and
    BuildKit itself knows two names.
    """
    beside = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    read = beside if has(root, beside) else context / ".dockerignore"
    return tuple(
        Problem(
            build.ignorefile.location,
            f"`{build.ignorefile.value}` is not in force: BuildKit reads `{read}`, and "
            "`fly deploy` heeds `ignorefile` without BuildKit alone; what it should leave out "
            "may be in the image",
            f"move it to `{beside}`",
        )
        for build in builds.values()
        if build.ignorefile and build.ignorefile.value != str(read)
    )


def _completed(
    folder: PurePosixPath, file: ImageFile, configured: Mapping[str, LocatedValue]
) -> ImageFile:
    """Return the `image.toml` with what the configurations add to it."""
    if not configured:
        return file
    args = {
        k.removeprefix("args."): v.value for k, v in configured.items() if k.startswith("args.")
    }
    path = configured.get("dockerfile")
    relative = PurePosixPath(os.path.relpath(path.value, folder)) if path else file.dockerfile
    target = configured.get("target")
    return replace(
        file,
        dockerfile=relative,
        target=target.value if target else file.target,
        args={**args, **file.args},
    )


def _shown(key: str) -> str:
    return "build-target" if key == "target" else key
