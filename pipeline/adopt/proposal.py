"""What `invoke init` proposes: files to write, and what it could not decide. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from ..model.project import Project


class Question(Struct, frozen=True, order=True):
    """What could not be decided: where, what, and the two possibilities with the line to write.

    `chosen` is what the files say now, `other` what to write if that is wrong.
    """

    where: str
    what: str
    chosen: str
    other: str


class Proposal(Struct, frozen=True):
    """The files to write, by path, and the project that they make.

    `kept` are files that are there already, with what they would say else.
    """

    files: Mapping[PurePosixPath, str]
    project: Project
    questions: tuple[Question, ...] = ()
    kept: Mapping[PurePosixPath, str] = field(default_factory=dict)
