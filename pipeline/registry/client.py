"""Talk to registries: check what exists, read manifests, put tags."""

from __future__ import annotations

from collections import deque
from threading import Event, Lock
from typing import TYPE_CHECKING, TypeVar

from ..http.connections import IDLE
from ..http.errors import ErrorDetails, HttpError
from ..http.response import Response
from ..http.retry import Policy, is_transient
from ..model.events import silent
from ..model.presence import Absent, Present
from .auth.credential import nobody
from .auth.namespace import host_of
from .errors import AbsentError, ContradictionError, KeptTagError
from .heads import Heads
from .host import HostSettings
from .host_pool import HostPool, no_mirrors
from .manifest import Manifest, check_digest, digest_of, read_manifest
from .refusal import refusal, said_by
from .request import Request
from .response import MANIFEST_TYPES, digest_in, keeps_tags, lacks_blobs, names_absence, presence
from .trust import CERTS_D, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from ..http.retry import Outcome
    from ..model.events import Reporter
    from ..model.presence import Presence
    from ..process.wait import Clock
    from ..reference import Digest, Reference, Repository
    from .auth.credential import Credential, CredentialSource
    from .auth.namespace import Namespace
    from .blobs import RemoteRepository
    from .host import Host
    from .mirrors import Mirrors

T = TypeVar("T")
R = TypeVar("R")

MOST_AT_ONCE = IDLE
"""Requests at once, at most: each needs a connection, which the next ones use again."""
_CORE_SECONDS = 0.0002
"""How long a request keeps one core of Python busy.

With as many requests at once as fit into a round trip, the core is always busy. More do not make it
faster: each needs a connection and a thread, which take longer than the request to a near registry.
"""

_READ = {"Accept": ", ".join(MANIFEST_TYPES)}
_HEAD_UNSUPPORTED = (405, 501)


class Registry:
    """A client of the OCI distribution API for any number of hosts. Thread-safe; one per run.

    `namespaces` are parts of hosts (`quay.io/acme`) with a credential of their own. `insecure`
    names hosts (`10.0.0.5:5000`) that may speak plain HTTP or show any certificate; loopback may
    speak plain HTTP anyway. `ca` is a file of more authorities. `token_servers` are pairs of a
    registry and a host that may have its credential; `private` are pairs of a registry and a host
    in a private network that it may send us to. `mirrors` are asked first for what `reads_public`
    names. Waits are reported to `report` as `Notice`, from any thread; `clock` is what they use.

        with Registry(credentials=credentials(os.environ)) as registry:
            registry.head(parse_reference("registry.fly.io/acme-api:1"))
        # Present('sha256:…', 'application/vnd.oci.image.index.v1+json', 1609)
    """

    def __init__(  # noqa: PLR0913 - by name, and each with a default
        self,
        *,
        credentials: CredentialSource = nobody,
        namespaces: frozenset[Namespace] = frozenset(),
        insecure: frozenset[str] = frozenset(),
        report: Reporter = silent,
        ca: Path | None = None,
        certs_d: Path = CERTS_D,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        token_servers: Collection[tuple[str, str]] = (),
        private: Collection[tuple[str, str]] = (),
        mirrors: Mirrors = no_mirrors,
        clock: Clock | None = None,
    ) -> None:
        self._lock = Lock()
        self._hosts = HostPool(namespaces, mirrors)
        self._sent = 0
        self._closed = Event()
        self._pool: ThreadPoolExecutor | None = None
        self._settings = HostSettings(
            source=credentials,
            insecure=insecure,
            trust=Trust(ca, certs_d),
            policy=policy,
            report=report,
            closed=self._closed,
            sent=self._count,
            pushed=self._hosts.is_pushed,
            token_servers=token_servers,
            private=private,
            clock=clock,
        )

    @property
    def requests(self) -> int:
        """How many requests were sent, retries and token requests included."""
        return self._sent

    @property
    def doubtful(self) -> frozenset[str]:
        """The insecure hosts that prove their identity by nothing: they get no credential."""
        return frozenset(h for h in self._settings.insecure if self._named(h).is_doubtful)

    def showing(self, source: CredentialSource) -> CredentialSource:
        """Return a source of credentials for other programs, without those of `doubtful` hosts."""

        def look_up(namespace: Namespace, /) -> Credential | None:
            return None if host_of(namespace) in self.doubtful else source(namespace)

        return look_up

    def pushes_to(self, repositories: Iterable[Repository]) -> None:
        """Note repositories that will be pushed to: if reading is refused, push rights are tried.

        Quay answers 401 to who reads a repository that does not exist yet, and 404 to who may
        create it.
        """
        self._hosts.pushes_to(repositories)

    def reads_public(self, repositories: Iterable[Repository]) -> None:
        """Note repositories that belong to others: they are read through mirrors, if there are any.

        Those that we push to never are, as a mirror may hold an older state.
        """
        self._hosts.reads_public(repositories)

    def head(self, reference: Reference) -> Presence:
        """Check whether `reference` exists, with one request if nothing goes wrong.

        Only a registry's own 404 means absent. Raises `HttpError` for any other answer that is
        neither yes nor no.
        """
        host = self.host(reference.repository)
        response = host.ask(_manifest("HEAD", reference), _named(reference))
        return presence(response) or self._look(host, reference, response)

    def head_all(
        self, references: Collection[Reference]
    ) -> Mapping[Reference, Presence | HttpError]:
        """Call `head` for each, many at once; an error takes the place of a result.

        The order is that of `references`.
        """
        return self.heads().answers(references)

    def heads(self) -> Heads:
        """Return the answers of `head` for references that are still to be added."""
        return Heads(
            self.head,
            lambda reference: self.host(reference.repository),
            lambda: requests_at_once(self._hosts.latency),
            self._closed,
        )

    def each(self, ask: Callable[[T], R], wanted: Collection[T]) -> dict[T, R | HttpError]:
        """Call `ask` for each, many at once; an `HttpError` takes the place of a result.

        There are as many at once as the latency of the hosts makes worthwhile. `ask` must not call
        this itself: it would wait for a worker that waits for it.
        """
        left = deque(wanted)
        workers = min(len(wanted), requests_at_once(self._hosts.latency))
        pool = self._threads()
        working = [pool.submit(self._drain, left, ask) for _ in range(workers)]
        answers = dict(answer for each in working for answer in each.result())
        return {one: answers[one] for one in wanted}

    def manifest(self, reference: Reference) -> Manifest:
        """Read a manifest, and check its digest.

        Raises `AbsentError` where it does not exist, and `HttpError`.
        """
        host = self.host(reference.repository)
        response = host.ask(_manifest("GET", reference), _whole(reference))
        if response.status == 200:
            return read_manifest(response, reference)
        if names_absence(response):
            raise AbsentError(reference)
        raise _refused(response, host, reference, verb="read")

    def put(self, reference: Reference, manifest: Manifest) -> Digest:
        """Push `manifest`, byte for byte, under the tag (or digest) of `reference`.

        The blobs and manifests that it names must be in that repository already. Raises
        `KeptTagError` where the tag exists and the registry overwrites none, and `HttpError`.
        """
        host = self.host(reference.repository)
        response = host.ask(_put(reference, manifest), retryable=_may_be_stored_later)
        if response.status not in (200, 201, 202):
            if keeps_tags(response):
                raise KeptTagError(reference, said_by(response, host.authorizer))
            raise _refused(response, host, reference, verb="write")
        stored = digest_in(response)
        if stored and stored != digest_of(manifest.content, stored):
            raise HttpError(
                f"`{reference}` was pushed as `{manifest.digest}`, and stored as `{stored}`",
                hint="the registry or a proxy modifies requests",
                details=ErrorDetails(response.status, response.url),
            )
        return manifest.digest

    def ping(self, host: str) -> None:
        """Check that there is a registry at `host` that accepts us. Raises `HttpError`."""
        at = self._named(host)
        response = at.ask(Request("GET", "/v2/"))
        if response.status != 200 or not response.own:
            raise refusal(response, host, at.authorizer, what="", verb="use")

    def close(self, *, wait: bool = True) -> None:
        """Cancel all requests, and close all connections.

        With `wait`, requests that were sent are waited for, at most for `Policy.read` seconds.
        """
        self._closed.set()
        with self._lock:
            pool = self._pool
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)
        self._hosts.close()
        if pool:
            pool.shutdown(wait=wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(wait=kind is not KeyboardInterrupt)

    def host(self, repository: Repository) -> Host:
        """Return the host of a repository; it is connected to when it is first asked."""
        return self._hosts.of(repository, self._settings)

    def connect(self, repository: Repository) -> RemoteRepository:
        """Return a repository with the host that it is on."""
        from .blobs import RemoteRepository  # noqa: PLC0415 - most runs neither copy nor push

        return RemoteRepository(self.host(repository), repository.path)

    def _named(self, host: str) -> Host:
        return self._hosts.named(host, self._settings)

    def _count(self) -> None:
        with self._lock:
            self._sent += 1

    def _threads(self) -> ThreadPoolExecutor:
        """Return the threads of `each`, made when they are first needed: most runs need none."""
        with self._lock:
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

                self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="registry")
                if self._closed.is_set():
                    self._pool.shutdown()
            return self._pool

    def _drain(self, left: deque[T], ask: Callable[[T], R]) -> list[tuple[T, R | HttpError]]:
        """Call `ask` for one after the other until none is left."""
        answers = []
        while not self._closed.is_set():
            try:
                one = left.popleft()
            except IndexError:
                break
            answers.append((one, _outcome(ask, one)))
        return answers

    def _look(self, host: Host, reference: Reference, head: Response) -> Presence:
        """Decide by a GET what a HEAD left open: its reason, or the manifest itself.

        A 200 with the right bytes proves presence, whatever HEAD said; a 404 does not prove absence
        where HEAD gave another error.
        """
        if head.status == 429:
            raise _refused(head, host, reference, verb="read")
        # HEAD had its retries where it failed; a GET after a good HEAD is a request of its own.
        patient = head.status in (200, 404, *_HEAD_UNSUPPORTED)
        ask = host.ask if patient else host.ask_once
        response = ask(_manifest("GET", reference), _whole(reference))
        if response.status == 200:
            return read_manifest(response, reference).present
        undecided = head.status in (404, *_HEAD_UNSUPPORTED)
        if undecided and names_absence(response):
            return Absent()
        if head.status == 200 and names_absence(response):
            facts = ErrorDetails(response.status, response.url)
            hint = "run it again; a proxy or a login page may have answered"
            raise ContradictionError(reference, hint, facts)
        worse = head if response.status == 404 and not undecided else response
        raise _refused(worse, host, reference, verb="read")


def requests_at_once(latency: float) -> int:
    """Return how many requests to send at once to hosts that answer after `latency` seconds.

    >>> [requests_at_once(seconds) for seconds in (0.001, 0.005, 0.1, float('inf'))]
    [6, 26, 50, 50]
    """
    longest = MOST_AT_ONCE * _CORE_SECONDS
    return min(MOST_AT_ONCE, 1 + round(min(latency, longest) / _CORE_SECONDS))


def _outcome(ask: Callable[[T], R], one: T) -> R | HttpError:
    try:
        return ask(one)
    except HttpError as error:
        return error


def _manifest(method: str, reference: Reference) -> Request:
    repository = reference.repository.path
    path = f"/v2/{repository}/manifests/{reference.identifier}"
    return Request(method, path, f"repository:{repository}:pull", _READ)


def _put(reference: Reference, manifest: Manifest) -> Request:
    repository = reference.repository.path
    name = reference.tag or reference.identifier
    return Request(
        "PUT",
        f"/v2/{repository}/manifests/{name}",
        f"repository:{repository}:pull,push",
        {"Content-Type": manifest.media_type},
        manifest.content,
    )


def _may_be_stored_later(outcome: Outcome) -> bool:
    """Return whether the same push of a manifest may succeed a moment later.

    distribution 2 does not find a blob while another run mounts or pushes it in the same
    repository: it empties the file that links it, and then writes it.
    """
    return is_transient(outcome) or (isinstance(outcome, Response) and lacks_blobs(outcome))


def _whole(reference: Reference) -> Callable[[Response], object]:
    """Return a check that makes damaged bytes a transient failure."""
    return lambda response: read_manifest(response, reference)


def _named(reference: Reference) -> Callable[[Response], object]:
    """Return a check that a HEAD by digest found that digest."""

    def check(response: Response) -> None:
        found = presence(response)
        if isinstance(found, Present):
            check_digest(found, reference, response.url)

    return check


def _refused(response: Response, host: Host, reference: Reference, *, verb: str) -> HttpError:
    what = reference.repository.path
    return refusal(response, host.name, host.authorizer, what=what, verb=verb)
