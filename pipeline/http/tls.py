"""TLS contexts, and whether a server speaks TLS at all."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from .addresses import encoded
from .memory_tls import MemoryTls

_PROBE_SECONDS = 2.0
_HANDSHAKES = 3


def system_trust() -> ssl.SSLContext:
    """Make a context that trusts what the system trusts, or certifi's list where it has none.

    OpenSSL honours SSL_CERT_FILE.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        import certifi  # noqa: PLC0415 - httpx brings it; most systems never need it

        context.load_verify_locations(cafile=certifi.where())
    return context


def unverified() -> ssl.SSLContext:
    """Make a context that accepts any certificate, for hosts that the user called insecure."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def nothing() -> ssl.SSLContext:
    """Make a context that trusts nobody, for plain HTTP: loading the authorities takes 40 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def speaks_tls(hostname: str, port: int) -> bool:
    """Return whether a TLS handshake succeeds, with any certificate; no request is sent.

    A handshake that breaks off does not prove plain HTTP, unless it does so every time. Raises
    `OSError` where nobody listens.
    """
    tries = (_handshake(hostname, port) for _ in range(_HANDSHAKES))
    return next((found for found in tries if found is not None), False)


def _handshake(hostname: str, port: int) -> bool | None:
    """Return whether one handshake succeeds; `None` where the connection was lost in it."""
    # Its type in typeshed lacks bytes, which `getaddrinfo` takes.
    address: Any = (encoded(hostname), port)
    with socket.create_connection(address, timeout=_PROBE_SECONDS) as line:
        try:
            # CPython 3.11 leaks a socket that is wrapped after it was reset: not in memory.
            MemoryTls(line, unverified(), hostname, _PROBE_SECONDS)
        except (ssl.SSLEOFError, ConnectionError):
            return None
        except ssl.SSLError as error:
            # A server that demands our certificate first speaks TLS all the same.
            return "ALERT" in (error.reason or "")
        except OSError:
            return False
        return True
