"""What a program that is started here gets of the environment, and where it is looked for.

No child has a token of Fly's but flyctl, which needs one; Docker has a configuration of ours with
what it needs (`registry.auth.docker_config`). None is looked for in a folder that PATH
names relatively: that would be a program of whatever tree somebody stands in.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NewType

from ..model.secret import is_credential

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ChildEnviron = NewType("ChildEnviron", dict[str, str])
"""An environment that a child may have: only the functions here make one."""

FLY_TOKENS = ("FLY_ACCESS_TOKEN", "FLY_API_TOKEN")
_LOGINS = ("DOCKER_AUTH_CONFIG",)
"""Variables that hold what registries want, which Docker alone needs."""

GIT_SETTINGS = (
    ("safe.bareRepository", "explicit"),
    ("core.fsmonitor", ""),
    ("core.hooksPath", os.devnull),
)
"""What keeps Git from running programs of a folder that was made to look like a repository. buildx
asks it about a build's folder, and we about the project."""


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
"""`GIT_NO_LAZY_FETCH` is known since Git 2.44. The setting `protocol.allow` gives way to what a
repository says of one protocol; `GIT_ALLOW_PROTOCOL` to nothing (Git's own documentation)."""


def find_program(name: str, environ: Mapping[str, str]) -> str | None:
    """The file that `name` is on PATH, in a folder that is named from the root on."""
    return shutil.which(name, path=os.pathsep.join(path_folders(environ)))


def path_folders(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The folders of PATH that are named from the root on.

    >>> path_folders({"PATH": "/usr/bin::.:node_modules/.bin:/bin"})
    ('/usr/bin', '/bin')
    """
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    return tuple(folder for folder in folders if folder.startswith("/"))


def for_docker(environ: Mapping[str, str], secrets: Collection[str] = ()) -> ChildEnviron:
    """Docker with its plugins and helpers: what registries want, and of Fly's what is in `secrets`.

    These are the variables that a build reads as secrets.
    """
    return _with_git_settings(_given(environ, FLY_TOKENS, secrets))


def for_flyctl(environ: Mapping[str, str], token: str = "") -> ChildEnviron:
    """flyctl: the one token of Fly's that it is given, and nothing that registries want."""
    given = _given(environ, (*FLY_TOKENS, *_LOGINS))
    return ChildEnviron({**given, "FLY_ACCESS_TOKEN": token} if token else given)


def for_command(environ: Mapping[str, str], allowed: Collection[str] = ()) -> ChildEnviron:
    """A command of the project's: no tokens and logins, but for variables that the user allows.

    They are the same as a build may not have as secrets by the project's own word.
    """
    return _given(environ, tuple(filter(is_credential, environ)), allowed)


def for_git(environ: Mapping[str, str]) -> ChildEnviron:
    """Git, asked about a repository that may be anybody's: it fetches nothing, and asks nobody."""
    kept = {name: environ[name] for name in _FOR_GIT if name in environ}
    return _given({**kept, **_GIT_ALONE}, ())


def _given(
    environ: Mapping[str, str], withheld: Collection[str], kept: Collection[str] = ()
) -> ChildEnviron:
    given = {n: value for n, value in environ.items() if n not in withheld or n in kept}
    if "PATH" in given:
        # Not an empty one, which would be the folder that somebody stands in.
        given["PATH"] = os.pathsep.join(path_folders(environ)) or os.defpath
    return ChildEnviron(given)


def _with_git_settings(given: ChildEnviron) -> ChildEnviron:
    """Settings of Git's that go before those of a repository, after the user's own."""
    count = given.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    for number, (key, value) in enumerate(GIT_SETTINGS, first):
        given[f"GIT_CONFIG_KEY_{number}"] = key
        given[f"GIT_CONFIG_VALUE_{number}"] = value
    given["GIT_CONFIG_COUNT"] = str(first + len(GIT_SETTINGS))
    return given
