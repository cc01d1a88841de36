"""Load a project: its files become one frozen value, or one error with every problem in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, Location, Problem, raise_problems
from ..model.project import Project
from ..model.settings import repository_of
from ..process.gc_pause import uncollected
from ..process.paths import real_path
from ..reference import Reference
from .apps import find_app_clashes
from .deploy_order import check_after
from .image_file import read_image_document
from .image_folders import find_folders, find_root, working_folder
from .link import join
from .load_settings import load_settings
from .lock_file import load_lock
from .read_image import draft_image
from .reference_checks import long_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.image import Image
    from ..model.settings import Settings
    from .read_image import Draft


def load(
    root: Path | None = None,
    *,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Read the project at `root` (default: at or above the working directory).

    Raises `ConfigError` with all problems of all files at once.

    >>> load().names  # doctest: +SKIP
    ('os-base', 'python-base', 'web')
    """
    with uncollected():
        return _load(root, profile, os.environ if environ is None else environ)


def _load(root: Path | None, profile: str | None, environ: Mapping[str, str]) -> Project:
    root = find_root(working_folder()) if root is None else real_path(Path(root))
    settings, problems = load_settings(root, profile=profile, environ=environ)
    if settings is None:
        raise ConfigError(problems)
    drafts, found = _drafts(root, settings)
    locks, unlocked = load_lock(root)
    images, wrong = join(settings, drafts, locks or {})
    clashes = _alias_clashes(root, settings, images)
    apps = _check_apps(root, settings, drafts, images)
    too_long = long_names(root, settings, images)
    raise_problems([*problems, *unlocked, *found, *wrong, *clashes, *apps, *too_long])
    return Project(root, settings, images)


def _drafts(root: Path, settings: Settings) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    folders, problems = find_folders(root, settings)
    found = list(problems)
    drafts: list[Draft] = []
    for folder in folders.images if folders else ():
        draft, wrong = draft_image(root, folder, settings.profile)
        found += wrong
        if draft:
            drafts.append(draft)
    return _distinct(drafts, found), tuple(found)


def _distinct(drafts: Sequence[Draft], problems: list[Problem]) -> tuple[Draft, ...]:
    """Each name once; a second image of a name is a problem at its folder."""
    kept: dict[str, Draft] = {}
    for draft in drafts:
        if draft.name in kept:
            message = f"the name `{draft.name}` is taken by `{kept[draft.name].folder}`"
            hint = "rename one of the folders, or give it a `name` in its `image.toml`"
            written = draft.file.document.has("name")
            place = draft.file.locate("name") if written else Location(str(draft.folder))
            problems.append(Problem(place, message, hint))
        kept.setdefault(draft.name, draft)
    return tuple(kept.values())


def _alias_clashes(root: Path, settings: Settings, images: Sequence[Image]) -> list[Problem]:
    """Two images that would move one tag to and fro, as can be in a repository for all."""
    owner: dict[Reference, Image] = {}
    problems = []
    for image in images:
        repository = repository_of(settings.registry, image.name)
        for index, tag in enumerate(image.aliases):
            first = owner.setdefault(Reference(repository, tag), image)
            if first is not image:
                document, _ = read_image_document(root, image.folder, settings.profile)
                place = document.locate("aliases", index) if document else None
                message = f"`{repository}:{tag}` is an alias of `{first.name}` already"
                problems.append(Problem(place, message, f'write "{image.name}-{tag}"'))
    return problems


def _check_apps(
    root: Path, settings: Settings, drafts: Sequence[Draft], images: Sequence[Image]
) -> list[Problem]:
    apps = [image for image in images if image.deploy]
    files = {draft.name: draft.file for draft in drafts}
    return [*find_app_clashes(root, apps, settings.profile), *check_after(apps, images, files)]
