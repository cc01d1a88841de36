"""Push small images to a registry over plain HTTP, without the client under test."""

from __future__ import annotations

import atexit
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

OCI = "application/vnd.oci.image"
MANIFEST = f"{OCI}.manifest.v1+json"
INDEX = f"{OCI}.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_DOCKER = {
    "config": "application/vnd.docker.container.image.v1+json",
    "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}

_HTTP = httpx.Client(verify=False, timeout=60)  # noqa: S501 - it speaks plain HTTP only
"""One client, because a new one reads all certificate authorities."""
atexit.register(_HTTP.close)


@dataclass(frozen=True)
class Pushed:
    """A manifest that was pushed: its bytes as a document, and its descriptor."""

    document: dict[str, Any]
    descriptor: dict[str, Any]

    @property
    def digest(self) -> str:
        """Return the digest of the manifest."""
        digest: str = self.descriptor["digest"]
        return digest

    @property
    def layer(self) -> str:
        """Return the digest of the last layer."""
        digest: str = self.document["layers"][-1]["digest"]
        return digest

    @property
    def config(self) -> str:
        """Return the digest of the config."""
        digest: str = self.document["config"]["digest"]
        return digest


def push_blob(repository: str, content: bytes, media_type: str) -> dict[str, Any]:
    """Push a blob to `HOST/PATH`; return its descriptor."""
    host, _, path = repository.partition("/")
    start = _HTTP.post(f"http://{host}/v2/{path}/blobs/uploads/")
    assert start.status_code == 202, start.text
    where = urljoin(str(start.url), start.headers["Location"])
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    put = _HTTP.put(f"{where}{'&' if '?' in where else '?'}digest={quote(digest)}", content=content)
    assert put.status_code == 201, put.text
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def push_manifest(repository: str, name: str, document: Mapping[str, Any]) -> Pushed:
    """Push a manifest under a tag, or its own digest if `name` is empty."""
    host, _, path = repository.partition("/")
    content = json.dumps(document).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    put = _HTTP.put(
        f"http://{host}/v2/{path}/manifests/{name or digest}",
        content=content,
        headers={"Content-Type": document["mediaType"]},
    )
    assert put.status_code == 201, put.text
    described = {"mediaType": document["mediaType"], "digest": digest, "size": len(content)}
    return Pushed(dict(document), described)


def push_image(
    repository: str,
    tag: str,
    *,
    content: bytes = b"layer",
    architecture: str = "amd64",
    media_type: str = MANIFEST,
    version: str = "",
) -> Pushed:
    """Push an image with one layer, `content`, for `linux/architecture`, and perhaps a version."""
    labels = {"Labels": {"org.opencontainers.image.version": version}} if version else {}
    known = {"os": "linux", "architecture": architecture}
    config = json.dumps({**known, "config": labels} if labels else known).encode()
    types = _DOCKER if media_type == DOCKER_MANIFEST else {}
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": push_blob(repository, config, types.get("config", f"{OCI}.config.v1+json")),
        "layers": [push_blob(repository, content, types.get("layer", f"{OCI}.layer.v1.tar"))],
    }
    return push_manifest(repository, tag, document)


def push_index(
    repository: str, tag: str, *, content: bytes = b"layer", media_type: str = INDEX
) -> tuple[Pushed, list[Pushed]]:
    """Push an image for two platforms; return its index and both manifests."""
    inner = DOCKER_MANIFEST if media_type == DOCKER_LIST else MANIFEST
    children = [
        push_image(
            repository,
            "",
            content=content + name.encode(),
            architecture=name,
            media_type=inner,
        )
        for name in ("amd64", "arm64")
    ]
    described = [
        {**one.descriptor, "platform": {"os": "linux", "architecture": name}}
        for one, name in zip(children, ("amd64", "arm64"), strict=True)
    ]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": described}
    return push_manifest(repository, tag, document), children


def shares_blobs(host: str) -> bool:
    """Return whether a registry finds a blob of one repository in every other one."""
    blob = push_blob(f"{host}/blobs/of-one", b"a blob", f"{OCI}.layer.v1.tar")
    found = _HTTP.head(f"http://{host}/v2/blobs/of-another/blobs/{blob['digest']}")
    assert found.status_code in (200, 404), found.status_code
    return found.status_code == 200
