"""Who we are at a registry: values, and the shape of whatever knows them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What the secret is: a password (or token in its place), or an OAuth2 refresh token."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    IDENTITY_TOKEN = "identity token"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and a secret, which no `repr` shows.

    `source` says in words where it comes from: `FLY_API_TOKEN`, `docker configuration
    ~/.docker/config.json`. `known_to_docker` says that docker itself finds it there, so that
    BuildKit needs no configuration of ours. `helper` names the credential helper of ours that
    answers with it anew whenever it is asked.
    """

    username: str
    secret: str = field(repr=False)
    source: str
    kind: Kind = Kind.PASSWORD
    known_to_docker: bool = False
    helper: str = ""

    @property
    def basic(self) -> str:
        """`user:secret` in base64: what follows `Basic ` in a header, and docker's `auth`."""
        return base64.b64encode(f"{self.username}:{self.secret}".encode()).decode("ascii")


class CredentialSource(Protocol):
    """Answers who we are at a host, `None` for nobody."""

    def __call__(self, host: str, /) -> Credential | None:
        """Look the host up. Raises `CredentialError` where what is configured cannot be read."""


def nobody(_host: str, /) -> Credential | None:
    """The source that knows no credential: every request is anonymous."""
    return None
