"""Answer a 401: make the `Authorization` header, Basic at once or Bearer when a registry asks.

A credential is sent to its own host only, and a token server is asked only if `why_untrusted` has
nothing against it. Sources: distribution's `docs/content/spec/auth/token.md` and `oauth.md`.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from ...http.errors import ErrorDetails, HttpError
from ...http.retry import TRANSIENT, retry_after
from ...http.text import fits_header, read_json
from ...model.permission import VARIABLE
from ..errors import CredentialError
from .challenge import OTHER_HOST, parse_challenges, place_of, server_of, why_untrusted
from .credential import IDENTITY_USER, Credential, Kind
from .namespace import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...http.response import Response
    from .challenge import Challenge
    from .credential import CredentialSource

    Fetch = Callable[[str, str, Mapping[str, str], bytes | None], Response]
    """Send a request, by its method, URL, headers and body."""

_SHORTEST = 60
"""Seconds that a token is valid where the server does not say it, or says less."""
_LONGEST = 3600
"""Seconds after which a new token is fetched, whatever the server promised."""
_BUFFER = 10
"""Seconds before its end at which a token is no longer used."""
_NO_OAUTH = frozenset({400, 401, 404, 405})
"""How token servers say that they have no OAuth2: 404 by the specification, 401 JFrog's, 400
Azure's (containerd `remotes/docker/authorizer.go`). They accept the token as a password."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class BearerToken(Struct, frozen=True):
    """A bearer token and the moment, of `time.monotonic`, until which it is used."""

    value: str
    until: float

    def __repr__(self) -> str:
        """Leave out the token itself."""
        return f"{type(self).__name__}(until={self.until})"


class WithheldReason(Struct, frozen=True):
    """Why a host gets no credential, as words after its name, and a hint."""

    said: str
    hint: str


class Authorizer:
    """Authorize requests to one host, with the credential for `namespace`. Thread-safe.

    One token per scope is fetched at a time. `trusted` are hosts of token servers that may have the
    credential too. `clock` returns seconds since an arbitrary beginning.
    """

    def __init__(
        self,
        host: str,
        source: CredentialSource,
        fetch: Fetch,
        *,
        namespace: Namespace | None = None,
        trusted: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._namespace = namespace or Namespace(host)
        self._trusted = trusted
        self._clock = clock
        self._source = source
        self._fetch = fetch
        self._lock = Lock()
        self._looked_up = False
        self._bearer: Challenge | None = None
        self._tokens: dict[str, BearerToken] = {}
        self._scopes: dict[str, Lock] = {}
        self.credential: Credential | None = None
        self.error: CredentialError | None = None
        self.withheld: WithheldReason | None = None
        self._former: frozenset[str] = frozenset()

    def prepare(self, doubt: WithheldReason | None = None) -> None:
        """Look up the credential, once. With a `doubt` it is not sent."""
        with self._lock:
            if self._looked_up:
                return
            try:
                self.credential = self._source(self._namespace)
            except CredentialError as error:
                # It matters only if the registry asks: a public one needs no credential.
                self.error = error
            self.withheld = doubt if self.credential else None
            self._looked_up = True

    def header(self, origin: str, scope: str) -> str | None:
        """Return the `Authorization` for the first attempt; `None` without a credential."""
        if self._bearer is not None:
            return f"Bearer {self._token(self._bearer, origin, scope, refused=None)}"
        usable = self.credential if not self.withheld else None
        return f"Basic {usable.basic}" if usable and usable.kind is Kind.PASSWORD else None

    def answer(self, challenge: str, origin: str, scope: str, sent: str | None) -> str | None:
        """Return the `Authorization` for a second attempt after a 401; `None` for nothing new.

        `challenge` is `WWW-Authenticate`, and `sent` the header of the first attempt. Raises
        `HttpError` where there is no token.
        """
        known = [c for c in parse_challenges(challenge) if c.scheme in ("basic", "bearer")]
        bearer = next((c for c in known if c.scheme == "bearer"), None)
        if bearer is None or known[0] is not bearer:
            renewed = self._renewed(sent)
            if renewed or bearer is None:
                return renewed
        # A token that was just fetched for this very request was refused: it will not get better.
        refused = sent.removeprefix("Bearer ") if sent and sent.startswith("Bearer ") else None
        token = self._token(bearer, origin, scope, refused=refused)
        # A challenge that leads to no token, as one of a proxy, is not remembered.
        self._bearer = bearer
        return f"Bearer {token}" if token != refused else None

    def wider(self, challenge: str, origin: str, scope: str) -> str | None:
        """Return the `Authorization` for a wider scope; `None` where it is refused.

        Raises `HttpError` for a transient failure.
        """
        if self.credential is None or self.withheld:
            return None
        try:
            return self.answer(challenge, origin, scope, None)
        except HttpError as error:
            if error.details.transient:
                raise
            return None  # the refusal of the narrower scope says more

    def _renewed(self, sent: str | None) -> str | None:
        """Return a newer login than the one that was refused, if there is one.

        A login of flyctl's is valid for five minutes, and other programs renew it.
        """
        with self._lock:
            if self.withheld or not sent or self.credential is None:
                return None
            if f"Basic {self.credential.basic}" == sent:
                try:
                    found = self._source(self._namespace)
                except CredentialError:
                    return None
                if found is None or found.kind is not Kind.PASSWORD:
                    return None
                self._former = frozenset(self.secrets())
                self.credential = found
            header = f"Basic {self.credential.basic}"
        return header if header != sent else None

    def is_trusted(self, url: str) -> bool:
        """Return whether the user trusts a token server with the credential."""
        return place_of(url) in self._trusted

    def secrets(self) -> tuple[str, ...]:
        """Return all that must never be shown, in each form in which it is sent."""
        tokens = tuple(token.value for token in self._tokens.values())
        ours = self.credential.forms if self.credential else ()
        return (*tokens, *ours, *self._former)

    def _token(self, challenge: Challenge, origin: str, scope: str, *, refused: str | None) -> str:
        with self._lock:
            lock = self._scopes.setdefault(scope, Lock())
        with lock:
            token = self._tokens.get(scope)
            if token is None or token.value == refused or token.until < self._clock():
                former = {token.value} if token else set()
                token = self._fetched(challenge, origin, scope)
                with self._lock:
                    self._former |= former
                    self._tokens = {**self._tokens, scope: token}
            return token.value

    def _fetched(self, challenge: Challenge, origin: str, scope: str) -> BearerToken:
        realm = challenge.parameters.get("realm", "")
        sending = self.credential is not None and not self.withheld
        if why := why_untrusted(realm, origin, self._trusted, sending=sending):
            raise self._untrusted(realm, why)
        service = challenge.parameters.get("service")
        wanted = {"service": service} if service else {}
        response = self._asked(realm, wanted, scope)
        if response.status != 200:
            raise self._refused(response, realm)
        return self._read(response, realm)

    def _untrusted(self, realm: str, why: str) -> HttpError:
        hint = "no credential was sent there; is this the right registry?"
        if why == OTHER_HOST and (server := server_of(realm)):
            word = f"{VARIABLE}=token-server={self._host}/{server}"
            hint = f"{hint} `{word}` in the environment says that you trust it"
        return HttpError(
            f"`{self._host}` sends us for a token to an address that is not trusted: {why}",
            hint=hint,
        )

    def _asked(self, realm: str, wanted: Mapping[str, str], scope: str) -> Response:
        who = None if self.withheld else self.credential
        named = who is not None and who.username not in ("", IDENTITY_USER)
        if who and who.kind is Kind.IDENTITY_TOKEN:
            form = {
                **wanted,
                "grant_type": "refresh_token",
                "refresh_token": who.secret,
                "client_id": "fly-image-pipeline",
                "scope": scope,
            }
            response = self._fetch("POST", realm, _FORM, urlencode(form).encode())
            if response.status not in (_NO_OAUTH if named else {404}):
                return response
        headers = {"Authorization": f"Basic {who.basic}"} if who and named else {}
        scopes = [("scope", one) for one in scope.split()]
        query = urlencode([*wanted.items(), *scopes])
        return self._fetch("GET", f"{realm}{'&' if '?' in realm else '?'}{query}", headers, None)

    def _refused(self, response: Response, realm: str) -> HttpError:
        server = urlsplit(realm).netloc
        details = ErrorDetails(
            response.status,
            response.url,
            transient=response.status in TRANSIENT,
            retry_after=retry_after(response.headers),
        )
        if response.status in (401, 403) and self.credential is None:
            return HttpError(
                f"`{self._host}` requires a login, and there is no credential for it",
                hint=f"run `docker login {self._host}`",
                details=details,
            )
        if response.status in (401, 403):
            source = self.credential.source if self.credential else ""
            return HttpError(
                f"`{server}` refused the credential from {source} for `{self._host}`",
                hint=f"log in again: `docker login {self._host}`",
                details=details,
            )
        return HttpError(
            f"`{server}` gave no token for `{self._host}`: it answered {response.status}",
            hint="try again later",
            details=details,
        )

    def _read(self, response: Response, realm: str) -> BearerToken:
        try:
            document = read_json(response.body)
            fields = document if isinstance(document, dict) else {}
            value = fields.get("token") or fields.get("access_token")
            lives = min(max(_SHORTEST, float(fields.get("expires_in") or 0)), _LONGEST)
        except (ValueError, TypeError, OverflowError):
            value, lives = None, 0.0
        if not isinstance(value, str) or not fits_header(value):
            raise HttpError(
                f"the answer of `{urlsplit(realm).netloc}` is not a token",
                details=ErrorDetails(200, response.url),
            )
        return BearerToken(value, self._clock() + lives - _BUFFER)
