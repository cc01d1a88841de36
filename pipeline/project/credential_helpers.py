"""Refuse logins of docker and podman that are in the project and name programs.

`DOCKER_CONFIG` may point there, as in a job that writes its own into the working copy. But whoever
wrote the rest of the tree may have written that, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import usage_error
from ..model.permission import Need
from ..process.paths import real_path
from ..registry.auth import docker_login, podman_login

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from ..model.settings import Settings

_HELPERS = ("credsStore", "credHelpers")
_FOLDERS = ("cliPluginsExtraDirs",)
_PLUGINS = "cli-plugins"


def check_logins(root: Path, settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise `ConfigError` if a login in the project names a credential helper.

    For tasks that only look: they run no program that the tree names, unless the user allows it.
    """
    podman = (path.absolute() for path in podman_login.files(environ))
    files = (_docker(environ) / "config.json", *podman)
    _refuse(_files_with(real_path(root), files, _HELPERS, environ), settings)


def check_plugins(root: Path, settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise `ConfigError` if docker itself would run plugins that are in the project.

    For a task that only looks, and runs docker.
    """
    folder, real = _docker(environ), real_path(root)
    _refuse(_files_with(real, (folder / "config.json",), _FOLDERS, environ), settings)
    _refuse((one for one in (folder / _PLUGINS,) if not _are_outside(one, real)), settings)


def _docker(environ: Mapping[str, str]) -> Path:
    return docker_login.configuration_folder(environ).absolute()


def _refuse(found: Iterator[Path], settings: Settings) -> None:
    if settings.allowed.commands:
        return
    for path in found:
        raise usage_error(
            f"`{path}` lies in the project, and names programs that Docker runs",
            hint=f"move it out of the project; {Need('commands').hint}",
        )


def _files_with(
    root: Path, files: Collection[Path], keys: Collection[str], environ: Mapping[str, str]
) -> Iterator[Path]:
    for path in files:
        if real_path(path).is_relative_to(root):
            login = docker_login.read_file(path, environ)
            if any(login.get(key) for key in keys):
                yield path


def _are_outside(plugins: Path, root: Path) -> bool:
    """Return whether every plugin in a folder is outside of the project.

    A link counts as its target, if that has the same name: docker would run any program as a
    plugin, and `sh` runs any script.
    """
    if not real_path(plugins).is_relative_to(root):
        return True
    try:
        entries = [(path.name, real_path(path)) for path in plugins.iterdir()]
    except OSError:  # there is no such folder
        return True
    return all(real.name == name and not real.is_relative_to(root) for name, real in entries)
