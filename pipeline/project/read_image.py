"""Read one image of a project from its folder; `link` then joins it to the others."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..dockerfile import parse
from ..errors import Location, Problem
from ..model.image import UNNAMED, AppSpec
from ..process.paths import below, inside, is_folder
from ..reference import ReferenceSyntaxError, parse_image_name
from .app_configs import AppConfigs, app_configs, meant_for_another
from .apps import apps_from_source
from .build_source import build_source
from .document import Document
from .image_file import ImageDeploy, ImageFile, image_file_despite, load_image_file
from .image_folders import pattern_location
from .public_image import public_image
from .read_dockerfile import read_dockerfile
from .result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..dockerfile import Dockerfile
    from ..fingerprints.disk import Disk
    from ..reference import ImageName
    from .build_source import BuildSource
    from .given_values import GivenValues
    from .image_folders import ImagePlace
    from .public_image import PublicImage


_ELSEWHERE = frozenset({"context", "dockerfile", "image", "contexts", "deploy", "profiles"})
"""Keys of `image.toml` that say which other files an image has."""


class Draft(Struct, frozen=True):
    """An image as its folder describes it. Paths are relative to the project's root.

    `build` is what it is built from, by `image.toml` and the configurations of its apps.
    `context_location` is where the context is named, if it does not exist yet. `public` is the
    ready image, if it is not built, as written; `source` then is one `FROM` of it.
    """

    name: ImageName
    place: ImagePlace
    dockerfile: PurePosixPath
    context: PurePosixPath
    source: Dockerfile
    build: BuildSource
    app: AppSpec | None
    public: PublicImage | None = None
    contexts: Mapping[str, PurePosixPath] = field(default_factory=dict)
    context_location: Location | None = None

    @property
    def folder(self) -> PurePosixPath:
        """The image's folder."""
        return self.place.folder

    @property
    def file(self) -> ImageFile:
        """The `image.toml`, with what the configurations add to it."""
        return self.build.file


def read_image(
    root: Path, place: ImagePlace, profile: str, given: GivenValues, disk: Disk
) -> Result[Draft]:
    """Read an image: `image.toml`, the Dockerfile and `fly.toml`; all their problems at once."""
    file, problems = load_image_file(root, place.settings_file, profile, given)
    if file is None:
        more = _other_problems(root, place, profile, given, disk)
        return Result(None, (*problems, *more))
    draft, more = _read_with(root, place, profile, file, disk)
    return Result(draft, (*problems, *more))


def name_despite(
    root: Path, place: ImagePlace, profile: str, given: GivenValues
) -> ImageName | None:
    """Return the likely name of an image that could not be read, so that others may name it.

    If its own file does not say it, the name is that of the conventions.
    """
    found = image_file_despite(root, place.settings_file, profile, given)
    file = found[0] if found else ImageFile(Document(str(place.settings_file)))
    return _name(root, place, file, profile).value


def _other_problems(
    root: Path, place: ImagePlace, profile: str, given: GivenValues, disk: Disk
) -> tuple[Problem, ...]:
    """Return what is wrong in the other files of an image whose `image.toml` has mistakes."""
    found = image_file_despite(root, place.settings_file, profile, given)
    if found is None or found[1] & _ELSEWHERE:
        return ()
    _, problems = _read_with(root, place, profile, found[0], disk)
    own = str(place.settings_file)
    return tuple(p for p in problems if p.location and p.location.file not in {own, place.shown})


def _read_with(
    root: Path, place: ImagePlace, profile: str, file: ImageFile, disk: Disk
) -> Result[Draft]:
    """Read the other files of an image, with what `image.toml` says."""
    folder = place.folder
    if place.context is not None and not file.document.has("context"):
        file = replace(file, context=_relative(place.context, folder))
    configs, config_problems = app_configs(root, place, file)
    app, app_problems = _app(root, folder, file, configs) if configs else Result(None)
    name, name_problems = _name(root, place, file, profile)
    known = configs or AppConfigs()
    build, build_problems = build_source(root, place, file, known)
    found = (*config_problems, *name_problems, *app_problems, *build_problems)
    if build is None:
        return Result(None, found)
    build = replace(build, warnings=(*build.warnings, *meant_for_another(file, known)))
    public, wrong = public_image(root, folder, build)
    read = _Read(root, place, profile, build, name, app, disk)
    return _draft_public(read, public, (*found, *wrong)) if public else _draft_built(read, found)


class _Read(Struct, frozen=True):
    """What is read of any folder, whether its image is built or ready."""

    root: Path
    place: ImagePlace
    profile: str
    build: BuildSource
    name: ImageName | None
    app: AppSpec | None
    disk: Disk

    def context_location(self) -> Location:
        """Return where the context is named."""
        place, file = self.place, self.build.file
        if place.context is None or file.document.has("context"):
            return file.locate("context")
        return pattern_location(self.root, self.profile, place, "context") or Location(place.shown)


def _draft_built(read: _Read, problems: tuple[Problem, ...]) -> Result[Draft]:
    root, place, build, disk = read.root, read.place, read.build, read.disk
    folder, file, name = place.folder, build.file, read.name
    dockerfile = inside(folder / file.dockerfile)
    context = inside(folder / file.context)
    source, source_problems = _source(root, dockerfile, folder, build, disk)
    contexts, wrong = _named_contexts(root, folder, file, disk)
    found = (*problems, *source_problems, *_check_context(read, context), *wrong)
    if found or name is None or source is None or dockerfile is None or context is None:
        return Result(None, found)
    draft = Draft(
        name, place, dockerfile, context, source, build, read.app, contexts=contexts or {}
    )
    if is_folder(below(root, context)):
        return Result(draft)
    return Result(replace(draft, context_location=read.context_location()))


def _draft_public(read: _Read, public: PublicImage, problems: tuple[Problem, ...]) -> Result[Draft]:
    place, build, name, app = read.place, read.build, read.name, read.app
    found = list(problems)
    if app is None and not found:
        hint = "an image that is not built is there to be deployed: add `apps` under `[deploy]`"
        found.append(Problem(public.location, "no app is named", hint))
    if found or name is None:
        return Result(None, tuple(found))
    says = PurePosixPath(public.location.file)
    source = parse(f"FROM {public.written}\n".encode(), file=str(says))
    return Result(Draft(name, place, says, place.folder, source, build, app, public))


def _relative(context: PurePosixPath, folder: PurePosixPath) -> PurePosixPath:
    """Return a path that is relative to the root as relative to a folder of the project."""
    return PurePosixPath(os.path.relpath(context, folder))


def _name(root: Path, place: ImagePlace, file: ImageFile, profile: str) -> Result[ImageName]:
    if file.name:
        return Result(file.name)
    if place.name is not None:
        return _of_template(root, place, profile, place.name)
    if not place.folder.name and not place.stem:
        hint = 'set `name = "…"` in its `image.toml`'
        return Result(
            None, (Problem(None, "the project's own folder gives an image no name", hint),)
        )
    try:
        return Result(parse_image_name(place.stem or place.folder.name))
    except ReferenceSyntaxError as error:
        what = "file" if place.stem else "folder"
        hint = f'rename the {what}, or set `name = "…"` in its `{place.settings}`'
        return Result(None, (Problem(Location(place.shown), str(error), hint),))


def _of_template(root: Path, place: ImagePlace, profile: str, name: str) -> Result[ImageName]:
    try:
        return Result(parse_image_name(name))
    except ReferenceSyntaxError as error:
        message = str(error) if name else f"it gives `{place.shown}` no name"
        hint = f'write other words into it, or set `name = "…"` in `{place.settings_file}`'
        location = pattern_location(root, profile, place, "name")
        return Result(None, (Problem(location, message, hint),))


def _outside(location: Location, what: str) -> Problem:
    hint = "a fingerprint covers only files of the project: move it, or move the project's root"
    return Problem(location, f"the {what} lies outside the project", hint)


def _check_context(read: _Read, context: PurePosixPath | None) -> tuple[Problem, ...]:
    if context is None or not read.disk.way.stays_below(f"{read.root}/{context}"):
        return (_outside(read.context_location(), "context"),)
    return ()


def _named_contexts(
    root: Path, folder: PurePosixPath, file: ImageFile, disk: Disk
) -> Result[Mapping[str, PurePosixPath]]:
    """Return the folders of `[contexts]`, relative to the root; one need not exist yet."""
    found = {name: inside(folder / path) for name, path in file.contexts.items()}
    within = {
        name: path
        for name, path in found.items()
        if path is not None and disk.way.stays_below(f"{root}/{path}")
    }
    problems = tuple(
        _outside(file.locate("contexts", name), f"context `{name}`")
        for name in found
        if name not in within
    )
    return Result(within, problems)


def _source(
    root: Path,
    path: PurePosixPath | None,
    folder: PurePosixPath,
    build: BuildSource,
    disk: Disk,
) -> Result[Dockerfile]:
    if path is None or not disk.way.stays_below(f"{root}/{path.parent}"):
        return Result(None, (_outside(build.file.locate("dockerfile"), "Dockerfile"),))
    return read_dockerfile(root, path, folder, disk, build.origins.get("dockerfile"))


def _app(
    root: Path, folder: PurePosixPath, file: ImageFile, configs: AppConfigs
) -> Result[AppSpec]:
    """Return the apps of an image: an app's configuration, or `[deploy]`, makes it an app image."""
    deploy, shared = file.deploy, configs.shared
    if deploy is None and shared is None:
        return Result(None)
    deploy = deploy or ImageDeploy()
    config = shared.file if shared else None
    if deploy.source:
        return apps_from_source(root, folder, file, config)
    apps = deploy.apps or ((shared.app,) if shared and shared.app else ())
    pending = "" if apps else UNNAMED
    return Result(AppSpec(apps, config, deploy.after, deploy.strategy, pending, configs.paths))
