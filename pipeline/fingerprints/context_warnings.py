"""Warn of files in a context that are likely copied by mistake."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import ConfigError, Location, Problem, quoted_list
from ..model.inputs import EntryKind
from ..process.paths import below, is_file
from ..process.read_file import FileError, read_file
from .disk import POINTER_HEADS
from .find_ignore_file import IGNORE_FILE
from .unnamed_files import ignored_files, lines_for, own_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..dockerfile import Reads
    from ..model.image import Image
    from ..model.inputs import ContextEntry, ContextInputs
    from .disk import Disk
    from .find_ignore_file import IgnoreFile

_REPOSITORIES = frozenset({".git", ".hg", ".svn", ".bzr", ".jj"})
_LONGEST_POINTER = 1024
_TO_EXCLUDE = r"(?:add|write `[^`]+` with) the lines? (`.+`)"
"""How `_to_exclude` writes the lines into a hint."""


class _Context(Struct, frozen=True):
    """A context of an image: its folder, what is read of it, and its ignore file if it has one."""

    folder: PurePosixPath
    entries: tuple[ContextEntry, ...]
    ignored: PurePosixPath | None
    reads: Reads

    @property
    def ignore(self) -> PurePosixPath:
        """The ignore file to extend."""
        return self.ignored or self.folder / IGNORE_FILE


def context_warnings(
    disk: Disk,
    root: Path,
    image: Image,
    entries: tuple[ContextEntry, ...],
    ignored: IgnoreFile,
    named: Iterable[ContextInputs],
) -> tuple[Problem, ...]:
    """Return the warnings about the files that `image` reads of its contexts.

    There is one for each mistake and ignore file, however many files it is about, so that images
    with the same context have the same warnings.
    """
    own = _Context(image.context, entries, ignored.path, image.reads)
    reads = {one.path: one.reads for one in image.contexts.values()}
    others = (_Context(one.path, one.entries, None, reads[one.path]) for one in named)
    found: list[Problem] = []
    for context in (own, *others):
        found += _repositories(root, context)
        found += _configurations(root, image, context)
        found += _unnamed(disk, root, context)
        found += _placeholders(disk, root, context)
        found += _submodules(disk, root, context)
    return tuple(found)


def _repositories(root: Path, context: _Context) -> Iterator[Problem]:
    """Yield a warning if Git's data is copied: a folder, in a worktree a file."""
    hidden = (entry.path for entry in context.entries if "/." in f"/{entry.path}")
    found = dict.fromkeys(path for entry in hidden if (path := _repository(entry)) is not None)
    if not found:
        return
    first = min(found, key=lambda path: (path.count("/"), path))
    name = first.rpartition("/")[2]
    line = name if list(found) == [name] else f"**/{name}"
    what = (
        f"`{first}` is copied: two clones of one commit have two tags, and what it holds comes "
        "along, such as the token that a CI job leaves there"
    )
    yield _to_exclude(root, context, what, line)


def _repository(path: str) -> str | None:
    parts = path.split("/")
    index = next((number for number, part in enumerate(parts) if part in _REPOSITORIES), None)
    return None if index is None else "/".join(parts[: index + 1])


def _configurations(root: Path, image: Image, context: _Context) -> Iterator[Problem]:
    """Yield a warning for each app configuration that is copied; flyctl itself excludes it."""
    spec = image.deploy
    files = {spec.config, *spec.configs.values()} - {None} if spec else set()
    if not files:
        return
    copied = {_real(entry) for entry in context.entries if entry.kind is EntryKind.FILE}
    for file in sorted(str(file) for file in files):
        path = os.path.relpath(file, str(context.folder))
        if path in copied:
            what = f"`{path}` is copied: each change of the app's configuration builds it anew"
            yield _to_exclude(root, context, what, path)


def _unnamed(disk: Disk, root: Path, context: _Context) -> Iterator[Problem]:
    """Yield warnings about files that a wide source brings along (`unnamed_files`)."""
    paths = [_real(entry) for entry in context.entries if entry.kind is not EntryKind.DIRECTORY]
    if own := own_files(root, context.folder, paths, context.reads):
        verb = "is" if len(own) == 1 else "are"
        what = f"{quoted_list(own)} {verb} copied: each change of the pipeline's files builds anew"
        yield _to_exclude(root, context, what, *lines_for(own))
    hidden = {".git", *_REPOSITORIES}
    rest = [path for path in paths if hidden.isdisjoint(path.split("/"))]
    if unwanted := ignored_files(root, context.folder, rest, context.reads, disk.patterns):
        verb = "is" if len(unwanted) == 1 else "are"
        what = (
            f"{quoted_list(unwanted)} {verb} copied, and Git ignores such files: no clone has "
            "them, so two machines have two tags, and they may hold secrets"
        )
        yield _to_exclude(root, context, what, *lines_for(unwanted))


def _to_exclude(root: Path, context: _Context, what: str, *lines: str) -> Problem:
    """Return the warning about paths that the ignore file should name."""
    there = is_file(root / context.ignore)
    verb = "add" if there else f"write `{context.ignore}` with"
    written = f"the line `{lines[0]}`" if len(lines) == 1 else f"the lines {quoted_list(lines)}"
    return Problem(Location(str(context.ignore)), what, f"{verb} {written}")


def lines_to_exclude(warning: Problem) -> tuple[str, ...]:
    """Return the lines that a warning wants in the ignore file at its location; of others none."""
    found = re.search(_TO_EXCLUDE, warning.hint)
    return tuple(re.findall(r"`([^`]+)`", found[1])) if found else ()


def _placeholders(disk: Disk, root: Path, context: _Context) -> Iterator[Problem]:
    """Yield a warning for pointers of Git LFS and files encrypted by git-crypt."""
    if not disk.heads:
        return
    kinds: dict[str, list[str]] = {}
    for entry in context.entries:
        path = _place(root, context, _real(entry))
        if entry.kind is EntryKind.FILE and (what := placeholder_of(disk.heads.get(path, b""))):
            kinds.setdefault(what, []).append(disk.shown(path))
    for what, paths in kinds.items():
        first, *rest = dict.fromkeys(paths)
        more = f", as {len(rest)} more are" if rest else ""
        message = f"this file is {what}{more}: the image does not get the real file"
        yield Problem(Location(first), message, remedy_for(what, first))


def placeholder_of(content: bytes) -> str:
    r"""Return which placeholder of Git LFS or git-crypt a file is; empty for any other file.

    >>> placeholder_of(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    'a Git LFS pointer'
    """
    if content.startswith(POINTER_HEADS[-1]):
        return "encrypted by git-crypt"
    pointer = content.startswith(POINTER_HEADS[:-1]) and b"\noid " in content
    return "a Git LFS pointer" if pointer and len(content) < _LONGEST_POINTER else ""


def remedy_for(what: str, path: str) -> str:
    """Return the command that brings the real file; `path` is relative to the project's root."""
    if what == "encrypted by git-crypt":
        return "`git-crypt unlock` decrypts it"
    fetch = f"`git lfs install`, then `git lfs pull --include '{path}'` fetches it"
    return f"{fetch}; in a workflow of GitHub's, `lfs: true` of actions/checkout"


def _submodules(disk: Disk, root: Path, context: _Context) -> Iterator[Problem]:
    """Yield a warning for each submodule that is not checked out."""
    known: dict[Path, frozenset[str]] = {}
    folders = [_real(entry) for entry in context.entries if entry.kind is EntryKind.DIRECTORY]
    for real in folders if context.entries else ("",):
        path = _place(root, context, real)
        if _is_empty(disk, path) and _is_submodule(Path(path), root, known):
            shown = disk.shown(path)
            hint = f"`git submodule update --init '{shown}'` checks it out"
            yield Problem(Location(shown), "this submodule is not checked out: it is empty", hint)


def _is_empty(disk: Disk, path: str) -> bool:
    try:
        return not disk.folder(path).names
    except ConfigError:  # nothing in it is read, so it need not be readable
        return False


def _is_submodule(folder: Path, root: Path, known: dict[Path, frozenset[str]]) -> bool:
    """Return whether a repository around a folder has a submodule there.

    `known` has the submodules by folder, and is filled on the way.
    """
    for above in folder.parents:
        if above not in known:
            known[above] = _modules(above)
        if folder.relative_to(above).as_posix() in known[above]:
            return True
        if os.path.lexists(above / ".git") or (above == root and not _in_repository(root)):
            return False
    return False


def _modules(folder: Path) -> frozenset[str]:
    """Return the paths that `.gitmodules` in a folder names."""
    try:
        text = (read_file(folder, ".gitmodules") or b"").decode(errors="replace")
    except FileError:
        return frozenset()
    lines = (line.partition("=") for line in text.split("\n"))
    written = (value.strip() for key, _, value in lines if key.strip() == "path")
    return frozenset(value.removeprefix('"').removesuffix('"') for value in written)


def _in_repository(root: Path) -> bool:
    return any(os.path.lexists(above / ".git") for above in root.parents)


def _real(entry: ContextEntry) -> str:
    return entry.path if entry.real is None else entry.real


def _place(root: Path, context: _Context, path: str) -> str:
    """Return a path of a context as a path on the disk."""
    return f"{below(root, context.folder)}/{path}".rstrip("/")
