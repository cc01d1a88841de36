"""One registry host: who we are there, asking again, and redirects."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from ..http import wire
from ..http.addresses import is_inside, is_loopback
from ..http.backoff import PASSING, Gate, Policy
from ..http.errors import ErrorDetails, HttpError
from ..http.redirect import PRIVATE, redirect_trouble
from ..http.retry import Patience, passes
from ..model.permission import VARIABLE
from ..reference import registry_named
from .auth.challenge import server_of
from .auth.scope import Widening
from .auth.session import Access
from .refusal import refusal
from .request import Request
from .transports import Clients

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ..http import tls
    from ..http.answer import Answer
    from ..http.connections import Connections
    from ..model.events import Reporter
    from ..process.wait import Clock
    from .auth.credential import CredentialSource
    from .request import Check, MirrorsFirst
    from .transports import Contact

    Send = Callable[[str, Mapping[str, str], Connections], Answer]
    """One exchange with an address, with further headers, over these connections."""


_READS = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


def _any(_answer: Answer) -> None:
    """Find every answer whole."""


class Setting(Struct, frozen=True):
    """What all hosts of one `Registry` share.

    `sent` is called once per request that goes out; `pushed` says whether we push to a repository
    (its host and path); `token_servers` are registries and hosts that are told their credentials,
    `private` registries and hosts of private networks that they may send us to.
    """

    source: CredentialSource
    insecure: frozenset[str]
    trust: tls.Trust
    policy: Policy
    report: Reporter
    closed: Event
    sent: Callable[[], None]
    pushed: Callable[[str, str], bool]
    token_servers: Collection[tuple[str, str]] = ()
    private: Collection[tuple[str, str]] = ()
    clock: Clock | None = None


class Host:
    """A registry at one host, as whoever we are at `place`. Thread-safe.

    `mirrors` are asked before it for what is read.
    """

    def __init__(
        self, name: str, setting: Setting, *, place: str, mirrors: MirrorsFirst | None = None
    ) -> None:
        self.name = name
        self.known = False
        """Whether it has ever answered."""
        self._setting = setting
        self._mirrors = mirrors
        self._gate = Gate(setting.policy, setting.closed, setting.clock)
        self._patience = Patience(f"`{name}`", self._gate, setting.report)
        self._lock = Lock()
        insecure = name in setting.insecure
        self._clients = Clients(name, setting.trust, setting.policy, insecure=insecure)
        self._found: Contact | None = None
        self._private = frozenset(s for r, s in setting.private if r == registry_named(name))
        self._inside = False
        self._widening = Widening(partial(setting.pushed, name))
        trusted = frozenset(s for r, s in setting.token_servers if r == registry_named(name))
        self.access = Access(name, setting.source, self._fetch, place=place, trusted=trusted)

    def ask(self, request: Request, check: Check = _any) -> Answer:
        """Ask until there is an answer that does not look passing, within the policy's bounds.

        `check` is shown each answer with status 200; what it raises counts as a failure. The last
        answer is returned whatever it is; `HttpError` is raised where none came.
        """
        if found := self._lent(request, check):
            return found
        return _answer(self._patience.ask(partial(self._tried, request, check), passes))

    def ask_once(self, request: Request, check: Check = _any) -> Answer:
        """Ask without asking again."""
        if found := self._lent(request, check):
            return found
        deadline = self._gate.deadline()
        if not self._gate.wait(deadline):
            raise self._patience.told_to_wait()
        return _answer(self._tried(request, check, deadline))

    def _lent(self, request: Request, check: Check) -> Answer | None:
        """What a mirror has of what is to be read."""
        if self._mirrors is None or request.method not in _READS:
            return None
        answer = self._mirrors.answer(request, check)
        self.known = self.known or answer is not None
        return answer

    def may_begin_anew(self, attempt: int, trouble: HttpError) -> bool:
        """Wait before work of several requests is begun again; `False` where it must not be.

        `attempt` is the number of the one that ended with `trouble`.
        """
        again = attempt < self._setting.policy.attempts and trouble.facts.passing
        if not again or not self._gate.may_retry():
            return False
        return self._patience.pause(attempt, trouble, self._gate.deadline())

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing proves who is there, so that no credential is shown."""
        return self._contact().doubt is not None

    def close(self) -> None:
        """Let go of the connections."""
        self._clients.close()
        if self._mirrors is not None:
            self._mirrors.close()

    def _tried(self, request: Request, check: Check, deadline: float) -> Answer | HttpError:
        """One attempt, with its redirects and with what it takes to say who we are."""
        try:
            answer = self._exchange(request, partial(self._send, request, deadline=deadline))
            if answer.status == 200:
                check(answer)
        except HttpError as error:
            return error
        self.known = True
        if answer.status not in PASSING:
            self._gate.succeeded()
        return answer

    def _exchange(self, request: Request, send: Send) -> Answer:
        """The request, and once more with a better `Authorization` if the host asks for one."""
        origin = self._contact().origin
        scope = self._widening.of(request.scope)
        header = self.access.header(origin, scope)
        answer = self._followed(request, header, send)
        if answer.status != 401 or not answer.own:
            return answer
        challenge = answer.headers.get("www-authenticate", "")
        better = self.access.answer(challenge, origin, scope, header)
        answer = self._followed(request, better, send) if better else answer

        def as_who_pushes(wider: str) -> Answer | None:
            broad = self.access.wider(challenge, origin, wider)
            return self._followed(request, broad, send) if broad else None

        return self._widening.again(answer, scope, as_who_pushes)

    def _followed(self, request: Request, header: str | None, send: Send) -> Answer:
        origin = self._contact().origin
        url, own, inside = f"{origin}{request.path}", True, False
        for _ in range(_MOST_REDIRECTS):
            authorization = {"Authorization": header} if header and own else {}
            answer = self._sent_on(url, authorization, send, own=own, inside=inside)
            self._inside = answer.inside if own else self._inside
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location or request.method not in _READS:
                return replace(answer, own=own)
            inside = answer.inside or is_inside(urlsplit(url).hostname or "")
            url, inside = self._next(url, location, inside=inside)
            own = own and url.startswith(f"{origin}/")
        raise HttpError(
            f"`{self.name}` sends us around in circles",
            hint="is the address right?",
            facts=ErrorDetails(answer.status, answer.url),
        )

    def _sent_on(
        self, url: str, extra: Mapping[str, str], send: Send, *, own: bool, inside: bool
    ) -> Answer:
        try:
            http = self._contact().http if own else self._clients.stranger(inside=inside)
            return send(url, extra, http)
        except HttpError as error:
            if own or not error.facts.forbidden:
                raise
            raise HttpError(error.message, hint=self._hint(url), facts=error.facts) from None

    def _hint(self, url: str) -> str:
        """What says that a registry may send us into a private network."""
        word = f"{VARIABLE}=private={self.name}/{server_of(url)}"
        return f"is this the right registry? `{word}` in the environment says that you trust it"

    def _next(self, url: str, location: str, *, inside: bool) -> tuple[str, bool]:
        """Where we are sent, and whether we may go there into a private network."""
        try:
            target = urljoin(url, location)
        except ValueError:  # an address that is none, as `http://[::1`
            target = location
        inside = inside or server_of(target) in self._private
        if trouble := redirect_trouble(url, target, inside=inside):
            raise HttpError(
                f"`{self.name}` redirects to where we do not go: {trouble}",
                hint=self._hint(target) if trouble == PRIVATE else "is this the right registry?",
                facts=ErrorDetails(url=wire.redacted(url)),
            )
        return target, inside

    @contextmanager
    def stream(self, request: Request) -> Iterator[Iterator[bytes]]:
        """What is behind a request, piece by piece. Asked once. Raises `HttpError`."""
        if not self._gate.wait(self._gate.deadline()):
            raise self._patience.told_to_wait()
        with ExitStack() as stack:
            pieces: list[Iterator[bytes]] = []

            def send(url: str, extra: Mapping[str, str], http: Connections) -> Answer:
                self._setting.sent()
                headers = {**request.headers, **extra}
                opening = wire.opened(http, request.method, url, headers)
                answer, found = stack.enter_context(opening)
                pieces[:] = [found]
                return answer

            answer = self._exchange(request, send)
            if answer.status != 200:
                raise refusal(answer, self.name, self.access, what=request.path, verb="read")
            yield pieces[0]

    def _send(
        self,
        request: Request,
        url: str,
        extra: Mapping[str, str],
        http: Connections,
        *,
        deadline: float,
    ) -> Answer:
        self._setting.sent()
        return wire.send(
            http,
            request.method,
            url,
            headers={**request.headers, **extra},
            body=request.body,
            deadline=deadline,
        )

    def _fetch(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """For `Access`: a token server is our own host, or a stranger."""
        request = Request(method, "", headers=headers, body=body)
        deadline = time.monotonic() + self._setting.policy.read
        return self._send(request, url, {}, self._to_token_server(url), deadline=deadline)

    def _to_token_server(self, url: str) -> Connections:
        """What a token is fetched over, after `realm_trouble` has looked at the address."""
        parts, contact = urlsplit(url), self._contact()
        if url.startswith(f"{contact.origin}/"):
            return contact.http
        if parts.scheme == "http" and is_loopback(parts.hostname or ""):
            return self._clients.neighbour()
        ours = parts.hostname == urlsplit(contact.origin).hostname
        if ours or self.access.is_trusted(url):
            return self._clients.token_server()
        return self._clients.stranger(inside=self._inside or server_of(url) in self._private)

    def _contact(self) -> Contact:
        """How the host is reached, found out once; then the credential, looked up once."""
        if found := self._found:
            return found
        with self._lock:
            if self._found is None:
                contact = self._clients.contact()
                self.access.prepare(contact.doubt)
                self._found = contact
            return self._found


def _answer(outcome: Answer | HttpError) -> Answer:
    if isinstance(outcome, HttpError):
        raise outcome
    return outcome
