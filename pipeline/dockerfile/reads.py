"""The paths of its context that a Dockerfile reads."""

from __future__ import annotations

import posixpath
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..errors import Location


class ReadKind(StrEnum):
    """What reads the path: an instruction that copies, or a bind mount of RUN."""

    COPY = "COPY"
    ADD = "ADD"
    MOUNT = "MOUNT"


class Read(Struct, frozen=True):
    """A path of the context that is read, with all that is below it.

    `pattern` is relative to the context and clean; `.` is all of it. In COPY and ADD it may have
    the wildcards of `dockerignore.gomatch` (if its `has_magic` returns false, it is a plain name),
    and with `parents` those of an ignore file (`**` crosses folders). In MOUNT it is a plain path.
    `exclude` has the patterns of `--exclude`, relative to what is copied, as written. An `optional`
    path is read by some versions of BuildKit only, so it need not exist.
    """

    pattern: str
    kind: ReadKind
    location: Location
    exclude: tuple[str, ...] = ()
    parents: bool = False
    optional: bool = False


class Reads(Struct, frozen=True):
    """What is read; if the paths are not known, `whole` says why all of the context counts."""

    reads: tuple[Read, ...] = ()
    whole: str = ""


def merge_reads(parts: Iterable[Reads]) -> Reads:
    """Merge what several read, such as the builds of several platforms."""
    found: dict[Read, None] = {}
    whole = ""
    for part in parts:
        found.update(dict.fromkeys(part.reads))
        whole = whole or part.whole
    return Reads(tuple(found), whole)


def clean(source: str) -> str:
    """Return a source as a path below the context: `..` cannot leave it, `.` is the context itself.

    >>> clean("/src/../lib/"), clean("../x"), clean("")
    ('lib', 'x', '.')
    """
    return posixpath.normpath("/" + source.lstrip("/"))[1:] or "."
