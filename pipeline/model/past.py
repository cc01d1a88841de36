"""Reasons of a plan, as they read after the work was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAST = {
    "the registry has no ": "the registry had no ",
    "nothing runs yet": "nothing ran before",
    "it runs another image": "it ran another image",
    "it is not healthy": "it was not healthy",
    "it is out of memory": "it was out of memory",
    "its configuration differs": "its configuration differed",
    "its image is built anew": "its image was built anew",
}
"""The beginnings of reasons that no longer hold when the work is done."""


_LATER = "; it may be reused"


def may_be_reused(bases: Sequence[str]) -> str:
    """Return the words, behind a reason, for a build that its bases may make needless.

    `bases` are those that are to be built first.

    >>> may_be_reused(["os", "python-base"])
    '; it may be reused once `os` and `python-base` are built'
    >>> may_be_reused([])
    '; it may be reused, if its bases contain the same as before'
    """
    if not bases:
        return f"{_LATER}, if its bases contain the same as before"
    verb = "is" if len(bases) == 1 else "are"
    return f"{_LATER} once {' and '.join(f'`{name}`' for name in bases)} {verb} built"


def past(reason: str) -> str:
    """Return the reason for something that is done now.

    >>> past("the registry has no `example/web:1`; it may be reused once `os` is built")
    'the registry had no `example/web:1`'
    """
    reason = reason.partition(_LATER)[0]
    for now, then in _PAST.items():
        if reason.startswith(now):
            return then + reason.removeprefix(now)
    return reason
