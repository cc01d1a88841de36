"""Several runs at once, and copies that break off: only in `make contract-registries`."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.client import Registry as Client
from pipeline.registry.copy import bring, copy
from tests.contract_registries.looks import destinations, head
from tests.support.incomplete_images import is_complete
from tests.support.small_images import (
    push_image,
    push_index,
)
from tests.support.tampering_proxy import ResetAfter, tampering_proxy

if TYPE_CHECKING:
    from pipeline.reference import Reference
    from tests.support.registries import Registry

pytestmark = pytest.mark.registry


def big() -> bytes:
    """Return the content of a large layer that no repository has yet."""
    return secrets.token_bytes(1_000_000)


def test_eight_runs_put_one_tag_at_once(repository: str) -> None:
    """Each put succeeds, the tag is one of them, and all of them exist by digest."""
    pushed = [push_image(repository, f"of-{n}", content=b"%d" % n) for n in range(8)]
    begin = threading.Barrier(8, timeout=30)

    def run(number: int) -> str:
        with Client() as client:
            manifest = client.manifest(parse_reference(f"{repository}:of-{number}"))
            begin.wait()
            return client.put(parse_reference(f"{repository}:shared"), manifest)

    with ThreadPoolExecutor(8) as pool, Client() as client:
        put = list(pool.map(run, range(8)))
        found = head(client, f"{repository}:shared")

        assert put == [one.digest for one in pushed]
        assert isinstance(found, Present)
        assert found.digest in put
        assert all(isinstance(head(client, f"{repository}@{d}"), Present) for d in put)


@pytest.mark.parametrize("to", ["repository", "registry"])
def test_eight_runs_copy_one_image_at_once(repository: str, elsewhere: Registry, to: str) -> None:
    """Each copy succeeds, and the image is complete."""
    pushed, _ = push_index(repository, "1", content=big())
    target = destinations(repository, elsewhere)[to]
    begin = threading.Barrier(8, timeout=30)

    def run(_: int) -> str:
        with Client() as client:
            begin.wait()
            return copy(client, parse_reference(f"{repository}:1"), parse_reference(target))[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(run, range(8))) == {pushed.digest}
    assert is_complete(target)


@pytest.mark.parametrize("after", [2_000, 700_000])
def test_an_upload_that_breaks_off_starts_again(
    repository: str, elsewhere: Registry, after: int
) -> None:
    """Twice, at any place; the image is complete in the end."""
    pushed = push_image(repository, "1", content=big())
    resets = ResetAfter(after, times=2)
    path = repository.partition("/")[2]

    # The proxy waits for the connections of its client, so the client ends first.
    with tampering_proxy(elsewhere.address, resets) as address, Client() as client:
        there = parse_reference(f"{address}/{path}:{after}")
        digest, copied = copy(client, parse_reference(f"{repository}:1"), there)

    assert resets.left == 0
    assert (digest, copied) == (pushed.digest, True)
    assert is_complete(f"{elsewhere.address}/{path}:{after}")


def test_an_interrupted_copy_leaves_no_tag(
    client: Client, repository: str, elsewhere: Registry
) -> None:
    """Ctrl-C in an upload: an error, no tag; the next run completes the image."""
    push_image(repository, "1", content=big())
    stop, received = threading.Event(), [0]
    host, _, path = repository.partition("/")

    def interrupted(piece: bytes) -> bytes:
        # Before the rest of the layer can be received: it is never sent in whole.
        received[0] += len(piece)
        if received[0] > 300_000:
            stop.set()
        return piece

    with tampering_proxy(host, lambda piece: piece, back=interrupted) as address, Client() as run:
        source = parse_reference(f"{address}/{path}:1")
        place = parse_reference(f"{elsewhere.address}/{path}:1")
        with pytest.raises(HttpError, match="interrupted"):
            bring(run, source, place, stop)
    there: Reference = parse_reference(f"{elsewhere.address}/{path}:1")
    after = client.head(there)
    copy(client, parse_reference(f"{repository}:1"), there)

    assert after == Absent()
    assert is_complete(str(there))
