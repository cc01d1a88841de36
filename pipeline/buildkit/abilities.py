"""Find out what a buildx can do: by its version, or by a trial if that does not tell. Pure.

The trial is `docker buildx bake --print` of an empty target, which needs no builder. Its help is no
source: that of buildx 0.13.1 does not name `rawjson`, which it has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    Version = tuple[int, int]

FLOOR = (0, 13)
"""The first version of buildx with `--progress rawjson`."""

_ALLOW_FLOOR = (0, 17)
"""The first version with `bake --allow`, and with the network of a target in a definition."""

_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.\d+)?\S*?(?P<commits>-\d+-g[0-9a-f]+\S*)?")

TRIAL = '{"target":{"x":{}}}'
"""The definition on the standard input of a trial."""

_TRIAL = ("bake", "--file", "-", "--print", "--progress")
_NO_STREAM = "invalid progress mode"  # BuildKit's `util/progress/progressui/display.go`
_NO_FLAG = "unknown flag"  # of pflag, which docker's programs use


class Abilities(Struct, frozen=True):
    """What a buildx can do.

    `stream`: `--progress rawjson`. `allow`: `bake --allow`, and the network of a target. `tried`:
    the version did not tell.
    """

    stream: bool
    allow: bool
    tried: bool = False


def read_version(said: str) -> tuple[str, Version | None]:
    """Read the output of `docker buildx version`: the version's text, and its numbers if any.

    A buildx built from source says `v0.0.0+unknown`, a commit, or nothing. One built some commits
    after a release (`git describe`) counts as the next release.
    """
    words = said.split()[1:]
    found = next((m for word in words if (m := _VERSION.fullmatch(word))), None)
    if found is None:
        return next(iter(words), ""), None
    major, minor = int(found[1]), int(found[2])
    if (major, minor) == (0, 0):
        return found[0], None
    return found[0], (major, minor + 1 if found["commits"] else minor)


def abilities(version: Version | None, attempt: Callable[[tuple[str, ...]], str]) -> Abilities:
    """Return what a buildx of this version can do.

    A version from 0.13 on tells. Otherwise `attempt` runs buildx with these arguments and `TRIAL`,
    and returns its error, empty if it succeeded. A buildx of unknown version that fails for any
    other reason than a missing ability counts as a new one; the build will show the reason.
    """
    if version is not None and version >= FLOOR:
        return Abilities(stream=True, allow=version >= _ALLOW_FLOOR)
    said = attempt((*_TRIAL, "rawjson", "--allow", "ssh", "x"))
    allow = _NO_FLAG not in said
    if not allow:
        said = attempt((*_TRIAL, "rawjson", "x"))
    known_old = version is not None and said != ""
    lacks = _NO_STREAM in said or _NO_FLAG in said
    return Abilities(stream=not (known_old or lacks), allow=allow, tried=True)
