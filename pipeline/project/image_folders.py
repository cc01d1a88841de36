"""Find the project's root, and the images in it: folders, or single files of folders."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import Location, Problem, first_problems, quoted_list, usage_error
from ..process.paths import has, real_path
from .file_format import FILES
from .globs import matching
from .image_names import dockerfile_stem, filled_name, fixed_part, settings_stem
from .result import Result
from .settings import PIPELINE_FILE, settings_document
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..model.settings import ImagePattern, Settings
    from .document import Document
    from .globs import Match

DOCKERFILES = ("Dockerfile", "dockerfile")
"""The names of a Dockerfile that is not named elsewhere; the first that exists is taken."""
IMAGE_FILE = "image.toml"

MARKS = (*DOCKERFILES, IMAGE_FILE, *FILES, "fly.yml")
"""The files of which one makes a folder an image."""

_MOST_GLOBS, _MOST_CHARACTERS = 500, 64 << 10


class ImagePlace(Struct, frozen=True):
    """Where an image is: its folder, and which of the folder's files are its own.

    `matched` is the file that the glob matched; empty for a folder. `stem` distinguishes the images
    of one folder. `dockerfile` is empty if the settings, or the convention, name it. `settings` is
    the name of its `image.toml`, which need not exist; `configs` are the names that its `fly.toml`
    may have. `name` and `context` (relative to the root) are those of entry number `entry` of
    `images`.
    """

    folder: PurePosixPath
    matched: str = ""
    stem: str = ""
    dockerfile: str = ""
    settings: str = IMAGE_FILE
    configs: tuple[str, ...] = FILES
    name: str | None = None
    context: PurePosixPath | None = None
    entry: int = 0

    @property
    def shown(self) -> str:
        """What the glob matched."""
        return str(self.folder / self.matched)

    @property
    def settings_file(self) -> PurePosixPath:
        """Its `image.toml`, relative to the root."""
        return self.folder / self.settings


class Found(Struct, frozen=True):
    """What the globs match, sorted by path.

    `images` are folders with a Dockerfile, an `image.toml`, or a `fly.toml`, `.json` or `.yaml`,
    and files of these kinds. `others` are folders without any; if a Dockerfile names one of them,
    its own is probably missing.
    """

    images: tuple[ImagePlace, ...]
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
    with_file = (folder for folder in above if has(folder, PIPELINE_FILE))
    by_convention = (folder for folder in above if _is_convention(folder))
    return next(with_file, None) or next(by_convention, None) or start


def find_images(root: Path, settings: Settings) -> Result[Found]:
    """Find the images that the globs of `settings.images` match.

    Of several entries that match one image, the first says its name and context. An entry of the
    user's that matches no image is a problem at its location, and so is finding none at all.
    """
    if problem := _too_many(root, settings):
        return Result(None, (problem,))
    images: dict[_Key, ImagePlace] = {}
    others: set[PurePosixPath] = set()
    lost: dict[int, Sequence[PurePosixPath]] = {}
    for index, pattern in enumerate(settings.images):
        try:
            places, folders = _matched(root, pattern, index)
        except WrongValueError as error:
            location = _location(settings_document(root, settings.profile), index)
            return Result(None, (Problem(location, error.message, error.hint),))
        for place in places:
            images.setdefault(_key(root, place), place)
        others.update(folders)
        if not places:
            lost[index] = folders
    found = _with_own_files(root, sorted(images.values(), key=_order))
    problems = (*_nobodys(root, found), *_no_matches(root, settings, lost))
    if not images and not problems:
        paths = [pattern.path for pattern in settings.images]
        problems += (_no_images(root, paths, sorted(others)),)
    return Result(Found(found, tuple(sorted(others))), problems)


def unused_configs(root: Path, places: Iterable[ImagePlace]) -> Iterator[PurePosixPath]:
    """Yield each `fly.toml` that belongs to no image, as its folder has several with stems."""
    for own in _several_with_stems(places):
        found = (own[0].folder / name for name in FILES)
        yield from (file for file in found if has(root, file))


_Key = tuple[PurePosixPath, str, str]
"""The folder of an image, its stem, and its Dockerfile if that is not the folder's usual one."""


def pattern_location(root: Path, profile: str, place: ImagePlace, key: str) -> Location | None:
    """Locate a key of the entry of `images` that matches a place, else the entry itself."""
    return _location(settings_document(root, profile), place.entry, key)


def _matched(
    root: Path, pattern: ImagePattern, index: int
) -> tuple[list[ImagePlace], list[PurePosixPath]]:
    """Return the images that one entry matches, and the folders that are none."""
    places, folders = [], []
    for match in matching(root, pattern.path):
        if place := _place(root, pattern, index, match):
            places.append(place)
        elif not match.is_file:
            folders.append(match.path)
    return places, folders


def _order(place: ImagePlace) -> tuple[tuple[str, ...], str]:
    return place.folder.parts, place.matched


def _key(root: Path, place: ImagePlace) -> _Key:
    named = place.dockerfile
    usual = bool(named) and named == usual_dockerfile(root, place.folder)
    return place.folder, place.stem, "" if usual else named


def usual_dockerfile(root: Path, folder: PurePosixPath) -> str:
    """Return the Dockerfile's name that BuildKit and flyctl take if none is given."""
    usual, small = DOCKERFILES
    takes_small = has(root, f"{folder}/{small}") and not has(root, f"{folder}/{usual}")
    return small if takes_small else usual


def _place(root: Path, pattern: ImagePattern, index: int, match: Match) -> ImagePlace | None:
    """Return the image that a match is; `None` if it is none."""
    folder, name = (match.path.parent, match.path.name) if match.is_file else (match.path, "")
    if not match.is_file:
        if not _is_image(root, folder):
            return None
        stem, dockerfile = "", ""
    elif (found := settings_stem(name)) is not None:
        stem, dockerfile = found, _dockerfile_of(root / folder, found)
    elif (found := dockerfile_stem(name)) is not None:
        stem, dockerfile = found, name
    elif fixed_part(pattern.path) == match.path:
        stem, dockerfile = name.partition(".")[0], name  # it is named, and not guessed
    else:
        return None
    filled = None
    if pattern.name:
        filled = filled_name(pattern.name, folder, fixed_part(pattern.path), stem)
    context = None if pattern.context is None else PurePosixPath(pattern.context)
    place = ImagePlace(folder, name, stem, dockerfile)
    return replace(place, name=filled, context=context, entry=index)


def _dockerfile_of(folder: Path, stem: str) -> str:
    """Return the Dockerfile of a stem, if it has one. Raises `WrongValueError` for several."""
    if not stem:
        return ""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return ""
    found = sorted(name for name in names if dockerfile_stem(name) == stem)
    if len(found) > 1:
        message = f"`{folder.name}` has {quoted_list(found)}, and both would be `{stem}`"
        raise WrongValueError(message, hint="rename one of them")
    return found[0] if found else ""


def _with_own_files(root: Path, places: Sequence[ImagePlace]) -> tuple[ImagePlace, ...]:
    """Give each image its settings and configuration.

    Those without a stem are for the image without one, or for the only image of the folder.
    """
    counts = Counter(place.folder for place in places)
    return tuple(_with_files(root, p, alone=counts[p.folder] == 1) for p in places)


def _several_with_stems(places: Iterable[ImagePlace]) -> Iterator[list[ImagePlace]]:
    """Yield the images of each folder that has several, and none without a stem."""
    folders: dict[PurePosixPath, list[ImagePlace]] = {}
    for place in places:
        folders.setdefault(place.folder, []).append(place)
    yield from (own for own in folders.values() if len(own) > 1 and all(p.stem for p in own))


def _with_files(root: Path, place: ImagePlace, *, alone: bool) -> ImagePlace:
    if not place.stem:
        return place
    configs = tuple(file.replace(".", f".{place.stem}.", 1) for file in FILES)
    settings = f"image.{place.stem}.toml"
    if alone and not has(root, place.folder / settings):
        settings = IMAGE_FILE
    return replace(place, settings=settings, configs=configs + FILES if alone else configs)


def _nobodys(root: Path, places: Sequence[ImagePlace]) -> Iterator[Problem]:
    """Yield a problem for each `image.toml` that belongs to no image."""
    for own in _several_with_stems(places):
        file = own[0].folder / IMAGE_FILE
        if has(root, file):
            names = quoted_list(place.matched for place in own)
            message = f"it is for one image, and there are {len(own)} in this folder: {names}"
            known = " or ".join(f"`image.{one.stem}.toml`" for one in own[:3])
            yield Problem(Location(str(file)), message, f"name it {known}")


def _is_convention(folder: Path) -> bool:
    try:
        return (folder / "images").is_dir() or has(folder, ".git")
    except OSError:  # a folder that this user may not read
        return False


def _is_image(root: Path, folder: PurePosixPath) -> bool:
    return any(has(root, f"{folder}/{mark}") for mark in MARKS)


def _too_many(root: Path, settings: Settings) -> Problem | None:
    """Return a problem for too many globs: each is tried on each folder."""
    count, size = len(settings.images), sum(len(pattern.path) for pattern in settings.images)
    if count <= _MOST_GLOBS and size <= _MOST_CHARACTERS:
        return None
    location = _location(settings_document(root, settings.profile), 0)
    message = f"`images` has {count:,} globs of {size:,} characters"
    hint = f"{_MOST_GLOBS:,} of them, and {_MOST_CHARACTERS:,} characters in all, are the limit"
    return Problem(location, message, hint)


def _no_matches(
    root: Path, settings: Settings, lost: Mapping[int, Sequence[PurePosixPath]]
) -> tuple[Problem, ...]:
    """Describe globs of the user's, not of a default, that match no image."""
    document = settings_document(root, settings.profile) if lost else None
    written = [index for index in lost if _location(document, index)]

    def problem(index: int) -> Problem:
        path = settings.images[index].path
        return _no_match(root, path, lost[index], _location(document, index))

    return tuple(first_problems(written, problem))


def _location(document: Document | None, index: int, key: str = "path") -> Location | None:
    """Return where an entry is written; `None` for a default."""
    if document is None or not document.has("images", index):
        return None
    return document.locate("images", index, key)


def _no_match(
    root: Path, glob: str, folders: Sequence[PurePosixPath], location: Location | None
) -> Problem:
    if folders:
        some = quoted_list(str(folder) for folder in folders[:3])
        hint = f"there is {some} without one; add it, or correct the glob"
        return Problem(location, f"`{glob}` matches no folder with a Dockerfile", hint)
    what = "Dockerfile" if "ockerfile" in glob else "folder"
    hint = f"it is looked for in {root}; `**` stands for any number of folders"
    return Problem(location, f"`{glob}` matches no {what}", hint)


def _no_images(root: Path, globs: Sequence[str], others: Sequence[PurePosixPath]) -> Problem:
    looked = quoted_list(f"{glob}/Dockerfile" for glob in globs) or "nothing, as `images` is empty"
    if others:
        hint = f"add a Dockerfile to {quoted_list(str(folder) for folder in others[:3])}"
    else:
        hint = (
            "put a Dockerfile into images/NAME/, or set `images` in pipeline.toml; "
            "`invoke init` does so for a repository with Dockerfiles"
        )
    where = Location(str(PIPELINE_FILE)) if (root / PIPELINE_FILE).is_file() else None
    return Problem(where, f"no images found in `{root}`: looked for {looked}", hint)
