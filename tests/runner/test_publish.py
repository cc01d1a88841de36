"""Publishing: several runs with one tag each want to be the image, and all agree on one of them.

A real registry; between it and each run a proxy on a real socket that decides who comes first.
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
from tests.support.between import between
from tests.support.scripted import Asked, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from pipeline.model.presence import Presence
    from sandbox.registry import Registry
    from tests.support.between import Hook
    from tests.support.scripted import Scripted

pytestmark = pytest.mark.engine  # it needs the registry server alone

TYPE = "application/vnd.oci.image.manifest.v1+json"


def pushed(  # each is what a test is about
    host: str,
    address: str,
    content: str,
    *,
    name: str = "web",
    bases: tuple[str, ...] = (),
    forced: bool = False,
) -> Pushed:
    """An image whose config is `content`, its blob in the registry as after a push to staging."""
    blob = json.dumps({"of": content}).encode()
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    begun = httpx.post(f"http://{address}/v2/{name}/blobs/uploads/")
    httpx.put(f"{begun.headers['Location']}&digest={digest}", content=blob).raise_for_status()
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest}
    document = {"schemaVersion": 2, "mediaType": TYPE, "layers": []}
    text = json.dumps({**document, "config": {**config, "size": len(blob)}}).encode()
    manifest = Manifest(text, TYPE, Digest(f"sha256:{hashlib.sha256(text).hexdigest()}"))
    reference = Reference(Repository(host, name), Tag("1"))
    made = image(name, bases=bases)
    action = ImageAction(made, reference, Fingerprint("f"), Action.BUILD, "", forced=forced)
    return Pushed(action, manifest)


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Clients and proxies that end with the test."""
    with ExitStack() as stack:
        yield stack


def published(
    clients: ExitStack, server: str, *images: Pushed
) -> Mapping[str, Presence | PipelineError]:
    """What `publish` says of images, with a client of its own; `server` is whom it asks."""
    client = clients.enter_context(Client())
    assert {one.action.reference.repository.host for one in images} == {server}
    return dict(publish(images, client).items())


def one(answer: Mapping[str, Presence | PipelineError], name: str = "web") -> str:
    """The digest that a run was told."""
    found = answer[name]
    assert isinstance(found, Present), found
    return found.digest


def test_two_that_both_see_nothing_agree_on_the_later(
    registry: Registry, clients: ExitStack
) -> None:
    """Both look before either puts; the second put lands while the first run waits."""
    seen = threading.Barrier(2, timeout=20)

    def run(wait: float) -> tuple[Scripted, Pushed]:
        first = threading.Event()

        def after(asked: Asked) -> None:
            if asked.method == "HEAD" and not first.is_set():
                first.set()
                seen.wait()

        def before(asked: Asked) -> None:
            if asked.method == "PUT":
                time.sleep(wait)

        server = clients.enter_context(between(registry.address, before, after))
        return server, pushed(server.address, registry.address, f"of {wait}")

    (quick_server, quick), (late_server, late) = run(0.4), run(0.8)
    with ThreadPoolExecutor(2) as pool:
        of_quick = pool.submit(published, clients, quick_server.address, quick)
        of_late = pool.submit(published, clients, late_server.address, late)

    assert quick_server.count("PUT") == late_server.count("PUT") == 1
    assert one(of_quick.result()) == one(of_late.result()) == late.manifest.digest
    assert late.manifest.digest != quick.manifest.digest


def test_who_comes_later_takes_what_is_there(registry: Registry, clients: ExitStack) -> None:
    """It puts nothing, and two requests are all that it costs."""
    server = clients.enter_context(between(registry.address))
    first, second = (pushed(server.address, registry.address, text) for text in "ab")

    of_first = published(clients, server.address, first)
    before = server.count()
    of_second = published(clients, server.address, second)

    assert one(of_first) == one(of_second) == first.manifest.digest
    assert server.count() - before == server.count("HEAD") - 2 == 2
    assert server.count("PUT") == 1


def test_one_that_puts_between_our_look_and_our_put(registry: Registry, clients: ExitStack) -> None:
    """Ours replaces its own while it waits, and it is told so."""
    put = threading.Event()

    def after(asked: Asked) -> None:
        if asked.method == "PUT":
            put.set()
            time.sleep(0.4)

    def before(asked: Asked) -> None:
        if asked.method == "PUT":
            begun.append(pool.submit(published, clients, theirs.address, other))
            put.wait(20)

    theirs = clients.enter_context(between(registry.address, after=after))
    other = pushed(theirs.address, registry.address, "other")
    ours = clients.enter_context(between(registry.address, before))
    mine = pushed(ours.address, registry.address, "mine")
    begun: list[Future[Mapping[str, Presence | PipelineError]]] = []

    with ThreadPoolExecutor(1) as pool:
        answer = published(clients, ours.address, mine)

    assert one(answer) == one(begun[0].result()) == mine.manifest.digest


def test_what_is_forced_replaces_what_is_there(registry: Registry, clients: ExitStack) -> None:
    """That is what it was built for."""
    server = clients.enter_context(between(registry.address))
    first = pushed(server.address, registry.address, "a")
    second = pushed(server.address, registry.address, "b", forced=True)

    published(clients, server.address, first)

    assert one(published(clients, server.address, second)) == second.manifest.digest


def three(registry: Registry, clients: ExitStack, before: Hook) -> tuple[Scripted, list[Pushed]]:
    """A base, what stands on it, and what stands on that, the last first."""
    server = clients.enter_context(between(registry.address, before))
    bases = {"web": ("lang",), "lang": ("os",), "os": ()}
    images = [
        pushed(server.address, registry.address, name, name=name, bases=under)
        for name, under in bases.items()
    ]
    return server, images


def test_bases_come_first(registry: Registry, clients: ExitStack) -> None:
    """Killed at any moment, a tag that resolves has the tags of its bases beside it."""
    server, images = three(registry, clients, lambda _: None)

    published(clients, server.address, *images)

    puts = [asked.path.split("/")[2] for asked in server.asked if asked.method == "PUT"]
    assert puts == ["os", "lang", "web"]


def test_one_that_is_refused_does_not_cost_the_others(
    registry: Registry, clients: ExitStack
) -> None:
    """Its error is told in its place; it is not there, and the others are."""

    def refuse(asked: Asked) -> Reply | None:
        return Reply(403) if asked.method == "PUT" and "/lang/" in asked.path else None

    server, images = three(registry, clients, refuse)

    answer = published(clients, server.address, *images)

    assert isinstance(answer["lang"], UnknownError)
    assert (one(answer, "os"), one(answer, "web")) == (
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
    """Each put is refused so; before that, another run publishes `first`."""
    status, code, message = refusal
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()

    def before(asked: Asked) -> Reply | None:
        if asked.method != "PUT":
            return None
        if first:
            url = f"http://{registry.address}{asked.path}"
            headers = {"Content-Type": TYPE}
            httpx.put(url, content=first.manifest.content, headers=headers).raise_for_status()
        return Reply(status, {"Content-Type": "application/json"}, body)

    return before


@pytest.mark.parametrize("refusal", [*KEPT, *OTHERS], ids=str)
def test_a_tag_that_cannot_be_overwritten_and_another_was_first(
    registry: Registry, clients: ExitStack, refusal: tuple[int, str, str]
) -> None:
    """In whatever words a put is refused: what is there is the image, for us as for that run."""
    theirs = pushed("r.io", registry.address, "theirs")
    hook = refusing(registry, theirs, refusal)
    server = clients.enter_context(between(registry.address, hook))
    ours = pushed(server.address, registry.address, "ours")

    assert one(published(clients, server.address, ours)) == theirs.manifest.digest


@pytest.mark.parametrize("refusal", KEPT, ids=str)
def test_force_where_no_tag_can_be_overwritten(
    registry: Registry, clients: ExitStack, refusal: tuple[int, str, str]
) -> None:
    """The work has failed, and why is said: nothing is unknown, and the tag is as it was."""
    theirs = pushed("r.io", registry.address, "theirs")
    hook = refusing(registry, theirs, refusal)
    server = clients.enter_context(between(registry.address, hook))
    ours = pushed(server.address, registry.address, "ours", forced=True)

    error = published(clients, server.address, ours)["web"]

    assert isinstance(error, KeptTagError)
    assert error.exit_code == 1
    assert "does not overwrite tags" in error.message
    assert refusal[2] in error.message
    assert "`salt`" in error.hint


def test_a_put_that_is_refused_where_nothing_is(registry: Registry, clients: ExitStack) -> None:
    """A refusal as ever: nobody was first."""
    hook = refusing(registry, None, OTHERS[0])
    server = clients.enter_context(between(registry.address, hook))
    ours = pushed(server.address, registry.address, "ours")

    error = published(clients, server.address, ours)["web"]

    assert isinstance(error, UnknownError)
    assert "may not write `web`" in error.message


def test_an_answer_that_was_lost_behind_a_put(registry: Registry, clients: ExitStack) -> None:
    """Ours is there: it is published, whatever was said of it."""
    server = clients.enter_context(
        between(registry.address, after=lambda asked: Reply(400) if asked.method == "PUT" else None)
    )
    ours = pushed(server.address, registry.address, "ours", forced=True)

    assert one(published(clients, server.address, ours)) == ours.manifest.digest


@pytest.mark.parametrize("refusal", [KEPT[0], *OTHERS], ids=str)
def test_an_alias_or_a_copy_whose_tag_is_kept(
    registry: Registry, clients: ExitStack, refusal: tuple[int, str, str]
) -> None:
    """The same image there is as good as ours, in whatever words; another is in the way."""
    theirs = pushed("r.io", registry.address, "theirs")
    hook = refusing(registry, theirs, refusal)
    server = clients.enter_context(between(registry.address, hook))
    client = clients.enter_context(Client())
    ours = pushed(server.address, registry.address, "ours")

    assert put(client, ours.action.reference, theirs.manifest) is False
    with pytest.raises(KeptTagError if refusal in KEPT else UnknownError):
        put(client, ours.action.reference, ours.manifest)
