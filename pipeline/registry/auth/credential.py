"""Credentials for registries, and the protocol of their sources."""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from ...model.masking import forms

if TYPE_CHECKING:
    from .namespace import Namespace

IDENTITY_USER = "<token>"
"""The user name by which a credential helper marks its secret as an identity token."""


class Kind(StrEnum):
    """What the secret is: a password (or a token in its place), or an OAuth2 refresh token."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    IDENTITY_TOKEN = "identity token"  # noqa: S105 - the name of a kind


class Credential(Struct, frozen=True):
    """A user name and a secret, which no `repr` shows.

    `source` says in words where it comes from: `FLY_API_TOKEN`, `docker configuration
    ~/.docker/config.json`. `known_to_docker` says that docker itself finds it there, so that
    BuildKit needs no configuration of ours. `helper` names a credential helper that answers with it
    anew whenever it is asked.
    """

    username: str
    secret: str
    source: str
    kind: Kind = Kind.PASSWORD
    known_to_docker: bool = False
    helper: str = ""

    def __repr__(self) -> str:
        """Leave out the secret."""
        return f"{type(self).__name__}({self.username!r}, source={self.source!r})"

    @property
    def basic(self) -> str:
        """`user:secret` in base64: what follows `Basic ` in a header, and docker's `auth`."""
        return base64.b64encode(f"{self.username}:{self.secret}".encode()).decode("ascii")

    @property
    def for_engine(self) -> dict[str, str]:
        """What an engine is given for a pull or a push (Docker's API, `X-Registry-Auth`)."""
        if self.kind is Kind.IDENTITY_TOKEN:
            return {"identitytoken": self.secret}
        return {"username": self.username, "password": self.secret}

    @property
    def forms(self) -> tuple[str, ...]:
        """All that must never be shown, in each form in which it may be sent back."""
        return (self.basic, *forms(self.secret, self.username))


class CredentialSource(Protocol):
    """Look up the credential for a namespace: `quay.io`, or a part of it (`quay.io/acme`)."""

    def __call__(self, namespace: Namespace, /) -> Credential | None:
        """Return the credential; `None` where there is none.

        Raises `CredentialError` where one is configured and cannot be read.
        """


def nobody(_namespace: Namespace, /) -> Credential | None:
    """Return no credential: every request is anonymous."""
    return None
