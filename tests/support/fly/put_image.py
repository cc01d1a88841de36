"""Put images into the storage of the fake Fly, without a build and without a recorded request."""

from __future__ import annotations

import hashlib
import json
from http.client import HTTPConnection

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def put_image(storage: str, repository: str, tag: str, content: str) -> str:
    """Push an image of one layer that contains `content`; return its digest."""
    connection = HTTPConnection(storage, timeout=10)
    try:
        config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": [content]}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _put_blob(connection, repository, json.dumps(config).encode(), "config"),
            "layers": [_put_blob(connection, repository, content.encode(), "layer")],
        }
        body = json.dumps(manifest).encode()
        url = f"/v2/{repository}/manifests/{tag}"
        _asked(connection, "PUT", url, body, MANIFEST)
    finally:
        connection.close()
    return _digest(body)


def _put_blob(
    connection: HTTPConnection, repository: str, data: bytes, kind: str
) -> dict[str, object]:
    location = _asked(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", "")
    url = f"{location}&digest={_digest(data)}"
    _asked(connection, "PUT", url, data, "application/octet-stream")
    types = {
        "config": "application/vnd.oci.image.config.v1+json",
        "layer": "application/vnd.oci.image.layer.v1.tar",
    }
    return {"mediaType": types[kind], "digest": _digest(data), "size": len(data)}


def _asked(connection: HTTPConnection, method: str, url: str, body: bytes, kind: str) -> str:
    connection.request(method, url, body, {"Content-Type": kind} if kind else {})
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status in (201, 202), f"{method} {url}: {answer.status} {said!r}"
    return answer.headers.get("Location", "")


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
