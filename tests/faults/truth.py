"""The real content of the registry, read and written without proxy and without our client."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import ssl
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.support.registry_documents import INDEX, MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

_OCI = "application/vnd.oci.image"
_TYPES = f"{INDEX}, {MANIFEST}"
_DOCKERS = "application/vnd.docker.distribution.manifest"
_ACCEPT = f"{_TYPES}, {_DOCKERS}.v2+json, {_DOCKERS}.list.v2+json"


@dataclass(frozen=True, slots=True)
class Truth:
    """A registry with TLS and Basic authentication, at `address`."""

    address: str
    ca: Path
    user: str
    password: str

    def tags(self, repository: str) -> dict[str, str]:
        """Return the tags of a repository with their digests."""
        status, _, body = self._ask("GET", f"{repository}/tags/list")
        names = json.loads(body).get("tags") if status == 200 else None
        found = {tag: self.digest(repository, tag) for tag in names or ()}
        return {tag: digest for tag, digest in found.items() if digest}

    def digest(self, repository: str, tag: str) -> str:
        """Return the digest of a tag, or an empty string."""
        status, headers, _ = self._ask("HEAD", f"{repository}/manifests/{tag}")
        assert status in (200, 404), status
        return headers.get("Docker-Content-Digest", "") if status == 200 else ""

    def shows_itself(self) -> bool:
        """Return whether the headers of a 404 to HEAD show that a registry gives it."""
        status, headers, _ = self._ask("HEAD", "acme/none/manifests/1")
        assert status == 404, status
        return "docker-distribution-api-version" in {name.lower() for name in headers}

    def shares_blobs(self) -> bool:
        """Return whether a blob of `acme/api` is found in a repository that does not have it."""
        manifest: dict[str, Any] = json.loads(self._ask("GET", "acme/api/manifests/1")[2])
        return self._ask("HEAD", f"acme/none/blobs/{manifest['config']['digest']}")[0] == 200

    def lacks(self, repository: str, name: str) -> list[str]:
        """Return what a manifest, by tag or digest, needs and the registry lacks."""
        status, _, body = self._ask("GET", f"{repository}/manifests/{name}")
        if status != 200:
            return [name]
        document: dict[str, Any] = json.loads(body)
        lost = [
            gone
            for child in document.get("manifests", ())
            for gone in self.lacks(repository, child["digest"])
        ]
        blobs = [*document.get("layers", ()), *filter(None, [document.get("config")])]
        digests = [blob["digest"] for blob in blobs]
        return lost + [d for d in digests if self._ask("HEAD", f"{repository}/blobs/{d}")[0] != 200]

    def put(self, repository: str, tag: str) -> None:
        """Push a complete image with one file, unique to the repository."""
        layer = _layer(repository)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(repository, config, f"{_OCI}.config.v1+json"),
            "layers": [self._blob(repository, layer, f"{_OCI}.layer.v1.tar")],
        }
        content = json.dumps(manifest).encode()
        status, _, said = self._ask("PUT", f"{repository}/manifests/{tag}", content, MANIFEST)
        assert status == 201, said

    def _blob(self, repository: str, content: bytes, media_type: str) -> dict[str, object]:
        """Push a blob; return its descriptor."""
        _, headers, _ = self._ask("POST", f"{repository}/blobs/uploads/", b"")
        there = headers["Location"].partition("/v2/")[2]
        digest = _digest(content)
        query = f"{'&' if '?' in there else '?'}digest={quote(digest)}"
        status, _, said = self._ask("PUT", there + query, content)
        assert status == 201, said
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        media_type: str = "application/octet-stream",
    ) -> tuple[int, dict[str, str], bytes]:
        who = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {who}", "Accept": _ACCEPT, "Content-Type": media_type}
        request = urllib.request.Request(
            f"https://{self.address}/v2/{path}", body, headers, method=method
        )
        try:
            trust = _trust(self.ca)
            with urllib.request.urlopen(request, timeout=30, context=trust) as answer:  # noqa: S310
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()


@functools.cache
def _trust(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _layer(text: str) -> bytes:
    """Return a layer with one file that contains `text`."""
    file = tarfile.TarInfo("prepared.txt")
    file.size = len(text)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(file, io.BytesIO(text.encode()))
    return buffer.getvalue()
