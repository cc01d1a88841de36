"""The result of one check of `doctor`."""

from __future__ import annotations

from msgspec import Struct


class CheckResult(Struct, frozen=True):
    """The result of one check. `ok` is `None` if there is none, or if it does not matter.

    `detail` is what was found (a version, an address, an error), `hint` how to fix it.
    """

    name: str
    ok: bool | None
    detail: str
    hint: str = ""
