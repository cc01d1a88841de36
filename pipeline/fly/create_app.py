"""Create apps at Fly: choose the organization and the name, and wait for the registry."""

from __future__ import annotations

import operator
import secrets
from typing import TYPE_CHECKING

from ..http.errors import HttpError
from ..process.wait import wait_until
from ..registry.blobs import accepts_uploads
from .api import as_object, as_objects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

    from ..process.wait import Clock
    from ..reference import Repository
    from ..registry.client import Registry
    from .api import FlyApi, JsonObject

NAME_TAKEN = "name_taken"
"""Fly's error code for a name that is taken in any organization (fly-go `flaps/flaps_error.go`)."""

ORGANIZATIONS = "query { organizations { nodes { slug } } }"
_VARIABLES = ("FLY_ORG", "FLY_ORGANIZATION")
_PAUSE, _LONGEST_PAUSE = 0.25, 3.0
_ADJECTIVES = (
    "able amber arctic brave brisk calm clever crisp dapper eager early fair fleet fresh "
    "gentle golden grand happy humble jolly keen light lively lucky mellow mighty misty "
    "modest neat noble plain polar proud quick quiet rapid ready rustic sandy sharp silver "
    "smart snowy solid spry steady stout sunny swift tidy vivid warm wide wise"
)
_NOUNS = (
    "anchor arbor basin bay beacon birch bridge canyon cedar cliff coast cove creek delta "
    "dune elm falcon fern field fjord forge garden glacier grove gull harbor hawk heron hill "
    "island lagoon lantern larch ledge maple marsh meadow mesa mill moor oak orchard otter "
    "pier pine plateau pond quay reef ridge river robin shore slope spring summit tower vale "
    "valley wharf willow"
)


def named_org(environ: Mapping[str, str]) -> str:
    """Return the organization that the environment names, as flyctl reads it; "" for none."""
    return next((environ[name] for name in _VARIABLES if environ.get(name)), "")


def only_org(api: FlyApi) -> str:
    """Return the organization that the token reaches, if it is only one; else ""."""
    found = as_object(api.graphql(ORGANIZATIONS, {}).get("organizations"))
    slugs = [node.get("slug") for node in as_objects(found.get("nodes"))]
    return slugs[0] if len(slugs) == 1 and isinstance(slugs[0], str) else ""


def generated_name() -> str:
    """Generate a name as flyctl does, which has its own list of words, too (`internal/haikunator`).

    >>> generated_name()  # doctest: +SKIP
    'quiet-harbor-4821'
    """
    words = (secrets.choice(words.split()) for words in (_ADJECTIVES, _NOUNS))
    return "-".join((*words, str(secrets.randbelow(9000) + 1000)))


def create_app(api: FlyApi, name: str, org: str) -> None:
    """Create an app, and wait until the API knows it (fly-go `CreateApp`).

    Raises `FlyError`; its `code` is `NAME_TAKEN` where any organization has that name.
    """
    body: JsonObject = {"name": name, "org_slug": org}
    api.machines_api("POST", "/apps?wait=true", org, "create app", body=body, app=False)


def await_repository(
    registry: Registry,
    repository: Repository,
    stop: Event,
    *,
    seconds: float,
    clock: Clock | None = None,
) -> str:
    """Wait until the registry accepts pushes to a new app; return why it does not, or "".

    The registry learns of an app a moment after the API: right after a creation it answers "app
    repository not found".
    """
    if stop.is_set():
        return f"interrupted before `{repository.host}` was asked for its repository"
    remote = registry.connect(repository)

    def refused() -> str:
        try:
            accepted = accepts_uploads(remote)
        except HttpError as error:
            return error.message
        return "" if accepted else f"`{repository.host}` does not know its repository yet"

    return wait_until(
        refused,
        operator.not_,
        timeout=seconds,
        stop=stop,
        pause=_PAUSE,
        longest=_LONGEST_PAUSE,
        clock=clock,
    )
