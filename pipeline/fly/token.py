"""The token for Fly's APIs, which is looked up again when flyctl's login has expired."""

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
"""Seconds after which flyctl is asked again: its login is valid for five minutes."""


class FlyToken:
    """The token of `FLY_ACCESS_TOKEN`, `FLY_API_TOKEN` or flyctl's login. Thread-safe.

    A token of the environment is valid for years; flyctl is asked for its login every two minutes,
    and renews it.
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
        """The whole token, as `FLY_API_TOKEN` may have it for flyctl."""
        return authorization(self._look().token, all_tokens=True).removeprefix("Bearer ")

    def header(self, *, all_tokens: bool = False) -> str:
        """Return the `Authorization` header; GraphQL needs `all_tokens`."""
        return authorization(self._look().token, all_tokens=all_tokens)

    def secrets(self) -> tuple[str, ...]:
        """Return what must not be shown: the token and each of its parts."""
        found = self._found
        return (found.token, *found.token.split(",")) if found else ()

    def renew(self) -> bool:
        """Look up the token again after a refusal; return whether it is another one now."""
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
