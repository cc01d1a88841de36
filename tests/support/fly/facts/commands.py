"""Send the requests of a flyctl command, in its order, as `commands.json` has them.

The lists have names only: methods, paths, operations and fields. They were read from flyctl's
`internal/command/` (the function that runs each command and what it calls) and from fly-go, at the
commits in the file. A flyctl built from them sent exactly these to the fake Fly (2026-11-29).
`deploy --image` is the second one of an app with a `fly.toml`, one machine, a service with a check,
no release command, no mounts and no statics. Left out is what flyctl asks of other hosts (feature
flags, metrics, its own updates, DNS), and that it repeats the requests that wait for something.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.fly.raw_requests import Response, ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.fly import FakeFly

FILE = Path(__file__).with_name("commands.json")
FIXED = {
    "app": 'name: "{app}"',
    "organizations": "admin: false",
    "latestImageDetails": 'image: "{app}:v1", flyVersion: ""',
    "image": 'ref: "{image}"',
    "releasesUnprocessed": "first: 25",
    "createLimitedAccessToken": 'input: {name: "ci", organizationId: "{organization}",'
    ' profile: "deploy", profileParams: {app_id: "{app}"}, expiry: "24h"}',
}
"""The arguments of a field."""

INSIDE = frozenset({"image", "releasesUnprocessed"})
"""The fields below the top that have arguments."""


def commands() -> dict[str, list[str]]:
    """Return the requests of each command."""
    found: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))["commands"]
    return found


def query_of(line: str, values: Mapping[str, str]) -> str:
    """Return the GraphQL document of a line such as `query app: id organization.slug`.

    >>> query_of("query app: id role.name", {"app": "web"})
    'query { app(name: "web") { id role { name } } }'
    """
    kind, field, *names = line.replace(":", "").split()
    tree: dict[str, Any] = {}
    for name in names:
        below = tree
        for part in name.split("."):
            below = below.setdefault(part, {})
    return f"{kind} {{ {_called(field, values)} {{ {_selected(tree, values)} }} }}"


def _selected(tree: Mapping[str, Any], values: Mapping[str, str]) -> str:
    found = []
    for name, inside in tree.items():
        field = _called(name, values) if name in INSIDE else name
        found.append(f"{field} {{ {_selected(inside, values)} }}" if inside else field)
    return " ".join(found)


def _called(field: str, values: Mapping[str, str]) -> str:
    return f"{field}({_filled(FIXED[field], values)})" if field in FIXED else field


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def send(
    fly: FakeFly, lines: list[str], values: dict[str, str], bodies: Mapping[str, Any]
) -> Iterator[tuple[str, Response]]:
    """Send requests one after the other, and yield each with its response.

    What a response names (a machine's nonce, a release, a build) is used by later requests.
    """
    token = fly.environ["FLY_API_TOKEN"].removeprefix("FlyV1 ")
    nonce = ""
    for line in lines:
        method, _, path = line.partition(" ")
        value = bodies.get(line)
        if method in ("query", "mutation"):
            value = {"query": query_of(line, values), "variables": {}}
            method, path = "POST", "/graphql"
        if value is not None:
            # The id of a build is a number.
            text = json.dumps(value).replace('"{build}"', values.get("build", ""))
            value = json.loads(_filled(text, values))
        headers = {"fly_machine_lease_nonce": nonce} if nonce else {}
        address = fly.api.removeprefix("http://")
        scheme = "FlyV1" if path.startswith("/v1") else "Bearer"
        response = ask(
            address,
            method,
            _filled(path, values),
            value=value,
            authorization=f"{scheme} {token}",
            **headers,
        )
        if line == "POST /api/v1/releases":
            values["release"] = str(response.json["release"]["id"])
        elif line == "POST /api/v1/builds":
            values["build"] = str(response.json["id"])
        elif line.endswith("/lease") and method == "POST":
            nonce = response.json["data"]["nonce"]
        yield line, response
