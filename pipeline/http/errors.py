"""The error of a failed HTTP exchange, and what is known about its cause."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ..errors import UnknownError


class Cause(StrEnum):
    """Why there is no usable response."""

    NETWORK = "network"
    """The name does not resolve, nobody listens, or the connection broke."""
    TLS = "tls"
    """The server does not speak TLS as we do."""
    CERTIFICATE = "certificate"
    """The server's certificate is not trusted."""
    CLOCK = "clock"
    """The certificate has expired, or is not valid yet: one of the two clocks may be wrong."""
    ADDRESS = "address"
    """The name resolves to an address that must not be connected to."""
    PROXY = "proxy"
    """The proxy does not answer, or refuses."""


class ErrorDetails(Struct, frozen=True):
    """What is known about a failure besides its message.

    `status` and the error `codes` are those of the response, where there was one; `cause` is why
    there was none. `url` has neither query nor user. A `transient` failure may not happen again
    when the same request is sent later; `retry_after` is how many seconds the server wants to be
    left alone.
    """

    status: int | None = None
    url: str = ""
    codes: tuple[str, ...] = ()
    transient: bool = False
    retry_after: float | None = None
    cause: Cause | None = None

    @property
    def unreachable(self) -> bool:
        """Whether any other request to the same host would fail as well."""
        return self.cause is not None


class HttpError(UnknownError):
    """A server did not answer, or its answer settles nothing. Never means "not found".

    It holds no secret: neither message, attributes nor traceback show a credential.
    """

    def __init__(
        self, message: str, *, hint: str = "", details: ErrorDetails | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.details = details or ErrorDetails()

    @property
    def status(self) -> int | None:
        """The HTTP status of the response, `None` where there was none."""
        return self.details.status

    @property
    def url(self) -> str:
        """The address of the request, without query and user."""
        return self.details.url

    @property
    def codes(self) -> tuple[str, ...]:
        """The error codes that the response gave."""
        return self.details.codes
