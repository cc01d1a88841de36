"""GraphQL at `/graphql`: the part of Fly's schema in `schema.graphql`, executed by graphql-core.

Errors and headers: facts, section 5; superfly/fly-go `auth.go` (macaroons as `FlyV1 …`, OAuth as
`Bearer …`).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLSchema, build_schema, execute_sync, parse, validate
from graphql.language import FieldNode, OperationDefinitionNode

from tests.support.fly.errors import RefusedError
from tests.support.fly.flyctl.durations import seconds_of
from tests.support.fly.graphql_nodes import (
    connection,
    graphql_error,
    image_details,
    image_json,
    ip_json,
    machine_json,
    organization_id,
    release_json,
    service_json,
    user,
)
from tests.support.fly.http_server import Answer
from tests.support.fly.images import NotFoundError
from tests.support.fly.releases import create_release, update_release
from tests.support.fly.state import unique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphql import DocumentNode, GraphQLResolveInfo

    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.images import Images
    from tests.support.fly.state import App, World
    from tests.support.fly.tokens import Token, Tokens

SCHEMA = Path(__file__).with_name("schema.graphql")


@dataclass(frozen=True, slots=True)
class GraphQlApi:
    """Answers `POST /graphql`."""

    world: World
    tokens: Tokens
    images: Images
    schema: GraphQLSchema

    def answer(self, request: HttpRequest) -> Answer:
        """Answer 200 also for errors, and 400 for a body that is no GraphQL request."""
        try:
            body = json.loads(request.body)
            document = parse(body["query"])
            variables = body.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            return Answer(400, {"errors": [{"message": "No query string was present"}]})
        except GraphQLError as error:
            return _errors([error], "parseError")
        wrong = validate(self.schema, document)
        if wrong:
            return _errors(wrong, "undefinedField")
        return self._execute(document, variables, request.authorization)

    def _execute(self, document: DocumentNode, variables: dict[str, Any], header: str) -> Answer:
        token = self.tokens.of_header(header)
        root = Root(self, token)
        done = execute_sync(
            self.schema,
            document,
            root_value=root,
            context_value=root,
            variable_values=variables,
            field_resolver=_field,
        )
        return Answer(200, done.formatted)


@dataclass(frozen=True, slots=True)
class Root:
    """The queries, with the token of a request."""

    graph: GraphQlApi
    token: Token | None

    def authenticated(self) -> Token:
        """Return the token.

        Raises:
            GraphQLError: there is none, or it has expired.

        """
        if self.token is None:
            raise graphql_error("You must be authenticated to view this.", "UNAUTHORIZED")
        return self.token

    def app(self, info: GraphQLResolveInfo[Any], name: str = "", **_: object) -> dict[str, Any]:
        """Return an app that the token sees; an app of another organization is "not found"."""
        del info
        found = self.graph.world.apps.get(name)
        if found is None or not self.authenticated().sees(found):
            self.authenticated()
            raise graphql_error("Could not find App", "NOT_FOUND")
        return self.app_json(found)

    def appNameAvailable(self, info: GraphQLResolveInfo[Any], name: str) -> bool:  # noqa: N802 - the schema's
        """Return whether no organization has an app with that name."""
        del info
        self.authenticated()
        return name not in self.graph.world.apps

    def apps(
        self,
        info: GraphQLResolveInfo[Any],
        organizationId: str = "",  # noqa: N803 - the schema's
        **page: Any,
    ) -> dict[str, Any]:
        """Return the apps that an organization's token sees.

        The token of one app is refused (facts, 2.3: `apps list` fails with it).
        """
        del info
        token = self.authenticated()
        if token.app:
            raise graphql_error("Not authorized to access this organization", "UNAUTHORIZED")
        wanted = organizationId in ("", organization_id(token.org))
        found = self.graph.world.of_org(token.org) if wanted else []
        return connection([self.app_json(app) for app in found], page)

    def organization(
        self, info: GraphQLResolveInfo[Any], slug: str = "", **_: object
    ) -> dict[str, Any]:
        """Return the token's organization; every other one is "not found"."""
        del info
        token = self.authenticated()
        if slug != token.org:
            raise graphql_error("Could not find Organization", "NOT_FOUND")
        return self.org_json(slug)

    def organizations(self, info: GraphQLResolveInfo[Any], **page: Any) -> dict[str, Any]:
        """Return the organization of the token."""
        del info
        return connection([self.org_json(self.authenticated().org)], page)

    def canPerformBluegreenDeployment(self, info: GraphQLResolveInfo[Any], name: str) -> bool:  # noqa: N802
        """Return true for every app that the token sees."""
        self.app(info, name)
        return True

    def latestImageDetails(self, info: GraphQLResolveInfo[Any], image: str, **_: object) -> None:  # noqa: N802
        """Refuse every image: only those of Fly's own Postgres and Redis are known.

        flyctl looks for these words (`internal/command/image/show.go`).
        """
        del info
        self.authenticated()
        raise graphql_error(f"Unknown repository: {image}", "UNPROCESSABLE")

    def createRelease(  # noqa: N802
        self,
        info: GraphQLResolveInfo[Any],
        input: dict[str, Any],  # noqa: A002
    ) -> dict[str, Any]:
        """Create a release as fly-go does; `appId` is the name of the app."""
        found = self.app(info, input["appId"])
        world, app = self.graph.world, self.graph.world.apps[found["name"]]
        with _as_graphql():
            made = create_release(
                world,
                self.graph.images,
                app,
                self.authenticated(),
                image=input["image"],
                config=input["definition"],
                strategy=input["strategy"],
            )
        return {"app": found, "release": release_json(made)}

    def updateRelease(  # noqa: N802
        self,
        info: GraphQLResolveInfo[Any],
        input: dict[str, Any],  # noqa: A002
    ) -> dict[str, Any]:
        """Set the status of a release."""
        del info
        with _as_graphql():
            made = update_release(
                self.graph.world, self.authenticated(), input["releaseId"], input.get("status", "")
            )
        return {"release": release_json(made)}

    def createLimitedAccessToken(  # noqa: N802
        self,
        info: GraphQLResolveInfo[Any],
        input: dict[str, Any],  # noqa: A002
    ) -> dict[str, Any]:
        """Create a token by one of the profiles of `fly tokens create`."""
        del info
        token = self.authenticated()
        profile, app = input["profile"], (input.get("profileParams") or {}).get("app_id", "")
        if profile not in ("deploy", "deploy_organization"):
            raise graphql_error(f"The fake Fly has no profile {profile}", "INVALID")
        reached = token.app in ("", app) and input["organizationId"] == organization_id(token.org)
        if token.readonly or not reached or (profile == "deploy" and not app):
            raise graphql_error(
                "Not authorized to access this createlimitedaccesstoken", "UNAUTHORIZED"
            )
        seconds = seconds_of("expiry", input.get("expiry") or "175200h")
        made = self.graph.tokens.give(token.org, app, seconds=seconds)
        return {"limitedAccessToken": {"name": input["name"], "tokenHeader": made}}

    def viewer(self, info: GraphQLResolveInfo[Any]) -> dict[str, Any]:
        """Return the user of a token."""
        del info
        return {"__typename": "Macaroon", **user(self.authenticated().org)}

    def org_json(self, slug: str) -> dict[str, Any]:
        """Return `Organization` as JSON."""
        return {
            "id": organization_id(slug),
            "internalNumericId": str(int(unique("org", slug)[:6], 16)),
            "name": slug,
            "slug": slug,
            "rawSlug": slug,
            "type": "SHARED",
            "billable": True,
            "billingStatus": "CURRENT",
            "addOnSsoLink": None,
            "paidPlan": True,
            "provisionsBetaExtensions": False,
            "viewerRole": "admin",
            "apps": self.apps,
        }

    def app_json(self, app: App) -> dict[str, Any]:
        """Return `App` as JSON."""
        releases = [release_json(one) for one in reversed(app.releases)]
        newest = releases[0] if releases else None
        return {
            "id": app.name,
            "internalNumericId": str(app.number),
            "name": app.name,
            "appUrl": f"https://{app.name}.fly.dev",
            "hostname": f"{app.name}.fly.dev",
            "createdAt": newest["createdAt"] if newest else "1970-01-01T00:00:00Z",
            "deployed": app.status == "deployed",
            "status": app.status,
            "state": "DEPLOYED",
            "version": app.releases[-1].version if app.releases else 0,
            "network": None if app.network == "default" else app.network,
            "platformVersion": "machines" if app.releases else None,
            "organization": lambda _info: self.org_json(app.org),
            "currentRelease": newest,
            "currentReleaseUnprocessed": newest,
            "releases": lambda _info, **page: connection(releases, page),
            "releasesUnprocessed": lambda _info, status="", **page: connection(
                [one for one in releases if status in ("", one["status"])], page
            ),
            "image": lambda _info, ref: self.image(app, ref),
            "cnameTarget": f"{unique('cname', app.name)[:7]}.{app.name}.fly.dev",
            "config": {"definition": app.config},
            "egressIpAddresses": lambda _info, **page: connection([], page),
            "imageDetails": image_details(app),
            "ipAddresses": lambda _info, **page: connection(
                [ip_json(one) for one in app.ips], page
            ),
            "machines": lambda _info, **page: connection(
                [machine_json(app, one, self.graph.world) for one in app.alive], page
            ),
            "role": None,
            "secrets": [{"name": name} for name in sorted(app.secrets)],
            "services": [service_json(one) for one in app.services],
            "sharedIpAddress": next((one.ip for one in app.ips if one.shared), None),
        }

    def image(self, app: App, ref: str) -> dict[str, Any]:
        """Resolve `App.image(ref)` for `fly deploy --image` (fly-go `ResolveImageForApp`)."""
        try:
            found = self.graph.images.resolve(ref, app.org, self.authenticated())
        except NotFoundError:
            raise graphql_error(f'Could not find image "{ref}"', "NOT_FOUND") from None
        return image_json(found)


@contextmanager
def _as_graphql() -> Iterator[None]:
    """Answer what an API of REST refuses as an error of GraphQL."""
    try:
        yield
    except RefusedError as error:
        code = {403: "UNAUTHORIZED", 404: "NOT_FOUND"}.get(error.status, "UNPROCESSABLE")
        raise graphql_error(str(error), code) from None


def schema() -> GraphQLSchema:
    """Return the executable schema."""
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


def operation(body: bytes) -> str:
    """Return the queried fields, such as `app.releasesUnprocessed`, for the list of requests."""
    try:
        document = parse(json.loads(body)["query"])
    except (ValueError, KeyError, TypeError, GraphQLError):
        return "?"
    found = [
        name
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
        for name in _fields(one)
    ]
    return " ".join(found)


def _field(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    found = (
        source.get(info.field_name)
        if isinstance(source, dict)
        else getattr(source, info.field_name)
    )
    return found(info, **arguments) if callable(found) else found


def _fields(node: OperationDefinitionNode) -> list[str]:
    found = []
    for top in node.selection_set.selections:
        if isinstance(top, FieldNode):
            below = [
                one.name.value
                for one in (top.selection_set.selections if top.selection_set else ())
                if isinstance(one, FieldNode) and one.selection_set
            ]
            found += [f"{top.name.value}.{one}" for one in below] or [top.name.value]
    return found


def _errors(errors: list[GraphQLError], code: str) -> Answer:
    shown = [{**one.formatted, "extensions": {"code": code}} for one in errors]
    return Answer(200, {"errors": shown})
