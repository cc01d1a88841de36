"""What options say in `invoke --help`, and how their words are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from ..errors import (
    usage_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from invoke.context import Context

    Handler = Callable[[int, FrameType | None], None]


P = ParamSpec("P")
Name = TypeVar("Name", bound=str)

if TYPE_CHECKING:
    Body = Callable[Concatenate[Context, P], int]
    Made = Callable[Concatenate[Context, P], None]
    Words = Sequence[str] | None
    """What `--allow` says each time that it is written."""


PROFILE = "profile of pipeline.toml to merge over the rest (also: PIPELINE_PROFILE)"
ALLOW = "what the project may use beyond its own, commas between (also: PIPELINE_ALLOW)"
STRICT = "take warnings about what a tag may hide as errors (also: `strict` in pipeline.toml)"
JSON = "print the result as JSON on stdout"
VERIFY = "`deep`: also see that platforms and all parts of what exists are there"


def is_deep(word: str) -> bool:
    """Whether `--verify` asks for a closer look. Raises `ConfigError` for another word."""
    if word not in {"", "deep"}:
        raise usage_error(f"`{word}` is no way to verify", hint="`deep`, or leave `--verify` out")
    return word == "deep"
