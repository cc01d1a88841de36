"""Say what `invoke init` decided by itself, and a person may want to know. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import quoted_list
from ..model.settings import repository_of
from .references import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model.project import Project
    from .candidate import Candidate
    from .definitions import Target

_MOST = 3
"""Notes of one kind that are written out."""


def notes_of(
    project: Project, candidates: Sequence[Candidate], targets: Sequence[Target]
) -> tuple[str, ...]:
    """Return notes about definitions, names in `FROM`, and repositories."""
    built = [one for one in candidates if one.targets]
    return (
        *_read_once(built, targets),
        *_few(_merged(built)),
        *_few(_meant(project)),
        *_few(_renamed(project, built)),
    )


def _few(notes: Iterator[str]) -> Iterator[str]:
    found = list(notes)
    yield from found[:_MOST]
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST} more such"


def _read_once(built: Sequence[Candidate], targets: Sequence[Target]) -> Iterator[str]:
    names = {name for one in built for name in one.targets}
    files = dict.fromkeys(str(target.file) for target in targets if target.name in names)
    if files:
        verb = "is" if len(files) == 1 else "are"
        yield (
            f"{quoted_list(files)} {verb} read once, with variables as `.env` or defaults set "
            "them: later changes there change nothing here"
        )


def _merged(built: Sequence[Candidate]) -> Iterator[str]:
    for one in built:
        if others := [name for name in one.targets if name != one.name]:
            builds = len(one.targets) > 1
            how = "builds the same, and is" if builds else "is"
            yield f"{quoted_list(others[:_MOST])} {how} the image `{one.name}`"


def _meant(project: Project) -> Iterator[str]:
    places: dict[tuple[str, str], list[str]] = {}
    for image in project:
        for base in image.bases:
            if base.written != base.name and "/" in base.written and read(base.written):
                places.setdefault((base.written, base.name), []).append(str(base.location))
    for (written, name), (first, *rest) in places.items():
        more = f", and {len(rest)} more" if rest else ""
        yield f"`{written}` means the image `{name}` (`{first}`{more})"


def _renamed(project: Project, built: Sequence[Candidate]) -> Iterator[str]:
    tags = {one.name: one.tags for one in built}
    for image in project:
        found = tags.get(image.name, ())
        before = [reference.repository for tag in found if (reference := read(tag))]
        now = repository_of(project.settings.registry, image.name)
        if before and now not in before:
            yield f"`{before[0]}` is pushed as `{now}`"
