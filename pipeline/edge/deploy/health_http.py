"""One question of a health check over HTTP: its status, in the time that the check has for it.

An app that answers byte by byte, or without an end, keeps nobody: of the body nothing is read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpcore

from pipeline.edge.registry import tls
from pipeline.edge.registry.exchange import Exchange
from pipeline.edge.registry.gate import Policy
from pipeline.edge.registry.streams import Backend

if TYPE_CHECKING:
    from pipeline.edge.deploy.front_tcp import Address
    from pipeline.edge.deploy.service import Health

_PLAIN = "%!$&'()*+,/:;=?@[]~"
_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


class CheckError(Exception):
    """There is no answer; the text says why."""


def status_of(check: Health, address: Address) -> int:
    """The status that is answered to a check, by no proxy. Raises `CheckError`."""
    host, port = address
    context = tls.Trust().context("") if check.tls and check.verify else tls.unverified()
    bounds = Policy(connect=check.timeout, read=check.timeout)
    exchange = Exchange(bounds, until=time.monotonic() + check.timeout)
    headers = {"host": f"{host}:{port}", "accept": "*/*", "user-agent": "fly-image-pipeline"}
    headers |= {name.lower(): value for name, value in check.headers.items()}
    extensions: dict[str, object] = {
        "timeout": dict.fromkeys(("connect", "read", "write"), exchange),
        **({"sni_hostname": check.server_name} if check.server_name else {}),
    }
    url = httpcore.URL(
        scheme="https" if check.tls else "http",
        host=host,
        port=port,
        target=quote(check.path, safe=_PLAIN),
    )
    try:
        with (
            httpcore.ConnectionPool(context, network_backend=Backend()) as pool,
            pool.stream(
                check.method, url, headers=list(headers.items()), extensions=extensions
            ) as answer,
        ):
            return answer.status
    except (*_BROKEN, UnicodeError) as error:
        raise CheckError(str(error)) from None
