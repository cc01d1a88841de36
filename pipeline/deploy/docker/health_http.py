"""One question of a health check over HTTP: its status, in the time that the check has for it.

An app that answers byte by byte, or without an end, keeps nobody: of the body nothing is read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpcore
import httpx

from ...http import tls
from ...http.backoff import Policy
from ...http.exchange import Exchange
from ...http.streams import Backend

if TYPE_CHECKING:
    import ssl

    from .proxy_tcp import Address
    from .service import Health

_BROKEN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    UnicodeError,
)


class CheckError(Exception):
    """There is no answer; the text says why."""


class Bounded(httpx.BaseTransport):
    """A transport of httpx over sockets that end with an `Exchange`, which is its timeout.

    httpx's own has timeouts for each read alone. Raises httpcore's errors.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(context, network_backend=Backend())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body, and give its answer's head."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method, url, headers=request.headers.raw, extensions=request.extensions
        )
        answer = self._pool.handle_request(asked)
        return httpx.Response(answer.status, headers=answer.headers)

    def close(self) -> None:
        """Close the connection, whatever is still coming."""
        self._pool.close()


def status_of(check: Health, address: Address) -> int:
    """The status that is answered to a check, by no proxy. Raises `CheckError`."""
    host, port = address
    context = tls.Trust().context("") if check.tls and check.verify else tls.unverified()
    bounds = Policy(connect=check.timeout, read=check.timeout)
    exchange = Exchange(bounds, until=time.monotonic() + check.timeout)
    extensions: dict[str, object] = {
        "timeout": dict.fromkeys(("connect", "read", "write"), exchange),
        **({"sni_hostname": check.server_name} if check.server_name else {}),
    }
    url = f"{'https' if check.tls else 'http'}://{host}:{port}{check.path}"
    try:
        with httpx.Client(transport=Bounded(context), trust_env=False) as client:
            headers = {"user-agent": "fly-image-pipeline", **check.headers}
            return client.request(
                check.method, url, headers=headers, extensions=extensions
            ).status_code
    except _BROKEN as error:
        raise CheckError(str(error)) from None
