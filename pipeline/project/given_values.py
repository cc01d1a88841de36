"""Values that come from outside of the project's files: the environment, and the command line.

An argument of `image.toml` may name a variable of the environment, and the command line may give
values, to each image whose Dockerfile declares the argument. Either way the value is known before
anything is built, and is in the key as if it were written in the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import Problem
from . import value_checks
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class GivenValues(Struct, frozen=True):
    """The environment, and the `arguments` of the command line, by name."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    arguments: Mapping[str, str] = field(default_factory=dict)


def check_names(arguments: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each name that no `ARG` can declare."""
    for name in arguments:
        try:
            value_checks.arg_name(name)
        except WrongValueError as error:
            yield Problem(None, str(error), error.hint)
