"""Find the files that a Dockerfile reads of its context, as BuildKit finds them.

These are the files that are hashed. A source of COPY or ADD that is a link is followed, also if a
wildcard found it, and the result has what it leads to, since that gets into the image; links in a
copied folder stay links. A wildcard does not cross links. `--exclude` and `--parents` match below
the source (cache/contenthash/checksum.go, solver/llbsolver/file/backend.go, fsutil's copy.go).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..dockerfile import Read, ReadKind
from ..dockerignore import gomatch
from ..dockerignore.patterns import PatternError, Patterns, clean, parse_patterns
from ..errors import ConfigError, Location, Problem, raise_problems
from ..model.inputs import ContextEntry, EntryKind
from ..process.paths import below, is_folder
from .context import Context, ContextPath, Filter, FolderContents
from .disk import Disk, FileType
from .find_ignore_file import find_ignore_file
from .key import entry_order
from .missing_source import missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path, PurePosixPath

    from ..dockerfile import Reads
    from ..dockerignore.ignore_file import Ignore
    from ..model.image import Image

_PIVOT = "/./"
_NOWHERE = Location("")


def scan(
    root: Path, image: Image, *, disk: Disk | None = None, ignore: Ignore | None = None
) -> tuple[ContextEntry, ...]:
    """Return the paths of the context that `image` reads, sorted by the bytes of the path.

    `root` is the project's. A `disk` shared by several calls reads each file once; `ignore` is the
    ignore file if it is read already.
    Raises `ConfigError` with all sources that do not exist and all files that cannot be read, and
    `WorkError` for a file that changes meanwhile.
    """
    folder = below(root, image.context)
    if not is_folder(folder):
        where = Location(str(image.dockerfile))
        raise ConfigError([Problem(where, f"its context `{image.context}` is not a folder")])
    disk = disk or Disk(root)
    ignore = find_ignore_file(disk, root, image).ignore if ignore is None else ignore
    return scan_context(Context(disk, folder, ignore), image.reads, image.dockerfile)


def scan_context(
    context: Context, reads: Reads, dockerfile: PurePosixPath
) -> tuple[ContextEntry, ...]:
    """Return the paths of a context that `reads` names, sorted by the bytes of the path.

    Raises as `scan` does.
    """
    found: dict[str, ContextEntry] = {}
    problems: list[Problem] = []
    for read in _reads(reads, dockerfile):
        try:
            _add(found, context, _folders_of(context, read), problems)
        except ConfigError as error:
            problems += () if read.optional else error.problems
        except PatternError as error:
            mine = Problem(read.location, f"BuildKit refuses it: {error}")
            problems.append(context.ignore.problem(error) if error.line else mine)
    _add_targets(found, context, _reads(reads, dockerfile), problems)
    raise_problems(list(dict.fromkeys(problems)))
    return tuple(found[key] for key in sorted(found))


def _reads(reads: Reads, dockerfile: PurePosixPath) -> Iterable[Read]:
    """Return what is read; a source that several stages read is there once."""
    unique = {replace(r, location=_NOWHERE): r for r in reads.reads}
    if not reads.whole:
        return unique.values()
    everything = Read(".", ReadKind.MOUNT, Location(str(dockerfile)))
    return (everything, *(read for read in unique.values() if read.pattern != "."))


def _add(
    found: dict[str, ContextEntry],
    context: Context,
    folders: Iterator[FolderContents],
    problems: list[Problem],
) -> None:
    for contents in folders:
        for name in contents.files:
            try:
                entry = _file(context, contents.real + name, contents.shown + name)
            except ConfigError as error:
                problems += error.problems
            else:
                found[entry_order(entry)] = entry
        for item in contents.others:
            try:
                entry = _entry(context, item)
            except ConfigError as error:
                problems += error.problems
            else:
                found[entry_order(entry)] = entry


def _add_targets(
    found: dict[str, ContextEntry],
    context: Context,
    reads: Iterable[Read],
    problems: list[Problem],
) -> None:
    """Add what the links at the top of the context lead to, where BuildKit looks at it.

    It does for a source that is the whole context with `--exclude` or `--parents`: such links are
    followed for its cache key, though the image gets the links, and what is not there fails the
    build (`includedPaths` in cache/contenthash/checksum.go). What is read anyway is not added: the
    image does not depend on it.
    """
    read = next((read for read in reads if _is_filtered_context(read)), None)
    if read is None:
        return
    there = {entry.path for entry in found.values() if entry.real is None}
    links = [e.path for e in found.values() if e.kind is EntryKind.LINK and e.real is None]
    for path in links:
        trail = context.trail(path)
        if "/" in path or trail.real is None or context.file_type(trail.real) is None:
            continue  # nothing to look at: BuildKit says so
        if trail.real and not there.issuperset((*trail.links, trail.real)):
            source = _followed(context, read, path)
            _add(found, context, _under(context, [source], ()), problems)


def _is_filtered_context(read: Read) -> bool:
    """Return whether a source is the whole context, of which some paths are chosen."""
    if read.parents:
        before, pivot, _ = read.pattern.partition(_PIVOT)
        return not (pivot and _clean(before))
    return bool(read.exclude) and not _clean(read.pattern)


def _file(context: Context, real: str, shown: str) -> ContextEntry:
    path = context.path(real)
    if not shown.isascii():
        _check_name(context, shown, path)
    executable, sha256, mode, stat = context.disk.file(path)
    apart = None if real == shown else real
    return ContextEntry(shown, EntryKind.FILE, executable, sha256, "", apart, mode, stat)


def _entry(context: Context, item: ContextPath) -> ContextEntry:
    shown, file_type = item.shown, item.file_type
    real = None if item.real == shown else item.real
    path = context.path(item.real)
    if file_type is FileType.FILE:
        return _file(context, item.real, shown)
    if not shown.isascii():
        _check_name(context, shown, path)
    if file_type is FileType.DIRECTORY:
        return ContextEntry(shown, EntryKind.DIRECTORY, real=real)
    if file_type is FileType.LINK:
        target = context.disk.link(path)
        _check_name(context, target, path)
        return ContextEntry(shown, EntryKind.LINK, link=target, real=real)
    raise _refused(context, path, "is a socket, a device or a pipe, and the build would read it")


def _check_name(context: Context, name: str, path: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _refused(context, path, "has a name or a target that is not UTF-8") from None


def _refused(context: Context, path: str, message: str) -> ConfigError:
    hint = "remove it, or name it in the ignore file"
    return ConfigError([Problem(Location(context.disk.shown(path)), message, hint)])


def _folders_of(context: Context, read: Read) -> Iterator[FolderContents]:
    """Yield everything that one source names, folder by folder."""
    if read.parents:
        return _with_parents(context, read)
    pattern = _clean(read.pattern)
    return _under(context, _sources(context, read, pattern), _excluding(read))


def _under(
    context: Context, sources: Iterable[ContextPath], filters: tuple[Filter, ...]
) -> Iterator[FolderContents]:
    """Yield the sources themselves, and the contents of those that are folders."""
    for source in sources:
        if source.shown:
            yield FolderContents("", "", [], [source])
        if source.file_type is FileType.DIRECTORY:
            # For a source that is a link to a folder, BuildKit's own key has the whole folder.
            yield from context.folders(source, *(() if source.linked else filters))


def _with_parents(context: Context, read: Read) -> Iterator[FolderContents]:
    """Yield what `COPY --parents` reads: patterns as in ignore files, below the part before `/./`.

    A file that this part names is copied whatever follows, and so is a folder itself.
    """
    before, pivot, behind = read.pattern.partition(_PIVOT)
    source, pattern = (_clean(before), _clean(behind)) if pivot else ("", _clean(read.pattern))
    if not pattern:
        yield from _under(context, _sources(context, read, source), _excluding(read))
        return
    filters = (Filter(_patterns(read, (pattern,)), wanted=True), *_excluding(read))
    found = _is_wild(f"{before}/{pattern}")
    for top in _sources(context, read, source):
        if top.shown:
            yield FolderContents("", "", [], [top])
        if top.file_type is not FileType.DIRECTORY:
            found = True
            continue
        for contents in context.folders(top, *filters):
            yield contents
            found = True
    if not found:
        raise missing(context, read, f"{source}/{pattern}".strip("/"))


def _sources(context: Context, read: Read, pattern: str) -> Iterator[ContextPath]:
    """Yield what a source names, links followed. Raises `ConfigError` if it is missing."""
    if read.kind is ReadKind.MOUNT or not _is_wild(pattern):
        yield _followed(context, read, pattern)
        return
    parts = pattern.split("/")
    first = next(index for index, part in enumerate(parts) if _is_wild(part))
    base = "/".join(parts[:first])
    start = context.follow(base)
    if start is None or context.file_type(start) is None:
        raise missing(context, read, base)
    if context.file_type(start) is not FileType.DIRECTORY:
        return
    top = ContextPath(start, base, FileType.DIRECTORY)
    for item in _matching(context, top, parts[first:]):
        yield (_followed(context, read, item.shown) if item.file_type is FileType.LINK else item)


def _matching(context: Context, top: ContextPath, parts: list[str]) -> Iterator[ContextPath]:
    """Yield what the pattern `parts` matches below `top`; links are not crossed."""
    if any("[" in part for part in parts):
        yield from _matching_anywhere(context, top, "/".join(parts))
        return
    stack = [(top, 0)]
    while stack:
        item, depth = stack.pop()
        if depth == len(parts):
            yield item
        else:
            found = _next(context, item, parts[depth], last=depth + 1 == len(parts))
            stack += [(one, depth + 1) for one in reversed(found)]


def _next(context: Context, folder: ContextPath, pattern: str, *, last: bool) -> list[ContextPath]:
    """Return what the pattern matches in a folder: only folders, except for the last part."""
    found: list[ContextPath] = []
    for name in context.disk.folder(context.path(folder.real)).names:
        if not gomatch.match(pattern, name):
            continue
        real = f"{folder.real}/{name}" if folder.real else name
        shown = f"{folder.shown}/{name}" if folder.shown else name
        file_type = context.file_type(real)
        if file_type is not None and (last or file_type is FileType.DIRECTORY):
            found.append(ContextPath(real, shown, file_type))
    return found


def _matching_anywhere(context: Context, top: ContextPath, pattern: str) -> Iterator[ContextPath]:
    """Yield the same by matching every path: a class such as `[^a]` matches `/` too in Go."""
    start = len(top.shown) + 1 if top.shown else 0
    within: set[str] = set()
    for item in sorted(context.below(top), key=lambda item: item.shown.split("/")):
        if item.shown.rpartition("/")[0] in within:
            within.add(item.shown)
        elif gomatch.match(pattern, item.shown[start:]):
            within.add(item.shown)
            yield item


def _followed(context: Context, read: Read, shown: str) -> ContextPath:
    real = context.follow(shown)
    file_type = None if real is None else context.file_type(real)
    if real is None or file_type is None:
        raise missing(context, read, shown)
    return ContextPath(
        real, shown, file_type, linked=context.disk.file_type(context.path(shown)) is FileType.LINK
    )


def _excluding(read: Read) -> tuple[Filter, ...]:
    return (Filter(_patterns(read, read.exclude), wanted=False),) if read.exclude else ()


def _patterns(read: Read, written: tuple[str, ...]) -> Patterns:
    try:
        return _parsed(written)
    except ValueError as error:
        raise ConfigError([Problem(read.location, str(error))]) from None


@lru_cache(maxsize=16)
def _parsed(written: tuple[str, ...]) -> Patterns:
    """Parse patterns, which all sources of an instruction share."""
    return parse_patterns(written)


def _clean(pattern: str) -> str:
    """Return the pattern relative to the context; "" is the context itself."""
    return clean(f"/{pattern}")[1:]


def _is_wild(pattern: str) -> bool:
    """Return whether BuildKit reads it as a wildcard; an escaped character does not make it one."""
    escaped = False
    for character in pattern:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in "*?[":
            return True
    return False
