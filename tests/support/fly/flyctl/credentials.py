"""The commands `fly auth …` and `fly tokens create …` (facts, 2.1, 2.2 and 3.4)."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.support.fly.flyctl.commands import app_name
from tests.support.fly.flyctl.context import ORG_REQUIRED
from tests.support.fly.flyctl.durations import seconds_of
from tests.support.fly.flyctl.session import FailedError
from tests.support.fly.graphql_nodes import user

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fly.flyctl.context import Context


def auth_token(context: Context) -> None:
    """Run `fly auth token --json`, which prints on stderr that it is deprecated."""
    text = context.token_text().removeprefix("FlyV1 ")
    if context.line.on("json"):
        context.session.json({"token": text})
        return
    if not context.line.on("quiet"):
        told = "The 'fly auth token' command is deprecated. Use 'fly tokens create' instead."
        context.session.err(told + "\n")
    context.session.out(f"{text}\n")


def auth_whoami(context: Context) -> None:
    """Run `fly auth whoami`."""
    email = user(context.graphql_token().org)["email"]
    if context.line.on("json"):
        context.session.json({"email": email})
    else:
        context.session.out(f"{email}\n")


def auth_docker(context: Context) -> None:
    """Run `fly auth docker`: `docker login`, the token without `FlyV1` on stdin (facts, 2.1)."""
    environ = context.session.environ
    host = environ.get("FLY_REGISTRY_HOST", "registry.fly.io")
    bare = context.token_text().removeprefix("FlyV1 ")
    command = ["docker", "login", "--username=x", "--password-stdin", host]
    done = subprocess.run(
        command, input=bare, text=True, capture_output=True, check=False, env=dict(environ)
    )
    if done.returncode:
        raise FailedError(f"failed authenticating with {host}: {done.stdout}{done.stderr}")
    context.session.out(f"Authentication successful. You can now tag and push images to {host}\n")


def tokens_create(context: Context) -> None:
    """Run `fly tokens create deploy|org|readonly --json`: `{"token": "FlyV1 fm2_…"}`."""
    kind = context.line.command.split()[-1]
    token = context.graphql_token()
    app = _app(context) if kind == "deploy" else ""
    if kind != "deploy" and context.org() != token.org:
        raise FailedError("Could not find Organization" if context.org() else ORG_REQUIRED)
    if token.readonly or (token.app and token.app != app):
        raise FailedError("Not authorized to access this createlimitedaccesstoken")
    seconds = seconds_of("expiry", context.line.value("expiry", "175200h"))
    made = context.tokens.give(token.org, app, readonly=kind == "readonly", seconds=seconds)
    if context.line.on("json"):
        context.session.json({"token": made})
    else:
        context.session.out(f"{made}\n")


def _app(context: Context) -> str:
    name = app_name(context)
    try:
        return context.graphql_app(name).name
    except FailedError as failed:
        raise FailedError(f"failed retrieving app {name}: {failed}") from None


TABLE: dict[str, Callable[[Context], None]] = {
    "auth token": auth_token,
    "auth whoami": auth_whoami,
    "auth docker": auth_docker,
    "tokens create deploy": tokens_create,
    "tokens create org": tokens_create,
    "tokens create readonly": tokens_create,
}
