"""The result of reading a file: a value, and the problems found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from ..errors import Problem

T = TypeVar("T")


class Result(NamedTuple, Generic[T]):
    """A value and the problems found while reading it; `value` is `None` if they leave none.

    >>> value, problems = Result(1)
    """

    value: T | None
    problems: tuple[Problem, ...] = ()
