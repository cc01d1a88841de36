"""Say something to the person on stderr, or give a result to a script on stdout."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from ..errors import (
    PipelineError,
    Problem,
    UnknownError,
    raise_problems,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import FrameType

    from invoke.context import Context

    Handler = Callable[[int, FrameType | None], None]

    from ..model.events import Reporter
    from ..model.project import Project

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)

if TYPE_CHECKING:
    Body = Callable[Concatenate[Context, P], int]
    Made = Callable[Concatenate[Context, P], None]
    Words = Sequence[str] | None
    """What `--allow` says each time that it is written."""


def tell_unasked(project: Project) -> int:
    """Say which apps at Fly a look has left out, as only a command knows them: the exit code."""
    from ..model.apps import HOW_TO_RUN, NOT_RUN  # noqa: PLC0415 - loaded late
    from ..model.fly_apps import unasked  # noqa: PLC0415

    for name in unasked(project):
        say(f"note: the apps of `{name}` are {NOT_RUN}; {HOW_TO_RUN}")
    return UnknownError.exit_code if unasked(project) else 0


def say(text: str) -> None:
    """A line for the person, on stderr; names in it may be anybody's."""
    from ..console.text import clean  # noqa: PLC0415 - loaded late

    print(clean(text), file=sys.stderr)  # noqa: T201 - tasks and console are where printing is done


def warn(project: Project, problems: Iterable[Problem]) -> None:
    """Say on stderr what tags may hide, each once; where the project is strict, raise it."""
    from ..console.errors import show_warnings  # noqa: PLC0415 - loaded late

    found = tuple(dict.fromkeys(problems))
    if project.settings.strict:
        raise_problems(found)
    show_warnings(found, sys.stderr)


def tell(error: PipelineError) -> None:
    """An error for the person, on stderr: what happened, and what to do next."""
    from ..console.errors import show_error  # noqa: PLC0415 - only when there is one

    show_error(error, sys.stderr)


def write_json(value: dict[str, object]) -> None:
    """A result for scripts, on stdout."""
    from ..console.as_json import dump  # noqa: PLC0415 - loaded late

    dump(value, sys.stdout)


@contextmanager
def console() -> Iterator[Reporter]:
    """The view of a run: live in a terminal, plain lines elsewhere; on stderr."""
    from ..console.out import reporter  # noqa: PLC0415 - rich costs 40 ms

    with reporter(sys.stderr) as report:
        yield report
