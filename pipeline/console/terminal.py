"""Output streams: what they can show, and writing text to them that is safe to show."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from ..model.sanitize import harmless
from .paint import Paint, coloured, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_PLAIN_SIGNS = str.maketrans(
    {"…": "...", "✓": "+", "✗": "x", "─": "-", "│": "|", "├": "|", "└": "`", "←": "<-"}
)


def is_terminal(stream: TextIO) -> bool:
    """Return whether the stream is a terminal; false for a closed one."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def wants_live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether to draw a live view: on a terminal that is not dumb, and not in CI."""
    term = environ.get("TERM", "" if os.name == "posix" else "windows")
    able = term not in {"", "dumb", "unknown"}
    ci = environ.get("CI", "").lower() not in {"", "0", "false"}
    return is_terminal(stream) and able and not ci


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether to use colour: `NO_COLOR` decides, then `FORCE_COLOR`, then the terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and environ.get("TERM", "") not in {"", "dumb", "unknown"}


def painter(stream: TextIO, environ: Mapping[str, str] | None = None) -> Paint:
    """Return the function that styles text for the stream."""
    environ = os.environ if environ is None else environ
    return coloured if wants_colour(stream, environ) else plain


def columns_of(stream: TextIO) -> int | None:
    """Return the width of the terminal; `None` if the stream is not one, and lines may be long."""
    if not is_terminal(stream):
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def encodable(text: str, stream: TextIO) -> str:
    """Return the text with every character replaced that the encoding of the stream lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAIN_SIGNS).encode(encoding, "replace").decode(encoding)
    return text


def write_lines(lines: list[str], stream: TextIO) -> None:
    """Write lines, made safe to show. Errors of the stream are raised."""
    stream.write(encodable(harmless("".join(f"{line}\n" for line in lines)), stream))
    stream.flush()


class TolerantStream:
    """A stream whose errors raise nothing: a closed log must not end a build.

    After the first error, which is kept as `error`, nothing more is written. Text is made safe
    (`model.sanitize`). Each line must be written in one call. `kept`, if given, gets all text, and
    `written` says whether there was any. The stream is `None` if it was closed when Python started;
    the first write sets `error`.
    """

    def __init__(self, stream: TextIO | None, kept: list[str] | None = None) -> None:
        self._stream = stream
        self.kept = kept
        self.error: OSError | ValueError | None = None
        self.written = False
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write a text that is made safe; nothing after an error."""
        safe = harmless(text)
        self.written = True
        if self.kept is not None:
            self.kept.append(safe)
        self.draw(safe)
        return len(text)

    def draw(self, text: str) -> None:
        """Write a text of ours with its escape sequences; nothing after an error."""
        if isinstance(self._stream, TolerantStream):
            self._stream.draw(text)
        elif self._stream is None:
            self.error = self.error or ValueError("closed")
        elif self.error is None:
            try:
                self._stream.write(encodable(text, self._stream))
            except (OSError, ValueError) as error:
                self.error = error

    def flush(self) -> None:
        """Flush, unless there was an error."""
        if self._stream is not None and self.error is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self.error = error

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream is not None and is_terminal(self._stream)

    def fileno(self) -> int:
        """Return the number of its file. Raises `OSError` if it has none."""
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()


class Canvas(TolerantStream):
    """The stream of the live view: its text is safe already, and its escape sequences are kept."""

    def __init__(self, stream: TolerantStream) -> None:
        super().__init__(cast("TextIO", stream))

    def write(self, text: str) -> int:
        """Write a text with its escape sequences; nothing after an error."""
        self.draw(text)
        return len(text)
