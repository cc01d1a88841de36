"""Logins of docker's and podman's that lie in the project, and name programs.

`DOCKER_CONFIG` may say so, as in a job that writes its own into the working copy. But whoever wrote
the rest of the tree may have written that, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core.allowed import Need
from pipeline.errors import usage_error
from pipeline.shell.places import real_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.core.model import Settings

_KEYS = ("credsStore", "credHelpers", "cliPluginsExtraDirs")
_PLUGINS = "cli-plugins"


def check_logins(root: Path, settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise `ConfigError` where a login in the project names a program that it is to be asked of.

    For tasks that only look: they run no program that the tree names, unless the user allows it.
    """
    if settings.allowed.commands:
        return
    for path in _naming(real_path(root), environ):
        raise usage_error(
            f"`{path}` lies in the project, and names programs that Docker runs",
            hint=f"move it out of the project; {Need('commands').hint}",
        )


def _naming(root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    from pipeline.edge.registry import docker_login, podman_login  # noqa: PLC0415 - opened late

    docker = docker_login.configuration_folder(environ).absolute()
    if real_path(docker).is_relative_to(root) and (docker / _PLUGINS).exists():
        yield docker / _PLUGINS
    files = (docker / "config.json", *(path.absolute() for path in podman_login.files(environ)))
    for path in files:
        if real_path(path).is_relative_to(root):
            told = docker_login.read_file(path, environ)
            if any(told.get(key) for key in _KEYS):
                yield path
