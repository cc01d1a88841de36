"""Choose the context of a Dockerfile: the folder that has what it copies."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..process.paths import is_there
from .dockerfile_facts import sources_of
from .proposal import Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ..dockerfile import Dockerfile
    from .patterns import Entry
    from .repository import Repository

_OF_WORKSPACES = re.compile(
    r"turbo(?:@\S+)? prune|--filter[= ]|\byarn workspace|\bnx (?:build|run)"
    r"|\bnpm \S+ (?:-w|--workspace)\b"
)
_ALL = "."
_WORKSPACE = "`COPY . .` may mean this folder, or the whole workspace"
_MOST = 1000
"""Paths that a pattern is followed to: one is enough."""


def choose_context(
    repository: Repository,
    path: PurePosixPath,
    parsed: Dockerfile,
    first: Sequence[PurePosixPath],
) -> tuple[PurePosixPath, Question | None]:
    """Return the context, and a question if another folder has everything as well.

    `first` are tried in order, then all folders above the Dockerfile.
    """
    folders = list(dict.fromkeys((*first, *path.parents)))
    sources = sources_of(parsed, {})
    if sources is None:
        return first[0], None
    root = PurePosixPath()
    said = [source for source in sources if source != _ALL]
    missing = {folder: _missing(repository.root / folder, said) for folder in folders}
    best = min(folders, key=lambda folder: missing[folder])
    if _ALL in sources and _OF_WORKSPACES.search(parsed.source.decode(errors="replace")):
        return root, None
    if _ALL not in sources or best == root or missing[root] > missing[best]:
        return best, None
    # All of a folder is copied, and the root has everything else, too.
    if not repository.is_workspace:
        return best, None
    other = (
        f'for the workspace, put `{{ path = "{path.parent}", context = "." }}` first in `images`'
    )
    return best, Question(str(path), _WORKSPACE, f"the context is `{best}`", other)


def take_out_if_covered(question: Question, entries: Sequence[Entry]) -> Question:
    """Return a question about a workspace with the simplest answer, others as they are.

    An entry with the context `.` that matches the folder, too, makes the folder's own needless.
    """
    folder = PurePosixPath(question.where).parent
    own = any(entry.path == str(folder) for entry in entries)
    wide = (entry.path for entry in entries if entry.context == "." and not entry.name)
    if question.what != _WORKSPACE or not own or not any(map(folder.match, wide)):
        return question
    return replace(question, other=f'for the workspace, take `"{folder}"` out of `images`')


def _missing(folder: Path, sources: Iterable[str]) -> int:
    return sum(not _is_there(folder, source) for source in sources)


def _is_there(folder: Path, source: str) -> bool:
    """Return whether a source of COPY is in a folder; `**` is no more than `*` there."""
    found = [folder]
    for part in source.split("/"):
        found = [path for each in found for path in _named(each, part)][:_MOST]
    return bool(found)


def _named(folder: Path, part: str) -> list[Path]:
    if not re.search(r"[*?\[]", part):
        return [folder / part] if is_there(folder / part) else []
    try:
        return [path for path in folder.iterdir() if fnmatchcase(path.name, part)]
    except OSError:
        return []
