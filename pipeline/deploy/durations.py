"""Durations as a `fly.toml` has them: `90`, `"90s"`, `"1m30s"`."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def seconds(value: object, otherwise: float) -> float:
    """Return a duration of a `fly.toml` in seconds; `otherwise` if it is none.

    >>> seconds("1m30s", 60.0), seconds(5, 60.0), seconds(None, 60.0)
    (90.0, 5.0, 60.0)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    parts = _PART.findall(value) if isinstance(value, str) else []
    return sum(float(n) * _UNITS[unit] for n, unit in parts) if parts else otherwise
