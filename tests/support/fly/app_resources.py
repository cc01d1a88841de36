"""IP addresses, secrets and volumes of an app, as far as `fly deploy` asks for them.

Paths, bodies and answers: superfly/fly-go `flaps/flaps_ip_assignments.go`, `flaps_secrets.go`,
`flaps_volumes.go`; the OpenAPI description.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.support.fly.errors import RefusedError, not_answered
from tests.support.fly.http_server import Answer
from tests.support.fly.request_bodies import (
    ASSIGN_IP,
    CREATE_VOLUME,
    SET_SECRET,
    SET_SECRETS,
    parse_body,
)
from tests.support.fly.state import REGION, Ip, now, unique

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.state import App, World

KINDS = ("v4", "v6", "shared_v4", "private_v6")


def answer(world: World, app: App, request: HttpRequest, path: tuple[str, ...]) -> Answer:
    """Answer a request below `/v1/apps/NAME`, except for machines."""
    match path:
        case ("ip_assignments", *rest):
            return _ip_assignments(world, app, request, tuple(rest))
        case ("secrets", *rest):
            return _secrets(app, request, tuple(rest))
        case ("volumes", *rest):
            return _volumes(app, request, tuple(rest))
    raise not_answered(request)


def _ip_assignments(world: World, app: App, request: HttpRequest, path: tuple[str, ...]) -> Answer:
    match (request.method, *path):
        case ("GET",):
            return Answer(200, {"ips": [_ip(one) for one in app.ips]})
        case ("POST",):
            return Answer(200, _ip(_assign(world, app, parse_body(request.body, ASSIGN_IP))))
        case ("DELETE", ip):
            return _remove_ip(app, ip)
    raise not_answered(request)


def _secrets(app: App, request: HttpRequest, path: tuple[str, ...]) -> Answer:
    match (request.method, *path):
        case ("GET",):
            return Answer(200, {"secrets": [_secret(app, name) for name in sorted(app.secrets)]})
        case ("POST",):
            values = parse_body(request.body, SET_SECRETS)["values"]
            changed = [_secret(app, name) for name in _set_secrets(app, values)]
            return Answer(200, {"secrets": changed, "version": _version(app)})
        case ("POST", name):
            _set_secrets(app, {name: parse_body(request.body, SET_SECRET)["value"]})
            return Answer(201, {**_secret(app, name), "version": _version(app)})
        case ("DELETE", name):
            _set_secrets(app, {name: None})
            return Answer(200, {"version": _version(app)})
    raise not_answered(request)


def _volumes(app: App, request: HttpRequest, path: tuple[str, ...]) -> Answer:
    match (request.method, *path):
        case ("GET",):
            return Answer(200, app.volumes)
        case ("POST",):
            return Answer(200, _create_volume(app, parse_body(request.body, CREATE_VOLUME)))
        case ("GET", wanted):
            return Answer(200, _volume(app, wanted))
    raise not_answered(request)


def _assign(world: World, app: App, body: dict[str, Any]) -> Ip:
    kind = body.get("type") or ""
    if kind not in KINDS:
        raise RefusedError(400, f"type is not one of {', '.join(KINDS)}")
    number = int(world.new_id("ip", app.name)[:6], 16)
    hosts = {"v6": "2a09:8280:1::{:x}:0", "private_v6": "fdaa:0:{:x}:0:1::2"}
    text = hosts.get(kind, "66.241.{}.1").format(number % 250 if "v4" in kind else number)
    made = Ip(text, kind, now())
    app.ips.append(made)
    return made


def _remove_ip(app: App, ip: str) -> Answer:
    if all(one.ip != ip for one in app.ips):
        raise RefusedError(404, "IP assignment not found")
    app.ips = [one for one in app.ips if one.ip != ip]
    return Answer(204)


def _ip(one: Ip) -> dict[str, Any]:
    shown = {"ip": one.ip, "region": "global", "service_name": "", "shared": one.shared}
    return {**shown, "created_at": one.created_at}


def _set_secrets(app: App, values: dict[str, str | None]) -> list[str]:
    """Set or, for null, remove secrets; return the names of those that are set."""
    for name, value in values.items():
        app.secrets.pop(name, None)
        if value is not None:
            app.secrets[name] = hashlib.sha256(value.encode()).hexdigest()[:16]
    return [name for name in values if name in app.secrets]


def _secret(app: App, name: str) -> dict[str, Any]:
    return {"name": name, "digest": app.secrets[name]}


def _version(app: App) -> int:
    return int(unique(app.name, *sorted(app.secrets.items()))[:8], 16)


def _create_volume(app: App, body: dict[str, Any]) -> dict[str, Any]:
    if not body.get("name"):
        raise RefusedError(400, "name is required")
    made = {
        "id": f"vol_{unique(app.name, 'volume', len(app.volumes))[:16]}",
        "name": body["name"],
        "state": "created",
        "size_gb": body.get("size_gb") or 1,
        "region": body.get("region") or REGION,
        "zone": "1",
        "encrypted": body.get("encrypted") is not False,
        "attached_machine_id": None,
        "attached_alloc_id": None,
        "created_at": now(),
        "snapshot_retention": body.get("snapshot_retention") or 5,
        "auto_backup_enabled": body.get("auto_backup_enabled") is not False,
        "host_status": "ok",
    }
    app.volumes.append(made)
    return made


def _volume(app: App, wanted: str) -> dict[str, Any]:
    for one in app.volumes:
        if one["id"] == wanted:
            return one
    raise RefusedError(404, "volume not found")
