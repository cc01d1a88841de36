"""Put into words what builds and deploys take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .text import amount, size

if TYPE_CHECKING:
    from ..model.cost import Cost

_MINUTE = 60


def cost_text(cost: Cost) -> str:
    """Return what is known of a cost; empty if nothing is.

    >>> from pipeline.model.cost import Cost
    >>> cost_text(Cost(130.0, 12_000_000, 3, ("web",)))
    'about 2 minutes (1 image not counted), at most 12.0 MB to push, 3 machines restart'
    """
    parts = []
    if cost.seconds is not None and cost.bytes is not None:
        missing = len(cost.unknown_images)
        left = f" ({amount(missing, 'image', 'images')} not counted)" if missing else ""
        parts += [f"about {rounded(cost.seconds)}{left}", f"at most {size(cost.bytes)} to push"]
    if cost.machines is not None:
        missing = len(cost.unknown_apps)
        left = f" ({amount(missing, 'app', 'apps')} not counted)" if missing else ""
        verb = "restarts" if cost.machines == 1 else "restart"
        parts.append(f"{amount(cost.machines, 'machine', 'machines')} {verb}{left}")
    return ", ".join(parts)


def rounded(seconds: float) -> str:
    """Return a time in words, rounded.

    >>> rounded(0.2), rounded(44.7), rounded(89), rounded(4000)
    ('1 second', '45 seconds', '1 minute', '67 minutes')
    """
    if seconds < _MINUTE:
        return amount(max(1, round(seconds)), "second", "seconds")
    return amount(max(1, round(seconds / _MINUTE)), "minute", "minutes")
