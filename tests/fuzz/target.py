"""Fuzz targets, and what counts as a find."""

from __future__ import annotations

import ast
import hashlib
import io
import tempfile
import traceback
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console.errors import error_lines
from pipeline.console.terminal import painter
from pipeline.errors import FaultError, PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = Path(__file__).parent / "seeds"
DICTIONARIES = Path(__file__).parent / "dictionaries"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()  # noqa: S108
"""The folder for temporary files: in memory, if possible."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Target:
    """A function that reads untrusted input.

    `tries` gets the input. `vocabulary` names a file of tokens for mutations, and `form` is the
    format, `json` or `toml`, in which values can be replaced.
    """

    name: str
    tries: Callable[[bytes], None]
    vocabulary: str = ""
    form: str = ""

    @property
    def folder(self) -> Path:
        """Return the folder of its seeds."""
        return SEEDS / self.name

    @property
    def dictionary(self) -> Path | None:
        """Return its dictionary in libFuzzer's format: a quoted token per line."""
        return DICTIONARIES / self.vocabulary if self.vocabulary else None

    @cached_property
    def tokens(self) -> tuple[bytes, ...]:
        """Return the tokens of its dictionary."""
        lines = self.dictionary.read_text(encoding="ascii").splitlines() if self.dictionary else []
        return tuple(ast.literal_eval(f"b{line}") for line in lines)

    def seeds(self) -> list[bytes]:
        """Return its saved inputs in a fixed order."""
        return [file.read_bytes() for file in sorted(self.folder.iterdir())]


@dataclass(frozen=True, slots=True)
class Find:
    """An exception of a target that is none of our errors; `place` is our innermost line."""

    what: str
    place: str
    trace: str = field(repr=False)

    @property
    def key(self) -> str:
        """Return a key that is equal for finds with the same cause, as far as possible."""
        return hashlib.sha256(f"{self.what} {self.place}".encode()).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{self.what} at {self.place}"


def judge(target: Target, data: bytes) -> Find | None:
    """Run a target with an input; return what is wrong with the result, if anything."""
    try:
        target.tries(data)
    except PipelineError as error:
        return _print_error(error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return find_of(error)
    return None


def find_of(error: BaseException) -> Find:
    """Return the find for an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(frame.filename)]
    last = (ours or list(frames))[-1]
    place = f"{Path(last.filename).relative_to(ROOT)}:{last.lineno} in {last.name}"
    # Deep recursion has thousands of frames: the first and last ones are enough.
    trace = "".join(traceback.format_exception(error, limit=-12))
    return Find(type(error).__name__, place, trace)


def _is_ours(filename: str) -> bool:
    return Path(filename).is_relative_to(ROOT / "pipeline")


def _print_error(error: PipelineError) -> Find | None:
    """Check that our own error can be printed."""
    if isinstance(error, FaultError):
        return find_of(error.cause)
    try:
        text = "\n".join(error_lines(error, painter(io.StringIO(), {})))
        text.encode()
    except Exception as other:  # noqa: BLE001 - likewise
        return find_of(other)
    return None if text.strip() else Find("an empty message", type(error).__name__, "")
