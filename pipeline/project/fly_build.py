"""Read `[build]` of an app's configuration by flyctl's rules.

`internal/command/deploy/deploy_build.go`: `image` overrides everything else, then `builder`;
`dockerfile` and `ignorefile` are relative to the configuration, even with a `/` before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import Problem
from ..process.paths import inside
from .fly_toml import written_key
from .result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..errors import Location
    from .fly_toml import FlyToml

_URLS = ("http:", "https:")
_TEXTS = ("image", "builder", "builtin", "dockerfile", "ignorefile", "build-target")


class LocatedValue(Struct, frozen=True):
    """A value of a configuration, and its location."""

    value: str
    location: Location


class FlyBuild(Struct, frozen=True):
    """The build settings of one configuration; what it leaves out is `None`.

    `dockerfile` and `ignorefile` are relative to the project's root. `foreign` is the key of a
    build without a Dockerfile: `builder`, `buildpacks` or `builtin`.
    """

    image: LocatedValue | None = None
    dockerfile: LocatedValue | None = None
    target: LocatedValue | None = None
    ignorefile: LocatedValue | None = None
    foreign: LocatedValue | None = None
    args: Mapping[str, LocatedValue] = field(default_factory=dict)


def read_fly_build(config: FlyToml) -> Result[FlyBuild]:
    """Read `[build]`, with each problem at its location."""
    table = config.document.data.get(written_key(config.document.data, "build"))
    if table is None:
        return Result(FlyBuild())
    if not isinstance(table, dict):
        location = _location(config)
        return Result(
            None, (Problem(location, "`build` must be a table", "write its keys below it"),)
        )
    problems: list[Problem] = []
    texts = {key: _text(config, table, key, problems) for key in _TEXTS}
    # flyctl's own patch (`patchBuild`), which finds it in lower case only.
    older = _text(config, table, "build_target", problems) if "build_target" in table else None
    args = {name: setting for name, setting in _args(config, table, problems) if setting}
    found = FlyBuild(
        image=texts["image"],
        dockerfile=_path(config, texts["dockerfile"], "dockerfile", problems),
        target=older or texts["build-target"],
        ignorefile=_path(config, texts["ignorefile"], "ignorefile", problems),
        foreign=_foreign(config, table, texts),
        args=args,
    )
    return Result(None if problems else found, tuple(problems))


def _location(config: FlyToml, *path: str) -> Location:
    return config.document.locate(written_key(config.document.data, "build"), *path)


def _text(
    config: FlyToml, table: Mapping[str, object], key: str, problems: list[Problem]
) -> LocatedValue | None:
    name = written_key(table, key)
    value = table.get(name)
    if value is None or value == "":
        return None
    location = _location(config, name)
    if not isinstance(value, str):
        problems.append(Problem(location, f"`build.{name}` must be a string", "write it in quotes"))
        return None
    return LocatedValue(value, location)


def _args(
    config: FlyToml, table: Mapping[str, object], problems: list[Problem]
) -> Iterator[tuple[str, LocatedValue | None]]:
    name = written_key(table, "args")
    values = table.get(name)
    if values is None:
        return
    if not isinstance(values, dict):
        location = _location(config, name)
        problems.append(
            Problem(location, f"`build.{name}` must be a table", 'as in { VERSION = "1" }')
        )
        return
    for arg, value in values.items():
        location = _location(config, name, arg)
        if isinstance(value, str):
            yield arg, LocatedValue(value, location)
        else:
            message = f"`build.{name}.{arg}` must be a string"
            problems.append(Problem(location, message, "write it in quotes"))


def _path(
    config: FlyToml, setting: LocatedValue | None, key: str, problems: list[Problem]
) -> LocatedValue | None:
    """Return a path that is relative to the configuration as relative to the project's root."""
    if setting is None:
        return None
    if setting.value.strip().lower().startswith(_URLS):
        message = f"`{key}` is a URL: only files of the project go into a fingerprint"
        problems.append(Problem(setting.location, message, "download it into the project"))
        return None
    path = inside(config.file.parent / setting.value.lstrip("/"))
    if path is None:
        message = f"`{key}` lies outside the project"
        problems.append(Problem(setting.location, message, "name a path inside it"))
        return None
    return LocatedValue(str(path), setting.location)


def _foreign(
    config: FlyToml, table: Mapping[str, object], texts: Mapping[str, LocatedValue | None]
) -> LocatedValue | None:
    for key in ("builder", "builtin"):
        if setting := texts[key]:
            return LocatedValue(key, setting.location)
    name = written_key(table, "buildpacks")
    return LocatedValue("buildpacks", _location(config, name)) if table.get(name) else None
