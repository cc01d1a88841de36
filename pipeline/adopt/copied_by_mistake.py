"""Find files that images copy and nobody means: the questions of `invoke init` about them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import PipelineError, quoted_list
from ..fingerprints.disk import Disk
from ..fingerprints.find_ignore_file import IGNORE_FILE, find_ignore_file
from ..fingerprints.fingerprint import fingerprint
from ..process.paths import is_file
from .proposal import Question, put_together

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import PurePosixPath

    from ..errors import Problem
    from ..model.image import Image
    from ..model.project import Project

_LINES = re.compile(r"(?:add|write `[^`]+` with) the lines? (`.+`)")


class _Found(Struct):
    """What one ignore file lacks: sentences about files that are copied, and the lines to write."""

    sentences: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)


def copied_by_mistake(project: Project, new: Collection[PurePosixPath]) -> tuple[Question, ...]:
    """Return a question for each ignore file that lacks lines, and for other warnings.

    `new` are files that are written now, or will be. Nothing is asked if a file is missing that an
    image copies: a plan says so.
    """
    try:
        inputs = fingerprint(project)
        files = dict(_new_files(project, new))
    except PipelineError:
        return ()
    others: list[Question] = []
    warnings = {warning for one in inputs.values() for warning in one.warnings}
    for warning in sorted(warnings, key=str):
        where, lines = str(warning.location or ""), _LINES.search(warning.hint)
        if lines is None:
            others.append(_other(where, warning))
            continue
        found = files.setdefault(where, _Found())
        found.sentences.add(warning.message)
        found.lines |= set(re.findall(r"`([^`]+)`", lines[1]))
    return put_together([*others, *(_question(project, *one) for one in files.items())])


def _other(where: str, warning: Problem) -> Question:
    return Question(where, warning.message, "nothing is changed", warning.hint)


def _question(project: Project, where: str, found: _Found) -> Question:
    what = (
        "images copy files that they hardly need; `invoke inputs NAME` says what each of them does"
    )
    if len(found.sentences) == len(found.lines) == 1:
        (what,) = found.sentences
    verb = "add to it" if is_file(project.root / where) else "write it with"
    word = "line" if len(found.lines) == 1 else "lines"
    listed = quoted_list(sorted(found.lines))
    return Question(where, what, "they are copied", f"{verb} the {word} {listed}")


def _new_files(project: Project, new: Collection[PurePosixPath]) -> Iterator[tuple[str, _Found]]:
    """Yield the ignore files that should name new files, for contexts that are copied whole."""
    disk = Disk(project.root)
    found: dict[str, _Found] = {}
    for image in filter(_copies_all, project):
        ignore = find_ignore_file(disk, project.root, image)
        for file in new:
            if not file.is_relative_to(image.context):
                continue
            path = str(file.relative_to(image.context))
            if not ignore.ignore.excludes(path):
                where = str(ignore.path or image.context / IGNORE_FILE)
                line = f"**/{file.name}" if "/" in path else path
                found.setdefault(where, _Found()).lines.add(line)
    yield from found.items()


def _copies_all(image: Image) -> bool:
    return bool(image.reads.whole) or any(r.pattern in {"", "."} for r in image.reads.reads)
