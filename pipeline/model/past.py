"""Reasons of a plan, as they read after the work was done."""

from __future__ import annotations

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


def past(reason: str) -> str:
    """Return the reason for something that is done now.

    >>> past("the registry has no `example/web:1`")
    'the registry had no `example/web:1`'
    """
    for now, then in _PAST.items():
        if reason.startswith(now):
            return then + reason.removeprefix(now)
    return reason
