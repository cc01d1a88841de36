"""Make the environment of child processes, and find programs on PATH.

Only flyctl gets Fly's token; Docker gets a configuration with what it needs
(`registry.auth.docker_config`). Relative folders of PATH are ignored: a program in them would be
one of whatever folder the user is in.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NewType

from ..model.secret import is_credential

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

ChildEnviron = NewType("ChildEnviron", dict[str, str])
"""An environment for a child process: only the functions here make one."""

FLY_TOKENS = ("FLY_ACCESS_TOKEN", "FLY_API_TOKEN")
_LOGINS = ("DOCKER_AUTH_CONFIG",)
"""Variables with logins for registries, which only Docker needs."""

GIT_SETTINGS = (
    ("safe.bareRepository", "explicit"),
    ("core.fsmonitor", ""),
    ("core.hooksPath", os.devnull),
)
"""Settings that keep Git from running programs of a folder that was made to look like a repository.
buildx runs it in the folder of a build, and we in the project."""


_FOR_GIT = ("PATH", "HOME", "GIT_CEILING_DIRECTORIES", "SYSTEMROOT", "TMPDIR")
_GIT_ALONE = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
"""`GIT_NO_LAZY_FETCH` exists since Git 2.44. A repository can override the setting `protocol.allow`
for one protocol, but not `GIT_ALLOW_PROTOCOL` (Git's own documentation)."""


def find_program(name: str, environ: Mapping[str, str]) -> str | None:
    """Find the program `name` in the absolute folders of PATH; `None` where there is none."""
    return shutil.which(name, path=os.pathsep.join(path_folders(environ)))


def path_folders(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the absolute folders of PATH.

    >>> path_folders({"PATH": "/usr/bin::.:node_modules/.bin:/bin"})
    ('/usr/bin', '/bin')
    """
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    return tuple(folder for folder in folders if folder.startswith("/"))


def for_docker(environ: Mapping[str, str], secrets: Collection[str] = ()) -> ChildEnviron:
    """Make the environment of Docker, its plugins and helpers: without Fly's tokens.

    `secrets` are variables that a build reads as secrets, which stay.
    """
    return _with_git_settings(_given(environ, FLY_TOKENS, secrets))


def for_flyctl(environ: Mapping[str, str], token: str = "") -> ChildEnviron:
    """Make the environment of flyctl: with one `token`, and without logins for registries."""
    given = _given(environ, (*FLY_TOKENS, *_LOGINS))
    return ChildEnviron({**given, "FLY_ACCESS_TOKEN": token} if token else given)


def for_command(environ: Mapping[str, str], allowed: Collection[str] = ()) -> ChildEnviron:
    """Make the environment of a project's own command: no credentials but those `allowed`.

    What counts as a credential is what a build may not read as a secret without permission, either.
    """
    return _given(environ, tuple(filter(is_credential, environ)), allowed)


def for_git(environ: Mapping[str, str]) -> ChildEnviron:
    """Make the environment of Git for a repository of unknown origin: no fetches, no prompts."""
    kept = {name: environ[name] for name in _FOR_GIT if name in environ}
    return _given({**kept, **_GIT_ALONE}, ())


def with_index(environ: ChildEnviron, index: Path) -> ChildEnviron:
    """Let Git use another index than the repository's."""
    return ChildEnviron({**environ, "GIT_INDEX_FILE": str(index)})


def _given(
    environ: Mapping[str, str], withheld: Collection[str], kept: Collection[str] = ()
) -> ChildEnviron:
    given = {n: value for n, value in environ.items() if n not in withheld or n in kept}
    if "PATH" in given:
        # An empty PATH would be the current folder.
        given["PATH"] = os.pathsep.join(path_folders(environ)) or os.defpath
    return ChildEnviron(given)


def _with_git_settings(given: ChildEnviron) -> ChildEnviron:
    """Add settings of Git that override those of a repository, after the user's own."""
    count = given.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    for number, (key, value) in enumerate(GIT_SETTINGS, first):
        given[f"GIT_CONFIG_KEY_{number}"] = key
        given[f"GIT_CONFIG_VALUE_{number}"] = value
    given["GIT_CONFIG_COUNT"] = str(first + len(GIT_SETTINGS))
    return given
