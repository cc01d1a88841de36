"""The errors of Fly's APIs.

* UnknownError
  - FlyError: refused, unreachable, unavailable: nothing was found out, or nothing was done
    + NoAppError: Fly knows us, and no app of that name
"""

from __future__ import annotations

from ..errors import UnknownError

STATUS_PAGE = "https://status.flyio.net shows the status of Fly"
CREATE = "`invoke apps` creates the apps that are missing"
ORG_TOKEN = "`fly tokens create org` makes one that reaches all apps of an organization"  # noqa: S105


class FlyError(UnknownError):
    """Something could not be found out from, or done at, Fly. Holds no secret.

    `status` is the HTTP status of the response, 0 where there was none; `code` is Fly's own error
    code (`name_taken`, `NOT_FOUND`), empty where it gives none.
    """

    def __init__(self, message: str, *, hint: str = "", status: int = 0, code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class NoAppError(FlyError):
    """There is no app of that name: the Machines API's 404 with a token that it accepts."""

    def __init__(self, app: str) -> None:
        super().__init__(f"there is no app `{app}` at Fly", hint=CREATE, status=404)
        self.app = app


def no_token() -> FlyError:
    """Return the error for an environment without a token."""
    return FlyError(
        "Fly requires a login, and there is no token",
        hint=f"set FLY_API_TOKEN ({ORG_TOKEN}), or run `fly auth login`",
        status=401,
    )


def malformed_token(source: str) -> FlyError:
    """Return the error for a token that no header can hold: nothing is sent."""
    return FlyError(
        f"the token from {source} holds a line break or a character that no token has",
        hint=f"copy the whole token again, and nothing else: {ORG_TOKEN}",
        status=401,
    )


def in_clear(host: str) -> FlyError:
    """Return the error for an address without TLS, where others could read the token."""
    return FlyError(
        f"the token for Fly is not sent to `{host}` over plain HTTP",
        hint="look at FLY_API_BASE_URL and FLY_FLAPS_BASE_URL: `https://…`",
    )


def token_refused(source: str, said: str = "") -> FlyError:
    """Return the error for a token that Fly does not accept, or no longer."""
    return FlyError(
        f"Fly refused the token from {source}{_said(said)}",
        hint=f"it may be wrong or expired: {ORG_TOKEN}, for FLY_API_TOKEN",
        status=401,
    )


def out_of_reach(what: str, source: str, said: str = "") -> FlyError:
    """Return the error for a token of another app or another organization.

    The Machines API answers 403 to both and says no more (fly-go `flaps_apps.go`).
    """
    return FlyError(
        f"the token from {source} does not reach {what}{_said(said)}",
        hint="it is a token of another app or organization, or may only read; an org token of its "
        f"organization is needed: {ORG_TOKEN}",
        status=403,
    )


def unexpected(what: str = "something unexpected") -> FlyError:
    """Return the error for a response that does not have the documented form."""
    return FlyError(f"Fly answers with {what}", hint=STATUS_PAGE)


def unavailable(what: str, status: int, said: str = "", wait: float | None = None) -> FlyError:
    """Return the error for a response that blames Fly; `wait` is its `Retry-After` in seconds."""
    hint = f"try again {f'in {wait:.0f} seconds' if wait else 'later'}; {STATUS_PAGE}"
    return FlyError(f"{what} is not available: {status}{_said(said)}", hint=hint, status=status)


def _said(text: str) -> str:
    return f": {text}" if text else ""
