"""Find out how a registry is reached: over TLS or plain HTTP, and by which connections.

Its own host, this machine and other hosts have connections of their own each, so that neither a
credential nor a client certificate can get from one to another.
"""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from ..http import tls
from ..http.addresses import is_loopback, not_loopback, not_public
from ..http.connections import Connections
from ..http.errors import Cause, HttpError
from ..http.failures import explain
from ..http.proxies import proxies
from ..http.send import send
from ..reference import HUB
from .auth.authorizer import WithheldReason

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from ..http.addresses import Address
    from ..http.retry import Policy
    from .trust import Trust

_HUB_API = "registry-1.docker.io"
_IN_CLEAR = WithheldReason(" over plain HTTP", "give the registry a certificate")


class Endpoint(Struct, frozen=True):
    """Where a registry's API is: the `origin` (scheme and address), and connections to it.

    Where there is a `doubt` who answers there, it says why no credential is sent.
    """

    origin: str
    connections: Connections
    doubt: WithheldReason | None = None


class Transports:
    """All connections for one registry, each made when it is first needed. Thread-safe.

    An `insecure` one may speak plain HTTP, or show any certificate; then it gets no credential.
    """

    def __init__(self, name: str, trust: Trust, policy: Policy, *, insecure: bool) -> None:
        self._name = name
        self._trust = trust
        self._policy = policy
        self._insecure = insecure
        self._hints = {
            Cause.TLS: "does it speak HTTPS? plain HTTP needs `insecure = true` in `[registry]`",
            Cause.CERTIFICATE: "put the authority into SSL_CERT_FILE or "
            f"`/etc/docker/certs.d/{name}/ca.crt`, which docker reads too",
        }
        self._lock = Lock()
        self._made: dict[str, Connections] = {}

    def endpoint(self) -> Endpoint:
        """Find out whether the registry speaks TLS, and proves who it is. Raises `HttpError`.

        As engines do, HTTPS is tried first; plain HTTP is accepted on loopback, or where the user
        called the registry insecure.
        """
        address = _HUB_API if self._name == HUB else self._name
        loopback = is_loopback(split(address)[0])
        lenient = loopback or self._insecure
        if lenient and not self._speaks_tls(address):
            origin = f"http://{address}"
            if loopback:
                return Endpoint(origin, self.loopback())
            own = self._once("own", lambda: self._make(tls.nothing()))
            return Endpoint(origin, own, _IN_CLEAR)
        context, doubt = self._trust.context(self._name), None
        if self._insecure and not self._is_trusted(address, context, proxies=not loopback):
            context, doubt = tls.unverified(), _unproven(self._name)
        made = self._make(context, proxies=not loopback)
        return Endpoint(f"https://{address}", self._once("own", lambda: made), doubt)

    def loopback(self) -> Connections:
        """Return the connections for plain HTTP on this machine: no proxy, no other address."""
        return self._once(
            "loopback",
            lambda: self._make(tls.nothing(), proxies=False, forbidden=not_loopback),
        )

    def foreign(self, *, inside: bool) -> Connections:
        """Return the connections for other hosts, which get no client certificate of ours.

        They go into private networks if `inside` says that the host that sends us there is in one.
        """
        which = "inside" if inside else "outside"
        return self._once(
            which,
            lambda: self._make(
                self._trust.authorities(self._name), forbidden=None if inside else not_public
            ),
        )

    def token_server(self) -> Connections:
        """Return the connections for a token server that may have the credential.

        It gets our client certificate, too.
        """
        return self._once("token server", lambda: self._make(self._trust.context(self._name)))

    def close(self) -> None:
        """Close all connections."""
        for used in self._made.values():
            used.close()

    def _speaks_tls(self, address: str) -> bool:
        """Return whether a server speaks TLS, whoever it is.

        Raises `HttpError` where nobody listens, unless there is a proxy before it.
        """
        url = f"https://{address}/v2/"
        if proxies(os.environ).before(url):
            # A proxy may refuse to tunnel to this port: then plain HTTP shows what is there.
            return self._answers("GET", url, self._make(tls.unverified()))
        hostname, port = split(address)
        try:
            return tls.speaks_tls(hostname, port or 443)
        except OSError as error:
            if port is None:
                return False
            raise explain(error, "", self._hints, self._name) from None

    def _is_trusted(self, address: str, context: ssl.SSLContext, *, proxies: bool) -> bool:
        """Return whether the server at `address` shows a certificate that `context` trusts.

        False for any other failure, too: then nothing is shown to it, and the next request says
        what is wrong.
        """
        tried = self._make(context, proxies=proxies)
        return self._answers("HEAD", f"https://{address}/v2/", tried)

    def _answers(self, method: str, url: str, tried: Connections) -> bool:
        deadline = time.monotonic() + self._policy.read
        try:
            send(tried, method, url, headers={}, deadline=deadline)
        except HttpError:
            return False
        finally:
            tried.close()
        return True

    def _make(
        self,
        context: ssl.SSLContext,
        *,
        proxies: bool = True,
        forbidden: Callable[[Address], str] | None = None,
    ) -> Connections:
        return Connections(
            context,
            proxies=proxies,
            policy=self._policy,
            forbidden=forbidden,
            hints=self._hints,
        )

    def _once(self, which: str, make: Callable[[], Connections]) -> Connections:
        with self._lock:
            if which not in self._made:
                self._made[which] = make()
            return self._made[which]


def split(address: str) -> tuple[str, int | None]:
    """Return the name or IP address of a host, and its port if it has one.

    >>> split("[::1]:5000")
    ('::1', 5000)
    """
    parts = urlsplit(f"//{address}")
    return parts.hostname or address, parts.port


def _unproven(host: str) -> WithheldReason:
    return WithheldReason(
        ", whose certificate is not trusted: `insecure = true` does not change that",
        f"put its authority into SSL_CERT_FILE or `/etc/docker/certs.d/{host}/ca.crt`",
    )
