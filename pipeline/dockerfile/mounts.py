"""Parse `RUN --mount=…`: its types and keys.

Facts from buildkit `frontend/dockerfile/instructions/commands_runmount.go`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from ..spelling import did_you_mean
from .errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_FIELD = re.compile(r'("(?:[^"]|"")*"|[^",]*)(?:,|\Z)')
_TRUTHS = frozenset(
    ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"]
)
_NAMES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
_NAMES |= {"rw": "readwrite"}
_KEYS = frozenset(
    [
        "type",
        "from",
        "source",
        "target",
        "readonly",
        "readwrite",
        "id",
        "sharing",
        "required",
        "size",
        "mode",
        "uid",
        "gid",
        "env",
    ]
)
_NUMBERS = {"mode": r"[0-7]+", "uid": r"\d+", "gid": r"\d+", "size": r"(?i)[\d.]+ ?[kmgtp]?i?b?"}


class MountType(StrEnum):
    """The type of a mount."""

    BIND = "bind"
    CACHE = "cache"
    TMPFS = "tmpfs"
    SECRET = "secret"  # noqa: S105 the name of a type
    SSH = "ssh"


class Mount(Struct, frozen=True):
    """A mount: `origin` is a stage or an image (`from=`), empty for the context."""

    type: MountType
    origin: str = ""
    source: str = ""
    target: str = ""


def origin_of(written: str) -> str:
    """Return the stage or image of `from=`, empty for the context; BuildKit never expands it."""
    found = ""
    for name, value in _fields(written):
        if name == "from" and value is not None:
            found = value
    return found


def takes_files(written: str) -> bool:
    """Return whether a mount has the files of its `from=`; tmpfs and ssh mounts do not.

    Returns true if its type is a variable.
    """
    found = MountType.BIND.value
    for name, value in _fields(written):
        if name == "type" and value is not None:
            found = value.lower()
    return found not in {MountType.TMPFS, MountType.SSH}


def check_from(written: str) -> None:
    """Raise `RefusedError` for a form that BuildKit refuses before it expands variables."""
    for name, value in _fields(written):
        if name == "from" and "$" in (value or "")[:-1]:
            raise RefusedError(
                "`from=` of a mount does not expand variables",
                hint="name a stage: `FROM ${IMAGE} AS name` with a global `ARG`, then `from=name`",
                blame=value or "",
            )


def parse_mount(written: str, expand: Callable[[str], str]) -> Mount:
    """Parse a mount, with its values expanded. Raises `RefusedError`."""
    values: dict[str, str] = {}
    for key, raw in _fields(written):
        name = _NAMES.get(key, key)
        if raw is None:
            if name not in {"readonly", "readwrite", "required"}:
                raise RefusedError(f"`{key}` of a mount needs a value: `{key}=…`", blame=key)
            value = "true"
        else:
            value = expand(raw)
        if name not in _KEYS:
            hint = did_you_mean(key, [*_KEYS, *_NAMES])
            raise RefusedError(f"a mount has no key `{key}`", hint=hint, blame=key)
        if name == "required" and values.get("type") not in {"secret", "ssh"}:
            raise RefusedError("`required` is for secret and ssh mounts", blame=key)
        values[name] = _checked(name, value)
    return _mount(values)


def _mount(values: Mapping[str, str]) -> Mount:
    kind = MountType(values.get("type", "bind"))
    allowed = {MountType.SECRET, MountType.SSH, MountType.CACHE}
    for name in ("mode", "uid", "gid"):
        if name in values and kind not in allowed:
            raise RefusedError(f"a {kind} mount has no `{name}`", blame=name)
    if "sharing" in values and kind is not MountType.CACHE:
        raise RefusedError("`sharing` is for cache mounts", blame="sharing")
    if "size" in values and kind is not MountType.TMPFS:
        raise RefusedError("`size` is for tmpfs mounts", blame="size")
    if kind is MountType.SECRET:
        _check_secret(values)
    if kind is MountType.SSH and values.get("source"):
        raise RefusedError("an ssh mount has no `source`", blame="source")
    return Mount(kind, values.get("from", ""), values.get("source", ""), values.get("target", ""))


def _check_secret(values: Mapping[str, str]) -> None:
    if values.get("from"):
        raise RefusedError("a secret mount has no `from`", blame="from")
    if not any(values.get(name) for name in ("source", "target", "id")):
        raise RefusedError("a secret mount needs an `id`, a `source` or a `target`")
    if values.get("source") and values.get("id"):
        raise RefusedError("a secret mount has either an `id` or a `source`")


def _checked(name: str, value: str) -> str:
    """Check the value of a key; return it in lower case if the key has few values."""
    choices: tuple[str, ...] = ()
    if name == "type":
        choices = tuple(MountType)
    elif name == "sharing":
        choices = ("shared", "private", "locked")
    if choices:
        if value.lower() not in choices:
            hint = did_you_mean(value.lower(), choices)
            text = f"`{name}={value}` of a mount is not one of {', '.join(choices)}"
            raise RefusedError(text, hint=hint, blame=value)
        return value.lower()
    if name in {"readonly", "readwrite", "required"} and value not in _TRUTHS:
        raise RefusedError(f"`{name}={value}` of a mount is neither true nor false", blame=value)
    if name in _NUMBERS and not re.fullmatch(_NUMBERS[name], value):
        raise RefusedError(f"`{name}={value}` of a mount is not a number", blame=f"{name}={value}")
    return value


def _fields(written: str) -> Iterator[tuple[str, str | None]]:
    """Split into lower-case keys and values, as CSV: quotes may hold commas.

    Raises `RefusedError`.
    """
    at = 0
    while at <= len(written):
        found = _FIELD.match(written, at)
        if not found:
            raise RefusedError(f"`--mount={written}` is not a list of `key=value`", blame=written)
        text = found[1]
        text = text[1:-1].replace('""', '"') if text.startswith('"') else text
        key, equals, value = text.partition("=")
        yield key.lower(), value if equals else None
        if found.end() == len(written) and not found[0].endswith(","):
            return
        at = found.end()


def source_texts(written: str) -> tuple[str, ...]:
    """Return the parts of a mount that decide what it reads, as written."""
    keys = {"type", "source", "src"}
    return tuple(value for name, value in _fields(written) if name in keys and value is not None)
