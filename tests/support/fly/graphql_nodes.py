"""GraphQL nodes: apps, releases and images, in pages.

Fields: superfly/flyctl `gql/schema.graphql`; pages by cursor as in Relay.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from tests.support.fly.state import unique

if TYPE_CHECKING:
    from tests.support.fly.images import Image
    from tests.support.fly.state import App, Ip, Machine, Release, World

MOST = 200
"""Maximum of nodes in a page; flyctl requests no more (`internal/command/apps/list.go`)."""


def release_json(release: Release) -> dict[str, Any]:
    """Return `Release` or `ReleaseUnprocessed` as JSON."""
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


def image_json(found: Image) -> dict[str, Any]:
    """Return `Image` as JSON."""
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


def image_details(app: App) -> dict[str, Any] | None:
    """Return `ImageVersion` of the image that a machine of an app runs, or None."""
    if not app.alive:
        return None
    at = app.alive[0].image
    named = {"registry": at.registry, "repository": at.repository, "tag": at.tag}
    return {**named, "digest": at.digest, "version": None}


def ip_json(one: Ip) -> dict[str, Any]:
    """Return `IPAddress` as JSON."""
    made = unique("ip", one.ip)[:16]
    return {"id": made, "address": one.ip, "type": one.kind, "createdAt": one.created_at}


def machine_json(app: App, machine: Machine, world: World) -> dict[str, Any]:
    """Return `Machine` of GraphQL as JSON, which is not that of the Machines API."""
    return {
        "id": machine.id,
        "name": machine.name,
        "config": machine.config,
        "state": world.state(app.name, machine),
        "region": machine.region,
        "createdAt": machine.created_at,
        "app": {"name": app.name},
        "ips": lambda _info, **page: connection([], page),
        "host": {"id": unique("host", machine.id)[:8]},
    }


def service_json(service: dict[str, Any]) -> dict[str, Any]:
    """Return `Service` of a service of a machine."""
    return {
        "description": "",
        "protocol": service.get("protocol", "tcp").upper(),
        "internalPort": service.get("internal_port", 0),
        "ports": [
            {
                "port": one.get("port"),
                "handlers": [name.upper() for name in one.get("handlers", [])],
            }
            for one in service.get("ports", [])
        ],
    }


def connection(nodes: list[dict[str, Any]], page: dict[str, Any]) -> dict[str, Any]:
    """Return a page of nodes by `first` and `after` (or `last` and `before`), as in Relay.

    Raises:
        GraphQLError: the cursor is not valid.

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


def organization_id(slug: str) -> str:
    """Return the id of an organization, which is opaque to clients."""
    return unique("organization", slug)[:16]


def image_id(digest: str) -> str:
    """Return the id of an image: `img_…`."""
    return f"img_{unique('image', digest)[:16]}"


def user(name: str) -> dict[str, Any]:
    """Return `User` as JSON."""
    made = unique("user", name)[:16]
    return {"id": made, "email": f"{name}@example.com", "name": name, "enablePaidHobby": False}


def graphql_error(message: str, code: str) -> GraphQLError:
    """Return an error with its code."""
    return GraphQLError(message, extensions={"code": code})


def _cursor(position: int) -> str:
    return base64.b64encode(str(position).encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True))
    except ValueError:
        raise graphql_error(f"Invalid cursor: {cursor}", "INVALID") from None
