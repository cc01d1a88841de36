"""The flags of each instruction: `--name`, `--name=value`, which may come twice.

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


class Kind(Enum):
    """What a flag takes: a truth value (which may be left out), a text, or several texts."""

    BOOL = "bool"
    TEXT = "text"
    MANY = "many"


_FILES = {"chown": Kind.TEXT, "chmod": Kind.TEXT, "link": Kind.BOOL, "exclude": Kind.MANY}

FLAGS: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        "ADD": _FILES | {"keep-git-dir": Kind.BOOL, "checksum": Kind.TEXT, "unpack": Kind.BOOL},
        "COPY": _FILES | {"from": Kind.TEXT, "parents": Kind.BOOL},
        "FROM": {"platform": Kind.TEXT},
        "HEALTHCHECK": {
            "interval": Kind.TEXT,
            "timeout": Kind.TEXT,
            "start-period": Kind.TEXT,
            "start-interval": Kind.TEXT,
            "retries": Kind.TEXT,
        },
        "RUN": {
            "mount": Kind.MANY,
            "network": Kind.TEXT,
            "security": Kind.TEXT,
            "device": Kind.MANY,
        },
    }
)


class Flags(Struct, frozen=True):
    """The values that were given; a truth value is `true` or `false`."""

    values: Mapping[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """The value of a flag that takes one."""
        return self.values.get(name, (default,))[0]

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a flag that may come several times."""
        return self.values.get(name, ())

    def is_true(self, name: str) -> bool:
        """Whether a truth value was given and is true."""
        return self.text(name) == "true"


def parse_flags(keyword: str, given: tuple[str, ...]) -> Flags:
    """Check the flags of an instruction. Raises `RefusedError`."""
    known = FLAGS.get(keyword, {})
    values: dict[str, list[str]] = {}
    for flag in given:
        written, equals, value = flag.partition("=")
        name = written.removeprefix("--")
        kind = known.get(name)
        if kind is None:
            hint = did_you_mean(written, [f"--{option}" for option in known])
            raise RefusedError(f"`{keyword}` has no flag `{written}`", hint=hint, blame=written)
        if name in values and kind is not Kind.MANY:
            raise RefusedError(f"`{written}` is given twice", blame=written)
        text = _truth(written, equals, value) if kind is Kind.BOOL else value
        if kind is not Kind.BOOL and not equals:
            raise RefusedError(f"`{written}` needs a value", blame=written)
        values.setdefault(name, []).append(text)
    return Flags({name: tuple(texts) for name, texts in values.items()})


def _truth(written: str, equals: str, value: str) -> str:
    if equals and not value:
        raise RefusedError(f"`{written}=` needs a value", blame=written)
    if value.lower() not in {"", "true", "false"}:
        raise RefusedError(f"`{written}` is `true` or `false`, not `{value}`", blame=written)
    return value.lower() or "true"
