"""Fixtures to parse and resolve Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from pipeline.dockerfile import parse, resolve
from pipeline.errors import ConfigError
from pipeline.reference import parse_platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.dockerfile import Resolved
    from pipeline.errors import Problem


class Resolve(Protocol):
    """Resolves a Dockerfile; all arguments but the text are optional."""

    def __call__(
        self,
        text: str,
        /,
        *,
        target: str | None = None,
        args: Mapping[str, str] | None = None,
        platform: str = "linux/amd64",
        onbuild: Mapping[str, Sequence[str]] | None = None,
    ) -> Resolved:
        """Parse and resolve."""


class Refused(Protocol):
    """Returns the problems of a Dockerfile."""

    def __call__(self, text: str, /, *, target: str | None = None) -> tuple[Problem, ...]:
        """Parse and resolve, which must fail."""


@pytest.fixture(name="resolved")
def _resolved() -> Resolve:
    def run(
        text: str,
        /,
        *,
        target: str | None = None,
        args: Mapping[str, str] | None = None,
        platform: str = "linux/amd64",
        onbuild: Mapping[str, Sequence[str]] | None = None,
    ) -> Resolved:
        return resolve(
            parse(text.encode(), file="D"),
            target=target,
            args=args or {},
            platform=parse_platform(platform),
            onbuild=lambda image, _: (onbuild or {}).get(image),
        )

    return run


@pytest.fixture(name="refused")
def _refused(resolved: Resolve) -> Refused:
    def run(text: str, /, *, target: str | None = None) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            resolved(text, target=target)
        return caught.value.problems

    return run
