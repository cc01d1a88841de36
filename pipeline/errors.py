"""Every error that a user can meet, with its exit code.

* PipelineError
  - ConfigError: wrong use or configuration (2); has all problems found at once
  - UnknownError: could not find out: no engine, refused, unreachable (4)
    - FaultError: an unexpected exception after the work had begun (3)
  - WorkError: the work failed (1)
  - InterruptedByUserError: Ctrl-C or SIGTERM (130)

What the machine lacks (`machine_error`) is an `UnknownError` too. Any other exception is a fault of
ours (3).
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, ClassVar, TypeVar

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


_ROOM = "make room there; for temporary files, set TMPDIR to a folder that has some"
_FILES = "raise the limit of open files (`ulimit -n`)"
_LACKING = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`)",
    errno.EROFS: "for temporary files, set TMPDIR to a folder that you may write to",
    errno.EMFILE: _FILES,
    errno.ENFILE: "close other programs: the whole machine has too many files open",
    errno.EAGAIN: "raise the limit of processes (`ulimit -u`, a container's `--pids-limit`)",
    errno.ENOMEM: "close other programs, or give the container more memory",
    errno.EIO: "look at the disk: the system's log says more",
}
"""What a machine may run out of, and what to do about it."""
T = TypeVar("T")

MOST_PROBLEMS = 100
"""Of one file; the search for more stops there, as nobody reads them."""

MOST_SHOWN = 1000
_MOST_LISTED = 50
_LONGEST = 1000
"""Characters of a message; a value that it quotes may have a megabyte."""


KeyPath = tuple[str | int, ...]
"""The keys and indexes that lead to a value of a file: `("deploy", "apps", 0)`."""


class Location(Struct, frozen=True, order=True):
    """Where something is in a file of the user: `images/web/Dockerfile:3:6`.

    `file` is relative to the project's root if it is inside it. `line` and `column` count from 1; 0
    means the whole file, or the whole line.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column else "")


class Problem(Struct, frozen=True, order=True):
    """One error in the user's files: where, what, and what to do next."""

    location: Location | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        return f"{where}{self.message}"


class PipelineError(Exception):
    """Root of all errors that are shown to a person without a traceback.

    `message` is one sentence of what happened, `hint` what to do next (may be empty).
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(PipelineError):
    """The configuration or the command is wrong: all `problems` at once, in order of location."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnknownError(PipelineError):
    """Something could not be found out: no engine, a refusal, no network. Never "absent"."""

    exit_code = 4


class FaultError(UnknownError):
    """A fault of ours, met after the work had begun: `cause` is the exception.

    Its message names only the type: what others wrote into an exception may be a secret.
    """

    exit_code = 3

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(
            f"a bug in Fly Image Pipeline ended this: `{type(cause).__name__}`",
            hint="the work done before is listed above; please report the bug",
        )


class WorkError(PipelineError):
    """The work was tried and failed."""

    exit_code = 1


class InterruptedByUserError(PipelineError):
    """The user asked to stop (Ctrl-C, SIGTERM)."""

    exit_code = 130


def as_pipeline_error(error: Exception) -> PipelineError:
    """Return the error; one that is not ours as the machine's, or as a `FaultError`."""
    if isinstance(error, PipelineError):
        return error
    return machine_error(error) or FaultError(error)


def reason_of(error: OSError) -> str:
    """Return why the operating system refused something, in its words, to end a sentence."""
    return (error.strerror or type(error).__name__).lower()


def machine_error(error: Exception) -> UnknownError | None:
    """Return the error of a machine that lacks room, memory, files or processes; else `None`."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    elif isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        number = errno.EAGAIN
    if number not in _LACKING:
        return None
    where = getattr(error, "filename", None)
    subject = f": `{os.fsdecode(where)}`" if isinstance(where, str | bytes) else ""
    message = f"this machine could not go on: {os.strerror(number).lower()}{subject}"
    return UnknownError(message, hint=_LACKING[number])


def usage_error(message: str, *, hint: str = "") -> ConfigError:
    """Return a wrong command line as a `ConfigError` without a location."""
    return ConfigError([Problem(None, message, hint)])


def first_problems(found: Sequence[T], problem: Callable[[T], Problem]) -> list[Problem]:
    """Return a problem for each error; of many, for the first, and how many more there are.

    To find out what was meant takes time for each.
    """
    if not found:
        return []
    listed = [problem(one) for one in found[:MOST_PROBLEMS]]
    if more := len(found) - len(listed):
        listed.append(Problem(listed[-1].location, f"and {more:,} more problems are in the file"))
    return listed


class Problems(list[Problem]):
    """The problems of one file, as they are found; too many end the search."""

    def append(self, problem: Problem) -> None:
        """Add a problem. Raises `ConfigError` if that makes it `MOST_PROBLEMS`."""
        super().append(problem)
        if len(self) >= MOST_PROBLEMS:
            message = f"this is one of {len(self)} problems; the search stops here"
            raise_problems([*self, Problem(problem.location, message)])


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise all of `problems` as one `ConfigError`, in order of location; do nothing for none.

    Of thousands, the first are listed, and how many more there are.
    """
    if problems:
        found = sorted(set(problems), key=_by_place)
        listed = [_short(problem) for problem in found[:MOST_SHOWN]]
        if more := len(found) - len(listed):
            listed.append(Problem(listed[-1].location, f"and {more:,} more problems"))
        raise ConfigError(listed)


def quoted_list(words: Iterable[str]) -> str:
    """Write words into a sentence: `a`, `b` and `c`; of many, the first fifty.

    >>> quoted_list(["host", "tag"])
    '`host` and `tag`'
    """
    quoted = [f"`{word}`" for word in words]
    if len(quoted) > _MOST_LISTED:
        quoted[_MOST_LISTED:] = [f"{len(quoted) - _MOST_LISTED:,} more"]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _short(problem: Problem) -> Problem:
    if max(len(problem.message), len(problem.hint)) <= _LONGEST:
        return problem
    return replace(problem, message=_cut(problem.message), hint=_cut(problem.hint))


def _cut(text: str) -> str:
    """Leave out the middle: the quoted value is there, and what is wrong with it follows."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}...{text[-half:]}"


def _by_place(problem: Problem) -> tuple[str, int, int, str]:
    where = problem.location or Location("")
    return where.file, where.line, where.column, problem.message
