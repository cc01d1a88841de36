"""The context of a build as BuildKit sees it: the files that the ignore file does not exclude.

Links are followed inside the context, as BuildKit follows them (cache/contenthash/path.go): an
absolute target starts at the context's root, and `..` does not leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import ConfigError
from .disk import Disk, FileType, Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..dockerignore.ignore_file import Ignore
    from ..dockerignore.patterns import Level, Patterns

_MOST_LINKS = 255


class ContextPath(Struct, frozen=True):
    """A path in the context: `real` without links, `shown` as the Dockerfile names it.

    Both are relative to the context; "" is the context itself.
    """

    real: str
    shown: str
    file_type: FileType
    linked: bool = False


class Filter(Struct, frozen=True):
    """Patterns that apply to a walk below a source; their paths are relative to that source.

    With `wanted`, what matches is kept; without, what does not match.
    """

    patterns: Patterns
    wanted: bool

    def keeps(self, level: Level) -> bool:
        """Return whether a folder of this level is kept."""
        return level.matched is self.wanted

    def may_keep_in(self, folder: str, level: Level) -> bool:
        """Return whether anything below `folder` may be kept."""
        if self.keeps(level):
            return True
        if self.wanted:
            return self.patterns.may_match_in(folder)
        return self.patterns.may_negate_in(folder)


class _PendingFolder(Struct):
    """An excluded folder, which is in the context only if something in it is."""

    item: ContextPath
    emitted: bool = False


class _Folder(Struct, frozen=True):
    """A folder to walk: the prefixes of its paths, and the patterns' state in it."""

    real: str
    shown: str
    inner: str
    levels: tuple[Level, ...]
    pending: tuple[_PendingFolder, ...] = ()


class FollowedLinks(Struct, frozen=True):
    """The links that were followed from a path, in order, and where they lead."""

    links: tuple[str, ...]
    real: str | None


class FolderContents(Struct, frozen=True):
    """What is kept in a folder: the prefixes of its paths, its files, and all else."""

    real: str
    shown: str
    files: list[str]
    others: list[ContextPath]


class Context:
    """One context with one ignore file. Raises the errors of `Disk`."""

    def __init__(self, disk: Disk, folder: str, ignore: Ignore) -> None:
        self.disk = disk
        disk.way.start_at(folder)
        self.ignore = ignore
        self._start = f"{folder}/"
        self._levels: dict[str, Level] = {"": ignore.patterns.top()}
        self._types: dict[str, FileType | None] = {"": FileType.DIRECTORY}

    def path(self, real: str) -> str:
        """Return a path of the context as a path on the disk."""
        return self._start + real

    def file_type(self, real: str) -> FileType | None:
        """Return what a build sees at `real`, a path through no links; `None` for nothing."""
        if real not in self._types:
            self._types[real] = self._look(real)
        return self._types[real]

    def follow(self, shown: str) -> str | None:
        """Return where `shown` leads when all links are followed; nothing needs to be there.

        `None` if the links go in a circle.
        """
        return self.trail(shown).real

    def trail(self, shown: str) -> FollowedLinks:
        """Return the links on the way of `follow`, and where they lead."""
        here = ""
        rest = shown.split("/")[::-1]
        links: list[str] = []
        while rest:
            beyond = _step(here, rest.pop())
            if self.file_type(beyond) is not FileType.LINK:
                here = beyond
                continue
            links.append(beyond)
            if len(links) > _MOST_LINKS:
                return FollowedLinks(tuple(links), None)
            target = self.disk.link(self.path(beyond))
            rest += target.split("/")[::-1]
            here = "" if target.startswith("/") else here
        return FollowedLinks(tuple(links), here)

    def below(self, top: ContextPath, *filters: Filter) -> Iterator[ContextPath]:
        """Yield everything in the folder `top`, each folder before its contents.

        The order is otherwise undefined. An excluded folder is yielded if something in it is kept.
        """
        for contents in self.folders(top, *filters):
            yield from contents.others
            for name in contents.files:
                yield ContextPath(contents.real + name, contents.shown + name, FileType.FILE)

    def folders(self, top: ContextPath, *filters: Filter) -> Iterator[FolderContents]:
        """Yield the same, folder by folder, only those in which something is kept."""
        checks = (Filter(self.ignore.patterns, wanted=False), *filters) if self.ignore else filters
        starts = (self._level(top.real),) if self.ignore else ()
        levels = (*starts, *(check.patterns.top() for check in filters))
        stack = [_Folder(_begin(top.real), _begin(top.shown), "", levels)]
        while stack:
            folder = stack.pop()
            contents = self._contents_of(folder, checks, stack)
            if contents.files or contents.others:
                yield from _emit_pending(folder.pending)
                yield contents

    def _contents_of(
        self, folder: _Folder, checks: tuple[Filter, ...], stack: list[_Folder]
    ) -> FolderContents:
        """Return what is kept in one folder; put its folders on the stack."""
        listing = self._listing(folder)
        files = self._kept(folder, listing.files, checks)
        contents = FolderContents(folder.real, folder.shown, files, [])
        for name, file_type in listing.others:
            item = ContextPath(folder.real + name, folder.shown + name, file_type)
            if file_type is FileType.DIRECTORY:
                keep = self._descend(folder, item, name, checks, stack)
            else:
                keep = bool(self._kept(folder, [name], checks))
            if keep:
                contents.others.append(item)
        return contents

    def _kept(self, folder: _Folder, names: list[str], checks: tuple[Filter, ...]) -> list[str]:
        """Return the names, none of them a folder's, that all filters keep."""
        begin = folder.real if self.ignore else folder.inner
        for check, level in zip(checks, folder.levels, strict=True):
            test = check.patterns.tester_in(level)
            wanted = check.wanted
            names = [name for name in names if bool(test(begin + name)) is wanted]
            begin = folder.inner
        return names

    def _listing(self, folder: _Folder) -> Listing:
        try:
            return self.disk.folder(self.path(folder.real))
        except ConfigError:
            # BuildKit too ignores a folder that is excluded and that it cannot read.
            if folder.pending and _begin(folder.pending[-1].item.real) == folder.real:
                return Listing([], [])
            raise

    def _descend(
        self,
        folder: _Folder,
        item: ContextPath,
        name: str,
        checks: tuple[Filter, ...],
        stack: list[_Folder],
    ) -> bool:
        """Put a folder on the stack if something in it may be kept; return whether it itself is."""
        inner = folder.inner + name
        paths = [inner] * len(checks)
        if self.ignore:
            paths[0] = item.real
        steps = list(zip(checks, paths, folder.levels, strict=True))
        levels = tuple(check.patterns.enter(path, level) for check, path, level in steps)
        kept = all(check.keeps(level) for check, level in zip(checks, levels, strict=True))
        if all(c.may_keep_in(p, level) for (c, p, _), level in zip(steps, levels, strict=True)):
            pending = folder.pending if kept else (*folder.pending, _PendingFolder(item))
            stack.append(_Folder(f"{item.real}/", f"{item.shown}/", f"{inner}/", levels, pending))
        return kept

    def _level(self, real: str) -> Level:
        if real not in self._levels:
            parent = self._level(real.rpartition("/")[0])
            self._levels[real] = self.ignore.patterns.enter(real, parent)
        return self._levels[real]

    def _look(self, real: str) -> FileType | None:
        file_type = self.disk.file_type(self.path(real))
        if file_type is None or not self.ignore:
            return file_type
        if not self._level(real).matched:
            return file_type
        if file_type is FileType.DIRECTORY and self.ignore.may_include_below(real):
            return file_type if next(self.below(ContextPath(real, real, file_type)), None) else None
        return None


def _emit_pending(pending: tuple[_PendingFolder, ...]) -> Iterator[FolderContents]:
    for folder in pending:
        if not folder.emitted:
            folder.emitted = True
            yield FolderContents("", "", [], [folder.item])


def _begin(path: str) -> str:
    return f"{path}/" if path else ""


def _step(here: str, part: str) -> str:
    """Append one component of a path, without a look at the disk."""
    if part in {"", "."}:
        return here
    if part == "..":
        return here.rpartition("/")[0]
    return f"{here}/{part}" if here else part
