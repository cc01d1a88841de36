"""A TLS server from the standard library."""

from __future__ import annotations

import ssl
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from sandbox.registry import Certificate


class TlsServer(ThreadingHTTPServer):
    """Serves over TLS if it has a `context`, with each handshake in the thread of its request.

    The listening socket is plain. A listening `SSLSocket` leaks a connection that was reset before
    it was accepted: CPython raises while it creates the object.
    """

    daemon_threads = True
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raise `OSError`, which the server ignores, if it was reset."""
        accepted, address = super().get_request()
        if self.context is None:
            return accepted, address
        try:
            accepted.getpeername()
        except OSError:
            accepted.close()
            raise
        secured = self.context.wrap_socket(
            accepted, server_side=True, do_handshake_on_connect=False
        )
        return secured, address


def context_of(certificate: Certificate) -> ssl.SSLContext:
    """Create the server context of a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context
