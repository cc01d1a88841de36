"""A registry with immutable tags, such as ECR's, and how a run ends there."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.buildkit.outcome import Built
from pipeline.buildkit.staging import staged
from pipeline.model.actions import Action, ImageAction
from pipeline.model.inputs import Fingerprint
from pipeline.model.plan import Plan
from pipeline.model.project import Project
from pipeline.model.report import ImageResult, ImageStatus
from pipeline.model.settings import Settings
from pipeline.reference import ImageName, Reference, Repository, Tag
from pipeline.registry.auth.credential import nobody
from pipeline.registry.client import Registry
from pipeline.registry.manifest import digest_of
from pipeline.runner.aliases import move_aliases
from pipeline.runner.publish import publish_batch
from pipeline.runner.tools import Tools
from tests.buildkit.example import image
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scripted_server import ScriptedServer

TYPE = "application/vnd.oci.image.manifest.v1+json"
MARK = "0a1b2c3d"
GONE = Reply(
    404,
    {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"},
    b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}',
)
SAID = "The image tag '1' already exists in the 'web' repository and cannot be overwritten"
KEPT = Reply(400, {}, json.dumps({"errors": [{"code": "TAG_INVALID", "message": SAID}]}).encode())


def manifest(what: str) -> bytes:
    """Return a different manifest for each word."""
    config = {"digest": digest_of(what.encode()), "size": 1}
    return json.dumps({"schemaVersion": 2, "mediaType": TYPE, "config": config}).encode()


OURS, THEIRS = manifest("ours"), manifest("theirs")


@contextmanager
def ecr(*, late: bool) -> Iterator[ScriptedServer]:
    """Serve our staging tag, and `theirs` as `1` and `latest`; if `late`, only after our put."""
    put = threading.Event()

    def script(request: Request) -> Reply:
        if request.method == "PUT":
            put.set()
            return KEPT
        name = request.path.rpartition("/")[2]
        if name.endswith(MARK) or name == digest_of(OURS):
            return manifest_reply(OURS)
        return GONE if late and not put.is_set() else manifest_reply(THEIRS)

    with scripted_server(script) as server:
        yield server


def manifest_reply(content: bytes) -> Reply:
    """Return the response with a manifest."""
    headers = {"Content-Type": TYPE, "Docker-Content-Digest": digest_of(content)}
    return Reply(200, headers, content)


def action_at(server: ScriptedServer, *, forced: bool = False) -> ImageAction:
    """Return the action that builds `web` and moves `latest` to it."""
    repository = Repository(server.address, "web")
    reference, alias = (Reference(repository, Tag(tag)) for tag in ("1", "latest"))
    return ImageAction(
        image("web"), reference, Fingerprint("f"), Action.BUILD, "new", move=(alias,), forced=forced
    )


@contextmanager
def tools_of(server: ScriptedServer) -> Iterator[Tools]:
    """Return the tools of a run."""
    with Registry() as registry:
        made = Tools(registry, nobody, {}, lambda _: None, threading.Event(), mark=MARK)
        assert str(staged(action_at(server).reference, made.mark)).endswith(MARK)
        yield made


@pytest.mark.parametrize(
    ("forced", "status", "reason"),
    [
        (False, ImageStatus.BUILT, "another run published it first"),
        (True, ImageStatus.FAILED, "does not overwrite tags"),
    ],
)
def test_another_run_published_first(*, forced: bool, status: ImageStatus, reason: str) -> None:
    """Another run's image is deployed; with `--force` that is a failure."""
    with ecr(late=True) as server, tools_of(server) as tools:
        publish_batch(
            [action_at(server, forced=forced)],
            {ImageName("web"): Built(digest_of(OURS))},
            tools,
            before_tags=lambda _: None,
        )

    result = tools.results.images[ImageName("web")]
    assert result.status is status
    assert reason in result.reason
    assert result.digest == (None if forced else digest_of(THEIRS))
    assert (SAID in result.reason) is forced


def test_an_alias_that_cannot_be_moved() -> None:
    """The image is published, its alias is not: a failure with a hint."""
    with ecr(late=False) as server, tools_of(server) as tools:
        action = action_at(server)
        done = ImageResult(action.name, ImageStatus.BUILT, action.reference, "new", digest_of(OURS))
        plan = Plan(Project(Path(), Settings(), ()), (action,))
        tools.results.images[action.name] = done
        move_aliases(plan, tools)

    result = tools.results.images[action.name]
    assert result.status is ImageStatus.FAILED
    assert f"`{action.move[0]}` exists, and its registry does not overwrite tags" in (result.reason)
    assert result.failure is not None
    assert "delete the tag there" in result.failure.hint
