"""Decode BuildKit's raw JSON progress stream. Pure.

`--progress rawjson` writes values of `SolveStatus` (buildkit `client/graph.go`) to standard error,
and error messages between and after them as plain text. buildx 0.13 indents the JSON over several
lines; later versions write an object per line. Empty fields are left out.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model.masking import Mask

Fields = dict[str, object]

_MAX_PENDING = 8 << 20


class Vertex(Struct, frozen=True):
    """The current state of a step. The same `digest` occurs with each change and each target."""

    digest: str
    name: str
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


class Status(Struct, frozen=True):
    """The progress of a part of a step; `current` and `total` are bytes."""

    id: str
    vertex: str
    current: int = 0
    total: int = 0
    completed: bool = False


class Log(Struct, frozen=True):
    """Bytes that a step wrote to standard output (1) or error (2), not always whole lines."""

    vertex: str
    stream: int
    data: bytes


class VertexWarning(Struct, frozen=True):
    """A warning of the frontend; `line` is the Dockerfile's, 0 if there is none."""

    vertex: str
    text: str
    line: int = 0


class OtherLine(Struct, frozen=True):
    """A line that is not JSON."""

    text: str


StreamRecord = Vertex | Status | Log | VertexWarning | OtherLine


def masked(record: StreamRecord, mask: Mask) -> StreamRecord:
    """Return the record with `mask` applied to what the registry and the steps wrote."""
    match record:
        case Vertex() if record.error:
            return replace(record, error=mask(record.error))
        case Log():
            # Bytes that are not UTF-8 come back unchanged.
            text = record.data.decode(errors="surrogateescape")
            return replace(record, data=mask(text).encode(errors="surrogateescape"))
        case VertexWarning() | OtherLine():
            return replace(record, text=mask(record.text))
    return record


class Decoder:
    """Turns lines into records. What it does not understand becomes text, or is dropped."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._size = 0

    def feed(self, line: bytes) -> list[StreamRecord]:
        """Add a line, with or without its end, and return the records that it completes."""
        line = line.rstrip(b"\r\n")
        if not self._pending and not line.startswith(b"{"):
            return [OtherLine(line.decode(errors="replace"))]
        self._pending.append(line)
        self._size += len(line)
        whole = line.startswith(b"}") or (len(self._pending) == 1 and line.endswith(b"}"))
        if whole:
            return self._close()
        return self.end() if self._size > _MAX_PENDING else []

    def end(self) -> list[StreamRecord]:
        """Return incomplete input as text."""
        left, self._pending, self._size = self._pending, [], 0
        return [OtherLine(line.decode(errors="replace")) for line in left]

    def _close(self) -> list[StreamRecord]:
        try:
            value = json.loads(b"\n".join(self._pending))
        except (ValueError, RecursionError):
            return self.end()
        self._pending, self._size = [], 0
        return list(_records(value)) if isinstance(value, dict) else []


def _records(value: Fields) -> Iterable[StreamRecord]:
    yield from (_vertex(item) for item in _items(value, "vertexes"))
    yield from (_status(item) for item in _items(value, "statuses"))
    yield from (_log(item) for item in _items(value, "logs"))
    yield from (_warned(item) for item in _items(value, "warnings"))


def _vertex(item: Fields) -> Vertex:
    return Vertex(
        _text(item, "digest"),
        _text(item, "name"),
        _time(item, "started"),
        _time(item, "completed"),
        cached=item.get("cached") is True,
        error=_text(item, "error"),
    )


def _status(item: Fields) -> Status:
    return Status(
        _text(item, "id"),
        _text(item, "vertex"),
        _number(item, "current"),
        _number(item, "total"),
        completed=_time(item, "completed") is not None,
    )


def _log(item: Fields) -> Log:
    return Log(_text(item, "vertex"), _number(item, "stream"), _bytes(item.get("data")))


def _warned(item: Fields) -> VertexWarning:
    ranges = list(_items(item, "range"))
    start = ranges[0].get("start") if ranges else None
    line = _number(start, "line") if isinstance(start, dict) else 0
    short = _bytes(item.get("short")).decode(errors="replace")
    return VertexWarning(_text(item, "vertex"), short, line)


def _items(value: Fields, key: str) -> Iterable[Fields]:
    found = value.get(key)
    return (item for item in found if isinstance(item, dict)) if isinstance(found, list) else ()


def _text(item: Mapping[str, object], key: str) -> str:
    found = item.get(key)
    return found if isinstance(found, str) else ""


def _number(item: Mapping[str, object], key: str) -> int:
    found = item.get(key)
    return found if isinstance(found, int) else 0


def _bytes(found: object) -> bytes:
    try:
        return b64decode(found) if isinstance(found, str) else b""
    except (Base64Error, ValueError):
        return b""


def _time(item: Mapping[str, object], key: str) -> datetime | None:
    """Read a time; `None` for Go's zero time, which means "not yet", and without a time zone."""
    try:
        found = datetime.fromisoformat(_text(item, key))
    except ValueError:
        return None
    return found if found.year > 1 and found.tzinfo else None
