"""Tokens, and what each of them may read and change.

Facts, sections 2.2 and 2.3: an org token reaches all apps of its organization, a deploy token one
app, a read-only token changes nothing; superfly/fly-go `tokens/tokens.go` for their forms: joined
by commas, and with the prefix `FlyV1 ` only where they are printed or sent as a header.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.fly.state import App

SCHEMES = ("FlyV1", "Bearer")


@dataclass(frozen=True, slots=True)
class Token:
    """A created token. `app` is empty if it is for the whole organization."""

    value: str
    org: str
    app: str = ""
    readonly: bool = False
    expires: float = float("inf")

    @property
    def lives(self) -> bool:
        """Return whether it has not expired."""
        return time.monotonic() < self.expires

    def sees(self, app: App) -> bool:
        """Return whether it may read an app."""
        return app.org == self.org and self.app in ("", app.name)

    def changes(self, app: App) -> bool:
        """Return whether it may deploy to an app and push to its repository."""
        return self.sees(app) and not self.readonly


@dataclass(slots=True)
class Tokens:
    """All created tokens by their value without `FlyV1 `."""

    known: dict[str, Token] = field(default_factory=dict)

    def give(
        self, org: str, app: str = "", *, readonly: bool = False, seconds: float = float("inf")
    ) -> str:
        """Create a token, in the form that `fly tokens create` prints: `FlyV1 fm2_…`."""
        value = f"fm2_{secrets.token_urlsafe(24)}"
        expires = time.monotonic() + seconds
        self.known[value] = Token(value, org, app, readonly, expires)
        return f"FlyV1 {value}"

    def find(self, text: str) -> Token | None:
        """Find a valid token among those joined by commas, with or without `FlyV1 `."""
        bare = text.removeprefix("Bearer ").removeprefix("FlyV1 ")
        found = (self.known.get(one.strip()) for one in bare.split(","))
        return next((one for one in found if one is not None and one.lives), None)

    def of_header(self, header: str, schemes: tuple[str, ...] = SCHEMES) -> Token | None:
        """Find the token of an `Authorization` header: its scheme, one space, the token.

        `Bearer FlyV1 fm2_…` is not accepted: facts, section 4.
        """
        scheme, _, text = header.partition(" ")
        return None if scheme not in schemes or " " in text.strip() else self.find(text)

    def of_basic(self, header: str) -> Token | None:
        """Find the token of `Basic base64("x:TOKEN")`; the user must be `x` (facts, 2.1)."""
        scheme, _, text = header.partition(" ")
        if scheme != "Basic":
            return None
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self.find(password) if user == "x" and " " not in password else None
