"""One image of a project, from its folder: read first, then joined to the others by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.dockerfile import parse
from pipeline.core.model import UNNAMED, AppSpec
from pipeline.core.reference import ImageName, ReferenceSyntaxError, parse_image_name
from pipeline.errors import Location, Problem
from pipeline.shell.app_lists import app_spec
from pipeline.shell.config.files import Loaded, load_image_file, read_fly_toml
from pipeline.shell.dockerfile_file import read_dockerfile
from pipeline.shell.public import FLY_TOML, public_image

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.core.dockerfile import Dockerfile
    from pipeline.shell.config.files import ImageFile
    from pipeline.shell.public import Public


@dataclass(frozen=True, slots=True)
class Draft:
    """What a folder says by itself. Paths are relative to the project's root.

    `public` is the image that is deployed as it is, as written; `source` then is one `FROM` of it.
    """

    name: ImageName
    folder: PurePosixPath
    dockerfile: PurePosixPath
    context: PurePosixPath
    source: Dockerfile
    file: ImageFile
    app: AppSpec | None
    public: str = ""


def draft_image(root: Path, folder: PurePosixPath) -> Loaded[Draft]:
    """Read a folder: `image.toml`, the Dockerfile and `fly.toml`; all their problems at once."""
    file, problems = load_image_file(root, folder)
    if file is None:
        return Loaded(None, problems)
    public, wrong = public_image(root, folder, file)
    if public:
        return _draft_public(root, folder, file, Loaded(public, wrong))
    name, name_problems = _name(folder, file)
    dockerfile = _inside(folder, file.dockerfile)
    context = _inside(folder, file.context)
    source, source_problems = _source(root, dockerfile, folder, file)
    context_problems = _check_context(root, context, file)
    app, app_problems = _app(root, folder, file)
    found = (*problems, *name_problems, *source_problems, *context_problems, *app_problems)
    if found or name is None or source is None or dockerfile is None or context is None:
        return Loaded(None, found)
    return Loaded(Draft(name, folder, dockerfile, context, source, file, app))


def _draft_public(
    root: Path, folder: PurePosixPath, file: ImageFile, public: Loaded[Public]
) -> Loaded[Draft]:
    name, name_problems = _name(folder, file)
    app, app_problems = _app(root, folder, file)
    found = [*public.problems, *name_problems, *app_problems]
    if app is None and not found:
        hint = "an image that is not built is there to be deployed: add `apps` under `[deploy]`"
        found.append(Problem(file.locate("image"), "no app is named", hint))
    if found or name is None or public.value is None:
        return Loaded(None, tuple(found))
    written, says = public.value
    source = parse(f"FROM {written}\n".encode(), file=str(says))
    return Loaded(Draft(name, folder, says, folder, source, file, app, written))


def _name(folder: PurePosixPath, file: ImageFile) -> Loaded[ImageName]:
    if file.name:
        return Loaded(file.name)
    try:
        return Loaded(parse_image_name(folder.name))
    except ReferenceSyntaxError as error:
        hint = 'rename the folder, or set `name = "…"` in its `image.toml`'
        return Loaded(None, (Problem(Location(str(folder)), str(error), hint),))


def _inside(folder: PurePosixPath, path: PurePosixPath) -> PurePosixPath | None:
    """`folder/path` without `..`; `None` where it leaves the project."""
    parts: list[str] = []
    for part in (folder / path).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return None if path.is_absolute() else PurePosixPath(*parts)


def _outside(file: ImageFile, key: str, what: str) -> Problem:
    hint = "only files of the project go into a fingerprint; move it, or move the project's root"
    return Problem(file.locate(key), f"the {what} lies outside the project", hint)


def _check_context(
    root: Path, context: PurePosixPath | None, file: ImageFile
) -> tuple[Problem, ...]:
    if context is None or not (root / context).resolve().is_relative_to(root):
        return (_outside(file, "context", "context"),)
    return ()


def _source(
    root: Path, path: PurePosixPath | None, folder: PurePosixPath, file: ImageFile
) -> Loaded[Dockerfile]:
    if path is None or not (root / path).parent.resolve().is_relative_to(root):
        return Loaded(None, (_outside(file, "dockerfile", "Dockerfile"),))
    place = file.locate("dockerfile") if file.document.has("dockerfile") else None
    return read_dockerfile(root, path, folder, place)


def _app(root: Path, folder: PurePosixPath, file: ImageFile) -> Loaded[AppSpec]:
    """A `fly.toml` or `[deploy]` makes an app image."""
    told = file.deploy
    config = _inside(folder, (told.config if told else None) or FLY_TOML)
    if config is None:
        return Loaded(None, (_outside_config(file),))
    written = bool(told and told.config)
    if not (root / config).exists() and not written:
        return _without_config(root, folder, file)
    fly, problems = read_fly_toml(root, config)
    if fly is None or problems:
        return Loaded(None, problems)
    if told and told.source:
        return app_spec(root, folder, file, config)
    apps = (told.apps if told else None) or ((fly.app,) if fly.app else ())
    after, strategy = (told.after, told.strategy) if told else ((), "")
    pending = "" if apps else UNNAMED
    return Loaded(AppSpec(tuple(apps), config, tuple(after), strategy or "", pending))


def _outside_config(file: ImageFile) -> Problem:
    message = "the app's configuration lies outside the project"
    return Problem(file.locate("deploy", "config"), message, "name a path inside it")


def _without_config(root: Path, folder: PurePosixPath, file: ImageFile) -> Loaded[AppSpec]:
    told = file.deploy
    if told is None:
        return Loaded(None)
    if told.source:
        return app_spec(root, folder, file, None)
    apps, pending = told.apps or (), "" if told.apps else UNNAMED
    return Loaded(AppSpec(tuple(apps), None, tuple(told.after), told.strategy or "", pending))
