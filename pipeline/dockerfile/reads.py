"""Which paths of its context a Dockerfile reads."""

from __future__ import annotations

import posixpath
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..errors import Location


class ReadKind(StrEnum):
    """What reads: an instruction that copies, or a bind mount of RUN."""

    COPY = "COPY"
    ADD = "ADD"
    MOUNT = "MOUNT"


class Read(Struct, frozen=True):
    """A path of the context that is read, with all that is below it.

    `pattern` is relative to the context and cleaned; `.` is all of it. Of COPY and ADD it may hold
    the wildcards of `dockerignore.gomatch` (where its `has_magic` says no, it is a plain name),
    and with `parents` those of an ignore file (`**` crosses folders). Of MOUNT it is a plain path.
    `exclude` are the patterns of `--exclude`, relative to what is copied, as they are written. What
    is `optional` only some versions of BuildKit read, so that it need not be there.
    """

    pattern: str
    kind: ReadKind
    location: Location
    exclude: tuple[str, ...] = ()
    parents: bool = False
    optional: bool = False


class Reads(Struct, frozen=True):
    """What is read; `whole` says why all of the context counts, where that cannot be told."""

    reads: tuple[Read, ...] = ()
    whole: str = ""


def merge_reads(parts: Iterable[Reads]) -> Reads:
    """What any of them reads: of several platforms, say."""
    found: dict[Read, None] = {}
    whole = ""
    for part in parts:
        found.update(dict.fromkeys(part.reads))
        whole = whole or part.whole
    return Reads(tuple(found), whole)


def clean(source: str) -> str:
    """A source as a path below the context: `..` cannot leave it, `.` is the context itself.

    >>> clean("/src/../lib/"), clean("../x"), clean("")
    ('lib', 'x', '.')
    """
    return posixpath.normpath("/" + source.lstrip("/"))[1:] or "."
