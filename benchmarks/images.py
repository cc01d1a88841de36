"""Make images for comparisons and push them without our own client."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterable

_OCI = "application/vnd.oci.image"


@dataclass(frozen=True, slots=True)
class Layer:
    """A compressed layer, and the sha256 of its tar."""

    content: bytes
    diff: str


def random_layer(name: str, size: int) -> Layer:
    """Return a layer with a file of random bytes, in a gzip that does not compress."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = size
        tar.addfile(entry, io.BytesIO(os.urandom(size)))
    plain = buffer.getvalue()
    return Layer(gzip.compress(plain, 0, mtime=0), _digest(plain))


def push_image(repository: str, tags: Iterable[str], layers: Iterable[Layer] = ()) -> None:
    """Push an image under each of the tags of `127.0.0.1:PORT/NAME`."""
    host, _, name = repository.partition("/")
    kept = list(layers)
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff for layer in kept]},
    }
    with httpx.Client(base_url=f"http://{host}/v2/{name}", timeout=60) as http:
        layer_type = f"{_OCI}.layer.v1.tar+gzip"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _push_blob(http, json.dumps(config).encode(), f"{_OCI}.config.v1+json"),
            "layers": [_push_blob(http, layer.content, layer_type) for layer in kept],
        }
        content = json.dumps(manifest).encode()
        headers = {"Content-Type": f"{_OCI}.manifest.v1+json"}
        for tag in tags:
            http.put(f"/manifests/{tag}", content=content, headers=headers).raise_for_status()


def _push_blob(http: httpx.Client, content: bytes, media_type: str) -> dict[str, str | int]:
    digest = _digest(content)
    session = http.post("/blobs/uploads/").raise_for_status().headers["location"]
    headers = {"Content-Type": "application/octet-stream"}
    http.put(f"{session}&digest={digest}", content=content, headers=headers).raise_for_status()
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
