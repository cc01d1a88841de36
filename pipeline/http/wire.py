"""One request and its answer over HTTP, and every way in which that can break, in words."""

from __future__ import annotations

import math
import socket
import ssl
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import httpcore

from .answer import Answer
from .backoff import PASSING
from .errors import ErrorDetails, HttpError
from .exchange import EndlessHeadError, Exchange, SlowError
from .log_filter import quiet
from .streams import INSIDE, ForbiddenAddressError, ProxyTroubleError
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from .connections import Connections

    Body = bytes | Callable[[], Generator[bytes, None, None]]
    """What is sent: as it is, or streamed, and then begun anew by each call."""

MAX_MANIFEST = 4 * 1024 * 1024
"""Bytes: what registries take and containerd reads; the specification asks for this much."""

MAX_COMPLAINT = 64 * 1024
"""Bytes of an answer that is no manifest; the rest is not read."""

_OUT_OF_TIME = frozenset({9, 10})
"""OpenSSL's `X509_V_ERR_CERT_NOT_YET_VALID` and `X509_V_ERR_CERT_HAS_EXPIRED`."""

PIECE = 1 << 18
"""Bytes of a stream that are gathered before they are passed on, at least."""

_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
)
"""All that an exchange can break by."""


def send(  # noqa: PLR0913 - a request has these parts
    http: Connections,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: Body | None = None,
    deadline: float,
    most: int = MAX_MANIFEST,
) -> Answer:
    """Send one request and read its answer. Raises `HttpError` where there is none.

    `deadline` is of `time.monotonic`; whatever trickles ends by it. `most` is in bytes. A body that
    is streamed may take as long as it flows, and a registry `Policy.storing` to store it.
    """
    streamed = callable(body)
    exchange = Exchange(http.policy, until=math.inf if streamed else deadline, stored=streamed)
    # A generator that is left over ends when garbage is collected, in any thread at any moment:
    # it would let go of a connection of its source, whose pool may be locked by that very thread.
    with closing(body()) if callable(body) else nullcontext(body) as content:
        asking = http.stream(method, url, headers=headers, body=content, exchange=exchange)
        try:
            with quiet(), asking as response:
                if streamed:
                    exchange.ends_in(http.policy.read)
                read = _read(response, url, most)
                return _answer(response, url, read, http.forwarder(url))
        except _BROKEN as error:
            # The cause is not kept: it holds the request, and that the credential.
            raise _explained(error, _host(url), redacted(url)) from None


@contextmanager
def opened(
    http: Connections, method: str, url: str, headers: Mapping[str, str]
) -> Iterator[tuple[Answer, Iterator[bytes]]]:
    """The head of an answer, and its body piece by piece; that of a refusal is in the answer.

    It may take as long as it flows.
    """
    exchange = Exchange(http.policy)
    try:
        with quiet(), http.stream(method, url, headers=headers, exchange=exchange) as response:
            body = b""
            if response.status != 200:
                exchange.ends_in(http.policy.read)
                body = _read(response, url)
            pieces = _pieces(response, url, exchange)
            yield _answer(response, url, body, http.forwarder(url)), pieces
    except _BROKEN as error:
        raise _explained(error, _host(url), redacted(url)) from None


def _answer(response: httpcore.Response, url: str, body: bytes, proxy: str) -> Answer:
    headers: dict[str, str] = {}
    for raw, value in response.headers:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    inside = bool(response.extensions["network_stream"].get_extra_info(INSIDE))
    return Answer(response.status, redacted(url), headers, body, proxy=proxy, inside=inside)


def _pieces(response: httpcore.Response, url: str, exchange: Exchange) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    try:
        for piece in response.iter_stream():
            exchange.flowed(len(piece))
            held.append(piece)
            size += len(piece)
            if size >= PIECE:
                yield b"".join(held)
                held, size = [], 0
        if held:
            yield b"".join(held)
    except _BROKEN as error:
        raise _explained(error, _host(url), redacted(url)) from None


def _host(url: str) -> str:
    return urlsplit(url).netloc


def redacted(url: str) -> str:
    """The address without user, query and fragment, where secrets live."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def unreachable(error: OSError, host: str) -> HttpError:
    """What a failed connection means, in words."""
    return _explained(error, host, "")


def _read(response: httpcore.Response, url: str, most: int = MAX_MANIFEST) -> bytes:
    wanted = most if response.status == 200 else MAX_COMPLAINT
    chunks, size = [], 0
    for chunk in response.iter_stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > wanted and response.status == 200:
            raise HttpError(
                f"`{_host(url)}` answers with more than {wanted >> 20} MiB, which is no manifest",
                hint="is this a registry?",
                facts=ErrorDetails(200, redacted(url)),
            )
        if size > wanted:
            break
    return b"".join(chunks)[:wanted]


def _explained(error: Exception, host: str, url: str) -> HttpError:
    causes = tuple(_causes(error))
    proxy = next((cause for cause in causes if isinstance(cause, ProxyTroubleError)), None)
    if proxy:
        return _of_proxy(proxy, causes, host, url)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, f"`{host}`", host, url)
    message, hint, passing = _trouble(causes, f"`{host}`")
    forbidden = any(isinstance(cause, ForbiddenAddressError) for cause in causes)
    facts = ErrorDetails(url=url, passing=passing, unreachable=True, forbidden=forbidden)
    return HttpError(message, hint=hint, facts=facts)


def _of_proxy(
    trouble: ProxyTroubleError, causes: tuple[BaseException, ...], host: str, url: str
) -> HttpError:
    """What is wrong with the proxy before a host; its address is shown without its user."""
    way, said = trouble.way, plain(trouble.said)
    who = f"the proxy `{way.address}`"
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, who, way.address, url)
    if said:
        message = f"{who} refuses to connect to `{host}`: {said}"
        passing = int(said[:3]) in PASSING if said[:3].isdecimal() else False
    else:
        message, _, passing = _trouble(causes, who)
    login = "; user and password are part of its address" if said.startswith("407") else ""
    return HttpError(
        message,
        hint=f"{way.variable} names it{login}; NO_PROXY names who is asked without, as "
        f"`{host.partition(':')[0]}`",
        facts=ErrorDetails(url=url, passing=passing, unreachable=True, proxy=True),
    )


def _untrusted(cause: ssl.SSLCertVerificationError, who: str, host: str, url: str) -> HttpError:
    hint = (
        "put the authority into SSL_CERT_FILE or "
        f"`/etc/docker/certs.d/{host}/ca.crt`, which docker reads too"
    )
    if cause.verify_code in _OUT_OF_TIME:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        hint = f"is the clock of this machine right, which says {now} UTC? else renew it there"
    return HttpError(
        f"{who} shows a certificate that is not trusted: {cause.verify_message}",
        hint=hint,
        facts=ErrorDetails(url=url, unreachable=True),
    )


def _trouble(  # noqa: C901, PLR0911 - one answer for each kind of cause
    causes: tuple[BaseException, ...], who: str
) -> tuple[str, str, bool]:
    """Message, hint and whether it may pass, for the first cause that says something."""
    nobody = f"no answer from {who}"
    network = "is the address right, is the registry running, does a firewall or proxy interfere?"
    for cause in causes:
        match cause:
            case ssl.SSLEOFError():
                return f"{who} broke off while TLS began", network, True
            case ssl.SSLError():
                reason = (cause.reason or "no reason given").replace("_", " ").lower()
                hint = "does it speak HTTPS? plain HTTP needs `insecure = true` in `[registry]`"
                return f"TLS with {who} failed: {reason}", hint, False
            case socket.gaierror():
                again = cause.errno == socket.EAI_AGAIN
                return f"{nobody}: its name cannot be resolved", network, again
            case ConnectionRefusedError():
                return f"{nobody}: connection refused", network, True
            case SlowError() | EndlessHeadError():
                return f"{who} {cause}", network, isinstance(cause, SlowError)
            case ForbiddenAddressError():
                return f"{who} {cause}", "we are not led there: is this the right registry?", False
            case httpcore.TimeoutException() | TimeoutError():
                return f"{nobody} in time", network, True
            case httpcore.RemoteProtocolError() | httpcore.ReadError() | ConnectionError():
                return f"{who} broke off in the middle of its answer", network, True
            case OSError() if cause.strerror:
                return f"{nobody}: {cause.strerror.lower()}", network, True
    return nobody, network, True


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The innermost cause first: it knows most."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    return reversed(chain)
