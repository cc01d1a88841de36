"""Talk to one registry host: authorization, redirects and retries."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from ..http.addresses import is_inside, is_loopback
from ..http.errors import Cause, ErrorDetails, HttpError
from ..http.failures import redacted
from ..http.redirect import PRIVATE, why_not_followed
from ..http.retry import TRANSIENT, Gate, Policy, Retry, is_transient
from ..http.send import send, stream
from ..model.permission import VARIABLE
from ..reference import registry_named
from .auth.authorizer import Authorizer
from .auth.challenge import server_of
from .auth.scope import ReadScopes
from .endpoint import Transports
from .refusal import refusal
from .request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ..http.connections import Connections
    from ..http.response import Response
    from ..http.retry import Outcome
    from ..model.events import Reporter
    from ..process.wait import Clock
    from .auth.credential import CredentialSource
    from .auth.namespace import Namespace
    from .endpoint import Endpoint
    from .request import Check, MirrorsFirst
    from .trust import Trust

    Send = Callable[[str, Mapping[str, str], Connections], Response]
    """Send a request to an address, with more headers, over these connections."""


_READS = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


def _accept(_response: Response) -> None:
    """Accept every response."""


class HostSettings(Struct, frozen=True):
    """What all hosts of one `Registry` share.

    `sent` is called once per request that goes out. `pushed` returns whether we push to a
    repository, by its host and path. `token_servers` are pairs of a registry and a host that may
    have its credential; `private` are pairs of a registry and a host in a private network that it
    may send us to.
    """

    source: CredentialSource
    insecure: frozenset[str]
    trust: Trust
    policy: Policy
    report: Reporter
    closed: Event
    sent: Callable[[], None]
    pushed: Callable[[str, str], bool]
    token_servers: Collection[tuple[str, str]] = ()
    private: Collection[tuple[str, str]] = ()
    clock: Clock | None = None


class Host:
    """A registry at one host, with the credential for `namespace`. Thread-safe.

    `mirrors` are asked before it for what is read.
    """

    def __init__(
        self,
        name: str,
        settings: HostSettings,
        *,
        namespace: Namespace,
        mirrors: MirrorsFirst | None = None,
    ) -> None:
        self.name = name
        self.known = False
        """Whether it has ever answered."""
        self.latency = math.inf
        """The latency of its fastest response, in seconds; infinite while all have failed.

        So requests to a host that asks to wait all wait at once, and not one after the other.
        """
        self._settings = settings
        self._mirrors = mirrors
        gate = Gate(settings.policy, settings.closed, settings.clock)
        self._retry = Retry(f"`{name}`", gate, settings.report)
        self._lock = Lock()
        insecure = name in settings.insecure
        self._transports = Transports(name, settings.trust, settings.policy, insecure=insecure)
        self._found: Endpoint | None = None
        self._private = frozenset(s for r, s in settings.private if r == registry_named(name))
        self._inside = False
        self._scopes = ReadScopes(partial(settings.pushed, name))
        trusted = frozenset(s for r, s in settings.token_servers if r == registry_named(name))
        self.authorizer = Authorizer(
            name, settings.source, self._fetch_token, namespace=namespace, trusted=trusted
        )

    def ask(
        self,
        request: Request,
        check: Check = _accept,
        retryable: Callable[[Outcome], bool] = is_transient,
    ) -> Response:
        """Send a request until its response is final, within the limits of the policy.

        `check` sees each response with status 200; an `HttpError` that it raises counts as a
        failure of the attempt. `retryable` decides what is worth another attempt. The last response
        is returned whatever its status; `HttpError` is raised where there was none.
        """
        if found := self._from_mirror(request, check):
            return found
        return self._retry.call(partial(self._attempt, request, check), retryable)

    def ask_once(self, request: Request, check: Check = _accept) -> Response:
        """Send a request, without retries."""
        if found := self._from_mirror(request, check):
            return found
        return self._retry.call_once(partial(self._attempt, request, check))

    @contextmanager
    def stream(self, request: Request) -> Iterator[Iterator[bytes]]:
        """Send a request once; yield the body piece by piece. Raises `HttpError`."""
        self._retry.begin()
        with ExitStack() as stack:
            pieces: list[Iterator[bytes]] = []

            def open_stream(
                url: str, extra: Mapping[str, str], connections: Connections
            ) -> Response:
                self._settings.sent()
                headers = {**request.headers, **extra}
                opening = stream(connections, request.method, url, headers)
                response, found = stack.enter_context(opening)
                pieces[:] = [found]
                return response

            response = self._exchange(request, open_stream)
            if response.status != 200:
                raise refusal(response, self.name, self.authorizer, what=request.path, verb="read")
            yield pieces[0]

    def may_start_over(self, attempt: int, error: HttpError) -> bool:
        """Wait before work of several requests is done again; `False` where it must not be.

        `attempt` is the number of the one that ended with `error`.
        """
        return self._retry.may_start_over(attempt, error)

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing proves who answers there, so that no credential is sent."""
        return self._endpoint().doubt is not None

    def close(self) -> None:
        """Close all connections."""
        self._transports.close()
        if self._mirrors is not None:
            self._mirrors.close()

    def _from_mirror(self, request: Request, check: Check) -> Response | None:
        """Return what a mirror has of what is to be read."""
        if self._mirrors is None or request.method not in _READS:
            return None
        response = self._mirrors.answer(request, check)
        self.known = self.known or response is not None
        return response

    def _attempt(self, request: Request, check: Check, deadline: float) -> Response:
        """Make one attempt, with its redirects and with what authorization takes."""
        response = self._exchange(request, partial(self._send, request, deadline=deadline))
        if response.status not in TRANSIENT:
            self.latency = min(response.latency, self.latency)
        if response.status == 200:
            check(response)
        self.known = True
        return response

    def _exchange(self, request: Request, sender: Send) -> Response:
        """Send a request; after a 401, send it again with a better `Authorization`."""
        origin = self._endpoint().origin
        scope = self._scopes.of(request.scope)
        header = self.authorizer.header(origin, scope)
        response = self._follow(request, header, sender)
        if response.status != 401 or not response.own:
            return response
        challenge = response.headers.get("www-authenticate", "")
        better = self.authorizer.answer(challenge, origin, scope, header)
        response = self._follow(request, better, sender) if better else response

        def as_who_pushes(wider: str) -> Response | None:
            broad = self.authorizer.wider(challenge, origin, wider)
            return self._follow(request, broad, sender) if broad else None

        return self._scopes.retry_wider(response, scope, as_who_pushes)

    def _follow(self, request: Request, header: str | None, sender: Send) -> Response:
        """Send a request, and follow redirects where it reads."""
        origin = self._endpoint().origin
        url, own, inside = f"{origin}{request.path}", True, False
        for _ in range(_MOST_REDIRECTS):
            authorization = {"Authorization": header} if header and own else {}
            response = self._send_to(url, authorization, sender, own=own, inside=inside)
            self._inside = response.inside if own else self._inside
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or not location or request.method not in _READS:
                return replace(response, own=own)
            inside = response.inside or is_inside(urlsplit(url).hostname or "")
            url, inside = self._target(url, location, inside=inside)
            own = own and url.startswith(f"{origin}/")
        raise HttpError(
            f"`{self.name}` redirects in circles",
            hint="is the address right?",
            details=ErrorDetails(response.status, response.url),
        )

    def _send_to(
        self, url: str, extra: Mapping[str, str], sender: Send, *, own: bool, inside: bool
    ) -> Response:
        try:
            own_connections = self._endpoint().connections
            used = own_connections if own else self._transports.foreign(inside=inside)
            return sender(url, extra, used)
        except HttpError as error:
            if own or error.details.cause is not Cause.ADDRESS:
                raise
            raise HttpError(
                error.message, hint=self._private_hint(url), details=error.details
            ) from None

    def _private_hint(self, url: str) -> str:
        """Return how to permit that a registry sends us into a private network."""
        word = f"{VARIABLE}=private={self.name}/{server_of(url)}"
        return f"is this the right registry? `{word}` in the environment says that you trust it"

    def _target(self, url: str, location: str, *, inside: bool) -> tuple[str, bool]:
        """Return where a redirect leads, and whether that may be in a private network."""
        try:
            target = urljoin(url, location)
        except ValueError:  # not an address, as `http://[::1`
            target = location
        inside = inside or server_of(target) in self._private
        if why := why_not_followed(url, target, inside=inside):
            raise HttpError(
                f"a redirect from `{self.name}` is not followed: {why}",
                hint=self._private_hint(target)
                if why == PRIVATE
                else "is this the right registry?",
                details=ErrorDetails(url=redacted(url)),
            )
        return target, inside

    def _send(
        self,
        request: Request,
        url: str,
        extra: Mapping[str, str],
        connections: Connections,
        *,
        deadline: float,
    ) -> Response:
        self._settings.sent()
        return send(
            connections,
            request.method,
            url,
            headers={**request.headers, **extra},
            body=request.body,
            deadline=deadline,
        )

    def _fetch_token(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        """Send a request to a token server, for `Authorizer`."""
        request = Request(method, "", headers=headers, body=body)
        deadline = time.monotonic() + self._settings.policy.read
        return self._send(request, url, {}, self._to_token_server(url), deadline=deadline)

    def _to_token_server(self, url: str) -> Connections:
        """Return the connections to a token server, whose address `why_untrusted` accepted."""
        parts, endpoint = urlsplit(url), self._endpoint()
        if url.startswith(f"{endpoint.origin}/"):
            return endpoint.connections
        if parts.scheme == "http" and is_loopback(parts.hostname or ""):
            return self._transports.loopback()
        ours = parts.hostname == urlsplit(endpoint.origin).hostname
        if ours or self.authorizer.is_trusted(url):
            return self._transports.token_server()
        return self._transports.foreign(inside=self._inside or server_of(url) in self._private)

    def _endpoint(self) -> Endpoint:
        """Find out how the host is reached, and look up the credential, both once."""
        if found := self._found:
            return found
        with self._lock:
            if self._found is None:
                endpoint = self._transports.endpoint()
                self.authorizer.prepare(endpoint.doubt)
                self._found = endpoint
            return self._found
