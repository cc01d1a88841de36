"""A finding of `doctor`."""

from __future__ import annotations

from msgspec import Struct


class Check(Struct, frozen=True):
    """Whether one thing works: `ok` is `None` where it could not be found out, or does not matter.

    `detail` is what was found (a version, an address, an error), `hint` what to do about it.
    """

    name: str
    ok: bool | None
    detail: str
    hint: str = ""
