"""Errors of an HTTP exchange, and what is known of each."""

from __future__ import annotations

from msgspec import Struct

from ..errors import UnknownError


class ErrorDetails(Struct, frozen=True):
    """What is known of a failure besides its sentence.

    `url` has no query and no user; `codes` are the specification's (`DENIED`, `UNAUTHORIZED`);
    `passing` says that the same request may succeed later; `unreachable` that the host, and not
    this one request, is the trouble; `proxy` that it is the proxy before it; `forbidden` that its
    address is none that we go to; `retry_after` is in seconds.
    """

    status: int | None = None
    url: str = ""
    codes: tuple[str, ...] = ()
    passing: bool = False
    unreachable: bool = False
    retry_after: float | None = None
    proxy: bool = False
    forbidden: bool = False


class HttpError(UnknownError):
    """Something could not be found out from, or be done on, a registry; never means "absent".

    Holds no secret: neither text, attributes nor traceback show a credential.
    """

    def __init__(self, message: str, *, hint: str = "", facts: ErrorDetails | None = None) -> None:
        super().__init__(message, hint=hint)
        self.facts = facts or ErrorDetails()

    @property
    def status(self) -> int | None:
        """The HTTP status that the registry answered, `None` where it did not answer."""
        return self.facts.status

    @property
    def url(self) -> str:
        """What was asked, without query and user."""
        return self.facts.url

    @property
    def codes(self) -> tuple[str, ...]:
        """The error codes of the distribution specification that the answer named."""
        return self.facts.codes


class CredentialError(HttpError):
    """A credential is configured, and could not be read."""
