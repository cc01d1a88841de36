"""An answer that is neither present nor absent, as a sentence for people and what to do next."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from ..http.errors import ErrorDetails, HttpError
from ..http.retry import TRANSIENT, retry_after
from ..http.text import plain
from .auth.fly_login import HELPER
from .response import CODES, complaints

if TYPE_CHECKING:
    from ..http.response import Response
    from .auth.authorizer import Authorizer
    from .auth.credential import Credential

_FLY_REACH = (
    "it is a token of another app or organization, or may only read; "
    "`fly tokens create org` makes one for all apps of an organization"
)
_FLY = (".fly.io", ".flyio.net")


def refusal(answer: Response, host: str, access: Authorizer, *, what: str, verb: str) -> HttpError:
    """Why `what` (a repository, or "" for the host) could not be worked with.

    `verb` says what was wanted of it: `read`, `write`.
    """
    details = ErrorDetails(
        answer.status,
        answer.url,
        tuple(c.code for c in complaints(answer) if c.code in CODES),
        transient=answer.status in TRANSIENT,
        retry_after=retry_after(answer.headers),
    )
    if answer.status == 401 and answer.own:
        return _unauthorized(answer, host, access, details)
    message, hint = _words(answer, host, access, what=what, verb=verb)
    message = f"{message}{said_by(answer, access)}"
    if answer.proxy and not complaints(answer):
        # Over plain HTTP nothing shows who gave it; a registry says more than a status.
        message = f"{message}; it was asked through the proxy `{answer.proxy}`, which may say so"
        hint = f"{hint} NO_PROXY names who is asked without a proxy"
    return HttpError(message, hint=hint, details=details)


def _unauthorized(
    answer: Response, host: str, access: Authorizer, details: ErrorDetails
) -> HttpError:
    if access.trouble is not None:
        trouble = access.trouble
        return HttpError(
            f"`{host}` asks who you are, and {trouble.message}", hint=trouble.hint, details=details
        )
    if access.credential is None:
        return HttpError(
            f"`{host}` asks who you are, and there is no credential for it",
            hint=_log_in(host),
            details=details,
        )
    source = access.credential.source
    if access.withheld:
        return HttpError(
            f"the credential from {source} is not sent to `{host}`{access.withheld.said}",
            hint=access.withheld.hint,
            details=details,
        )
    lives = "a login of Fly's lives five minutes; " if _is_fly(host) else ""
    return HttpError(
        f"`{host}` refused the credential from {source}{said_by(answer, access)}",
        hint=f"it may be wrong or expired: {lives}{_log_in(host)}",
        details=details,
    )


def _words(  # noqa: PLR0911 - one answer for each status
    answer: Response, host: str, access: Authorizer, *, what: str, verb: str
) -> tuple[str, str]:
    target = f"`{what}` on `{host}`" if what else f"`{host}`"
    match answer.status:
        case 403:
            credential = access.credential
            who = f"the credential from {credential.source}" if credential else "anonymous"
            other = _FLY_REACH if _is_fly(host) or _is_flys(credential) else ""
            return f"{who} may not {verb} {target}", other or "ask its owner for the right to"
        case 404:
            trouble = f"`{host}` answers 404, and not as a registry does"
            return trouble, "is the address right? another server may listen there"
        case 407:
            trouble = f"a proxy before `{host}` wants to know who you are"
            return trouble, "look at HTTP_PROXY: user and password are part of its address"
        case 429:
            seconds = retry_after(answer.headers)
            until = f"in {seconds:.0f} seconds" if seconds else "later"
            return f"`{host}` has had too many requests", f"try again {until}"
        case status if status >= 500 or status == 408:
            where = "; https://status.flyio.net says more" if _is_fly(host) else ""
            return f"`{host}` is not available: {_status(status)}", f"try again later{where}"
        case status if 300 <= status < 400:
            return f"`{host}` redirects, and not to a manifest", "is the address right?"
        case status:
            return f"`{host}` answers {_status(status)} for {target}", "is the address right?"


def said_by(answer: Response, access: Authorizer) -> str:
    """The registry's own words behind a colon, made harmless; nothing where it says nothing."""
    words = [f"{c.code.lower()} {c.message}" for c in complaints(answer)]
    text = plain("; ".join(words), access.secrets())
    return f": {text}" if text else ""


def _status(status: int) -> str:
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
