"""Find the project's root, and the folders in it that are images."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from ..errors import Location, Problem, first_problems, quoted_list, usage_error
from ..process.paths import real_path
from .file_format import FILES
from .result import Result
from .settings import PIPELINE_FILE, settings_document
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..model.settings import Settings
    from .document import Document

DOCKERFILES = ("Dockerfile", "dockerfile")
"""The names of a Dockerfile that is not named elsewhere; the first that exists is taken."""

_MOST_LINKED = 10_000
_MOST_GLOBS, _MOST_CHARACTERS = 500, 64 << 10
_MARKS = (*DOCKERFILES, "image.toml", *FILES, "fly.yml")


class Folders(Struct, frozen=True):
    """The folders that the globs match, relative to the root, sorted by path.

    `images` have a Dockerfile, an `image.toml`, or a `fly.toml`, `.json` or `.yaml`. `others` have
    none of these; if a Dockerfile names one of them, its own is probably missing.
    """

    images: tuple[PurePosixPath, ...]
    others: tuple[PurePosixPath, ...] = ()


def working_folder() -> Path:
    """Return the working directory. Raises `ConfigError` if it does not exist any more."""
    try:
        return Path.cwd()
    except OSError:
        raise usage_error(
            "the working directory does not exist any more", hint="change to the project's folder"
        ) from None


def find_root(start: Path) -> Path:
    """Find the project's root as seen from `start`, as an absolute path.

    It is the nearest folder at or above `start` with a `pipeline.toml`; without one, the nearest
    with an `images` folder or a Git repository; without these, `start` itself.
    """
    start = real_path(start)
    above = (start, *start.parents)
    with_file = (folder for folder in above if _exists(folder / PIPELINE_FILE))
    by_convention = (folder for folder in above if _is_convention(folder))
    return next(with_file, None) or next(by_convention, None) or start


def find_folders(root: Path, settings: Settings) -> Result[Folders]:
    """Find the image folders that `settings.globs` match.

    Hidden folders are left out unless the glob itself begins with a dot there, and `**` follows no
    links. A glob of the user's that finds no image is a problem at its location, and so is finding
    none at all.
    """
    if problem := _too_many(root, settings):
        return Result(None, (problem,))
    matches: dict[str, tuple[PurePosixPath, ...]] = {}
    for index, glob in enumerate(settings.globs):
        try:
            matches[glob] = _matching(root, glob)
        except WrongValueError as error:
            location = _glob_location(settings_document(root, settings.profile), index)
            return Result(None, (Problem(location, error.message, error.hint),))
    every = sorted({folder for found in matches.values() for folder in found})
    images = tuple(folder for folder in every if _is_image(root / folder))
    known = frozenset(images)
    others = tuple(folder for folder in every if folder not in known)
    problems = _no_matches(root, settings, matches, known)
    if not images and not problems:
        problems = (_no_images(root, settings.globs, others),)
    return Result(Folders(images, others), problems)


def _is_convention(folder: Path) -> bool:
    try:
        return (folder / "images").is_dir() or _exists(folder / ".git")
    except OSError:  # a folder that this user may not read
        return False


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _is_image(folder: Path) -> bool:
    return any(_exists(folder / mark) for mark in _MARKS)


def _matching(root: Path, glob: str) -> tuple[PurePosixPath, ...]:
    """Return the folders that a glob matches, sorted.

    Raises `WrongValueError` if links lead to too many.
    """
    parts = tuple(part for part in glob.split("/") if part not in {"", "."})
    return tuple(sorted(_descend(root, parts)))


def _descend(root: Path, parts: tuple[str, ...]) -> Iterator[PurePosixPath]:
    """Visit each folder once, with all parts of the glob that its path may be at.

    Links can make any number of paths: two links to their own folder make two of each, and four of
    each of these.
    """
    stack = [_Visit(PurePosixPath(), _skipped(parts, {0}), linked=False)]
    linked = 0
    while stack:
        at, indexes, below_link = stack.pop()
        linked += below_link
        if linked > _MOST_LINKED:
            message = (
                f"`{'/'.join(parts)}` leads through links to more than {_MOST_LINKED:,} folders"
            )
            raise WrongValueError(message, hint="name the folders that the links lead to")
        if len(parts) in indexes:
            yield at
        if indexes != {len(parts)}:
            stack += _below(root, parts, at, indexes, linked=below_link)


class _Visit(NamedTuple):
    """A folder to look into, and the parts of the glob that may come next."""

    at: PurePosixPath
    indexes: set[int]
    linked: bool


def _below(
    root: Path, parts: tuple[str, ...], at: PurePosixPath, indexes: set[int], *, linked: bool
) -> Iterator[_Visit]:
    wanted = [(index, parts[index]) for index in sorted(indexes) if index < len(parts)]
    for entry in _folders_in(root / at):
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


def _fits(name: str, pattern: str) -> bool:
    """Return whether a name matches as in a shell: a leading dot only if the pattern has one."""
    return fnmatchcase(name, pattern) and name.startswith(".") == pattern.startswith(".")


def _folders_in(folder: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if _leads_to_folder(entry)]
    except OSError:
        return ()


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except (
        OSError
    ):  # a link that leads to itself, or into a folder that this user may not look into
        return False


def _too_many(root: Path, settings: Settings) -> Problem | None:
    """Return a problem for too many globs: each is tried on each folder."""
    count, size = len(settings.globs), sum(map(len, settings.globs))
    if count <= _MOST_GLOBS and size <= _MOST_CHARACTERS:
        return None
    location = _glob_location(settings_document(root, settings.profile), 0)
    message = f"`images` has {count:,} globs of {size:,} characters"
    hint = f"{_MOST_GLOBS:,} of them, and {_MOST_CHARACTERS:,} characters in all, are the limit"
    return Problem(location, message, hint)


def _no_matches(
    root: Path,
    settings: Settings,
    matches: Mapping[str, tuple[PurePosixPath, ...]],
    images: frozenset[PurePosixPath],
) -> tuple[Problem, ...]:
    """Find globs of the user's, not of a default, that match no image."""
    lost = [n for n, glob in enumerate(settings.globs) if images.isdisjoint(matches[glob])]
    document = settings_document(root, settings.profile) if lost else None
    written = [index for index in lost if _glob_location(document, index)]

    def problem(index: int) -> Problem:
        glob = settings.globs[index]
        return _no_match(root, glob, matches[glob], _glob_location(document, index))

    return tuple(first_problems(written, problem))


def _glob_location(document: Document | None, index: int) -> Location | None:
    """Return where a glob is written; `None` for a default."""
    if document is None or not document.has("images", index):
        return None
    return document.locate("images", index)


def _no_match(
    root: Path, glob: str, folders: Sequence[PurePosixPath], location: Location | None
) -> Problem:
    if folders:
        some = quoted_list(str(folder) for folder in folders[:3])
        hint = f"there is {some} without one; add it, or correct the glob"
        return Problem(location, f"`{glob}` matches no folder with a Dockerfile", hint)
    if glob.endswith(("Dockerfile", ".toml")):
        parent = glob.rpartition("/")[0] or "."
        return Problem(location, f"`{glob}` matches no folder", f'name folders: "{parent}"')
    return Problem(location, f"`{glob}` matches no folder", f"folders are looked for in {root}")


def _no_images(root: Path, globs: Sequence[str], others: Sequence[PurePosixPath]) -> Problem:
    looked = quoted_list(f"{glob}/Dockerfile" for glob in globs) or "nothing, as `images` is empty"
    if others:
        hint = f"add a Dockerfile to {quoted_list(str(folder) for folder in others[:3])}"
    else:
        hint = "put a Dockerfile into images/NAME/, or set `images` in pipeline.toml"
    where = Location(str(PIPELINE_FILE)) if (root / PIPELINE_FILE).is_file() else None
    return Problem(where, f"no images found in `{root}`: looked for {looked}", hint)
