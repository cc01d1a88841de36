"""Which certificates to trust: the system's, SSL_CERT_FILE, and docker's folder `certs.d`."""

from __future__ import annotations

import ssl
from pathlib import Path

from msgspec import Struct

from ..http.tls import system_trust
from .errors import CredentialError

CERTS_D = Path("/etc/docker/certs.d")


class Trust(Struct, frozen=True):
    """Authorities besides those of the system: the file `ca`, and docker's folder `certs_d`."""

    ca: Path | None = None
    certs_d: Path = CERTS_D

    def context(self, host: str) -> ssl.SSLContext:
        """Make the TLS context for `host`: its authorities, and our client certificate for it.

        `certs.d/HOST/*.crt` are authorities, `*.cert` and `*.key` are ours, as docker reads them.
        Raises `CredentialError`.
        """
        context = self.authorities(host)
        try:
            for ours in sorted((self.certs_d / host).glob("*.cert")):
                context.load_cert_chain(ours, ours.with_suffix(".key"))
        except (OSError, ssl.SSLError):
            raise self._unreadable(host) from None
        return context

    def authorities(self, host: str) -> ssl.SSLContext:
        """Make the context for servers that `host` sends us to: without our client certificate."""
        context = system_trust()
        folder = self.certs_d / host
        try:
            for authority in [*([self.ca] if self.ca else []), *sorted(folder.glob("*.crt"))]:
                context.load_verify_locations(cafile=authority)
        except (OSError, ssl.SSLError):
            raise self._unreadable(host) from None
        return context

    def _unreadable(self, host: str) -> CredentialError:
        folder = self.certs_d / host
        return CredentialError(
            f"the certificates for `{host}` cannot be read",
            hint=f"look at `{folder}`" + (f" and `{self.ca}`" if self.ca else ""),
        )
