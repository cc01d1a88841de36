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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from tests.support.fly.state import unique

if TYPE_CHECKING:
    from tests.support.fly.state import App

LOCATION = "https://api.fly.io/v1"
"""`LocationPermission` of superfly/macaroon `flyio/flyio.go`."""
ORGANIZATION, READ, EVERYTHING = 0, 1, 31
"""The type of a caveat for an organization, and masks of actions (`resset/action.go`)."""
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
    by_nonce: dict[bytes, Token] = field(default_factory=dict)
    """The same by their nonce, which a copy keeps that was made read-only without asking Fly."""

    def give(
        self, org: str, app: str = "", *, readonly: bool = False, seconds: float = float("inf")
    ) -> str:
        """Create a token, in the form that `fly tokens create` prints: `FlyV1 fm2_…`."""
        nonce = secrets.token_bytes(16)
        value = _macaroon(nonce, org, READ if readonly else EVERYTHING)
        made = Token(value, org, app, readonly, time.monotonic() + seconds)
        self.known[value] = self.by_nonce[nonce] = made
        return f"FlyV1 {value}"

    def find(self, text: str) -> Token | None:
        """Find a valid token among those joined by commas, with or without `FlyV1 `."""
        bare = text.removeprefix("Bearer ").removeprefix("FlyV1 ")
        values = [one.strip() for one in bare.split(",")]
        found = (self.known.get(one) or self._narrowed(one) for one in values)
        return next((one for one in found if one is not None and one.lives), None)

    def _narrowed(self, value: str) -> Token | None:
        """Find the token of which `value` is a copy with more caveats, as `tokens create readonly`.

        Tails are not verified.
        """
        try:
            packed = base64.b64decode(value.removeprefix("fm2_"), validate=True)
            (_, nonce, _), _, caveats, _ = msgspec.msgpack.decode(packed)
            masks = [body[1] for body in caveats[1::2]]
        except (ValueError, TypeError, IndexError, msgspec.DecodeError):
            return None
        found = self.by_nonce.get(nonce)
        return replace(found, value=value, readonly=READ in masks) if found else None

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


def _macaroon(nonce: bytes, org: str, mask: int) -> str:
    """Return a token that flyctl can decode: it drops all others. It has a caveat with its actions.

    superfly/macaroon `macaroon.go`, `nonce.go`, `format.go`, `flyio/caveats.go` (`Organization`);
    superfly/fly-go `tokens/tokens.go` (`pruneBadMacaroons`).
    """
    caveats = [ORGANIZATION, [int(unique("org", org)[:6], 16), mask]]
    parts = [[b"fake-fly", nonce, False], LOCATION, caveats, secrets.token_bytes(32)]
    return f"fm2_{base64.b64encode(msgspec.msgpack.encode(parts)).decode()}"
