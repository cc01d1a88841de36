"""Put the refusal of a registry into words: what happened, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.errors import ErrorDetails, HttpError
from ..http.retry import TRANSIENT, retry_after
from ..http.text import plain
from .auth.fly_login import HELPER
from .response import CODES, complaints, names_absence

if TYPE_CHECKING:
    from ..http.response import Response
    from .auth.authorizer import Authorizer
    from .auth.credential import Credential

_FLY_REACH = (
    "it is a token of another app or organization, or may only read; "
    "`fly tokens create org` makes one for all apps of an organization"
)
_CREATE = (
    "not every registry makes one at a push; at Fly, it belongs to an app: `invoke apps` creates "
    "those of the project, `fly apps create NAME` any other"
)
_FLY = (".fly.io", ".flyio.net")


def refusal(
    response: Response, host: str, authorizer: Authorizer, *, what: str, verb: str
) -> HttpError:
    """Return the error for a response that is neither found nor not found.

    `what` is a repository, or "" for the host; `verb` is what we wanted of it: `read`, `write`.
    """
    details = ErrorDetails(
        response.status,
        response.url,
        tuple(c.code for c in complaints(response) if c.code in CODES),
        transient=response.status in TRANSIENT,
        retry_after=retry_after(response.headers),
    )
    if response.status == 401 and response.own:
        return _unauthorized(response, host, authorizer, details)
    message, hint = _words(response, host, authorizer, what=what, verb=verb)
    message = f"{message}{said_by(response, authorizer)}"
    if response.proxy and not complaints(response):
        # Over plain HTTP nothing shows who gave it; a registry says more than a status.
        message = f"{message}; sent through the proxy `{response.proxy}`, which may have answered"
        hint = f"{hint} NO_PROXY names the hosts that are reached without a proxy"
    return HttpError(message, hint=hint, details=details)


def _unauthorized(
    response: Response, host: str, authorizer: Authorizer, details: ErrorDetails
) -> HttpError:
    if authorizer.error is not None:
        error = authorizer.error
        return HttpError(
            f"`{host}` requires a login, and {error.message}", hint=error.hint, details=details
        )
    if authorizer.credential is None:
        return HttpError(
            f"`{host}` requires a login, and there is no credential for it",
            hint=_log_in(host),
            details=details,
        )
    source = authorizer.credential.source
    if authorizer.withheld:
        return HttpError(
            f"the credential from {source} is not sent to `{host}`{authorizer.withheld.said}",
            hint=authorizer.withheld.hint,
            details=details,
        )
    lives = "a login at Fly expires after five minutes; " if _is_fly(host) else ""
    return HttpError(
        f"`{host}` refused the credential from {source}{said_by(response, authorizer)}",
        hint=f"it may be wrong or expired: {lives}{_log_in(host)}",
        details=details,
    )


def _words(  # noqa: PLR0911 - one answer for each status
    response: Response, host: str, authorizer: Authorizer, *, what: str, verb: str
) -> tuple[str, str]:
    target = f"`{what}` on `{host}`" if what else f"`{host}`"
    match response.status:
        case 403:
            credential = authorizer.credential
            who = f"the credential from {credential.source}" if credential else "anonymous"
            other = _FLY_REACH if _is_fly(host) or _is_flys(credential) else ""
            ask = f"ask the owner for permission to {verb} it"
            return f"{who} may not {verb} {target}", other or ask
        case 404 if names_absence(response):
            return f"there is no repository {target}", _CREATE
        case 404:
            message = f"`{host}` answers 404, and not as a registry does"
            return message, "is the address right? another server may listen there"
        case 407:
            message = f"a proxy before `{host}` asks for a login"
            return message, "look at HTTP_PROXY: user and password are part of its address"
        case 429:
            seconds = retry_after(response.headers)
            until = f"in {seconds:.0f} seconds" if seconds else "later"
            return f"`{host}` has had too many requests", f"try again {until}"
        case status if status >= 500 or status == 408:
            where = "; https://status.flyio.net shows the status of Fly" if _is_fly(host) else ""
            return f"`{host}` is not available: {_status(status)}", f"try again later{where}"
        case status if 300 <= status < 400:
            return f"`{host}` redirects, and not to a manifest", "is the address right?"
        case status:
            return f"`{host}` answers {_status(status)} for {target}", "is the address right?"


def said_by(response: Response, authorizer: Authorizer) -> str:
    """Return the registry's own words after a colon, without secrets; "" where it says nothing."""
    words = [f"{c.code.lower()} {c.message}" for c in complaints(response)]
    text = plain("; ".join(words), authorizer.secrets())
    return f": {text}" if text else ""


def _status(status: int) -> str:
    from http import HTTPStatus  # noqa: PLC0415 - only for a registry that refuses

    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _log_in(host: str) -> str:
    if _is_fly(host):
        return "set FLY_API_TOKEN, or run `fly auth docker`"
    return f"run `docker login {host}`"


def _is_flys(credential: Credential | None) -> bool:
    return credential is not None and credential.helper == HELPER


def _is_fly(host: str) -> bool:
    return host.partition(":")[0].endswith(_FLY)
