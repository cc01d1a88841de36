"""Whom we believe over TLS: the system, `SSL_CERT_FILE`, and what docker is told in `certs.d`."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from msgspec import Struct

from .errors import CredentialError
from .memory_tls import MemoryTls

CERTS_D = Path("/etc/docker/certs.d")
_PROBE_TIMEOUT = 2.0
_HANDSHAKES = 3


class Trust(Struct, frozen=True):
    """What is believed besides the system: a file of authorities, and docker's folder of them."""

    ca: Path | None = None
    certs_d: Path = CERTS_D

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS context for `host`: its authorities, and our certificate for it if we have one.

        `certs.d/HOST/*.crt` are authorities, `*.cert` and `*.key` are ours, as docker reads them.
        """
        context = self.authorities(host)
        try:
            for ours in sorted((self.certs_d / host).glob("*.cert")):
                context.load_cert_chain(ours, ours.with_suffix(".key"))
        except (OSError, ssl.SSLError):
            raise self._unread(host) from None
        return context

    def authorities(self, host: str) -> ssl.SSLContext:
        """The same for others on the way of `host`, who are not shown who we are."""
        context = _system()
        folder = self.certs_d / host
        try:
            for authority in [*([self.ca] if self.ca else []), *sorted(folder.glob("*.crt"))]:
                context.load_verify_locations(cafile=authority)
        except (OSError, ssl.SSLError):
            raise self._unread(host) from None
        return context

    def _unread(self, host: str) -> CredentialError:
        folder = self.certs_d / host
        return CredentialError(
            f"the certificates for `{host}` cannot be read",
            hint=f"look at `{folder}`" + (f" and `{self.ca}`" if self.ca else ""),
        )


def unverified() -> ssl.SSLContext:
    """For hosts that the user called insecure: encrypted, believing anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def nothing() -> ssl.SSLContext:
    """For plain HTTP: believes nobody, and costs nothing to make (the authorities take 40 ms)."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def speaks_tls(hostname: str, port: int) -> bool:
    """Whether a TLS handshake succeeds there, whoever it is; sends no request.

    A handshake that breaks off is no proof of plain HTTP, unless it does so every time.
    Raises `OSError` where nobody listens.
    """
    tries = (_handshake(hostname, port) for _ in range(_HANDSHAKES))
    return next((found for found in tries if found is not None), False)


def _handshake(hostname: str, port: int) -> bool | None:
    """Whether one handshake succeeds; `None` where the connection was lost in it."""
    with socket.create_connection((hostname, port), timeout=_PROBE_TIMEOUT) as line:
        try:
            # CPython 3.11 loses a socket that is wrapped after it was reset: not in memory.
            MemoryTls(line, unverified(), hostname, _PROBE_TIMEOUT)
        except (ssl.SSLEOFError, ConnectionError):
            return None
        except ssl.SSLError as error:
            # A server that wants our certificate first speaks TLS all the same.
            return "ALERT" in (error.reason or "")
        except OSError:
            return False
        return True


def _system() -> ssl.SSLContext:
    """What the system trusts (OpenSSL honours SSL_CERT_FILE), or certifi's list without it."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        import certifi  # noqa: PLC0415 - httpcore brings it; most systems never need it

        context.load_verify_locations(cafile=certifi.where())
    return context
