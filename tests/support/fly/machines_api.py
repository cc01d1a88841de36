"""The Machines API: `/v1/apps` and the paths below it.

Endpoints, bodies and statuses: facts, section 4; the public OpenAPI description (superfly/
fly-openapi-sdk `go/api/openapi.yaml` and newer copies); superfly/docs `machines/api/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.fly import app_resources, leases, machine_actions, metadata
from tests.support.fly.errors import RefusedError, not_answered
from tests.support.fly.http_server import Answer
from tests.support.fly.request_bodies import CREATE_APP, parse_body
from tests.support.fly.state import GONE, unique

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.images import Images
    from tests.support.fly.rate_limits import RateLimits
    from tests.support.fly.state import App, World
    from tests.support.fly.tokens import Token, Tokens

LIST_FILTERS = {"include_deleted", "include_leases", "region", "state", "summary"}
OF_ONE_APP = ("cname_target", "app_role")
"""Fields of an app that a list of apps does not have."""
STATES = {"created", "started", "stopped", "suspended"}


@dataclass(frozen=True, slots=True)
class MachinesApi:
    """Answers `/v1/…`."""

    world: World
    tokens: Tokens
    images: Images
    limits: RateLimits

    def answer(self, request: HttpRequest) -> Answer:
        """Answer a request, with the header `fly-request-id`; an error is `{"error", "status"}`."""
        try:
            token = self._token(request)
            answer = self._route(request, token, request.segments[1:])
        except RefusedError as refused:
            answer = Answer(refused.status, {"error": str(refused), "status": refused.code})
        request_id = {"fly-request-id": f"{self.world.new_id('request').upper()}-{'iad'}"}
        return Answer(answer.status, answer.value, {**request_id, **answer.headers})

    def _token(self, request: HttpRequest) -> Token:
        token = self.tokens.of_header(request.authorization)
        if token is None:
            raise RefusedError(401, "unauthorized")
        return token

    def _route(self, request: HttpRequest, token: Token, path: tuple[str, ...]) -> Answer:
        match (request.method, *path):
            case ("GET", "apps"):
                return self._list_apps(request, token)
            case ("POST", "apps"):
                return self._create_app(request, token)
            case ("GET", "apps", name):
                return Answer(200, app_json(self._app(name, token)))
            case ("DELETE", "apps", name):
                return self._delete_app(self._app(name, token, change=True))
            case (method, "apps", name, "machines", *rest):
                app = self._app(name, token, change=method != "GET")
                return self._machines(request, app, token, tuple(rest))
            case (method, "apps", name, *rest) if rest:
                app = self._app(name, token, change=method != "GET")
                self.limits.take(f"{method} {rest[0]}", app.name)
                return app_resources.answer(self.world, app, request, tuple(rest))
        raise not_answered(request)

    def _app(self, name: str, token: Token, *, change: bool = False) -> App:
        """Return an app. 404: there is none. 403: the token does not reach it (facts, 4)."""
        app = self.world.apps.get(name)
        if app is None:
            raise RefusedError(404, "app not found")
        if not (token.changes(app) if change else token.sees(app)):
            raise RefusedError(403, "you are not authorized to access this app")
        return app

    def _list_apps(self, request: HttpRequest, token: Token) -> Answer:
        org = request.query.get("org_slug")
        if not org:
            raise RefusedError(400, "org_slug is required")
        if org != token.org:
            raise RefusedError(403, "you are not authorized to access this organization")
        self.limits.take("list apps", org)
        # The token of one app sees only that app, without an error (facts, 2.3).
        found = [app_json(app) for app in self.world.of_org(org) if token.sees(app)]
        apps = [{key: one[key] for key in one if key not in OF_ONE_APP} for one in found]
        return Answer(200, {"total_apps": len(apps), "apps": apps})

    def _create_app(self, request: HttpRequest, token: Token) -> Answer:
        body = parse_body(request.body, CREATE_APP)
        name = body.get("name") or ""
        if not name or not body.get("org_slug"):
            raise RefusedError(400, "app name and org_slug are required")
        if body["org_slug"] != token.org or token.app or token.readonly:
            raise RefusedError(403, "you are not authorized to create apps in this organization")
        self.limits.take("create app", token.org)
        created = create_app(self.world, name, token.org, body.get("network") or "default")
        # flyctl goes on with the name in this answer (`internal/command/apps/create.go`).
        return Answer(201, app_json(created))

    def _delete_app(self, app: App) -> Answer:
        self.limits.take("delete app", app.name)
        with self.world.lock:
            del self.world.apps[app.name]
        return Answer(202, {})

    def _machines(
        self, request: HttpRequest, app: App, token: Token, path: tuple[str, ...]
    ) -> Answer:
        actions = machine_actions.Actions(self.world, self.images, self.limits, app, token)
        match (request.method, *path):
            case ("GET",):
                return self._list(request, app)
            case ("POST",):
                return actions.create(request)
        machine = app.machine(path[0]) if path else None
        if machine is None:
            raise RefusedError(404, f"machine not found: {path[0] if path else ''}")
        nonce = request.headers.get("fly-machine-lease-nonce", "")
        match (request.method, *path[1:]):
            case (_, "lease"):
                self.limits.take("lease", machine.id)
                return leases.answer(self.world, machine, token, request)
            case (_, "metadata", *rest):
                self.limits.take(f"{request.method} metadata", machine.id)
                if self.world.knobs.metadata_down and request.method != "GET":
                    raise RefusedError(503, "service unavailable")
                return metadata.answer(machine, request, tuple(rest))
            case ("GET", *rest):
                return actions.read(machine, request, tuple(rest))
            case (method, *rest):
                leases.require(machine, nonce)
                return actions.change(machine, request, method, tuple(rest))
        raise not_answered(request)

    def _list(self, request: HttpRequest, app: App) -> Answer:
        query = request.query
        # fly-go writes the filter of `List` as `?started`, which filters nothing.
        unknown = [
            name
            for name, value in query.items()
            if name not in LIST_FILTERS
            and "metadata." not in name
            and (value or name not in STATES)
        ]
        states = {one for one in query.get("state", "").split(",") if one}
        if unknown or not states <= STATES:
            raise RefusedError(400, f"invalid filter: {unknown or sorted(states - STATES)}")
        self.limits.take("list machines", app.name)
        found = [
            machine_actions.as_json(self.world, app, one) for one in self._filtered(app, query)
        ]
        wanted = [one for one in found if _matches(one, query, states)]
        if query.get("summary") == "true":
            wanted = [machine_actions.summary(one) for one in wanted]
        return Answer(200, wanted)

    def _filtered(self, app: App, query: dict[str, str]) -> list[Any]:
        with self.world.lock:
            deleted = query.get("include_deleted") == "true"
            return [one for one in app.machines if deleted or one.state not in GONE]


def create_app(world: World, name: str, org: str, network: str = "default") -> App:
    """Create an app; names are unique across all organizations.

    Raises:
        RefusedError: the name is taken (`name_taken`), or not valid.

    """
    if not (name.replace("-", "").isalnum() and name.islower() and 2 <= len(name) <= 63):
        raise RefusedError(
            422, "Validation failed: Name may only contain lowercase letters, numbers and dashes"
        )
    with world.lock:
        if name in world.apps:
            raise RefusedError(422, "Validation failed: Name has already been taken", "name_taken")
        return world.create_app(name, org, network)


def app_json(app: App) -> dict[str, Any]:
    """Return `App` of the OpenAPI description."""
    return {
        "id": app.id,
        "internal_numeric_id": app.number,
        "name": app.name,
        "status": app.status,
        "network": app.network,
        "machine_count": len(app.alive),
        "volume_count": len(app.volumes),
        "cname_target": f"{unique('cname', app.name)[:7]}.{app.name}.fly.dev",
        "app_role": "",
        "organization": {
            "name": app.org,
            "slug": app.org,
            "internal_numeric_id": int(unique("org", app.org)[:6], 16),
        },
    }


def _matches(machine: dict[str, Any], query: dict[str, str], states: set[str]) -> bool:
    given = machine["config"].get("metadata") or {}
    wanted = {
        name.removeprefix("metadata."): value
        for name, value in query.items()
        if name.startswith("metadata.")
    }
    return (
        query.get("region", machine["region"]) == machine["region"]
        and (not states or machine["state"] in states)
        and all(given.get(name) == value for name, value in wanted.items())
    )
