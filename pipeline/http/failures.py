"""Put the failure of an HTTP exchange into words: what broke, where, and what helps."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import h11
from msgspec import Struct
from msgspec.structs import replace

from .errors import Cause, ErrorDetails, HttpError
from .exchange import UnsupportedAddressError
from .retry import TRANSIENT
from .sockets import ForbiddenAddressError, ProxyFailedError
from .text import plain
from .timeouts import EndlessHeadError, SlowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Hints = Mapping[Cause, str]
    """What helps against a cause, where it is more than can be said of any server."""

BROKEN = (OSError, h11.ProtocolError, ProxyFailedError, UnsupportedAddressError)
"""All that an exchange can fail with."""

_EXPIRED = frozenset({9, 10})
"""OpenSSL's `X509_V_ERR_CERT_NOT_YET_VALID` and `X509_V_ERR_CERT_HAS_EXPIRED`."""

_HINTS = {
    Cause.NETWORK: "is the address right, is the server running, does a firewall or proxy "
    "interfere?",
    Cause.TLS: "does it speak HTTPS?",
    Cause.CERTIFICATE: "put its authority into the file that SSL_CERT_FILE names",
    Cause.ADDRESS: "nothing was sent there; is the address right?",
}


class _Failure(Struct, frozen=True):
    """A message, why it came to that, and whether it may not happen again."""

    message: str
    cause: Cause = Cause.NETWORK
    transient: bool = True


def explain(error: Exception, url: str, hints: Hints, host: str = "") -> HttpError:
    """Return the error to raise for what an exchange failed with.

    It names the `host`, which is the one of `url` unless it is given.
    """
    host = host or host_of(url)
    chain = tuple(_chain(error))
    proxy = next((one for one in chain if isinstance(one, ProxyFailedError)), None)
    if proxy:
        return _of_proxy(proxy, chain, host, redacted(url))
    failure = _failure(chain, f"`{host}`")
    hint = _clock_hint() if failure.cause is Cause.CLOCK else {**_HINTS, **hints}[failure.cause]
    details = ErrorDetails(url=redacted(url), transient=failure.transient, cause=failure.cause)
    return HttpError(failure.message, hint=hint, details=details)


def redacted(url: str) -> str:
    """Return an address without user, query and fragment, where secrets may be."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def host_of(url: str) -> str:
    """Return the host of an address, with its port."""
    return urlsplit(url).netloc


def _of_proxy(
    error: ProxyFailedError, chain: Sequence[BaseException], host: str, url: str
) -> HttpError:
    """Explain what is wrong with the proxy before a host; its address has no user."""
    proxy, said = error.proxy, plain(error.said)
    who = f"the proxy `{proxy.address}`"
    if said:
        status = int(said[:3]) if said[:3].isdecimal() else 0
        message = f"{who} refuses to connect to `{host}`: {said}"
        failure = _Failure(message, Cause.PROXY, status in TRANSIENT)
    else:
        failure = _failure(chain, who)
    if failure.cause is Cause.CERTIFICATE:
        hint = _HINTS[Cause.CERTIFICATE]
    elif failure.cause is Cause.CLOCK:
        hint = _clock_hint()
    else:
        login = "; user and password are part of its address" if said.startswith("407") else ""
        hint = (
            f"{proxy.variable} names it{login}; NO_PROXY names the hosts that are reached without "
            f"it, as `{host.partition(':')[0]}`"
        )
        failure = replace(failure, cause=Cause.PROXY)
    details = ErrorDetails(url=url, transient=failure.transient, cause=failure.cause)
    return HttpError(failure.message, hint=hint, details=details)


def _clock_hint() -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return f"is the clock of this machine right, which says {now} UTC? else renew it there"


def _failure(  # noqa: C901, PLR0911 - one answer for each kind of cause
    chain: Sequence[BaseException], who: str
) -> _Failure:
    """Return the failure that the first telling exception of a chain stands for."""
    silent = f"no answer from {who}"
    for error in chain:
        match error:
            case ssl.SSLCertVerificationError():
                expired = error.verify_code in _EXPIRED
                message = f"{who} shows a certificate that is not trusted: {error.verify_message}"
                return _Failure(message, Cause.CLOCK if expired else Cause.CERTIFICATE, False)
            case ssl.SSLEOFError():
                return _Failure(f"{who} broke off during the TLS handshake")
            case ssl.SSLError():
                reason = (error.reason or "no reason given").replace("_", " ").lower()
                return _Failure(f"TLS with {who} failed: {reason}", Cause.TLS, False)
            case socket.gaierror():
                again = error.errno == socket.EAI_AGAIN
                return _Failure(f"{silent}: its name cannot be resolved", transient=again)
            case ConnectionRefusedError():
                return _Failure(f"{silent}: connection refused")
            case SlowError() | EndlessHeadError():
                return _Failure(f"{who} {error}", transient=isinstance(error, SlowError))
            case ForbiddenAddressError():
                return _Failure(f"{who} {error}", Cause.ADDRESS, False)
            case TimeoutError():
                return _Failure(f"{silent} in time")
            case h11.RemoteProtocolError() | ConnectionError():
                return _Failure(f"{who} broke off in the middle of its answer")
            case OSError() if error.strerror:
                return _Failure(f"{silent}: {error.strerror.lower()}")
    return _Failure(silent)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Iterate over an exception and its causes, the innermost first: it knows most."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    return reversed(chain)
