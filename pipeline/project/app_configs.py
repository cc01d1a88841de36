"""Read the configurations of an image's apps: one for all, and those of single apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import Location, Problem, quoted_list
from ..process.paths import has, inside
from .fly_toml import read_fly_toml
from .image_file import ImageDeploy
from .profiles import profiles_of
from .result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path, PurePosixPath

    from .fly_toml import FlyToml
    from .image_file import ImageFile
    from .image_folders import ImagePlace


class AppConfigs(Struct, frozen=True):
    """`shared` is for every app that is not in `own`; `None` if there is no such app or file."""

    shared: FlyToml | None = None
    own: Mapping[str, FlyToml] = field(default_factory=dict)

    @property
    def paths(self) -> dict[str, PurePosixPath]:
        """The configuration files of the apps that have one of their own."""
        return {app: config.file for app, config in self.own.items()}

    def __iter__(self) -> Iterator[FlyToml]:
        """Iterate over the files, each once."""
        found = (*((self.shared,) if self.shared else ()), *self.own.values())
        return iter({config.file: config for config in found}.values())


def app_configs(root: Path, place: ImagePlace, file: ImageFile) -> Result[AppConfigs]:
    """Read the configurations that `image.toml` names, else the one that flyctl would find."""
    problems: list[Problem] = []
    deploy = file.deploy or ImageDeploy()
    apps = deploy.apps or ()
    alone = bool(apps) and all(app in deploy.configs for app in apps)
    shared = None if alone else _shared(root, place, file, problems)
    own: dict[str, FlyToml] = {}
    for index, app in enumerate(apps):
        if path := deploy.configs.get(app):
            location = file.locate("deploy", "apps", index, "config")
            config = _read(root, place.folder / path, location, problems)
            own |= {app: config} if config else {}
    return Result(None if problems else AppConfigs(shared, own), tuple(problems))


def meant_for_another(file: ImageFile, configs: AppConfigs) -> tuple[Problem, ...]:
    """Warn if a profile has a `config` of its own that goes to apps of the rest of the file.

    Most people who write that mean the app that it names, but the profile would deploy the others.
    """
    profile = profiles_of(file.document).get(file.document.profile, {}).get("deploy")
    if not isinstance(profile, dict) or "config" not in profile or "apps" in profile:
        return ()
    apps = (file.deploy.apps if file.deploy else None) or ()
    others = [app for app in apps if app not in configs.own]
    named = configs.shared.app if configs.shared else None
    if not apps or (others and (named is None or named in apps)):
        return ()
    given = quoted_list(others) if others else "no app, as each has its own configuration"
    message = f"`{profile['config']}` goes to {given}; this profile has no `apps`"
    hint = f'name the apps of this profile beside it, as in apps = ["{named or "…"}"]'
    return (Problem(file.locate("deploy", "config"), message, hint),)


def default_config(root: Path, place: ImagePlace) -> PurePosixPath | None:
    """Return the file that flyctl would take for an image; `None` if there is none."""
    folder = place.folder
    found = (name for name in place.configs if has(root, f"{folder}/{name}"))
    return next((folder / name for name in found), None)


def _shared(
    root: Path, place: ImagePlace, file: ImageFile, problems: list[Problem]
) -> FlyToml | None:
    folder = place.folder
    if file.deploy and file.deploy.config:
        location = file.locate("deploy", "config")
        return _read(root, folder / file.deploy.config, location, problems)
    path = default_config(root, place)
    if path:
        return _read(root, path, Location(str(path)), problems)
    name = place.configs[0].replace(".toml", ".yml")
    if has(root, f"{folder}/{name}"):
        unread = folder / name
        message = f"flyctl does not read `{unread.name}`, but `{unread.stem}.yaml`"
        problems.append(Problem(Location(str(unread)), message, "rename it"))
    return None


def _read(
    root: Path, path: PurePosixPath, location: Location, problems: list[Problem]
) -> FlyToml | None:
    """Read one configuration; `location` is where it is named."""
    clean = inside(path)
    if clean is None:
        message = "the app's configuration lies outside the project"
        problems.append(Problem(location, message, "name a path inside it"))
        return None
    if not has(root, clean):
        hint = "name the file relative to this one, or add it"
        problems.append(Problem(location, f"there is no `{clean}`", hint))
        return None
    config, found = read_fly_toml(root, clean)
    problems += found
    return config
