"""A closer look never takes a fault for a lack: a registry's own 404 is one, and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from pipeline.core.presence import Absent, Hollow, Present
from pipeline.core.reference import parse_platform, parse_reference
from pipeline.edge.registry import Look, Policy, Registry, RegistryError, look_closer
from tests.support.scripted import Asked, Reply, scripted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
JSON = {"Content-Type": "application/json"}
DISTRIBUTION = {**JSON, "Docker-Distribution-Api-Version": "registry/2.0"}
QUICK = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
"""No pause to speak of, and patience with a machine that is busy with something else."""
AMD = parse_platform("linux/amd64")


def digest(content: bytes) -> str:
    """What identifies it."""
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


def looked(
    replies: Mapping[str, Reply | Callable[[Asked], Reply]],
) -> Present | Absent | Hollow | RegistryError:
    """What a closer look at a registry with these replies makes of the image."""

    def script(asked: Asked) -> Reply:
        reply = {**WHOLE, **replies}["/".join(asked.path.split("/")[3:])]
        return reply if isinstance(reply, Reply) else reply(asked)

    with scripted(script) as server, Registry(policy=QUICK) as registry:
        reference = parse_reference(f"{server.address}/acme:1")
        look = Look(reference, Present(digest(TOP)), (AMD,))  # type: ignore[arg-type]
        return look_closer(registry, [look])[reference]


def test_a_whole_image_is_present() -> None:
    """With its platform."""
    assert looked({}) == Present(digest(TOP))  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [LAYER_AT, CONFIG_AT])
def test_a_registrys_404_is_a_lack(at: str) -> None:
    """Whether headers show it, or the body of a GET."""
    body = b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "x"}]}'
    named = lambda a: Reply(404, JSON, b"" if a.method == "HEAD" else body)  # noqa: E731

    for reply in (Reply(404, DISTRIBUTION), named):
        found = looked({at: reply})

        assert isinstance(found, Hollow)
        assert at.removeprefix("blobs/") in found.reason


def test_a_manifest_that_was_removed_meanwhile_is_absence() -> None:
    """Between the HEAD and the closer look."""
    body = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "x"}]}'

    none = Reply(404, DISTRIBUTION, body)

    assert looked({TOP_AT: none, NAME_AT: none}) == Absent()


def test_a_head_that_named_another_digest_is_no_absence() -> None:
    """The tag stands for something by a GET: the HEAD was wrong, or it was moved meanwhile."""
    none = Reply(404, DISTRIBUTION, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')

    for there in (WHOLE[TOP_AT], Reply(503), Reply(401)):
        assert isinstance(looked({TOP_AT: none, NAME_AT: there}), RegistryError)


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
    """A refusal, another server's 404, silence: nothing is known."""
    assert isinstance(looked({at: reply}), RegistryError)


@pytest.mark.parametrize("at", [TOP_AT, CONFIG_AT])
def test_damaged_content_is_an_error(at: str) -> None:
    """Bytes of another digest, or some of them, are no image without a platform."""
    damaged = Reply(200, {"Content-Type": MANIFEST}, WHOLE[at].body + b" ")
    cut = Reply(200, {"Content-Length": "900", "Content-Type": MANIFEST}, b"x", cut=1)

    assert isinstance(looked({at: damaged}), RegistryError)
    assert isinstance(looked({at: cut}), RegistryError)


def test_what_passes_is_asked_again() -> None:
    """A fault, and then the answer."""
    replies = iter([Reply(503), Reply(0)])

    assert isinstance(looked({LAYER_AT: lambda _: next(replies, WHOLE[LAYER_AT])}), Present)
