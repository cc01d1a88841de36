"""`promote` and fingerprint tags: never moved, and set only on the image itself."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.reference import parse_reference
from pipeline.registry.client import Registry
from pipeline.runner.promote import promote
from tests.support.registry_documents import INDEX
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.runner.promote import Promoted
    from tests.support.scripted_server import Request

FP, OTHER = "99e119ac964f836b8d22", "0123456789abcdef0123"
COMMIT = "ab" * 20
NOBODY = {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
IMAGE, ANOTHER = (
    json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"a": a}}
    ).encode()
    for a in ("1", "2")
)


def digest(body: bytes) -> str:
    """Return the digest of a manifest."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def promoted(
    held: Mapping[str, bytes], source: str, destinations: Sequence[str]
) -> tuple[tuple[Promoted, ...], dict[str, bytes]]:
    """Promote in a registry with these manifests; return the results and its new content."""
    store = {f"/v2/{p.replace(':', '/manifests/')}": body for p, body in held.items()}

    def answers(request: Request) -> Reply:
        if request.method == "PUT":
            store[request.path] = request.body
            return Reply(201, {"Docker-Content-Digest": digest(request.body)})
        by_digest = {digest(body): body for body in store.values()}
        body = store.get(request.path) or by_digest.get(request.path.rpartition("/")[2])
        if body is None:
            return Reply(404, NOBODY)
        head = {"Docker-Content-Digest": digest(body), "Content-Type": INDEX}
        return Reply(200, head, body if request.method == "GET" else b"")

    ended: list[Promoted] = []
    with scripted_server(answers) as server, Registry() as registry:
        there = [parse_reference(f"{server.address}/{d}") for d in destinations]
        source = source.replace("SHA", digest(IMAGE))
        done = promote(registry, parse_reference(f"{server.address}/{source}"), there, ended.append)
    return done, {path: body for path, body in store.items() if "@" not in path}


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        (f"web:{FP}", f"web:{OTHER}"),
        (f"web:{FP}", f"api:{OTHER}"),
        (f"web:{FP}", f"web:api-{OTHER}"),
        ("web:latest", f"web:{FP}"),
        ("web:latest", f"api:{FP}"),
        (f"web:{FP}@SHA", f"api:{FP}"),
        ("web@SHA", f"api:{FP}"),
    ],
)
def test_the_fingerprint_tag_of_other_inputs(source: str, destination: str) -> None:
    """The fingerprint tag of other inputs is refused before any request; nothing is copied."""
    held = {f"web:{FP}": IMAGE, "web:latest": IMAGE}

    with pytest.raises(ConfigError, match="may be a fingerprint tag, which never moves"):
        promoted(held, source, ["web:stable", destination])


def test_its_own_tag_in_another_repository() -> None:
    """The image's own tag in another repository, as with `invoke promote web staging`."""
    (done,), store = promoted({f"web:{FP}": IMAGE}, f"web:{FP}", [f"staging:{FP}"])

    assert done.error is None
    assert done.news
    assert store[f"/v2/staging/manifests/{FP}"] == IMAGE


def test_its_own_tag_does_not_replace_another_image() -> None:
    """Its own tag does not replace another image: that one may be deployed."""
    held = {f"web:{FP}": IMAGE, f"staging:{FP}": ANOTHER, "staging:v1": ANOTHER}

    (kept, moved), store = promoted(held, f"web:{FP}", [f"staging:{FP}", "staging:v1"])

    assert kept.error
    assert "a fingerprint tag never moves" in kept.error.message
    assert kept.error.exit_code == 1
    assert moved.news
    assert store[f"/v2/staging/manifests/{FP}"] == ANOTHER
    assert store["/v2/staging/manifests/v1"] == IMAGE


def test_a_commit_is_an_ordinary_tag() -> None:
    """A commit is an ordinary tag, and moves."""
    held = {f"web:{FP}": IMAGE, f"web:{COMMIT}": ANOTHER}

    (done,), store = promoted(held, f"web:{FP}", [f"web:{COMMIT}"])

    assert done.news
    assert store[f"/v2/web/manifests/{COMMIT}"] == IMAGE
