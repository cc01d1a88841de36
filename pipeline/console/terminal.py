"""What a stream can show, and the one place where text leaves: harmless, and stopping no run."""

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
    """Whether a person looks at the stream; a closed one is none."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def wants_live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream can be drawn on: a terminal that is not dumb, and no CI."""
    term = environ.get("TERM", "" if os.name == "posix" else "windows")
    able = term not in {"", "dumb", "unknown"}
    ci = environ.get("CI", "").lower() not in {"", "0", "false"}
    return is_terminal(stream) and able and not ci


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour: no-color.org first, force-color.org next, else on an able terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and environ.get("TERM", "") not in {"", "dumb", "unknown"}


def painter(stream: TextIO, environ: Mapping[str, str] | None = None) -> Paint:
    """How to style text for the stream."""
    environ = os.environ if environ is None else environ
    return coloured if wants_colour(stream, environ) else plain


def columns_of(stream: TextIO) -> int | None:
    """How wide the terminal is; `None` where the stream is none and lines may be long."""
    if not is_terminal(stream):
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def encodable(text: str, stream: TextIO) -> str:
    """The text with every character that the stream's encoding lacks replaced."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAIN_SIGNS).encode(encoding, "replace").decode(encoding)
    return text


def write_lines(lines: list[str], stream: TextIO) -> None:
    """Write data: characters are replaced where they must be, errors of the stream are raised."""
    stream.write(encodable(harmless("".join(f"{line}\n" for line in lines)), stream))
    stream.flush()


class Patient:
    """A stream that goes quiet when it breaks: a closed log must not end a build.

    What is written to it leaves harmless (`model.sanitize`): lines are written whole.
    `error` is what broke it; whoever writes what must not be lost asks for it at the end, and gives
    a list that keeps it all. A stream that is `None`, as Python has it for one that was closed
    before it began, breaks when something is written.
    """

    def __init__(self, stream: TextIO | None, kept: list[str] | None = None) -> None:
        self._stream = stream
        self.kept = kept
        self.error: OSError | ValueError | None = None
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write what the encoding allows, made harmless; nothing after a failure."""
        left = harmless(text)
        if self.kept is not None:
            self.kept.append(left)
        self.draw(left)
        return len(text)

    def draw(self, text: str) -> None:
        """Write what the encoding allows as it is, with codes that are our own."""
        if isinstance(self._stream, Patient):
            self._stream.draw(text)
        elif self._stream is None:
            self.error = self.error or ValueError("closed")
        elif self.error is None:
            try:
                self._stream.write(encodable(text, self._stream))
            except (OSError, ValueError) as error:
                self.error = error

    def flush(self) -> None:
        """Flush; a failure is the last one."""
        if self._stream is not None and self.error is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self.error = error

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return self._stream is not None and is_terminal(self._stream)

    def fileno(self) -> int:
        """The number of the file behind it. Raises `OSError` where there is none."""
        if self._stream is None:
            raise OSError("it is closed")
        return self._stream.fileno()


class Canvas(Patient):
    """What the live view draws on: its codes leave as they are, as its texts are clean already."""

    def __init__(self, stream: Patient) -> None:
        super().__init__(cast("TextIO", stream))

    def write(self, text: str) -> int:
        """Write what the encoding allows; nothing after a failure."""
        self.draw(text)
        return len(text)
