"""Find files that images copy and nobody means: the questions of `invoke init` about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import PipelineError, quoted_list
from ..fingerprints.context_warnings import lines_to_exclude
from ..fingerprints.disk import Disk
from ..fingerprints.find_ignore_file import IGNORE_FILE, find_ignore_file
from ..fingerprints.fingerprint import fingerprint
from ..process.paths import is_file
from .proposal import Question, put_together

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import PurePosixPath

    from ..model.image import Image
    from ..model.project import Project


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
        files = _new_files(project, new)
    except PipelineError:
        return ()
    others: list[Question] = []
    warnings = {warning for one in inputs.values() for warning in one.warnings}
    for warning in sorted(warnings, key=str):
        where, lines = str(warning.location or ""), lines_to_exclude(warning)
        if not lines:
            other = Question(where, warning.message, "nothing is changed", warning.hint)
            others.append(other)
            continue
        found = files.setdefault(where, _Found())
        found.sentences.add(warning.message)
        found.lines |= set(lines)
    return put_together([*others, *(_question(project, *one) for one in files.items())])


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


def _new_files(project: Project, new: Collection[PurePosixPath]) -> dict[str, _Found]:
    """Return the ignore files that should name new files, for contexts that are copied whole."""
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
    return found


def _copies_all(image: Image) -> bool:
    return bool(image.reads.whole) or any(r.pattern in {"", "."} for r in image.reads.reads)
