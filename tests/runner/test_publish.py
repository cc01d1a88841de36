"""Publishing: several simultaneous runs of the same image agree on one digest.

A real registry; a proxy in front of each run decides the order of their requests.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from pipeline.errors import PipelineError, UnknownError
from pipeline.model.actions import Action, ImageAction
from pipeline.model.inputs import Fingerprint
from pipeline.model.presence import Absent, Present
from pipeline.reference import Digest, Reference, Repository, Tag
from pipeline.registry.client import Registry as Client
from pipeline.registry.copy import put
from pipeline.registry.errors import KeptTagError
from pipeline.registry.manifest import Manifest
from pipeline.runner.publish import Pushed, publish
from tests.buildkit.example import image
from tests.support.intercept import intercept
from tests.support.scripted_server import Reply, Request
from tests.support.small_images import push_blob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from pipeline.model.presence import Presence
    from tests.support.intercept import Hook
    from tests.support.registries import Registry
    from tests.support.scripted_server import ScriptedServer

pytestmark = pytest.mark.engine  # It needs only the registry.

TYPE = "application/vnd.oci.image.manifest.v1+json"


def pushed(  # Each test is about one of them.
    host: str,
    address: str,
    content: str,
    *,
    name: str = "web",
    bases: tuple[str, ...] = (),
    forced: bool = False,
) -> Pushed:
    """Push an image with the config `content`, as BuildKit pushes to staging."""
    blob = json.dumps({"of": content}).encode()
    config = push_blob(f"{address}/{name}", blob, "application/vnd.oci.image.config.v1+json")
    document = {"schemaVersion": 2, "mediaType": TYPE, "layers": []}
    text = json.dumps({**document, "config": config}).encode()
    manifest = Manifest(text, TYPE, Digest(f"sha256:{hashlib.sha256(text).hexdigest()}"))
    reference = Reference(Repository(host, name), Tag("1"))
    made = image(name, bases=bases)
    action = ImageAction(made, reference, Fingerprint("f"), Action.BUILD, "", forced=forced)
    return Pushed(action, manifest)


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Close clients and proxies at the end of the test."""
    with ExitStack() as stack:
        yield stack


def published(
    clients: ExitStack, server: str, *images: Pushed
) -> Mapping[str, Presence | PipelineError]:
    """Publish images with a new client of `server`; return the results."""
    client = clients.enter_context(Client())
    assert {digest_of_result.action.reference.repository.host for digest_of_result in images} == {
        server
    }
    return dict(publish(images, client).items())


def digest_of_result(answer: Mapping[str, Presence | PipelineError], name: str = "web") -> str:
    """Return the digest of an image that was published."""
    found = answer[name]
    assert isinstance(found, Present), found
    return found.digest


def test_two_runs_that_see_no_tag_agree_on_the_later_put(
    registry: Registry, clients: ExitStack
) -> None:
    """If both see no tag, both end with the later put."""
    seen = threading.Barrier(2, timeout=20)

    def run(wait: float) -> tuple[ScriptedServer, Pushed]:
        first = threading.Event()

        def after(request: Request) -> None:
            if request.method == "HEAD" and not first.is_set():
                first.set()
                seen.wait()

        def before(request: Request) -> None:
            if request.method == "PUT":
                time.sleep(wait)

        server = clients.enter_context(intercept(registry.address, before, after))
        return server, pushed(server.address, registry.address, f"of {wait}")

    (quick_server, quick), (late_server, late) = run(0.4), run(0.8)
    with ThreadPoolExecutor(2) as pool:
        of_quick = pool.submit(published, clients, quick_server.address, quick)
        of_late = pool.submit(published, clients, late_server.address, late)

    assert quick_server.count("PUT") == late_server.count("PUT") == 1
    assert (
        digest_of_result(of_quick.result())
        == digest_of_result(of_late.result())
        == late.manifest.digest
    )
    assert late.manifest.digest != quick.manifest.digest


def test_a_later_run_uses_the_existing_image(registry: Registry, clients: ExitStack) -> None:
    """The later run uses the existing image; that costs two requests and no put."""
    server = clients.enter_context(intercept(registry.address))
    first, second = (pushed(server.address, registry.address, text) for text in "ab")

    of_first = published(clients, server.address, first)
    before = server.count()
    of_second = published(clients, server.address, second)

    assert digest_of_result(of_first) == digest_of_result(of_second) == first.manifest.digest
    assert server.count() - before == server.count("HEAD") - 2 == 2
    assert server.count("PUT") == 1


def test_a_put_between_our_head_and_our_put(registry: Registry, clients: ExitStack) -> None:
    """If another run puts between our HEAD and our put, ours replaces it, and both report ours."""
    put = threading.Event()

    def after(request: Request) -> None:
        if request.method == "PUT":
            put.set()
            time.sleep(0.4)

    def before(request: Request) -> None:
        if request.method == "PUT":
            begun.append(pool.submit(published, clients, theirs.address, other))
            put.wait(20)

    theirs = clients.enter_context(intercept(registry.address, after=after))
    other = pushed(theirs.address, registry.address, "other")
    ours = clients.enter_context(intercept(registry.address, before))
    mine = pushed(ours.address, registry.address, "mine")
    begun: list[Future[Mapping[str, Presence | PipelineError]]] = []

    with ThreadPoolExecutor(1) as pool:
        answer = published(clients, ours.address, mine)

    assert digest_of_result(answer) == digest_of_result(begun[0].result()) == mine.manifest.digest


def test_a_forced_image_replaces_the_existing_one(registry: Registry, clients: ExitStack) -> None:
    """A forced image replaces the existing one."""
    server = clients.enter_context(intercept(registry.address))
    first = pushed(server.address, registry.address, "a")
    second = pushed(server.address, registry.address, "b", forced=True)

    published(clients, server.address, first)

    assert digest_of_result(published(clients, server.address, second)) == second.manifest.digest


def push_three(
    registry: Registry, clients: ExitStack, before: Hook
) -> tuple[ScriptedServer, list[Pushed]]:
    """Push a base, an image on it, and one on that; return them with the last first."""
    server = clients.enter_context(intercept(registry.address, before))
    bases = {"web": ("lang",), "lang": ("os",), "os": ()}
    images = [
        pushed(server.address, registry.address, name, name=name, bases=under)
        for name, under in bases.items()
    ]
    return server, images


def test_bases_are_published_first(registry: Registry, clients: ExitStack) -> None:
    """Bases are published first, so that a published image always has its bases."""
    server, images = push_three(registry, clients, lambda _: None)

    published(clients, server.address, *images)

    puts = [request.path.split("/")[2] for request in server.requests if request.method == "PUT"]
    assert puts == ["os", "lang", "web"]


def test_a_refused_image_does_not_affect_the_others(registry: Registry, clients: ExitStack) -> None:
    """A refused image has its error in the result; the others are published."""

    def refuse(request: Request) -> Reply | None:
        return Reply(403) if request.method == "PUT" and "/lang/" in request.path else None

    server, images = push_three(registry, clients, refuse)

    answer = published(clients, server.address, *images)

    assert isinstance(answer["lang"], UnknownError)
    assert (digest_of_result(answer, "os"), digest_of_result(answer, "web")) == (
        images[2].manifest.digest,
        images[0].manifest.digest,
    )
    lost = Reference(Repository(registry.address, "lang"), Tag("1"))
    assert isinstance(clients.enter_context(Client()).head(lost), Absent)


KEPT = [
    (400, "TAG_INVALID", "The image tag '1' already exists in 'web' and cannot be overwritten"),
    (400, "MANIFEST_INVALID", "cannot update tag 1. The repository has enabled tag immutability"),
    (412, "PRECONDITION", "Failed to process request due to 'web:1' configured as immutable."),
    (409, "TAG_IMMUTABLE", "tag is immutable"),
]
OTHERS = [(403, "DENIED", "no"), (400, "MANIFEST_INVALID", "nonsense"), (405, "UNSUPPORTED", "")]


def refusing(registry: Registry, first: Pushed | None, refusal: tuple[int, str, str]) -> Hook:
    """Refuse each put with this response, after another run has published `first`."""
    status, code, message = refusal
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()

    def before(request: Request) -> Reply | None:
        if request.method != "PUT":
            return None
        if first:
            url = f"http://{registry.address}{request.path}"
            headers = {"Content-Type": TYPE}
            httpx.put(url, content=first.manifest.content, headers=headers).raise_for_status()
        return Reply(status, {"Content-Type": "application/json"}, body)

    return before


@pytest.mark.parametrize("refusal", [*KEPT, *OTHERS], ids=str)
def test_an_immutable_tag_that_exists(
    registry: Registry, clients: ExitStack, refusal: tuple[int, str, str]
) -> None:
    """If a put is refused in any wording, the existing image is used."""
    theirs = pushed("r.io", registry.address, "theirs")
    hook = refusing(registry, theirs, refusal)
    server = clients.enter_context(intercept(registry.address, hook))
    ours = pushed(server.address, registry.address, "ours")

    assert digest_of_result(published(clients, server.address, ours)) == theirs.manifest.digest


@pytest.mark.parametrize("refusal", KEPT, ids=str)
def test_force_with_an_immutable_tag(
    registry: Registry, clients: ExitStack, refusal: tuple[int, str, str]
) -> None:
    """With `--force` and immutable tags the image has failed, with the reason; the tag stays."""
    theirs = pushed("r.io", registry.address, "theirs")
    hook = refusing(registry, theirs, refusal)
    server = clients.enter_context(intercept(registry.address, hook))
    ours = pushed(server.address, registry.address, "ours", forced=True)

    error = published(clients, server.address, ours)["web"]

    assert isinstance(error, KeptTagError)
    assert error.exit_code == 1
    assert "does not overwrite tags" in error.message
    assert refusal[2] in error.message
    assert "`salt`" in error.hint


def test_a_refused_put_without_an_existing_image(registry: Registry, clients: ExitStack) -> None:
    """A refused put without an existing image is an error."""
    hook = refusing(registry, None, OTHERS[0])
    server = clients.enter_context(intercept(registry.address, hook))
    ours = pushed(server.address, registry.address, "ours")

    error = published(clients, server.address, ours)["web"]

    assert isinstance(error, UnknownError)
    assert "may not write `web`" in error.message


def test_a_lost_response_to_a_put(registry: Registry, clients: ExitStack) -> None:
    """If the response to a put is lost, but the image is there, it is published."""
    server = clients.enter_context(
        intercept(
            registry.address, after=lambda request: Reply(400) if request.method == "PUT" else None
        )
    )
    ours = pushed(server.address, registry.address, "ours", forced=True)

    assert digest_of_result(published(clients, server.address, ours)) == ours.manifest.digest


@pytest.mark.parametrize("refusal", [KEPT[0], *OTHERS], ids=str)
def test_an_alias_or_copy_with_an_immutable_tag(
    registry: Registry, clients: ExitStack, refusal: tuple[int, str, str]
) -> None:
    """An alias or copy is done if the tag has the same image; another image is a failure."""
    theirs = pushed("r.io", registry.address, "theirs")
    hook = refusing(registry, theirs, refusal)
    server = clients.enter_context(intercept(registry.address, hook))
    client = clients.enter_context(Client())
    ours = pushed(server.address, registry.address, "ours")

    assert put(client, ours.action.reference, theirs.manifest) is False
    with pytest.raises(KeptTagError if refusal in KEPT else UnknownError):
        put(client, ours.action.reference, ours.manifest)
