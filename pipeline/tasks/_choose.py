"""Choose names by words of the command line: commas between them, `*` and `?` allowed."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from ..errors import Problem, raise_problems
from ..spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import FrameType

    from invoke.context import Context

    Handler = Callable[[int, FrameType | None], None]

    from ..model.project import Project
    from ..reference import ImageName

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)

_MOST_COMPARED = 10_000
"""Names that a word of the command line is compared with, which is done once."""

if TYPE_CHECKING:
    Body = Callable[Concatenate[Context, P], int]
    Made = Callable[Concatenate[Context, P], None]
    Words = Sequence[str] | None
    """What `--allow` says each time that it is written."""


def choose(project: Project, words: str, *, what: str = "image") -> tuple[ImageName, ...]:
    """The names that `words` (commas between them, `*` and `?` allowed) choose, in build order.

    Raises `ConfigError` with every word that chooses nothing.
    """
    return choose_from(project.names, words, what=what)


def choose_from(names: Iterable[Name], words: str, *, what: str) -> tuple[Name, ...]:
    """As `choose`, from any names."""
    known = tuple(names)
    patterns = [word.strip() for word in words.split(",") if word.strip()]
    lost = [p for p in patterns if not any(_fits(name, p) for name in known)]
    raise_problems([_no_such(word, known, what) for word in lost])
    return tuple(name for name in known if any(_fits(name, p) for p in patterns))


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern)


def _no_such(word: str, known: tuple[str, ...], what: str) -> Problem:
    hint = did_you_mean(word, known, most=_MOST_COMPARED)
    hint = hint or f"there are: {', '.join(known) or 'none'}"
    return Problem(None, f"there is no {what} `{word}`", hint)
