"""How registries of providers take uploads, mounts and manifests, imitated from public traces."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.reference import Digest, Repository, parse_reference
from pipeline.registry.blobs import (
    RemoteRepository,
    Transfer,
    accepts_uploads,
    copy_blob,
    path_on_host,
)
from pipeline.registry.client import Registry
from pipeline.registry.contents import Part
from pipeline.registry.manifest import Manifest, digest_of
from tests.support.scripted_server import Reply, Request, ScriptedServer, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
JSON = {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
BLOB = b"the bytes of a layer"
PART = Part(Digest(f"sha256:{hashlib.sha256(BLOB).hexdigest()}"), len(BLOB))
TYPE = "application/vnd.oci.image.index.v1+json"
CONTENT = json.dumps({"schemaVersion": 2, "mediaType": TYPE, "manifests": []}).encode()


def error(code: str, message: str = "as it says") -> bytes:
    """Return an error document."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def transferred(script: Callable[[Request], Reply]) -> ScriptedServer:
    """Copy a blob from `acme/web` to `prod/web` on one host; return its server."""
    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        host = registry.host(Repository(server.address, "acme/web"))
        source, there = (RemoteRepository(host, path) for path in ("acme/web", "prod/web"))
        copy_blob(PART, Transfer(source, there, threading.Event()))
        return server


# Locations of uploads

START = "https://registry.example.com/v2/prod/web/blobs/uploads/"
PATH = "/v2/prod/web/blobs/uploads/1"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (PATH, PATH),  # GHCR: apple/swift-container-plugin#44
        (f"{PATH}?_state=a%2Bb%3D", f"{PATH}?_state=a%2Bb%3D"),
        (f"https://registry.example.com{PATH}?_state=x", f"{PATH}?_state=x"),  # distribution
        ("1?state=x", f"{PATH}?state=x"),  # relative to the request: RFC 9110, 10.2.2
        (f"https://registry.example.com:443{PATH}", PATH),  # oras-project/oras-go#1152
        (f"https://REGISTRY.example.com{PATH}", PATH),
        # A proxy that ends TLS and does not say so; the upload stays on HTTPS.
        (f"http://registry.example.com{PATH}", PATH),
        ("", "/v2/prod/web/blobs/uploads/"),
        (f"https://uploads.example.com{PATH}", ""),  # GHSA-jxpm-75mh-9fp7 of oras-go
        (f"https://registry.example.com:8443{PATH}", ""),
        (f"//evil.example.com{PATH}", ""),
        (f"https://registry.example.com@evil.example.com{PATH}", ""),
        ("https://registry.example.com", ""),
        ("http://[::1/x", ""),
        ("https://registry.example.com:port/x", ""),
    ],
)
def test_where_an_upload_continues(location: str, path: str) -> None:
    """On the registry's own host, however the address is written; nowhere else."""
    assert path_on_host(START, location) == path


@pytest.mark.parametrize(
    "location",
    [PATH, f"{PATH}?_state=a%2Bb", "http://{host}" + PATH, "1", "?upload=1"],
)
def test_an_upload_is_a_post_and_one_put(location: str) -> None:
    """As containerd pushes, and so BuildKit; no PATCH, which ECR and GHCR limit.

    ECR drops all chunks but the first (aws/containers-roadmap#2831); GHCR takes 4 MiB in a chunk
    (oras-project/rust-oci-client#35).
    """
    stored: list[bytes] = []

    def script(request: Request) -> Reply:
        if request.method == "POST":
            if "mount=" in request.path:
                return Reply(202, {"Location": location.format(**request.headers)})
            return Reply(500)
        if request.method == "PUT":
            assert request.path.count("?") == 1
            assert f"digest=sha256%3A{PART.digest[7:]}" in request.path.replace(":", "%3A")
            stored.append(request.body)
            return Reply(201)
        if request.method == "HEAD":
            return Reply(404, JSON)
        return Reply(200, {"Content-Length": str(len(BLOB))}, BLOB)

    server = transferred(script)

    assert stored == [BLOB]
    assert {request.method for request in server.requests} == {"HEAD", "POST", "PUT", "GET"}


# Mounts


class Mount(NamedTuple):
    """An answer to a mount, and where it was seen."""

    reply: Reply
    source: str


@pytest.mark.parametrize(
    "mount",
    [
        Mount(Reply(202, {"Location": PATH}), "ECR: aws/containers-roadmap#2860"),
        Mount(Reply(400, JSON, error("BLOB_UNKNOWN")), "facts: ggcr retries without the mount"),
        Mount(Reply(403, JSON, error("DENIED")), "a source that may be read, and not mounted"),
        Mount(Reply(404, JSON, error("NAME_UNKNOWN")), "no such source repository"),
        Mount(Reply(405, JSON, error("UNSUPPORTED")), "no mounts: distribution-spec, mounting"),
    ],
    ids=lambda mount: str(mount.reply.status),
)
def test_a_refused_mount_becomes_an_upload(mount: Mount) -> None:
    """Whatever the answer is, the bytes are sent."""
    stored: list[bytes] = []

    def script(request: Request) -> Reply:
        if request.method == "POST":
            return mount.reply if "mount=" in request.path else Reply(202, {"Location": PATH})
        if request.method == "PUT":
            stored.append(request.body)
            return Reply(201)
        if request.method == "HEAD":
            return Reply(404, JSON)
        return Reply(200, {"Content-Length": str(len(BLOB))}, BLOB)

    transferred(script)

    assert stored == [BLOB]


# Refusals


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "UNSUPPORTED", "Unsupported manifest type: list.v2"),  # ECR: moby/buildkit#699
        (400, "MANIFEST_INVALID", "Image index child manifest not supported"),  # buildkit#1143
        (415, "MANIFEST_INVALID", "manifest invalid"),  # dotnet/sdk-container-builds#621
        (413, "SIZE_INVALID", "manifest too large"),
    ],
)
def test_a_media_type_that_is_refused(status: int, code: str, message: str) -> None:
    """One request, and an error with the registry's own words."""
    with (
        scripted_server(lambda _: Reply(status, JSON, error(code, message))) as server,
        Registry(policy=QUICK) as registry,
    ):
        there = parse_reference(f"{server.address}/acme/web:1")
        with pytest.raises(HttpError) as refused:
            registry.put(there, Manifest(CONTENT, TYPE, digest_of(CONTENT)))

    assert server.count("PUT") == 1
    assert f"{code.lower()} {message}" in refused.value.message


def test_a_push_to_no_repository_that_is_hung_up() -> None:
    """ECR closes the connection (aws/containers-roadmap#1970): an error, and no answer."""
    with scripted_server(lambda _: Reply(0)) as server, Registry(policy=QUICK) as registry:
        where = RemoteRepository(registry.host(Repository(server.address, "acme")), "acme/web")
        with pytest.raises(HttpError, match="broke off"):
            accepts_uploads(where)


@pytest.mark.parametrize(
    ("status", "code"), [(404, "NAME_UNKNOWN"), (404, "PROJECT_POLICY_VIOLATION")]
)
def test_no_repository_to_push_to(status: int, code: str) -> None:
    """ECR and Fly have no repository before somebody creates it (mulgadc/spinifex#400)."""
    with (
        scripted_server(lambda _: Reply(status, JSON, error(code))) as server,
        Registry(policy=QUICK) as registry,
    ):
        host = registry.host(Repository(server.address, "acme"))

        assert accepts_uploads(RemoteRepository(host, "acme/web")) is False
