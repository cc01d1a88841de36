"""Send raw requests to the fake Fly, without the client under test."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from tests.support.fly.images import MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.fly.server import FakeFly


@dataclass(frozen=True, slots=True)
class Response:
    """A response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Parse the body as JSON."""
        return json.loads(self.body)


def ask(address: str, method: str, path: str, *, value: Any = None, **headers: str) -> Response:
    """Send one request on a new connection; `value` is sent as JSON, `x_y` is the header `x-y`."""
    connection = HTTPConnection(address, timeout=70)
    body = None if value is None else json.dumps(value).encode()
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        named = {name.lower(): text for name, text in answer.getheaders()}
        return Response(answer.status, named, answer.read())
    finally:
        connection.close()


def machines(fly: FakeFly, method: str, path: str, value: Any = None, **headers: str) -> Response:
    """Send a request to the Machines API, `path` below `/v1`, by default with an org token."""
    given = {"authorization": fly.environ["FLY_API_TOKEN"], **headers}
    return ask(fly.api.removeprefix("http://"), method, f"/v1{path}", value=value, **given)


def graphql(fly: FakeFly, query: str, token: str = "", **variables: Any) -> Any:
    """Send a GraphQL query and return the parsed body; the status is always 200."""
    said = ask(
        fly.api.removeprefix("http://"),
        "POST",
        "/graphql",
        value={"query": query, "variables": variables},
        authorization=token or fly.environ["FLY_API_TOKEN"],
    )
    assert said.status == 200
    return said.json


def registry(fly: FakeFly, method: str, path: str, token: str = "", user: str = "x") -> Response:
    """Send a request to the registry, `path` below `/v2`; no token means no `Authorization`."""
    bare = token.removeprefix("FlyV1 ")
    basic = base64.b64encode(f"{user}:{bare}".encode()).decode()
    headers = {"authorization": f"Basic {basic}"} if token else {}
    accept = ", ".join(MANIFESTS)
    return ask(fly.registry, method, f"/v2{path}", accept=accept, **headers)


def flyctl(
    fly: FakeFly, *words: str, cwd: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run `fly` as a process; `environ` is merged over the environment of the fake Fly."""
    return subprocess.run(
        ["fly", *words],
        cwd=cwd,
        env={"HOME": os.environ["HOME"], **fly.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
