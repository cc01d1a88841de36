"""The undocumented REST API at `/api/v1`, from which current flyctl reads releases.

Paths, keys and statuses: facts, section 5; superfly/flyctl `internal/uiex/releases.go`,
`organizations.go` and `builders.go`. The fake `fly` makes flyctl's own changes (`POST` and `PATCH`
of releases) without this API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.fly.errors import RefusedError, not_answered
from tests.support.fly.graphql_nodes import organization_id
from tests.support.fly.http_server import Answer
from tests.support.fly.releases import create_release, update_release
from tests.support.fly.request_bodies import (
    CREATE_BUILD,
    CREATE_RELEASE,
    FINISH_BUILD,
    UPDATE_RELEASE,
    parse_body,
)
from tests.support.fly.state import unique

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.images import Images
    from tests.support.fly.state import App, Release, World
    from tests.support.fly.tokens import Token, Tokens

USUAL = 25


@dataclass(frozen=True, slots=True)
class RestApi:
    """Answers `/api/v1/…`."""

    world: World
    tokens: Tokens
    images: Images

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
        match request.segments:
            case ("api", "v1", "apps", name, *rest):
                return self._of_app(self._app(name, token), request, tuple(rest))
            case ("api", "v1", "releases", *rest):
                return self._of_releases(request, token, tuple(rest))
            case ("api", "v1", "builds", *rest) if request.method == "POST":
                return self._of_builds(request, token, tuple(rest))
            case ("api", "v1", "organizations", slug) if request.method == "GET":
                if slug != token.org:
                    raise RefusedError(404, "Could not find Organization")
                return Answer(200, {"organization": organization_json(slug)})
        raise not_answered(request)

    def _of_app(self, app: App, request: HttpRequest, path: tuple[str, ...]) -> Answer:
        match (request.method, *path):
            case ("GET", "releases"):
                return self._releases(app, request.query.get("limit", ""))
            case ("GET", "releases", "current"):
                if not app.releases:
                    raise RefusedError(404, "Could not find Release")
                return Answer(200, release_json(app.releases[-1]))
            case ("GET", "logs"):
                return Answer(200, {"data": [], "meta": {"next_token": ""}})
        raise not_answered(request)

    def _of_releases(self, request: HttpRequest, token: Token, path: tuple[str, ...]) -> Answer:
        match (request.method, *path):
            case ("GET", "all_current"):
                apps = [one for one in self.world.of_org(token.org) if token.sees(one)]
                return Answer(
                    200, {one.name: one.releases[-1].created_at for one in apps if one.releases}
                )
            case ("POST",):
                return self._create_release(request, token)
            case ("PATCH", wanted):
                body = parse_body(request.body, UPDATE_RELEASE)
                changed = update_release(self.world, token, wanted, body.get("status") or "")
                return Answer(200, release_json(changed))
        raise not_answered(request)

    def _of_builds(self, request: HttpRequest, token: Token, path: tuple[str, ...]) -> Answer:
        if path not in ((), ("finish",)):
            raise not_answered(request)
        body = parse_body(request.body, FINISH_BUILD if path else CREATE_BUILD)
        self._app(body.get("app_name") or "", token)
        number = body.get("build_id") or int(self.world.new_id("build")[:8], 16)
        status = body.get("status") or "started"
        return Answer(200, {"id": number, "status": status, "wallclock_time_ms": 0})

    def _create_release(self, request: HttpRequest, token: Token) -> Answer:
        body = parse_body(request.body, CREATE_RELEASE)
        made = create_release(
            self.world,
            self.images,
            self._app(body.get("app_name") or "", token),
            token,
            image=body.get("image") or "",
            config=body.get("definition") or {},
            strategy=body.get("strategy") or "",
        )
        return Answer(201, {"release": release_json(made)})

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


def organization_json(slug: str) -> dict[str, Any]:
    """Return `Organization` of uiex."""
    return {
        "id": organization_id(slug),
        "internal_numeric_id": int(unique("org", slug)[:6], 16),
        "slug": slug,
        "raw_slug": slug,
        "name": slug,
        "paid_plan": True,
        "personal": False,
        "billing_status": "CURRENT",
        "billable": True,
        "provisions_beta_extensions": False,
        "remote_builder_image": "",
    }


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
