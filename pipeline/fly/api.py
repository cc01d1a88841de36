"""Fly's two interfaces over HTTP: the Machines API, and GraphQL.

Endpoints and answers: superfly/docs `machines/api/`, superfly/fly-go `flaps/` and `client.go`.
"""

from __future__ import annotations

import json
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from ..http import wire
from ..http.answer import Answer
from ..http.backoff import PASSING, Gate, Policy, retry_after
from ..http.errors import HttpError
from ..http.retry import Patience, passes
from ..http.text import plain, read_json
from ..model.events import silent
from ..process.wait import SystemClock
from .endpoints import bases, connections
from .errors import STATUS_PAGE as SEE
from .errors import FlyError, NoAppError, in_trouble, out_of_reach, refused, unfitting
from .rate_limit import Pace
from .token import Token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from ..http.connections import Connections
    from ..http.retry import Outcome
    from ..model.events import Reporter
    from ..process.wait import Clock

Json = dict[str, object]

MOST = 64 * 1024 * 1024
"""Bytes of an answer: a machine takes about 4 KB, and an app may have thousands."""

_POLICY = Policy(attempts=4, pause=0.5, total=60.0, allowance=48, connect=5.0, read=30.0)
_NOT_DONE = 429
"""The status that says that nothing was done: what changes something may be asked again too."""


class _Request(Struct, frozen=True):
    """What is sent to the interface `surface`; what only `reads` may be asked again."""

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
    """Asks Fly, as whoever the environment says. Thread-safe; sixteen threads are a good number.

    What reads is asked again where the trouble may pass; what changes something only after a 429.
    Every method raises `FlyError` where there is no answer, `NoAppError` for an app that is none.
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
        self.token = Token(environ)
        self._bases = bases(environ)
        self._stop = stop or Event()
        gates = {name: Gate(policy, self._stop, clock) for name in self._bases}
        self._patience = {name: Patience("Fly", gate, report) for name, gate in gates.items()}
        self._pace = Pace(clock or SystemClock(self._stop))
        self._policy = policy
        self._lock = Lock()
        self._clients: dict[str, Connections] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            client.close()

    def machines_api(  # noqa: PLR0913 - a request has these parts
        self,
        method: str,
        path: str,
        subject: str,
        action: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        app: bool = True,
    ) -> object:
        """What the Machines API answers at `/v1` and `path`, as JSON; `None` for an empty body.

        `action` and `subject` (an app or machine) are what the rate limits count. `app` says that
        the path lies below an app, whose absence a 404 means; else it is an error like any other.
        """
        content = None if body is None else json.dumps(body).encode()
        url = f"{self._bases['machines']}/v1{path}"
        for renewed in (False, True):
            self._pace.wait(action, subject)
            sent = {**(headers or {}), **self._headers()}
            reads = method == "GET"
            answer = self._ask(_Request("machines", method, url, sent, content, reads))
            if answer.status != 401 or renewed or not self.token.renew():
                break
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, path, app=app)
        found = read_json(answer.body)
        if found is None and reads and answer.body.strip() != b"null":
            raise unfitting()
        return found

    def graphql(self, query: str, variables: Mapping[str, object]) -> Json:
        """The `data` of a GraphQL query. Raises `FlyError` for each that names an error."""
        content = json.dumps({"query": query, "variables": dict(variables)}).encode()
        url = f"{self._bases['graphql']}/graphql"
        sent = self._headers(all_tokens=True)
        answer = self._ask(_Request("graphql", "POST", url, sent, content, reads=True))
        found = read_json(answer.body)
        if answer.status == 401:
            raise refused(self.token.source, self._said(answer))
        if answer.status != 200 or not isinstance(found, dict):
            raise in_trouble("Fly's API", answer.status, self._said(answer), _wait(answer))
        if errors := found.get("errors"):
            first = errors[0] if isinstance(errors, list) else errors
            raise self._graphql_error(first if isinstance(first, dict) else {"message": first})
        return as_object(found.get("data"))

    def _graphql_error(self, error: Json) -> FlyError:
        extensions = error.get("extensions")
        code = str(extensions.get("code") or "") if isinstance(extensions, dict) else ""
        message = plain(str(error.get("message") or "no reason given"), self.token.secrets())
        if "must be authenticated" in message:
            return refused(self.token.source, message)
        if code == "UNAUTHORIZED" or "not authorized" in message.lower():
            return out_of_reach("what was asked for", self.token.source, message)
        return FlyError(f"Fly says: {message}", hint=SEE, status=200, code=code)

    def _refusal(self, answer: Answer, path: str, *, app: bool) -> FlyError:
        said, name = self._said(answer), path.partition("?")[0].split("/")[2:3]
        if answer.status == 401:
            return refused(self.token.source, said)
        if answer.status == 403:
            what = f"the app `{name[0]}`" if name else "the organization"
            return out_of_reach(what, self.token.source, said)
        if answer.status == 404 and app and name and "machine" not in said.lower():
            return NoAppError(name[0])
        if answer.status in PASSING:
            return in_trouble("Fly's Machines API", answer.status, said, _wait(answer))
        found = read_json(answer.body)
        code = str(found.get("status") or "") if isinstance(found, dict) else ""
        message = (
            f"Fly answers {answer.status} to `{path.partition('?')[0]}`: {said or 'no reason'}"
        )
        return FlyError(message, hint=SEE, status=answer.status, code=code)

    def _said(self, answer: Answer) -> str:
        """Fly's own words, made harmless."""
        found = read_json(answer.body)
        error = found.get("error") if isinstance(found, dict) else None
        return plain(str(error), self.token.secrets()) if error else ""

    def _headers(self, *, all_tokens: bool = False) -> dict[str, str]:
        return {
            "Authorization": self.token.header(all_tokens=all_tokens),
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def _ask(self, request: _Request) -> Answer:
        """Ask until there is an answer that does not look passing, within the policy's bounds."""
        tried = partial(self._sent, request)
        outcome = self._patience[request.surface].ask(tried, partial(_may_pass, request))
        if isinstance(outcome, HttpError):
            message = outcome.message.replace(", which is no manifest", "")
            ours = outcome.facts.proxy or outcome.facts.retry_after is not None
            hint = outcome.hint if ours else SEE
            raise FlyError(f"Fly could not be asked: {message}", hint=hint)
        return outcome

    def _sent(self, request: _Request, deadline: float) -> Answer | HttpError:
        try:
            answer = wire.send(
                self._client(request.surface),
                request.method,
                request.url,
                headers=request.headers,
                body=request.body,
                deadline=deadline,
                most=MOST,
            )
        except HttpError as error:
            return error
        if answer.status not in PASSING:
            self._patience[request.surface].gate.succeeded()
        return answer

    def _client(self, what: str) -> Connections:
        with self._lock:
            if what not in self._clients:
                self._clients[what] = connections(self._bases[what], self._policy)
            return self._clients[what]


def _may_pass(request: _Request, outcome: Outcome) -> bool:
    """Whether Fly is asked once more: what changes something only where it says it did nothing."""
    not_done = isinstance(outcome, Answer) and outcome.status == _NOT_DONE
    return passes(outcome) and (request.reads or not_done)


def _wait(answer: Answer) -> float | None:
    return retry_after(answer.headers)


def as_object(value: object) -> Json:
    """A JSON object. Raises `FlyError` for anything else."""
    if not isinstance(value, dict):
        raise unfitting()
    return value


def as_objects(value: object) -> Sequence[Json]:
    """The objects of a JSON array; none for `null`, as Go writes a list of nothing.

    Raises `FlyError` for anything else: what is left out would count as not being there.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise unfitting()
    return [as_object(one) for one in value]
