"""Go durations, as the flags of `fly deploy` accept them (flyctl `parseDurationFlag`)."""

from __future__ import annotations

import re

from tests.support.fly.flyctl.session import FailedError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+\Z")
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def seconds_of(flag: str, text: str) -> float:
    """Convert `5m0s`, `300` or `none` (no limit) to seconds.

    Raises:
        FailedError: the text has none of these forms.

    """
    if text == "none":
        return float("inf")
    if text.isdigit():
        return float(text)
    if WHOLE.match(text):
        return sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))
    valid = "a number of seconds, number with time unit (i.e.: 5m, 180s) or 'none'"
    raise FailedError(
        f"invalid duration value {text} used for --{flag} flag: valid options are {valid}"
    )


def go_duration(seconds: float) -> str:
    """Format seconds as Go's `Duration.String` does: `1m30s`, `500ms`, `1h0m0s`."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    before = f"{hours:g}h{minutes:g}m" if hours else f"{minutes:g}m" if minutes else ""
    return f"{before}{rest:g}s"
