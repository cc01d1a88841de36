"""Load a project: its files become one frozen value, or one error with every problem in them.

The steps, each given what the last one returned: read the settings, find the image folders, read
each folder, read the lock, link the images by the names in their Dockerfiles, and check what only
all images together can show.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, Location, Problem, quoted_list, raise_problems
from ..fingerprints.disk import Disk
from ..model.image import EMPTY
from ..model.project import Project
from ..process.gc_pause import gc_paused
from ..process.paths import real_path
from .apps import find_app_clashes
from .deploy_order import check_after
from .given_values import GivenValues, check_names
from .image_folders import find_images, find_root, pattern_location, unused_configs, working_folder
from .image_names import WORDS
from .link import link_images
from .load_settings import load_settings
from .lock_file import load_lock
from .read_image import name_despite, read_image
from .reference_checks import find_alias_clashes, find_long_references
from .settings import settings_despite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..model.image import Image
    from ..model.settings import Settings
    from ..reference import ImageName
    from .image_folders import ImagePlace
    from .read_image import Draft


def load(
    root: Path | None = None,
    *,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    args: Mapping[str, str] = EMPTY,
    instant: float | None = None,
) -> Project:
    """Load the project at `root` (default: at or above the working directory).

    `args` are build arguments: each goes to every image that declares it, as if `image.toml` had
    it. `instant` is the time, in seconds since 1970, that periods of `refresh` are those of; by
    default it is now. Raises `ConfigError` with all problems of all files at once.

    >>> load().names  # doctest: +SKIP
    ('os-base', 'python-base', 'web')
    """
    with gc_paused():
        given = GivenValues(os.environ if environ is None else environ, args)
        return _load(root, profile, given, int(time.time() if instant is None else instant))


def _load(root: Path | None, profile: str | None, given: GivenValues, instant: int) -> Project:
    """Take each step, and raise the problems of all of them at once."""
    raise_problems([*check_names(given.arguments)])
    root = find_root(working_folder()) if root is None else real_path(Path(root))
    settings, of_settings = load_settings(root, profile=profile, environ=given.environ)
    if settings is None:
        of_others = _problems_despite(root, profile, given)
        raise_problems([*of_settings, *of_others])
        raise ConfigError(of_settings)
    found, of_folders = find_images(root, settings)
    places = found.images if found else ()
    drafts, of_images, lost = _read_images(root, places, settings.profile, given)
    locks, of_lock = load_lock(root)
    images, of_names = link_images(settings, drafts, locks or {}, given.arguments, lost, instant)
    of_all = _check_together(root, settings, drafts, images, lost)
    raise_problems([*of_settings, *of_lock, *of_folders, *of_images, *of_names, *of_all])
    return Project(root, settings, images, tuple(_unused(root, places, images)), instant)


def _problems_despite(root: Path, profile: str | None, given: GivenValues) -> list[Problem]:
    """Return the problems of all other files where `pipeline.toml` itself has some.

    Those that its settings may cause are left out.
    """
    settings = settings_despite(root, profile or given.environ.get("PIPELINE_PROFILE", ""))
    if settings is None:
        return []
    found, _ = find_images(root, settings)
    places = found.images if found else ()
    drafts, of_images, lost = _read_images(root, places, settings.profile, given)
    locks, of_lock = load_lock(root)
    images, of_names = link_images(settings, drafts, locks or {}, lost=lost)
    return [*of_lock, *of_images, *of_names, *_check_order(drafts, images, lost)]


def _read_images(
    root: Path, places: Iterable[ImagePlace], profile: str, given: GivenValues
) -> tuple[tuple[Draft, ...], tuple[Problem, ...], frozenset[ImageName]]:
    """Read each image by itself; of two images with one name, keep the first.

    The names of those that cannot be read come last: that others name them is no mistake.
    """
    drafts: dict[str, Draft] = {}
    problems: list[Problem] = []
    lost: set[ImageName | None] = set()
    disk = Disk(root)
    for place in places:
        draft, wrong = read_image(root, place, profile, given, disk)
        problems += wrong
        if draft and draft.name in drafts:
            problems.append(_name_taken(root, profile, draft, drafts[draft.name]))
        elif draft:
            drafts[draft.name] = draft
        else:
            lost.add(name_despite(root, place, profile, given))
    return tuple(drafts.values()), tuple(problems), frozenset(name for name in lost if name)


def _name_taken(root: Path, profile: str, draft: Draft, first: Draft) -> Problem:
    """Describe a second image of one name, at its `name`, else at its folder or file."""
    place = draft.place
    message = f"the name `{draft.name}` is taken by `{first.place.shown}`"
    if draft.file.document.has("name"):
        location: Location | None = draft.file.locate("name")
    elif place.name is not None:
        location = pattern_location(root, profile, place, "name")
        message = f"it gives `{place.shown}` the name `{draft.name}` of `{first.place.shown}`"
        words = quoted_list(f"{{{word}}}" for word in WORDS)
        hint = f"distinguish them with {words}, or set `name` in `{place.settings_file}`"
        return Problem(location, message, hint)
    else:
        location = Location(place.shown)
    what = "files" if place.stem else "folders"
    hint = f"rename one of the {what}, or give it a `name` in its `{place.settings}`"
    return Problem(location, message, hint)


def _unused(root: Path, places: Iterable[ImagePlace], images: Iterable[Image]) -> Iterator[str]:
    """Yield a warning for each `fly.toml` beside several images that none of them uses."""
    specs = [image.deploy for image in images if image.deploy]
    used = {file for spec in specs for file in (spec.config, *spec.configs.values())}
    for file in unused_configs(root, places):
        if file not in used:
            yield (
                f"`{file}` belongs to none of the images of its folder: name it `fly.STEM.toml` "
                "after the Dockerfile of one, or name it there as `config` under `[deploy]`"
            )


def _check_together(
    root: Path,
    settings: Settings,
    drafts: Sequence[Draft],
    images: Sequence[Image],
    lost: frozenset[ImageName],
) -> list[Problem]:
    """Find what is wrong between images: aliases, apps, their order, and references too long."""
    apps = [image for image in images if image.deploy]
    return [
        *find_alias_clashes(root, settings, images),
        *find_app_clashes(root, apps, settings.profile),
        *_check_order(drafts, images, lost),
        *find_long_references(root, settings, images),
    ]


def _check_order(
    drafts: Sequence[Draft], images: Sequence[Image], lost: frozenset[ImageName]
) -> list[Problem]:
    """Find what is wrong with `after`; an image that could not be read may be named."""
    apps = [image for image in images if image.deploy]
    files = {draft.name: draft.file for draft in drafts}
    unread = (lost | files.keys()) - {image.name for image in images}
    return check_after(apps, images, files, unread)
