"""What `invoke init` proposes: files to write, and what it could not decide. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import quoted_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import PurePosixPath

    from ..model.project import Project


_MOST_ALIKE = 3
"""Questions of one kind, beside the first, that are asked one by one."""


class Question(Struct, frozen=True, order=True):
    """What could not be decided: where, what, and the two possibilities with the line to write.

    `chosen` is what the files say now, `other` what to write if that is wrong. With `must`, it is
    hardly right.
    """

    where: str
    what: str
    chosen: str
    other: str
    must: bool = False


def put_together(questions: Iterable[Question]) -> tuple[Question, ...]:
    """Sort questions; put many of one kind into one, which names the first places.

    >>> many = [Question(f"Dockerfile.{n}", "it is none: x", "left out", "") for n in range(9)]
    >>> put_together(many)[0].what
    'it is none: x; so are 8 more, such as `Dockerfile.1` and `Dockerfile.2`'
    """
    groups: dict[tuple[str, str], list[Question]] = {}
    for one in sorted(set(questions)):
        groups.setdefault((one.what.partition(":")[0], one.chosen), []).append(one)
    found: list[Question] = []
    for alike in groups.values():
        first, *rest = alike
        if len(rest) > _MOST_ALIKE:
            some = quoted_list(one.where for one in rest[:2])
            what = f"{first.what}; so are {len(rest)} more, such as {some}"
            found.append(replace(first, what=what))
        else:
            found += alike
    return tuple(found)


class Proposal(Struct, frozen=True):
    """The files to write, by path, and the project that they make.

    `notes` are what was decided without a question.
    """

    files: Mapping[PurePosixPath, str]
    project: Project
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
