"""Whether a registry that may speak plain HTTP speaks TLS: engines try HTTPS first there, too."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import tls, wire
from .connections import Connections
from .errors import HttpError
from .proxies import proxies

if TYPE_CHECKING:
    import ssl

    from .backoff import Policy


def split(address: str) -> tuple[str, int | None]:
    """The name or IP address of a host, and its port if it has one.

    >>> split("[::1]:5000")
    ('::1', 5000)
    """
    parts = urlsplit(f"//{address}")
    return parts.hostname or address, parts.port


def is_vouched_for(address: str, context: ssl.SSLContext, policy: Policy, *, proxies: bool) -> bool:
    """Whether whoever is at `address` shows a certificate that `context` trusts."""
    tried = Connections(context, proxies=proxies, policy=policy)
    end = time.monotonic() + policy.read
    try:
        wire.send(tried, "HEAD", f"https://{address}/v2/", headers={}, deadline=end)
    except HttpError:
        return False  # also for another trouble: then it is shown nothing, and asked again
    finally:
        tried.close()
    return True


def speaks_tls(name: str, address: str, policy: Policy) -> bool:
    """Whether whoever is at `address`, `name` to people, speaks TLS.

    Raises `HttpError` where nobody is there, unless a proxy stands before it.
    """
    url = f"https://{address}/v2/"
    if proxies(os.environ).before(url):
        return _through_a_proxy(url, policy)
    hostname, port = split(address)
    try:
        return tls.speaks_tls(hostname, port or 443)
    except OSError as error:
        if port is None:
            return False
        raise wire.unreachable(error, name) from None


def _through_a_proxy(url: str, policy: Policy) -> bool:
    tried = Connections(tls.unverified(), proxies=True, policy=policy)
    try:
        wire.send(tried, "GET", url, headers={}, deadline=time.monotonic() + policy.read)
    except HttpError:
        return False  # it may tunnel to no such port, either: what is there is found out next
    finally:
        tried.close()
    return True
