"""The context of a build as BuildKit sees it: the files that the ignore file leaves.

Links are followed inside the context alone, as BuildKit follows them (cache/contenthash/path.go):
an absolute target starts at the context's root, and `..` does not leave it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ConfigError
from .disk import Disk, Listing, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..dockerignore.ignore_file import Ignore
    from ..dockerignore.patterns import Level, Patterns

_MOST_LINKS = 255


class Spot(NamedTuple):
    """A place of the context: `real` is free of links, `shown` is how the Dockerfile came to it.

    Both are relative to the context; "" is the context itself.
    """

    real: str
    shown: str
    node: Node
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """Patterns that a walk below a source heeds; their paths are relative to that source.

    With `wanted`, what matches is kept; without, what does not.
    """

    patterns: Patterns
    wanted: bool

    def keeps(self, level: Level) -> bool:
        """Whether a folder of this level is kept."""
        return level.matched is self.wanted

    def may_keep_in(self, folder: str, level: Level) -> bool:
        """Whether anything below `folder` may be kept."""
        if self.keeps(level):
            return True
        if self.wanted:
            return self.patterns.may_match_in(folder)
        return self.patterns.may_take_back_in(folder)


@dataclass(slots=True)
class _Header:
    """A folder that is only there if something in it is."""

    spot: Spot
    told: bool = False


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to walk: the beginnings of the paths in it, what the patterns said of it."""

    real: str
    shown: str
    inner: str
    levels: tuple[Level, ...]
    headers: tuple[_Header, ...] = ()


class Trail(NamedTuple):
    """The links that were followed from a path, in order, and where they led to."""

    links: tuple[str, ...]
    real: str | None


class Batch(NamedTuple):
    """What is kept in a folder: the beginnings of its paths, its files, and all else."""

    real: str
    shown: str
    files: list[str]
    others: list[Spot]


class Context:
    """One context under one ignore file. Errors are those of `Disk`."""

    def __init__(self, disk: Disk, folder: str, ignore: Ignore) -> None:
        self.disk = disk
        disk.way.start_at(folder)
        self.ignore = ignore
        self._start = f"{folder}/"
        self._levels: dict[str, Level] = {"": ignore.patterns.top()}
        self._nodes: dict[str, Node | None] = {"": Node.DIRECTORY}

    def path(self, real: str) -> str:
        """Where a path of the context lies on the disk."""
        return self._start + real

    def node(self, real: str) -> Node | None:
        """What a build sees at `real`, whose folders are no links; `None` for nothing."""
        if real not in self._nodes:
            self._nodes[real] = self._look(real)
        return self._nodes[real]

    def follow(self, shown: str) -> str | None:
        """Where `shown` lies when all links on the way and at its end are followed.

        There may be nothing there. `None`: the links go round in a circle.
        """
        return self.trail(shown).real

    def trail(self, shown: str) -> Trail:
        """The same, with the links that lead there."""
        here = ""
        rest = shown.split("/")[::-1]
        links: list[str] = []
        while rest:
            beyond = _step(here, rest.pop())
            if self.node(beyond) is not Node.LINK:
                here = beyond
                continue
            links.append(beyond)
            if len(links) > _MOST_LINKS:
                return Trail(tuple(links), None)
            target = self.disk.link(self.path(beyond))
            rest += target.split("/")[::-1]
            here = "" if target.startswith("/") else here
        return Trail(tuple(links), here)

    def below(self, top: Spot, *filters: Filter) -> Iterator[Spot]:
        """All that lies in the folder `top`, each folder before what is in it, in no other order.

        A folder that a pattern takes away is there all the same if something in it stays.
        """
        for batch in self.batches(top, *filters):
            yield from batch.others
            for name in batch.files:
                yield Spot(batch.real + name, batch.shown + name, Node.FILE)

    def batches(self, top: Spot, *filters: Filter) -> Iterator[Batch]:
        """The same, folder by folder; only folders in which anything is kept are told."""
        checks = (Filter(self.ignore.patterns, wanted=False), *filters) if self.ignore else filters
        starts = (self._level(top.real),) if self.ignore else ()
        levels = (*starts, *(check.patterns.top() for check in filters))
        stack = [_Folder(_begin(top.real), _begin(top.shown), "", levels)]
        while stack:
            folder = stack.pop()
            batch = self._batch(folder, checks, stack)
            if batch.files or batch.others:
                yield from _untold(folder.headers)
                yield batch

    def _batch(self, folder: _Folder, checks: tuple[Filter, ...], stack: list[_Folder]) -> Batch:
        """What is kept in one folder; the folders in it to walk go on the stack."""
        listing = self._listing(folder)
        files = self._kept(folder, listing.files, checks)
        batch = Batch(folder.real, folder.shown, files, [])
        for name, node in listing.others:
            spot = Spot(folder.real + name, folder.shown + name, node)
            if node is Node.DIRECTORY:
                keep = self._descend(folder, spot, name, checks, stack)
            else:
                keep = bool(self._kept(folder, [name], checks))
            if keep:
                batch.others.append(spot)
        return batch

    def _kept(self, folder: _Folder, names: list[str], checks: tuple[Filter, ...]) -> list[str]:
        """Those of the names, none of them a folder's, that all checks keep."""
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
            # BuildKit too passes over what is both excluded and closed to it.
            if folder.headers and _begin(folder.headers[-1].spot.real) == folder.real:
                return Listing([], [])
            raise

    def _descend(
        self,
        folder: _Folder,
        spot: Spot,
        name: str,
        checks: tuple[Filter, ...],
        stack: list[_Folder],
    ) -> bool:
        """Put a folder on the stack if anything in it may be kept; say whether it is itself."""
        inner = folder.inner + name
        paths = [inner] * len(checks)
        if self.ignore:
            paths[0] = spot.real
        steps = list(zip(checks, paths, folder.levels, strict=True))
        levels = tuple(check.patterns.enter(path, level) for check, path, level in steps)
        kept = all(check.keeps(level) for check, level in zip(checks, levels, strict=True))
        if all(c.may_keep_in(p, level) for (c, p, _), level in zip(steps, levels, strict=True)):
            headers = folder.headers if kept else (*folder.headers, _Header(spot))
            stack.append(_Folder(f"{spot.real}/", f"{spot.shown}/", f"{inner}/", levels, headers))
        return kept

    def _level(self, real: str) -> Level:
        if real not in self._levels:
            parent = self._level(real.rpartition("/")[0])
            self._levels[real] = self.ignore.patterns.enter(real, parent)
        return self._levels[real]

    def _look(self, real: str) -> Node | None:
        node = self.disk.node(self.path(real))
        if node is None or not self.ignore:
            return node
        if not self._level(real).matched:
            return node
        if node is Node.DIRECTORY and self.ignore.may_include_below(real):
            return node if next(self.below(Spot(real, real, node)), None) else None
        return None


def _untold(headers: tuple[_Header, ...]) -> Iterator[Batch]:
    for header in headers:
        if not header.told:
            header.told = True
            yield Batch("", "", [], [header.spot])


def _begin(path: str) -> str:
    return f"{path}/" if path else ""


def _step(here: str, part: str) -> str:
    """One component further, without looking at the disk."""
    if part in {"", "."}:
        return here
    if part == "..":
        return here.rpartition("/")[0]
    return f"{here}/{part}" if here else part
