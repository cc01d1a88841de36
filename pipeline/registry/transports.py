"""What a registry is spoken to over: connections to its own host, to this machine, to strangers.

Each has its own, so that a credential cannot wander from one to another.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from msgspec import Struct

from ..http import tls
from ..http.addresses import is_loopback, not_here, not_outside
from ..http.connections import Connections
from ..http.tls_probe import is_vouched_for, speaks_tls, split
from ..reference import HUB
from .auth.session import Doubt

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from ..http.backoff import Policy

_HUB_API = "registry-1.docker.io"
_IN_CLEAR = Doubt(" over plain HTTP", "give the registry a certificate")


class Contact(Struct, frozen=True):
    """How a registry is reached: its `origin` (scheme and address), and over what.

    A `doubt` says why it is shown no credential.
    """

    origin: str
    http: Connections
    doubt: Doubt | None = None


class Clients:
    """All that one registry is reached by, each made when it is first wanted. Thread-safe.

    An `insecure` one may speak plain HTTP, or show any certificate; then it is shown no credential.
    """

    def __init__(self, name: str, trust: tls.Trust, policy: Policy, *, insecure: bool) -> None:
        self._name = name
        self._trust = trust
        self._policy = policy
        self._insecure = insecure
        self._lock = Lock()
        self._made: dict[str, Connections] = {}

    def contact(self) -> Contact:
        """Find out whether the registry speaks TLS, and proves who it is. Raises `HttpError`.

        Plain HTTP is nobody's but this machine's without a word of the user's.
        """
        address = _HUB_API if self._name == HUB else self._name
        loopback = is_loopback(split(address)[0])
        lenient = loopback or self._insecure
        if lenient and not speaks_tls(self._name, address, self._policy):
            return self._in_clear(f"http://{address}", loopback=loopback)
        context, doubt = self._trust.context(self._name), None
        if self._insecure and not is_vouched_for(
            address, context, self._policy, proxies=not loopback
        ):
            context, doubt = tls.unverified(), _unproven(self._name)
        made = Connections(context, proxies=not loopback, policy=self._policy)
        return Contact(f"https://{address}", self._kept("own", lambda: made), doubt)

    def neighbour(self) -> Connections:
        """For plain HTTP on this machine, which no proxy and no name leads elsewhere."""
        return self._kept(
            "neighbour",
            lambda: Connections(
                tls.nothing(), proxies=False, policy=self._policy, wrong_with=not_here
            ),
        )

    def stranger(self, *, inside: bool) -> Connections:
        """For addresses that are not the registry's: they are shown no certificate of ours.

        It goes into private networks if `inside` says that who sends us there is in one.
        """
        which = "inside" if inside else "outside"
        return self._kept(which, lambda: self._abroad(self._trust.authorities, inside=inside))

    def token_server(self) -> Connections:
        """For one that may be told the credential: it is shown our certificate too."""
        return self._kept("token server", lambda: self._abroad(self._trust.context, inside=True))

    def close(self) -> None:
        """Let go of the connections."""
        for used in self._made.values():
            used.close()

    def _in_clear(self, origin: str, *, loopback: bool) -> Contact:
        if loopback:
            return Contact(origin, self.neighbour())
        made = Connections(tls.nothing(), proxies=True, policy=self._policy)
        return Contact(origin, self._kept("own", lambda: made), _IN_CLEAR)

    def _abroad(self, trust: Callable[[str], ssl.SSLContext], *, inside: bool) -> Connections:
        return Connections(
            trust(self._name),
            proxies=True,
            policy=self._policy,
            wrong_with=None if inside else not_outside,
        )

    def _kept(self, which: str, make: Callable[[], Connections]) -> Connections:
        with self._lock:
            if which not in self._made:
                self._made[which] = make()
            return self._made[which]


def _unproven(host: str) -> Doubt:
    return Doubt(
        ", whose certificate nobody vouches for: `insecure = true` is no proof",
        f"put its authority into SSL_CERT_FILE or `/etc/docker/certs.d/{host}/ca.crt`",
    )
