"""Push an image without an engine: OCI distribution spec, end-4a, 6 and 7."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from sandbox import seed

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from sandbox.seed import Seed

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def push(image: Seed, address: str) -> None:
    """Push the seed image to the plain HTTP registry at `address`, unless it has it."""
    base = f"http://{address}/v2/{seed.REPOSITORY}"
    settings = seed.configuration(image)
    described = f"sha256:{hashlib.sha256(settings).hexdigest()}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": described, "size": len(settings)},
        "layers": [
            {"mediaType": LAYER, "digest": image.digest, "size": image.layer.stat().st_size}
        ],
    }
    content = json.dumps(manifest).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest_of(f"{base}/manifests/{seed.TAG}") == digest:
        return
    _blob(base, described, settings)
    _blob(base, image.digest, image.layer)
    _call("PUT", f"{base}/manifests/{seed.TAG}", content, kind=MANIFEST)


def _blob(base: str, digest: str, content: bytes | Path) -> None:
    _, location = _call("POST", f"{base}/blobs/uploads/", b"")
    url = urljoin(base, location)
    url += f"{'&' if '?' in url else '?'}digest={digest}"
    if isinstance(content, bytes):
        _call("PUT", url, content)
        return
    with content.open("rb") as stream:
        _call("PUT", url, stream, size=content.stat().st_size)


def digest_of(url: str) -> str:
    """Return the digest of the OCI manifest at `url`, empty if there is none."""
    try:
        return _call("HEAD", url, None)[0]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 404:
            raise
        return ""


def _call(
    method: str,
    url: str,
    body: bytes | IO[bytes] | None,
    *,
    size: int | None = None,
    kind: str = "application/octet-stream",
) -> tuple[str, str]:
    """Return the digest and the location of the registry's response."""
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - ours: http
    request.add_header("Accept", MANIFEST)
    if body is not None:
        request.add_header("Content-Type", kind)
    if size is not None:
        request.add_header("Content-Length", str(size))
    # Requests to 127.0.0.1 use no proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=120) as answer:
        named = answer.headers.get("Docker-Content-Digest") or ""
        return named, answer.headers.get("Location") or ""
