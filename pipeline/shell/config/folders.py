"""Which folder is the project's root, and which folders in it are images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.edge.app_config import FILES
from pipeline.errors import Location, Problem, usage_error
from pipeline.shell.config.loaded import Loaded
from pipeline.shell.config.settings import PIPELINE_FILE, images_place
from pipeline.shell.config.wrong import listing
from pipeline.shell.places import real_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.core.model import Settings

DOCKERFILES = ("Dockerfile", "dockerfile")
"""What a Dockerfile may be called that is named nowhere, the first that is there."""

_MARKS = (*DOCKERFILES, "image.toml", *FILES, "fly.yml")


@dataclass(frozen=True, slots=True)
class Folders:
    """What the globs match, relative to the root, each sorted by path.

    `images` have a Dockerfile, an `image.toml`, or a `fly.toml`, `.json` or `.yaml`. `others` have
    none of these: no images, but when a Dockerfile names one of them, its own is probably missing.
    """

    images: tuple[PurePosixPath, ...]
    others: tuple[PurePosixPath, ...] = ()


def working_folder() -> Path:
    """The working directory. Raises `ConfigError` where it is not there any more."""
    try:
        return Path.cwd()
    except OSError:
        raise usage_error(
            "the working directory is not there any more", hint="go into the project's folder anew"
        ) from None


def find_root(start: Path) -> Path:
    """The project's root as seen from `start`, as an absolute path.

    It is the nearest folder at or above `start` with a `pipeline.toml`; without one, the nearest
    with an `images` folder or a Git repository; without these, `start` itself.
    """
    start = real_path(start)
    above = (start, *start.parents)
    with_file = (folder for folder in above if _exists(folder / PIPELINE_FILE))
    by_convention = (folder for folder in above if _is_convention(folder))
    return next(with_file, None) or next(by_convention, None) or start


def find_folders(root: Path, settings: Settings) -> Loaded[Folders]:
    """Find the image folders that `settings.globs` match.

    Hidden folders are left out unless the glob itself begins with a dot there, and `**` follows no
    links. A glob of the user's that finds no image is a problem at its place, and so is finding
    none at all.
    """
    matches = {glob: tuple(_matching(root, glob)) for glob in settings.globs}
    every = sorted({folder for found in matches.values() for folder in found})
    images = tuple(folder for folder in every if _is_image(root / folder))
    known = frozenset(images)
    others = tuple(folder for folder in every if folder not in known)
    problems = tuple(
        problem
        for index, glob in enumerate(settings.globs)
        if known.isdisjoint(matches[glob])
        if (problem := _no_match(root, settings, index, matches[glob]))
    )
    if not images and not problems:
        problems = (_no_images(root, settings.globs, others),)
    return Loaded(Folders(images, others), problems)


def _is_convention(folder: Path) -> bool:
    try:
        return (folder / "images").is_dir() or _exists(folder / ".git")
    except OSError:  # a folder that this user may not look into
        return False


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _is_image(folder: Path) -> bool:
    return any(_exists(folder / mark) for mark in _MARKS)


def _matching(root: Path, glob: str) -> Iterator[PurePosixPath]:
    parts = [part for part in glob.split("/") if part not in {"", "."}]
    yield from dict.fromkeys(_descend(root, PurePosixPath(), parts))


def _descend(root: Path, at: PurePosixPath, parts: Sequence[str]) -> Iterator[PurePosixPath]:
    if not parts:
        yield at
        return
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _descend(root, at, rest)
    for entry in _folders_in(root / at):
        if first == "**":
            if not entry.name.startswith(".") and not entry.is_symlink():
                yield from _descend(root, at / entry.name, parts)
        elif _fits(entry.name, first):
            yield from _descend(root, at / entry.name, rest)


def _fits(name: str, pattern: str) -> bool:
    """Whether a name matches as in a shell: a leading dot only where the pattern has one."""
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


def _no_match(
    root: Path, settings: Settings, index: int, folders: Sequence[PurePosixPath]
) -> Problem | None:
    place = images_place(root, settings.profile, index)
    if place is None:
        return None
    glob = settings.globs[index]
    if folders:
        some = listing(str(folder) for folder in folders[:3])
        hint = f"there is {some} without one; add it, or mend the glob"
        return Problem(place, f"`{glob}` matches no folder with a Dockerfile", hint)
    if glob.endswith(("Dockerfile", ".toml")):
        parent = glob.rpartition("/")[0] or "."
        return Problem(place, f"`{glob}` matches no folder", f'name folders: "{parent}"')
    return Problem(place, f"`{glob}` matches no folder", f"folders are looked for in {root}")


def _no_images(root: Path, globs: Sequence[str], others: Sequence[PurePosixPath]) -> Problem:
    looked = listing(f"{glob}/Dockerfile" for glob in globs) or "nothing, as `images` is empty"
    if others:
        hint = f"add a Dockerfile to {listing(str(folder) for folder in others[:3])}"
    else:
        hint = "put a Dockerfile into images/NAME/, or set `images` in pipeline.toml"
    where = Location(str(PIPELINE_FILE)) if (root / PIPELINE_FILE).is_file() else None
    return Problem(where, f"no images found in `{root}`: looked for {looked}", hint)
