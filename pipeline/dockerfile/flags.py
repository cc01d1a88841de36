"""Parse the flags of each instruction: `--name`, `--name=value`, of which some may repeat.

Facts from buildkit `frontend/dockerfile/instructions` (`bflag.go`, `parse.go`, `commands_run*.go`).
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from ..spelling import did_you_mean
from .errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping


class FlagKind(Enum):
    """What a flag takes: a truth value (which may be left out), a text, or several texts."""

    BOOL = "bool"
    TEXT = "text"
    MANY = "many"


_FILES = {
    "chown": FlagKind.TEXT,
    "chmod": FlagKind.TEXT,
    "link": FlagKind.BOOL,
    "exclude": FlagKind.MANY,
}

FLAGS: Mapping[str, Mapping[str, FlagKind]] = MappingProxyType(
    {
        "ADD": _FILES
        | {"keep-git-dir": FlagKind.BOOL, "checksum": FlagKind.TEXT, "unpack": FlagKind.BOOL},
        "COPY": _FILES | {"from": FlagKind.TEXT, "parents": FlagKind.BOOL},
        "FROM": {"platform": FlagKind.TEXT},
        "HEALTHCHECK": {
            "interval": FlagKind.TEXT,
            "timeout": FlagKind.TEXT,
            "start-period": FlagKind.TEXT,
            "start-interval": FlagKind.TEXT,
            "retries": FlagKind.TEXT,
        },
        "RUN": {
            "mount": FlagKind.MANY,
            "network": FlagKind.TEXT,
            "security": FlagKind.TEXT,
            "device": FlagKind.MANY,
        },
    }
)


class Flags(Struct, frozen=True):
    """The flags given, by name; a truth value is `true` or `false`."""

    values: Mapping[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """Return the value of a flag that takes one."""
        return self.values.get(name, (default,))[0]

    def many(self, name: str) -> tuple[str, ...]:
        """Return all values of a flag that may repeat."""
        return self.values.get(name, ())

    def is_true(self, name: str) -> bool:
        """Return whether a truth value was given and is true."""
        return self.text(name) == "true"


def parse_flags(keyword: str, given: tuple[str, ...]) -> Flags:
    """Parse and check the flags of an instruction. Raises `RefusedError`."""
    known = FLAGS.get(keyword, {})
    values: dict[str, list[str]] = {}
    for flag in given:
        written, equals, value = flag.partition("=")
        name = written.removeprefix("--")
        kind = known.get(name)
        if kind is None:
            hint = did_you_mean(written, [f"--{option}" for option in known])
            raise RefusedError(f"`{keyword}` has no flag `{written}`", hint=hint, blame=written)
        if name in values and kind is not FlagKind.MANY:
            raise RefusedError(f"`{written}` is given twice", blame=written)
        text = _truth(written, equals, value) if kind is FlagKind.BOOL else value
        if kind is not FlagKind.BOOL and not equals:
            raise RefusedError(f"`{written}` needs a value", blame=written)
        values.setdefault(name, []).append(text)
    return Flags({name: tuple(texts) for name, texts in values.items()})


def _truth(written: str, equals: str, value: str) -> str:
    if equals and not value:
        raise RefusedError(f"`{written}=` needs a value", blame=written)
    if value.lower() not in {"", "true", "false"}:
        raise RefusedError(f"`{written}` is `true` or `false`, not `{value}`", blame=written)
    return value.lower() or "true"
