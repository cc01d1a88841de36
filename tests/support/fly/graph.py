"""GraphQL at `/graphql`: the part of Fly's schema that a pipeline asks, executed for real.

Types, nullability and deprecations: superfly/flyctl `gql/schema.graphql`; errors and headers:
facts, section 5; superfly/fly-go `auth.go` (macaroons as `FlyV1 …`, OAuth as `Bearer …`). A field
of the real schema that is not here is refused, as an unknown one is: add it with its type.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLSchema, build_schema, execute_sync, parse, validate
from graphql.language import FieldNode, OperationDefinitionNode

from tests.support.fly.images import NotFoundError
from tests.support.fly.wire import Answer
from tests.support.fly.world import unique

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLResolveInfo

    from tests.support.fly.images import Images
    from tests.support.fly.tokens import Token, Tokens
    from tests.support.fly.wire import Asked
    from tests.support.fly.world import App, Release, World

MOST = 200
"""Nodes in a page; flyctl asks for no more (`internal/command/apps/list.go`)."""
SDL = """
scalar BigInt
scalar JSON
scalar ISO8601DateTime
enum DeploymentStrategy { BLUEGREEN CANARY IMMEDIATE ROLLING ROLLING_ONE SIMPLE }
enum PlatformVersionEnum { detached machines nomad }
enum OrganizationType { PERSONAL SHARED }
type PageInfo {
  endCursor: String
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
}
type User { id: ID!, email: String!, name: String }
type Organization {
  id: ID!
  internalNumericId: BigInt!
  name: String!
  rawSlug: String!
  slug: String!
  type: OrganizationType!
  billable: Boolean!
  apps(after: String, before: String, first: Int, last: Int): AppConnection!
}
type OrganizationEdge { cursor: String!, node: Organization }
type OrganizationConnection {
  edges: [OrganizationEdge]
  nodes: [Organization]
  pageInfo: PageInfo!
  totalCount: Int!
}
type AppEdge { cursor: String!, node: App }
type AppConnection { edges: [AppEdge], nodes: [App], pageInfo: PageInfo!, totalCount: Int! }
type ReleaseUnprocessed {
  configDefinition: JSON
  createdAt: ISO8601DateTime!
  deploymentStrategy: DeploymentStrategy!
  description: String!
  evaluationId: String
  id: ID!
  imageRef: String
  inProgress: Boolean! @deprecated(reason: "use deployment.inProgress")
  reason: String!
  stable: Boolean!
  status: String!
  updatedAt: ISO8601DateTime!
  user: User
  version: Int!
  image: Image
}
type ReleaseUnprocessedEdge { cursor: String!, node: ReleaseUnprocessed }
type ReleaseUnprocessedConnection {
  edges: [ReleaseUnprocessedEdge]
  nodes: [ReleaseUnprocessed]
  pageInfo: PageInfo!
  totalCount: Int!
}
type Image {
  absoluteRef: String!
  compressedSize: Int! @deprecated(reason: "Int cannot handle sizes over 2GB")
  compressedSizeFull: BigInt!
  createdAt: ISO8601DateTime!
  digest: String!
  id: ID!
  label: String!
  manifest: JSON!
  ref: String!
  registry: String!
  repository: String!
  tag: String
}
type App {
  appUrl: String
  createdAt: ISO8601DateTime!
  currentRelease: ReleaseUnprocessed
  currentReleaseUnprocessed: ReleaseUnprocessed
  deployed: Boolean!
  hostname: String
  id: ID!
  image(ref: String!): Image
  internalNumericId: BigInt!
  name: String!
  network: String
  organization: Organization!
  platformVersion: PlatformVersionEnum
  releases(after: String, before: String, first: Int, last: Int): ReleaseUnprocessedConnection!
  releasesUnprocessed(
    after: String, before: String, first: Int, last: Int, status: String
  ): ReleaseUnprocessedConnection!
  state: String!
  status: String!
  version: Int!
}
type Query {
  app(id: String, internalId: String, key: String, name: String): App
  appNameAvailable(name: String!): Boolean!
  apps(
    active: Boolean, after: String, before: String, first: Int, ids: [String!], last: Int,
    organizationId: ID, platform: String, role: String, type: String
  ): AppConnection!
  organization(id: ID, name: String, slug: String): Organization
  organizations(
    admin: Boolean, after: String, before: String, first: Int, last: Int, type: OrganizationType
  ): OrganizationConnection!
  viewer: User
}
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """Answers `POST /graphql`."""

    world: World
    tokens: Tokens
    images: Images
    schema: GraphQLSchema

    def answer(self, asked: Asked) -> Answer:
        """HTTP 200 also for errors; 400 for a body that is no GraphQL request at all."""
        try:
            body = json.loads(asked.body)
            document = parse(body["query"])
            variables = body.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            return Answer(400, {"errors": [{"message": "No query string was present"}]})
        except GraphQLError as error:
            return _errors([error], "parseError")
        wrong = validate(self.schema, document)
        if wrong:
            return _errors(wrong, "undefinedField")
        return self._execute(document, variables, asked.authorization)

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

    graph: Graph
    token: Token | None

    def authenticated(self) -> Token:
        """The token.

        Raises:
            GraphQLError: there is none that counts.

        """
        if self.token is None:
            raise _error("You must be authenticated to view this.", "UNAUTHORIZED")
        return self.token

    def app(self, info: GraphQLResolveInfo[Any], name: str = "", **_: object) -> dict[str, Any]:
        """An app that the token sees; another organization's is not found, as if it were none."""
        del info
        found = self.graph.world.apps.get(name)
        if found is None or not self.authenticated().sees(found):
            self.authenticated()
            raise _error("Could not find App", "NOT_FOUND")
        return self.app_json(found)

    def appNameAvailable(self, info: GraphQLResolveInfo[Any], name: str) -> bool:  # noqa: N802 - the schema's
        """Whether no organization has an app of that name."""
        del info
        self.authenticated()
        return name not in self.graph.world.apps

    def apps(
        self,
        info: GraphQLResolveInfo[Any],
        organizationId: str = "",  # noqa: N803 - the schema's
        **page: Any,
    ) -> dict[str, Any]:
        """The apps that a token of an organization sees.

        A token of one app is refused (facts, 2.3: `apps list` fails with it).
        """
        del info
        token = self.authenticated()
        if token.app:
            raise _error("Not authorized to access this organization", "UNAUTHORIZED")
        wanted = organizationId in ("", organization_id(token.org))
        found = self.graph.world.of_org(token.org) if wanted else []
        return connection([self.app_json(app) for app in found], page)

    def organization(
        self, info: GraphQLResolveInfo[Any], slug: str = "", **_: object
    ) -> dict[str, Any]:
        """The token's organization; any other is not found."""
        del info
        token = self.authenticated()
        if slug != token.org:
            raise _error("Could not find Organization", "NOT_FOUND")
        return self.org_json(slug)

    def organizations(self, info: GraphQLResolveInfo[Any], **page: Any) -> dict[str, Any]:
        """The one of the token."""
        del info
        return connection([self.org_json(self.authenticated().org)], page)

    def viewer(self, info: GraphQLResolveInfo[Any]) -> dict[str, Any]:
        """Who a token stands for."""
        del info
        return user(self.authenticated().org)

    def org_json(self, slug: str) -> dict[str, Any]:
        """`Organization`."""
        return {
            "id": organization_id(slug),
            "internalNumericId": str(int(unique("org", slug)[:6], 16)),
            "name": slug,
            "slug": slug,
            "rawSlug": slug,
            "type": "SHARED",
            "billable": True,
            "apps": self.apps,
        }

    def app_json(self, app: App) -> dict[str, Any]:
        """`App`."""
        releases = [self.release_json(one) for one in reversed(app.releases)]
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
        }

    def image(self, app: App, ref: str) -> dict[str, Any]:
        """`App.image(ref)`, as `fly deploy --image` asks it (fly-go `ResolveImageForApp`)."""
        try:
            found = self.graph.images.resolve(ref, app.org, self.authenticated())
        except NotFoundError:
            raise _error(f'Could not find image "{ref}"', "NOT_FOUND") from None
        at = found.ref
        return {
            "id": image_id(at.digest),
            "ref": str(at),
            "absoluteRef": f"{at.registry}/{at.repository}@{at.digest}",
            "digest": at.digest,
            "registry": at.registry,
            "repository": at.repository,
            "tag": at.tag or None,
            "label": at.tag,
            "createdAt": "1970-01-01T00:00:00Z",
            "compressedSize": min(found.size, 2**31 - 1),
            "compressedSizeFull": str(found.size),
            "manifest": found.manifest,
        }

    def release_json(self, release: Release) -> dict[str, Any]:
        """`ReleaseUnprocessed`."""
        return {
            "id": release.id,
            "version": release.version,
            "status": release.status,
            "stable": release.status == "complete",
            "inProgress": release.status == "running",
            "reason": "",
            "description": release.description,
            "deploymentStrategy": release.strategy.upper(),
            "evaluationId": None,
            "createdAt": release.created_at,
            "updatedAt": release.created_at,
            "imageRef": release.image_ref,
            "configDefinition": release.config,
            "user": user(release.user),
            "image": None,
        }


def connection(nodes: list[dict[str, Any]], page: dict[str, Any]) -> dict[str, Any]:
    """A page of nodes by `first` and `after` (or `last` and `before`), as Relay has it.

    Raises:
        GraphQLError: the cursor is none of ours.

    """
    start = _position(page["after"]) if page.get("after") else 0
    end = _position(page["before"]) - 1 if page.get("before") else len(nodes)
    if page.get("first") is not None:
        end = min(end, start + min(page["first"], MOST))
    elif page.get("last") is not None:
        start = max(start, end - min(page["last"], MOST))
    else:
        end = min(end, start + MOST)
    shown = nodes[start:end]
    cursors = [_cursor(start + number + 1) for number in range(len(shown))]
    return {
        "nodes": shown,
        "edges": [{"cursor": at, "node": one} for at, one in zip(cursors, shown, strict=True)],
        "totalCount": len(nodes),
        "pageInfo": {
            "hasNextPage": end < len(nodes),
            "hasPreviousPage": start > 0,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def schema() -> GraphQLSchema:
    """The schema; as it takes 20 ms, one for all stand-ins of a process would do."""
    return build_schema(SDL)


def operation(body: bytes) -> str:
    """What a request asks for, as `app.releasesUnprocessed`: for the list of requests."""
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


def organization_id(slug: str) -> str:
    """The id of an organization, opaque to clients."""
    return unique("organization", slug)[:16]


def image_id(digest: str) -> str:
    """The id of an image: `img_…`."""
    return f"img_{unique('image', digest)[:16]}"


def user(name: str) -> dict[str, Any]:
    """`User`."""
    return {"id": unique("user", name)[:16], "email": f"{name}@example.com", "name": name}


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


def _cursor(position: int) -> str:
    return base64.b64encode(str(position).encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True))
    except ValueError:
        raise _error(f"Invalid cursor: {cursor}", "INVALID") from None


def _error(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


def _errors(errors: list[GraphQLError], code: str) -> Answer:
    shown = [{**one.formatted, "extensions": {"code": code}} for one in errors]
    return Answer(200, {"errors": shown})
