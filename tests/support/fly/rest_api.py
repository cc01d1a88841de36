"""The undocumented REST API at `/api/v1`, from which current flyctl reads releases.

Paths, keys and statuses: facts, section 5; superfly/flyctl `internal/uiex/releases.go` and
`organizations.go`. The fake `fly` makes flyctl's own changes (`POST` and `PATCH` of releases)
without this API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.fly.errors import RefusedError
from tests.support.fly.http_server import Answer

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.state import App, Release, World
    from tests.support.fly.tokens import Token, Tokens

USUAL = 25


@dataclass(frozen=True, slots=True)
class RestApi:
    """Answers `/api/v1/…`."""

    world: World
    tokens: Tokens

    def answer(self, request: HttpRequest) -> Answer:
        """Answer a request; an error is `{"error": TEXT}`."""
        try:
            return self._route(request, self._token(request))
        except RefusedError as refused:
            return Answer(refused.status, {"error": str(refused)})

    def _token(self, request: HttpRequest) -> Token:
        token = self.tokens.of_header(request.authorization, ("Bearer",))
        if token is None:
            raise RefusedError(401, "You must be authenticated to view this.")
        return token

    def _route(self, request: HttpRequest, token: Token) -> Answer:
        match (request.method, *request.segments):
            case ("GET", "api", "v1", "apps", name, "releases"):
                return self._releases(self._app(name, token), request.query.get("limit", ""))
            case ("GET", "api", "v1", "apps", name, "releases", "current"):
                app = self._app(name, token)
                if not app.releases:
                    raise RefusedError(404, "Could not find Release")
                return Answer(200, release_json(app.releases[-1]))
            case ("GET", "api", "v1", "releases", "all_current"):
                apps = [one for one in self.world.of_org(token.org) if token.sees(one)]
                return Answer(
                    200, {one.name: one.releases[-1].created_at for one in apps if one.releases}
                )
        raise RefusedError(404, "Not Found")

    def _app(self, name: str, token: Token) -> App:
        app = self.world.apps.get(name)
        if app is None or not token.sees(app):
            raise RefusedError(404, "Could not find App")
        return app

    @staticmethod
    def _releases(app: App, limit: str) -> Answer:
        if limit and not limit.isdigit():
            raise RefusedError(400, "limit must be a number")
        most = int(limit or USUAL)
        newest = list(reversed(app.releases))[:most]
        return Answer(200, {"releases": [release_json(one) for one in newest]})


def release_json(release: Release) -> dict[str, Any]:
    """Return `Release` of uiex."""
    return {
        "id": release.id,
        "version": release.version,
        "stable": release.status == "complete",
        "in_progress": release.status == "running",
        "status": release.status,
        "strategy": release.strategy.upper(),
        "user": release.user,
        "created_at": release.created_at,
        "image_ref": release.image_ref,
    }
