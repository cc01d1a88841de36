"""Find files that a wide source such as `COPY . .` brings along, and that nobody meant.

These are files that Git ignores, so that no clone has them and no two machines have the same tag,
and the pipeline's own files. A file that a source names is meant: `COPY dist` copies `dist`, which
Git ignores in most projects.
"""

from __future__ import annotations

import fnmatch
import os
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..dockerignore import gomatch
from ..dockerignore.patterns import PatternError
from ..process.git import ignored
from ..process.paths import below
from ..process.read_file import FileError, read_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ..dockerfile import Reads

    Patterns = dict[str, tuple[str, ...]]

_MOST_ASKED = 500
"""Paths that Git is asked about: of more, the first show what the ignore file lacks."""
_OWN = r"(?:.*/)?(?:image(?:\.[^/]+)?\.toml|pipeline\.(?:toml|lock))"
_OURS = b"pipeline.tasks"


def own_files(root: Path, folder: PurePosixPath, paths: Iterable[str], reads: Reads) -> list[str]:
    """Return the pipeline's own files among the paths of a context that nothing names.

    A `tasks.py` is one if it imports the pipeline's tasks.
    """
    found = [path for path in paths if path.endswith((".toml", ".lock"))]
    found = [path for path in found if re.fullmatch(_OWN, path)]
    likely = [path for path in paths if path.endswith("tasks.py")]
    tasks = os.path.relpath("tasks.py", folder) if likely else ""
    if tasks in likely and _has_our_tasks(root):
        found.append(tasks)
    return [path for path in found if not _is_named(path, (), reads)]


def ignored_files(
    root: Path, folder: PurePosixPath, paths: Collection[str], reads: Reads, known: Patterns
) -> list[str]:
    """Return what Git ignores of the paths of a context and nothing names, the topmost paths.

    Git is asked only where a pattern of a `.gitignore` may fit, which in a fresh clone none does.
    `known` keeps the patterns of folders from one image to the next.
    """
    likely = _likely(root, folder, paths, known)
    if not likely:
        return []
    above = {str(one) for path in likely for one in PurePosixPath(path).parents} - {"."}
    literal = {part for read in reads.reads if (part := _literal(read.pattern))}
    asked = sorted({*likely, *above, *literal}, key=lambda path: (path.count("/"), path))
    found = ignored(root / folder, asked[:_MOST_ASKED], os.environ)
    named = found & literal
    left = [path for path in likely if path in found and not _is_named(path, named, reads)]
    tops = dict.fromkeys(_topmost(path, found) for path in left)
    return list(tops)


def _likely(
    root: Path, folder: PurePosixPath, paths: Collection[str], known: Patterns
) -> list[str]:
    """Return the paths with a part that the last part of some pattern of a `.gitignore` fits."""
    names = tuple(dict.fromkeys(_last_parts(below(root, folder), paths, known)))
    if not names:
        return []
    fits = _any_of(names).match
    parts = {part for path in paths for part in path.split("/")}
    hit = {part for part in parts if fits(part)}
    return [path for path in paths if not hit.isdisjoint(path.split("/"))] if hit else []


def _last_parts(context: str, paths: Collection[str], known: Patterns) -> Iterator[str]:
    """Yield the last part of each pattern of the `.gitignore` files above and in a context."""
    for name in paths:
        if name.endswith(".gitignore"):
            yield from _patterns_in(context, name)
    yield from _above(context.rstrip("/") or "/", known)


def _above(folder: str, known: Patterns) -> tuple[str, ...]:
    """Return the patterns of a folder and of those above it, up to the repository's top."""
    if folder not in known:
        own = _patterns_in(folder, ".gitignore")
        if os.path.lexists(f"{folder}/.git"):
            more = _patterns_in(folder, ".git/info/exclude")
        else:
            parent = folder.rpartition("/")[0] or "/"
            more = () if parent == folder else _above(parent, known)
        known[folder] = (*own, *more)
    return known[folder]


def _patterns_in(folder: str, name: str) -> tuple[str, ...]:
    try:
        found = os.stat(f"{folder}/{name}")  # noqa: PTH116 - once for each folder of each image
    except OSError:
        return ()
    return _patterns(folder, name, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=1024)
def _patterns(folder: str, name: str, _state: tuple[int, int, int]) -> tuple[str, ...]:
    """Return the last parts of the patterns in a file, which many images have above them."""
    try:
        text = (read_file(Path(folder), name) or b"").decode(errors="replace")
    except FileError:
        return ()
    lines = (line.strip().rstrip("/") for line in text.split("\n"))
    return tuple(
        line.rpartition("/")[2] for line in lines if line and not line.startswith(("#", "!"))
    )


@lru_cache(maxsize=256)
def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{fnmatch.translate(name)})" for name in names))


def _is_named(path: str, named: Collection[str], reads: Reads) -> bool:
    """Return whether a source names a path, or an ignored folder above it."""
    if any(path == one or path.startswith(f"{one}/") for one in named):
        return True
    if any(read.pattern == path for read in reads.reads):
        return True
    above = [str(one) for one in PurePosixPath(path).parents]
    return any(_matches(read.pattern, one) for read in reads.reads for one in (path, *above))


def _matches(pattern: str, path: str) -> bool:
    """Return whether a source with a wildcard, and letters in its last part, fits a path."""
    last = pattern.rpartition("/")[2]
    if not re.search(r"[A-Za-z0-9]", last) or "*" not in last:
        return False
    try:
        return gomatch.match(pattern, path)
    except PatternError:
        return False


def _literal(pattern: str) -> str:
    """Return the part of a source before its first wildcard, without the last slash."""
    kept: list[str] = []
    for part in pattern.split("/"):
        if re.search(r"[*?\[\\]", part):
            break
        kept.append(part)
    return "/".join(kept).strip("/").removeprefix("./").removeprefix(".")


def _topmost(path: str, found: Collection[str]) -> str:
    parents = [str(one) for one in reversed(PurePosixPath(path).parents)]
    return next((one for one in parents if one in found), path)


def _has_our_tasks(root: Path) -> bool:
    try:
        return _OURS in (read_file(root, "tasks.py") or b"")
    except FileError:
        return False


def lines_for(paths: Sequence[str]) -> list[str]:
    """Return the lines for the ignore file: a name that is in several folders is written once.

    >>> lines_for([".env", "a/__pycache__", "b/__pycache__"])
    ['.env', '**/__pycache__']
    """
    deep = {path.rpartition("/")[2] for path in paths if "/" in path}
    names = (path.rpartition("/")[2] for path in paths)
    return list(dict.fromkeys(f"**/{name}" if name in deep else name for name in names))
