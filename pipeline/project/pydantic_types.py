"""What the models of `pipeline.toml` and `image.toml` share: kinds of values, and words for them.

Import this and the models only to read a file: pydantic takes a tenth of a second.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

from typing import Annotated

from msgspec import Struct
from pydantic import AfterValidator, ConfigDict

from ..reference import ImageName, parse_image_name, parse_platform
from . import value_checks
from .value_checks import WrongValueError

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
"""Of every table: unknown keys are errors, and no type is converted to another."""

_MOST_PLATFORMS = 50

APP_NAME, APP_TABLE = "<name>", "<table>"
"""Tags of what `apps` holds; they come up in pydantic's own paths, where no key is called so."""


class Wants(Struct, frozen=True):
    """What a key takes, in words, with an example as it is written in TOML."""

    noun: str
    example: str

    def __str__(self) -> str:
        return f"{self.noun} such as {self.example}"


def _platform(text: str) -> str:
    parse_platform(text)
    return text


def _few(texts: list[str]) -> list[str]:
    """All of a Dockerfile is followed once for each platform."""
    if len(texts) > _MOST_PLATFORMS:
        raise WrongValueError(
            f"{len(texts):,} platforms are more than there are",
            hint=f"{_MOST_PLATFORMS} are the most",
        )
    return texts


Text = Annotated[str, AfterValidator(value_checks.filled)]
Name = Annotated[ImageName, AfterValidator(parse_image_name)]
ArgName = Annotated[str, AfterValidator(value_checks.arg_name)]
PlatformText = Annotated[str, AfterValidator(_platform)]
Platforms = Annotated[
    list[PlatformText], AfterValidator(_few), Wants("a list of platforms", '["linux/amd64"]')
]
