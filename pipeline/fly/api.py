"""Send requests to Fly's two interfaces: the Machines API, and GraphQL.

Endpoints and answers: superfly/docs `machines/api/`, superfly/fly-go `flaps/` and `client.go`.
"""

from __future__ import annotations

import json
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from ..http.errors import Cause, HttpError
from ..http.response import Response
from ..http.retry import TRANSIENT, Gate, Policy, Retry, is_transient, retry_after
from ..http.send import send
from ..http.text import plain, read_json
from ..model.events import silent
from ..process.wait import SystemClock
from .endpoints import bases, connections
from .errors import (
    STATUS_PAGE,
    FlyError,
    NoAppError,
    out_of_reach,
    token_refused,
    unavailable,
    unexpected,
)
from .rate_limit import RateLimit
from .token import FlyToken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from ..http.connections import Connections
    from ..http.retry import Outcome
    from ..model.events import Reporter
    from ..process.wait import Clock

JsonObject = dict[str, object]

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a response: a machine takes about 4 KB, and an app may have thousands."""

_POLICY = Policy(attempts=4, pause=0.5, total=60.0, allowance=48, connect=5.0, read=30.0)
_NOT_DONE = 429
"""The status that says that nothing was done: changes may be sent again after it, too."""


class _Request(Struct, frozen=True):
    """A request to the interface `surface`; one that only `reads` may be sent again."""

    surface: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    reads: bool = False

    def __repr__(self) -> str:
        """Leave out the headers, which hold the token."""
        return f"{type(self).__name__}({self.surface!r}, {self.method!r}, {self.url!r})"


class FlyApi:
    """Send requests to Fly with the token of the environment. Thread-safe, for 16 threads or so.

    Requests that read are retried after a transient failure, changes only after a 429. Every method
    raises `FlyError` where there is no usable answer, and `NoAppError` for an app that does not
    exist. `clock` is what retries and rate limits wait by.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        stop: Event | None = None,
        report: Reporter = silent,
        policy: Policy = _POLICY,
        clock: Clock | None = None,
    ) -> None:
        self.token = FlyToken(environ)
        self._bases = bases(environ)
        self._stop = stop or Event()
        gates = {surface: Gate(policy, self._stop, clock) for surface in self._bases}
        self._retry = {surface: Retry("Fly", gate, report) for surface, gate in gates.items()}
        self._limit = RateLimit(clock or SystemClock(self._stop))
        self._policy = policy
        self._lock = Lock()
        self._connections: dict[str, Connections] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for used in self._connections.values():
            used.close()

    def machines_api(  # noqa: PLR0913 - a request has these parts
        self,
        method: str,
        path: str,
        subject: str,
        action: str,
        *,
        body: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
        app: bool = True,
    ) -> object:
        """Send a request to the Machines API; return its JSON, `None` for an empty body.

        `path` goes after `/v1`. `action` and `subject` (an app or machine) are what the rate limits
        count. `app` says that the path is below an app, which a 404 says not to exist; else a 404
        is an error like any other.
        """
        content = None if body is None else json.dumps(body).encode()
        url = f"{self._bases['machines']}/v1{path}"
        for renewed in (False, True):
            self._limit.wait(action, subject)
            sent = {**(headers or {}), **self._headers()}
            reads = method == "GET"
            response = self._ask(_Request("machines", method, url, sent, content, reads))
            if response.status != 401 or renewed or not self.token.renew():
                break
        if not 200 <= response.status < 300:
            raise self._refusal(response, path, app=app)
        found = read_json(response.body)
        if found is None and reads and response.body.strip() != b"null":
            raise unexpected()
        return found

    def graphql(self, query: str, variables: Mapping[str, object]) -> JsonObject:
        """Send a GraphQL query; return its `data`. Raises `FlyError` where it has `errors`."""
        content = json.dumps({"query": query, "variables": dict(variables)}).encode()
        url = f"{self._bases['graphql']}/graphql"
        sent = self._headers(all_tokens=True)
        response = self._ask(_Request("graphql", "POST", url, sent, content, reads=True))
        found = read_json(response.body)
        if response.status == 401:
            raise token_refused(self.token.source, self._said(response))
        if response.status != 200 or not isinstance(found, dict):
            raise unavailable("Fly's API", response.status, self._said(response), _wait(response))
        if errors := found.get("errors"):
            first = errors[0] if isinstance(errors, list) else errors
            raise self._graphql_error(first if isinstance(first, dict) else {"message": first})
        return as_object(found.get("data"))

    def _graphql_error(self, error: JsonObject) -> FlyError:
        extensions = error.get("extensions")
        code = str(extensions.get("code") or "") if isinstance(extensions, dict) else ""
        message = plain(str(error.get("message") or "no reason given"), self.token.secrets())
        if "must be authenticated" in message:
            return token_refused(self.token.source, message)
        if code == "UNAUTHORIZED" or "not authorized" in message.lower():
            return out_of_reach("what was asked for", self.token.source, message)
        return FlyError(f"Fly says: {message}", hint=STATUS_PAGE, status=200, code=code)

    def _refusal(self, response: Response, path: str, *, app: bool) -> FlyError:
        said, name = self._said(response), path.partition("?")[0].split("/")[2:3]
        if response.status == 401:
            return token_refused(self.token.source, said)
        if response.status == 403:
            what = f"the app `{name[0]}`" if name else "the organization"
            return out_of_reach(what, self.token.source, said)
        if response.status == 404 and app and name and "machine" not in said.lower():
            return NoAppError(name[0])
        if response.status in TRANSIENT:
            return unavailable("Fly's Machines API", response.status, said, _wait(response))
        found = read_json(response.body)
        code = str(found.get("status") or "") if isinstance(found, dict) else ""
        message = (
            f"Fly answers {response.status} to `{path.partition('?')[0]}`: {said or 'no reason'}"
        )
        return FlyError(message, hint=STATUS_PAGE, status=response.status, code=code)

    def _said(self, response: Response) -> str:
        """Return Fly's own words, without secrets and control characters."""
        found = read_json(response.body)
        error = found.get("error") if isinstance(found, dict) else None
        return plain(str(error), self.token.secrets()) if error else ""

    def _headers(self, *, all_tokens: bool = False) -> dict[str, str]:
        return {
            "Authorization": self.token.header(all_tokens=all_tokens),
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def _ask(self, request: _Request) -> Response:
        """Send a request until its response is final. Raises `FlyError` where there is none."""
        retry = self._retry[request.surface]
        try:
            return retry.call(partial(self._send, request), partial(_is_retryable, request))
        except HttpError as error:
            details = error.details
            ours = details.cause is Cause.PROXY or details.retry_after is not None
            hint = error.hint if ours else STATUS_PAGE
            raise FlyError(f"Fly could not be queried: {error.message}", hint=hint) from None

    def _send(self, request: _Request, deadline: float) -> Response:
        return send(
            self._connections_to(request.surface),
            request.method,
            request.url,
            headers=request.headers,
            body=request.body,
            deadline=deadline,
            most=MAX_BODY,
        )

    def _connections_to(self, surface: str) -> Connections:
        with self._lock:
            if surface not in self._connections:
                self._connections[surface] = connections(self._bases[surface], self._policy)
            return self._connections[surface]


def _is_retryable(request: _Request, outcome: Outcome) -> bool:
    """Return whether a request may be sent again: a change only where Fly says it did nothing."""
    not_done = isinstance(outcome, Response) and outcome.status == _NOT_DONE
    return is_transient(outcome) and (request.reads or not_done)


def _wait(response: Response) -> float | None:
    return retry_after(response.headers)


def as_object(value: object) -> JsonObject:
    """Return a JSON object as it is. Raises `FlyError` for anything else."""
    if not isinstance(value, dict):
        raise unexpected()
    return value


def as_objects(value: object) -> Sequence[JsonObject]:
    """Return the objects of a JSON array; none for `null`, as Go writes an empty list.

    Raises `FlyError` for anything else: what is left out would count as not being there.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise unexpected()
    return [as_object(one) for one in value]
