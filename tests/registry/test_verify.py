"""A deep check: only a registry's own 404 means that something is missing."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent, Incomplete, Present
from pipeline.reference import Digest, parse_platform, parse_reference
from pipeline.registry.client import Registry
from pipeline.registry.copy import copy_at
from pipeline.registry.verify import Look, look_closer
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
JSON = {"Content-Type": "application/json"}
DISTRIBUTION = {**JSON, "Docker-Distribution-Api-Version": "registry/2.0"}
QUICK = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
"""Short pauses, and long timeouts for a busy machine."""
AMD = parse_platform("linux/amd64")


def digest(content: bytes) -> str:
    """Return the digest of a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


CONFIG = json.dumps({"os": "linux", "architecture": "amd64"}).encode()
LAYER = b"layer"
TOP = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"digest": digest(CONFIG), "size": len(CONFIG)},
        "layers": [{"digest": digest(LAYER), "size": len(LAYER)}],
    }
).encode()
WHOLE = {
    f"manifests/{digest(TOP)}": Reply(200, {"Content-Type": MANIFEST}, TOP),
    f"blobs/{digest(CONFIG)}": Reply(200, {}, CONFIG),
    f"blobs/{digest(LAYER)}": Reply(200, {"Content-Length": "5"}, LAYER),
}
LAYER_AT = f"blobs/{digest(LAYER)}"
CONFIG_AT = f"blobs/{digest(CONFIG)}"
TOP_AT = f"manifests/{digest(TOP)}"
NAME_AT = "manifests/1"


def result_of_check(
    replies: Mapping[str, Reply | Callable[[Request], Reply]],
) -> Present | Absent | Incomplete | HttpError:
    """Return the result of a deep check in a registry with these replies."""

    def script(request: Request) -> Reply:
        reply = {**WHOLE, **replies}["/".join(request.path.split("/")[3:])]
        return reply if isinstance(reply, Reply) else reply(request)

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        reference = parse_reference(f"{server.address}/acme:1")
        look = Look(reference, Present(digest(TOP)), (AMD,))  # type: ignore[arg-type]
        return look_closer(registry, [look])[reference]


def test_a_whole_image_is_present() -> None:
    """With its platform."""
    assert result_of_check({}) == Present(digest(TOP))  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [LAYER_AT, CONFIG_AT])
def test_a_404_is_a_missing_part(at: str) -> None:
    """Shown by headers, or by the body of a GET."""
    body = b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "x"}]}'
    named = lambda a: Reply(404, JSON, b"" if a.method == "HEAD" else body)  # noqa: E731

    for reply in (Reply(404, DISTRIBUTION), named):
        found = result_of_check({at: reply})

        assert isinstance(found, Incomplete)
        assert at.removeprefix("blobs/") in found.reason


def test_a_manifest_that_was_removed_meanwhile_is_absence() -> None:
    """Between the HEAD and the deep check."""
    body = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "x"}]}'

    none = Reply(404, DISTRIBUTION, body)

    assert result_of_check({TOP_AT: none, NAME_AT: none}) == Absent()


def test_a_head_that_named_another_digest_is_no_absence() -> None:
    """By GET the tag has an image: the HEAD was wrong, or the tag has moved."""
    none = Reply(404, DISTRIBUTION, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')

    for there in (WHOLE[TOP_AT], Reply(503), Reply(401)):
        assert isinstance(result_of_check({TOP_AT: none, NAME_AT: there}), HttpError)


@pytest.mark.parametrize("at", [TOP_AT, LAYER_AT, CONFIG_AT])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>"),
        Reply(404, JSON, b'{"errors": [{"code": "DENIED"}]}'),
        Reply(401, DISTRIBUTION),
        Reply(403, DISTRIBUTION),
        Reply(410, DISTRIBUTION),
        Reply(429, {"Retry-After": "60"}),
        Reply(500, DISTRIBUTION),
        Reply(503),
        Reply(0),
    ],
)
def test_a_fault_is_an_error(at: str, reply: Reply) -> None:
    """A refusal, another server's 404, a closed connection: the state is unknown."""
    assert isinstance(result_of_check({at: reply}), HttpError)


@pytest.mark.parametrize("at", [TOP_AT, CONFIG_AT])
def test_damaged_content_is_an_error(at: str) -> None:
    """Wrong or incomplete bytes are an error, not a missing platform."""
    damaged = Reply(200, {"Content-Type": MANIFEST}, WHOLE[at].body + b" ")
    cut = Reply(200, {"Content-Length": "900", "Content-Type": MANIFEST}, b"x", cut=1)

    assert isinstance(result_of_check({at: damaged}), HttpError)
    assert isinstance(result_of_check({at: cut}), HttpError)


def test_temporary_failures_are_retried() -> None:
    """A fault, and then a response."""
    replies = iter([Reply(503), Reply(0)])

    assert isinstance(
        result_of_check({LAYER_AT: lambda _: next(replies, WHOLE[LAYER_AT])}), Present
    )


def index(*children: bytes) -> bytes:
    """Return an index of manifests, or of other indexes."""
    named = [{"digest": digest(child), "size": len(child)} for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": named}).encode()


def check_index(top: bytes, others: Mapping[str, bytes]) -> tuple[object, int]:
    """Return the result of checking an index, and the number of requests."""
    known = {digest(top): top} | dict(others)

    def script(request: Request) -> Reply:
        wanted = request.path.rpartition("/")[2]
        if request.path.split("/")[3] == "manifests":
            kind = INDEX if b'"manifests"' in known[wanted] else MANIFEST
            return Reply(200, {"Content-Type": kind}, known[wanted])
        return WHOLE[f"blobs/{wanted}"]

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        reference = parse_reference(f"{server.address}/acme:1")
        look = Look(reference, Present(digest(top)))  # type: ignore[arg-type]
        return look_closer(registry, [look])[reference], server.count()


def test_an_index_with_thousands_of_children() -> None:
    """An error, and no request for any of its 24,000 children."""
    found, requests = check_index(index(*(b"%d" % n for n in range(24_000))), {})

    assert isinstance(found, HttpError)
    assert "it names 24,000 `manifests`, and no image has 1,000" in found.message
    assert requests == 1


def test_nested_indexes_are_limited_in_sum() -> None:
    """Each has fewer children than allowed: their sum is limited."""
    inner = [index(*(b"%d-%d" % (n, m) for m in range(900))) for n in range(6)]

    found, requests = check_index(index(*inner), {digest(one): one for one in inner})

    assert isinstance(found, HttpError)
    assert "more than 5,000 manifests and blobs" in found.message
    assert requests == 7


def test_repeated_children_are_checked_once() -> None:
    """Thirty nested indexes, each of which names the next one twice: a billion paths."""
    known = {digest(TOP): TOP}
    top = TOP
    for _ in range(30):
        top = index(top, top)
        known[digest(top)] = top

    found, requests = check_index(top, known)

    assert isinstance(found, Present)
    assert requests == 30 + 3


def test_an_index_of_hundreds_is_not_copied() -> None:
    """Its children are not read, and nothing is put."""
    top = index(*(b"%d" % n for n in range(501)))

    def script(request: Request) -> Reply:
        there = request.method == "GET" and "/from/" in request.path
        headers = {"Content-Type": INDEX, "Docker-Content-Digest": digest(top)}
        return Reply(200, headers, top) if there else Reply(404, DISTRIBUTION)

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        source, place = (parse_reference(f"{server.address}/{name}:1") for name in ("from", "to"))
        with pytest.raises(HttpError, match="leads to more than 500 manifests"):
            copy_at(registry, source, Digest(digest(top)), place)
        assert [one.method for one in server.requests] == ["HEAD", "GET"]


def test_indexes_with_room_for_gigabytes_are_not_copied() -> None:
    """Nested indexes are all in memory at once, so their total size is limited."""
    known, top = {}, index(b"")
    for _ in range(6):
        top = index(top) + b" " * 4_000_000
        known[digest(top)] = top

    def script(request: Request) -> Reply:
        found = known.get(request.path.rpartition("/")[2], b"")
        there = request.method == "GET" and "/from/" in request.path and found
        return Reply(200, {"Content-Type": INDEX}, found) if there else Reply(404, DISTRIBUTION)

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        source, place = (parse_reference(f"{server.address}/{name}:1") for name in ("from", "to"))
        with pytest.raises(HttpError, match="manifests of more than 16 MiB"):
            copy_at(registry, source, Digest(digest(top)), place)
        assert {one.method for one in server.requests} == {"HEAD", "GET"}
