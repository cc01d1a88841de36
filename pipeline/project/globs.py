"""Match the globs of `images` against the folders and files of a project."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MOST_LINKED = 10_000
_WILD = re.compile(r"[*?\[]")
_FOR_FILES = re.compile(r"ockerfile|ontainerfile|\.(?:toml|json|yaml)$", re.IGNORECASE)


class Match(Struct, frozen=True):
    """A folder or a file, relative to the root."""

    path: PurePosixPath
    is_file: bool = False


def matching(root: Path, glob: str) -> tuple[Match, ...]:
    """Return the folders and files that a glob matches, sorted.

    Hidden ones are left out unless the glob itself begins with a dot there, and `**` follows no
    links. Files are matched by a last part without wildcards, or one that has `Dockerfile` or the
    ending of a settings file in it: `images/*` is for folders. Raises `WrongValueError` if links
    lead to too many folders.
    """
    parts = tuple(part for part in glob.split("/") if part not in {"", "."})
    return tuple(sorted(_descend(root, parts), key=lambda one: (one.path.parts, one.is_file)))


def _descend(root: Path, parts: tuple[str, ...]) -> Iterator[Match]:
    """Visit each folder once, with all parts of the glob that its path may be at.

    Links can make any number of paths: two links to their own folder make two of each, and four of
    each of these.
    """
    stack = [_Visit(PurePosixPath(), _skipped(parts, {0}), linked=False)]
    linked = 0
    while stack:
        visit = stack.pop()
        at, indexes = visit.at, visit.indexes
        linked += visit.linked
        if linked > _MOST_LINKED:
            message = (
                f"`{'/'.join(parts)}` leads through links to more than {_MOST_LINKED:,} folders"
            )
            raise WrongValueError(message, hint="name the folders that the links lead to")
        if len(parts) in indexes:
            yield Match(at)
        if indexes != {len(parts)}:
            folders, files = _listed(root / at)
            stack += _below(parts, at, indexes, folders, linked=visit.linked)
            if parts and len(parts) - 1 in indexes and _is_for_files(parts[-1]):
                yield from (Match(at / n, is_file=True) for n in files if _fits(n, parts[-1]))


class _Visit(Struct, frozen=True):
    """A folder to look into, and the parts of the glob that may come next."""

    at: PurePosixPath
    indexes: set[int]
    linked: bool


def _below(
    parts: tuple[str, ...],
    at: PurePosixPath,
    indexes: set[int],
    folders: Iterable[os.DirEntry[str]],
    *,
    linked: bool,
) -> Iterator[_Visit]:
    wanted = [(index, parts[index]) for index in sorted(indexes) if index < len(parts)]
    for entry in folders:
        link = entry.is_symlink()
        crossed = not link and not entry.name.startswith(".")
        found = {
            index + (part != "**")
            for index, part in wanted
            if (crossed if part == "**" else _fits(entry.name, part))
        }
        if found:
            yield _Visit(at / entry.name, _skipped(parts, found), linked or link)


def _skipped(parts: tuple[str, ...], indexes: set[int]) -> set[int]:
    """Add the part after each `**`, which may stand for no folder at all."""
    for index in sorted(indexes):
        end = index
        while end < len(parts) and parts[end] == "**":
            end += 1
            indexes.add(end)
    return indexes


def _is_for_files(part: str) -> bool:
    return bool(_FOR_FILES.search(part)) or not _WILD.search(part)


def _fits(name: str, pattern: str) -> bool:
    """Return whether a name matches as in a shell: a leading dot only if the pattern has one."""
    return fnmatchcase(name, pattern) and name.startswith(".") == pattern.startswith(".")


def _listed(folder: Path) -> tuple[list[os.DirEntry[str]], list[str]]:
    """Return the folders in a folder, and the names of all else in it."""
    folders: list[os.DirEntry[str]] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _leads_to_folder(entry):
                    folders.append(entry)
                else:
                    files.append(entry.name)
    except OSError:
        return [], []
    return folders, files


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except (
        OSError
    ):  # a link that leads to itself, or into a folder that this user may not look into
        return False
