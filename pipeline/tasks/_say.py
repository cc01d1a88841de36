"""Print lines, errors and warnings to stderr, and results to stdout."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..console.text import clean, hint_text
from ..errors import UnknownError, raise_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..errors import PipelineError, Problem
    from ..model.events import Reporter
    from ..model.project import Project


def say(text: str) -> None:
    """Print a line to stderr. Names in it may be anybody's: control characters are removed."""
    print(clean(hint_text(text)), file=sys.stderr)  # noqa: T201 - tasks and console are where printing is done


def tell(text: str) -> None:
    """Print a line of a result to stdout. Control characters are removed."""
    print(clean(text))  # noqa: T201 - tasks and console are where printing is done


def warn(project: Project, problems: Iterable[Problem]) -> None:
    """Print what tags may hide to stderr, each once. Raises it if the project is strict."""
    from ..console.errors import show_warnings

    found = tuple(dict.fromkeys(problems))
    if project.settings.strict:
        raise_problems(found)
    show_warnings(found, sys.stderr)


def print_error(error: PipelineError) -> None:
    """Print an error to stderr: what happened, and what to do next."""
    from ..console.errors import show_error

    show_error(error, sys.stderr)


def say_unlisted(project: Project) -> int:
    """Print which Fly apps were left out because only a command lists them; return the exit code.

    Tasks that only look run no command of the project.
    """
    from ..model.apps import HOW_TO_RUN, NOT_RUN
    from ..model.fly_apps import unlisted

    for name in unlisted(project):
        say(f"note: the apps of `{name}` are {NOT_RUN}; {HOW_TO_RUN}")
    return UnknownError.exit_code if unlisted(project) else 0


def write_json(value: dict[str, object]) -> None:
    """Print a result as JSON to stdout."""
    from ..console.as_json import dump

    dump(value, sys.stdout)


@contextmanager
def console(*, json: bool = False, plain: bool = False) -> Iterator[Reporter]:
    """Show a run on stderr: a live view in a terminal, lines elsewhere, or if `plain`.

    Its summary is the result, on stdout; with `json`, the result is a document, and the summary for
    people is on stderr, too.
    """
    from ..console.out import reporter

    results = sys.stderr if json else sys.stdout
    with reporter(sys.stderr, results=results, live=False if plain else None) as report:
        yield report
