"""What reading a file came to: a value, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from ..errors import Problem

T = TypeVar("T")


class Loaded(NamedTuple, Generic[T]):
    """A value and the problems found on the way; `value` is `None` where they left none.

    >>> value, problems = Loaded(1)
    """

    value: T | None
    problems: tuple[Problem, ...] = ()
