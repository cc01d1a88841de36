"""Find the names in FROM whose whole repository is an argument's value: `FROM $REPO:$TAG`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .errors import RefusedError
from .resolve import LINUX
from .variable_expansion import Rules, expand
from .variable_scope import global_arguments, platform_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reference import Platform
    from .parser import Dockerfile
    from .variable_scope import Globals

_MARKED = "(?s)\0([0-9]+)\0((?:[:@].*)?)"


def given_repositories(
    dockerfile: Dockerfile,
    *,
    target: str | None,
    args: Mapping[str, str],
    names: Mapping[str, str],
    platform: Platform,
) -> dict[str, str]:
    """Map each expanded name of FROM whose repository is a value of `names` to that value.

    `names` has the values of arguments that name an image; `args` has all that are given. A value
    that is only a part of the repository does not count, nor one that an operator changed: the
    arguments are replaced by marks, and only a mark that is the whole repository proves its origin.
    """
    marks = {name: f"\0{number}\0" for number, name in enumerate(names)}
    last = target or dockerfile.stages[-1].name or "default"
    predefined = platform_arguments(LINUX, platform, last)
    try:
        plain = global_arguments(dockerfile, predefined, {**args, **names}, [])
        marked = global_arguments(dockerfile, predefined, {**args, **marks}, [])
    except ConfigError:  # their values are too long, which `resolve` reports
        return {}
    values = list(names.values())
    found: dict[str, str] = {}
    for stage in dockerfile.stages:
        written = _expanded(stage.start.base, plain, dockerfile.escape)
        mark = re.fullmatch(_MARKED, _expanded(stage.start.base, marked, dockerfile.escape))
        if mark and written == values[int(mark[1])] + mark[2]:
            found[written] = values[int(mark[1])]
    return found


def _expanded(text: str, arguments: Globals, escape: str) -> str:
    """Expand a text; empty if it is faulty, which `resolve` reports."""
    try:
        return expand(text, arguments.values, Rules(escape=escape), arguments.budget).text
    except RefusedError:
        return ""
