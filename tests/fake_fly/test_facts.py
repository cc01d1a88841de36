"""The fake Fly, and our own requests, against names and types extracted from Fly's sources.

The facts are in `tests/support/fly/facts/*.json`; `extract.py` beside them says from where.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from graphql import build_schema, parse, validate

from pipeline.fly.api import FlyApi
from pipeline.fly.create_app import ORGANIZATIONS, create_app
from pipeline.fly.queries import RELEASES, app_of, apps_of_org, machines_of, write_stamp
from pipeline.fly.retention import add_keeper, move_keeper, remove_keeper
from pipeline.model.keep import Role, Slot
from pipeline.reference import ImageName, parse_reference
from tests.support.fly import request_bodies as bodies
from tests.support.fly.facts.bodies import differences, of_go, of_openapi, of_shape, of_value
from tests.support.fly.facts.extract import FOLDER, graphql_types
from tests.support.fly.graphql_api import schema
from tests.support.fly.raw_requests import machines

if TYPE_CHECKING:
    from pipeline.reference import Reference
    from tests.support.fly import FakeFly, Request

GRAPHQL = json.loads((FOLDER / "graphql.json").read_text(encoding="utf-8"))["types"]
GO = json.loads((FOLDER / "go.json").read_text(encoding="utf-8"))
OPENAPI = json.loads((FOLDER / "openapi.json").read_text(encoding="utf-8"))
SCHEMAS = OPENAPI["schemas"]

ROOTS = {"Queries", "Mutations"}
BODIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "create machine": (bodies.CREATE_MACHINE, "LaunchMachineInput", "CreateMachineRequest"),
    "update machine": (bodies.UPDATE_MACHINE, "LaunchMachineInput", "UpdateMachineRequest"),
    "create app": (bodies.CREATE_APP, "CreateAppRequest", "CreateAppRequest"),
    "lease": (bodies.LEASE, "", "CreateLeaseRequest"),
    "stop": (bodies.STOP, "StopMachineInput", "StopRequest"),
    "metadata key": (bodies.METADATA, "", "upsertMetadataKeyRequest"),
    "all metadata": (bodies.METADATA_ALL, "", "updateMetadataRequest"),
    "signal": (bodies.SIGNAL, "", "SignalRequest"),
    "exec": (bodies.EXEC, "MachineExecRequest", "MachineExecRequest"),
    "assign IP": (bodies.ASSIGN_IP, "AssignIPRequest", "assignIPRequest"),
    "set secret": (bodies.SET_SECRET, "SetAppSecretRequest", "SetAppSecretRequest"),
    "set secrets": (bodies.SET_SECRETS, "UpdateAppSecretsRequest", "AppSecretsUpdateRequest"),
    "create volume": (bodies.CREATE_VOLUME, "CreateVolumeRequest", "CreateVolumeRequest"),
    "create release": (bodies.CREATE_RELEASE, "CreateReleaseRequest", ""),
    "create build": (bodies.CREATE_BUILD, "CreateBuildRequest", ""),
    "finish build": (bodies.FINISH_BUILD, "FinishBuildRequest", ""),
}


def test_graphql_of_the_fake_fly_is_that_of_fly() -> None:
    """Types, fields, arguments, nullability, deprecations, values of enumerations."""
    ours = schema()
    described, facts = _lines(graphql_types(ours, ours)), _lines(GRAPHQL)

    assert described == facts


@pytest.mark.parametrize("query", [RELEASES, ORGANIZATIONS], ids=["releases", "organizations"])
def test_our_own_queries_are_valid_at_fly(query: str) -> None:
    """Also the types of their variables."""
    assert not validate(build_schema(_sdl()), parse(query))


@pytest.mark.parametrize("body", BODIES)
def test_bodies_have_the_fields_that_fly_has(body: str) -> None:
    """Each of fly-go and of the OpenAPI description, no other, and with their types."""
    shape, struct, described = BODIES[body]
    theirs = [of_go(struct, GO)] if struct else []
    theirs += [of_openapi(described, SCHEMAS)] if described else []

    assert differences(of_shape(shape), theirs, body, whole=True) == []


def test_what_our_own_requests_send_is_known_to_fly(fly: FakeFly) -> None:
    """Methods, paths, parameters and bodies of every request that we send to the Machines API."""
    first, second = (_pushed(fly, "web", tag) for tag in ("kept", "moved"))
    sent = len(fly.requests)
    with FlyApi(fly.environ) as api:
        create_app(api, "ours", "acme")
        assert app_of(api, "ours")
        assert "ours" in apps_of_org(api, "acme")
        slot = Slot("web", Role.BASE, ImageName("base"))
        made = add_keeper(api, slot, first)
        write_stamp(api, "web", machines_of(api, "web")[-1], text="{}")
        remove_keeper(api, slot, move_keeper(api, slot, made, second).id)
    ours = fly.requests[sent:]

    assert {one.status for one in ours} <= {200, 201, 204}
    assert len({_endpoint(one) for one in ours}) == 8
    assert [text for one in ours for text in _unknown(one)] == []


ANSWERS = {
    "/apps?org_slug=acme": ("", "ListAppsResponse"),
    "/apps/web": ("App", "App"),
    "/apps/web/machines": ("[]Machine", "Machine[]"),
    "/apps/web/machines/{id}": ("Machine", "Machine"),
    "/apps/web/machines/{id}/events": ("[]MachineEvent", "MachineEvent[]"),
    "/apps/web/machines/{id}/versions": ("", "MachineVersion[]"),
    "/apps/web/machines/{id}/lease": ("MachineLease", ""),
    "/apps/web/machines/{id}/wait?timeout=1": ("", "WaitMachineResponse"),
}


@pytest.mark.parametrize("path", ANSWERS)
def test_answers_have_no_fields_that_fly_lacks(fly: FakeFly, path: str) -> None:
    """With their types."""
    image = str(_pushed(fly, "web", "answers"))
    body = {"config": {"image": image, "checks": {"alive": {"type": "tcp", "port": 80}}}}
    made = machines(fly, "POST", "/apps/web/machines", {**body, "lease_ttl": 60}).json
    said = machines(fly, "GET", path.format(id=made["id"]))
    struct, described = ANSWERS[path]
    theirs = [of_go(struct, GO)] if struct else []
    theirs += [of_openapi(described, SCHEMAS)] if described else []

    assert said.status == 200
    assert differences(of_value(said.json), theirs, path, whole=False) == []


OF_FLY_GO = {
    "POST /apps": {"wait"},
    "DELETE /apps/{app_name}/machines/{machine_id}": {"kill"},
    "POST /apps/{app_name}/machines/{machine_id}/lease": {"ttl"},
}
"""Parameters that only fly-go has (`flaps/flaps_apps.go`, `flaps/flaps_machines.go`)."""


def _endpoint(request: Request) -> str:
    path = urlsplit(request.path).path.removeprefix("/v1")
    for known in OPENAPI["endpoints"]:
        method, _, template = known.partition(" ")
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if method == request.method and re.fullmatch(pattern, path):
            return str(known)
    raise AssertionError(f"Fly has no {request.method} {path}")


def _unknown(request: Request) -> list[str]:
    """Return the parameters and fields of a request that Fly does not have."""
    endpoint = _endpoint(request)
    fact = OPENAPI["endpoints"][endpoint]
    known = {*fact["query"], *OF_FLY_GO.get(endpoint, set())}
    wrong = [f"{endpoint}?{name}" for name in parse_qs(urlsplit(request.path).query).keys() - known]
    if request.body:
        theirs = [of_openapi(fact["body"], SCHEMAS)]
        wrong += differences(of_value(json.loads(request.body)), theirs, endpoint, whole=False)
    return wrong


def _pushed(fly: FakeFly, app: str, tag: str) -> Reference:
    name = fly.push(app, tag).rpartition(":")[0]
    return parse_reference(f"{name}:{tag}@{fly.images.tags[app, tag]}")


def _sdl() -> str:
    """Write the facts as a schema."""
    parts = [f"schema {{ query: {', '.join(ROOTS & set(GRAPHQL) - {'Mutations'})} }}"]
    for name, fact in GRAPHQL.items():
        if "enum" in fact:
            parts.append(f"enum {name} {{ {' '.join(fact['enum'])} }}")
        elif "input" in fact:
            parts.append(f"input {name} {{ {_pairs(fact['input'])} }}")
        elif "fields" in fact:
            fields = [
                f"{field}{_bracketed(one.get('arguments'))}: {one['type']}"
                for field, one in fact["fields"].items()
            ]
            after = f" implements {' & '.join(fact['implements'])}" if "implements" in fact else ""
            kind = "interface" if name == "Principal" else "type"
            parts.append(f"{kind} {name}{after} {{ {' '.join(fields)} }}")
        elif name not in ("String", "Int", "Boolean", "ID", "Float"):
            parts.append(f"scalar {name}")
    return "\n".join(parts)


def _pairs(fields: dict[str, str]) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in fields.items())


def _bracketed(arguments: dict[str, str] | None) -> str:
    return f"({_pairs(arguments)})" if arguments else ""


def _lines(types: dict[str, Any]) -> list[str]:
    """Write types as one line for each field, value and input."""
    return sorted(
        f"{name} {part} {key} {json.dumps(value)}"
        for name, fact in types.items()
        for part, inner in fact.items()
        for key, value in (inner.items() if isinstance(inner, dict) else [("", inner)])
    )
