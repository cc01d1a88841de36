"""Waves: a few apps first, and the rest only when those are well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

Wave = int | str
"""How many apps are deployed when a wave has ended: a number, or a share such as `"10%"`."""

_SHARE = re.compile(r"(100|[1-9]?[0-9])%")


class WaveError(ValueError):
    """A wave that is neither a number of apps nor a share of them."""


def reach(wave: Wave, total: int) -> int:
    """How many of `total` apps are deployed once `wave` has ended; a share is rounded up.

    >>> [reach(wave, 1000) for wave in (1, "10%", "100%")]
    [1, 100, 1000]
    """
    if isinstance(wave, str):
        return min(total, -(-total * _share(wave) // 100))
    if isinstance(wave, bool) or wave < 1:
        raise WaveError(f"`{wave}` is no number of apps: write 1 or more")
    return min(total, wave)


def split(apps: Sequence[T], waves: Sequence[Wave]) -> Iterator[Sequence[T]]:
    """`apps` in their order, cut where each wave ends; what no wave reaches is the last one.

    >>> [len(wave) for wave in split(range(1000), (1, "10%", "100%"))]
    [1, 99, 900]
    """
    done = 0
    for end in (*(reach(wave, len(apps)) for wave in waves), len(apps)):
        if end > done:
            yield apps[done:end]
            done = end


def _share(wave: str) -> int:
    match = _SHARE.fullmatch(wave)
    if match is None or match[1] == "0":
        raise WaveError(f'`{wave}` is no share of the apps: write "1%" to "100%"')
    return int(match[1])
