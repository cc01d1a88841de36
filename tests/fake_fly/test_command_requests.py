"""The requests of flyctl's commands in their order, answered by the fake Fly.

Our own flyctl program changes the fake Fly without requests, so they are sent as flyctl's source
has them: `tests/support/fly/facts/commands.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fly.facts.commands import commands, query_of, send
from tests.support.fly.flyctl.run import TABLE
from tests.support.fly.raw_requests import graphql, machines

if TYPE_CHECKING:
    from tests.support.fly import FakeFly

SERVICE = {"protocol": "tcp", "internal_port": 8080, "ports": [{"port": 443, "handlers": ["tls"]}]}
RELEASE = "PATCH /api/v1/releases/{release}"
BODIES: dict[str, Any] = {
    "POST /v1/apps?wait=true": {"name": "{new}", "org_slug": "{org}"},
    "POST /api/v1/builds": {"app_name": "{app}", "builder_type": "remote"},
    "POST /api/v1/builds/finish": {
        "build_id": "{build}",
        "app_name": "{app}",
        "status": "completed",
    },
    "POST /api/v1/releases": {
        "app_name": "{app}",
        "image": "{image}",
        "strategy": "ROLLING",
        "definition": {"app": "{app}"},
        "build_id": 0,
    },
    RELEASE: {"status": "complete"},
    "POST /v1/apps/{app}/machines/{machine}": {
        "config": {"image": "{image}", "services": [SERVICE]}
    },
}
UNKNOWN = "Unknown repository"
"""The only error that flyctl passes over: no image of the user's is one of Fly's own."""


@pytest.fixture(name="values")
def _values(fly: FakeFly, request: pytest.FixtureRequest) -> dict[str, str]:
    """Create an app with a release and a started machine, and return its names."""
    command = request.node.callspec.params["command"]
    app = "order-" + "-".join(word for word in command.split() if not word.startswith("-"))
    fly.create_app(app)
    image = fly.push(app, "v1")
    body = {"config": {"image": image, "services": [SERVICE]}}
    machine = machines(fly, "POST", f"/apps/{app}/machines", body).json["id"]
    found = graphql(fly, query_of("query organizations: nodes.id nodes.slug", {}))
    (acme,) = found["data"]["organizations"]["nodes"]
    return {
        "app": app,
        "new": f"{app}-new",
        "machine": str(machine),
        "image": image,
        "org": acme["slug"],
        "organization": acme["id"],
    }


@pytest.mark.parametrize("command", commands())
def test_a_command_is_answered_in_its_order(
    fly: FakeFly, values: dict[str, str], command: str
) -> None:
    """Every request succeeds with what the earlier ones returned, and is recorded in this order."""
    lines = commands()[command]
    before = len(fly.requests)

    for line, response in send(fly, lines, values, BODIES):
        errors = response.json.get("errors", []) if line.startswith(("query", "mutation")) else []
        assert response.status in (200, 201, 204), (line, response.body)
        assert [one for one in errors if UNKNOWN not in one["message"]] == [], line

    recorded = [one.method for one in fly.requests[before:]]
    assert recorded == [_method(line) for line in lines]


def _method(line: str) -> str:
    word = line.partition(" ")[0]
    return "POST" if word in ("query", "mutation") else word


def test_each_command_is_one_of_our_own_flyctl() -> None:
    """Without its options."""
    names = {" ".join(w for w in one.split() if not w.startswith("-")) for one in commands()}

    assert names <= set(TABLE)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("query app: nothing", "Cannot query field 'nothing' on type 'App'."),
        ("query nothing: id", "Cannot query field 'nothing' on type 'Queries'."),
        ("mutation deleteApp: app.id", "Cannot query field 'deleteApp' on type 'Mutations'."),
    ],
)
def test_another_query_is_refused_by_name(fly: FakeFly, line: str, said: str) -> None:
    """The message has the field and its type."""
    (error,) = graphql(fly, query_of(line, {"app": "web"}))["errors"]

    assert error["message"].startswith(said)
