"""Who we are at Fly: looked up once, and anew where a login has run out."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from ..http.text import fits_header
from ..registry.auth.fly_login import authorization, login
from .errors import malformed_token, no_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..registry.auth.fly_login import FlyLogin

_KEPT = 120.0
"""Seconds that flyctl's login is not asked for again: it lives five minutes."""


class Token:
    """The token of `FLY_ACCESS_TOKEN`, `FLY_API_TOKEN` or flyctl's login. Thread-safe.

    One of the environment lives for years; a login of flyctl's is asked for every two minutes, and
    flyctl renews it.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = Lock()
        self._found: FlyLogin | None = None
        self._since = 0.0

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        return self._look().source

    @property
    def text(self) -> str:
        """All of it, as flyctl takes it in `FLY_API_TOKEN`."""
        return authorization(self._look().token, all_tokens=True).removeprefix("Bearer ")

    def header(self, *, all_tokens: bool = False) -> str:
        """The `Authorization` header: for GraphQL with `all_tokens`."""
        return authorization(self._look().token, all_tokens=all_tokens)

    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: each of its parts."""
        found = self._found
        return (found.token, *found.token.split(",")) if found else ()

    def renew(self) -> bool:
        """Look it up anew after a refusal; whether there is another now."""
        before = self._found
        with self._lock:
            self._found = None
        return before is None or self._look().token != before.token

    def _look(self) -> FlyLogin:
        with self._lock:
            kept = self._found
            short = kept is not None and kept.source not in self._environ
            if kept is None or (short and time.monotonic() > self._since + _KEPT):
                self._found = kept = login(self._environ)
                self._since = time.monotonic()
            if kept is None:
                raise no_token()
            if not fits_header(kept.token):
                raise malformed_token(kept.source)
            return kept
