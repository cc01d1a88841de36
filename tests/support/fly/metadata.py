"""The metadata of a machine, by key or all at once.

Paths and bodies: the OpenAPI description's newer copy (cloudy-sky-software/pulumi-fly-machines). A
lease does not protect it (alchemy-run/distilled `machineLeases.patch.json`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.fly.errors import RefusedError, not_answered
from tests.support.fly.http_server import Answer
from tests.support.fly.request_bodies import METADATA, METADATA_ALL, parse_body

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.state import Machine


def answer(machine: Machine, request: HttpRequest, path: tuple[str, ...]) -> Answer:
    """Answer requests for `…/metadata` and `…/metadata/KEY`."""
    match (request.method, *path):
        case ("GET",):
            return Answer(200, of(machine))
        case ("PUT" | "PATCH",):
            return _merge(machine, request)
        case ("GET", key):
            if key not in of(machine):
                raise RefusedError(404, f"metadata key {key} not found")
            return Answer(200, {"value": of(machine)[key]})
        case ("POST", key):
            return _set(machine, {key: parse_body(request.body, METADATA)["value"]})
        case ("DELETE", key):
            return _set(machine, {key: ""})
    raise not_answered(request)


def of(machine: Machine) -> dict[str, str]:
    """Return the metadata of a machine."""
    return dict(machine.config.get("metadata") or {})


def _merge(machine: Machine, request: HttpRequest) -> Answer:
    body = parse_body(request.body, METADATA_ALL)
    if body.get("machine_version") not in (None, machine.instance_id):
        raise RefusedError(412, "failed_precondition: machine_version is not the current one")
    return _set(machine, body.get("metadata") or {})


def _set(machine: Machine, changes: dict[str, str]) -> Answer:
    # Null and empty values are removed.
    kept = {name: value for name, value in {**of(machine), **changes}.items() if value}
    machine.config = {**machine.config, "metadata": kept}
    return Answer(204)
