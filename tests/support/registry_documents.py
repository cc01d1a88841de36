"""Read documents from a registry, without the client under test."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import urllib.request
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"

EMPTY_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{'0' * 64}",
            "size": 2,
        },
        "layers": [],
    }
).encode()
"""The manifest of an image without layers, whose config is nowhere."""
EMPTY_MANIFEST_HEADERS = {
    "Content-Type": MANIFEST,
    "Docker-Content-Digest": f"sha256:{hashlib.sha256(EMPTY_MANIFEST).hexdigest()}",
}


def manifest(reference: str) -> dict[str, Any]:
    """Return the manifest or index of a reference."""
    repository, _, tag = reference.rpartition(":")
    return fetch_document(repository, f"manifests/{tag}")


def fetch_document(repository: str, what: str) -> dict[str, Any]:
    """Return `manifests/TAG`, `manifests/DIGEST` or `blobs/DIGEST` of a repository as JSON."""
    host, _, path = repository.partition("/")
    request = urllib.request.Request(
        f"http://{host}/v2/{path}/{what}", headers={"Accept": f"{INDEX}, {MANIFEST}, {DOCKER}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        document: dict[str, Any] = json.loads(answer.read())
        return document


def attestations(reference: str) -> dict[str, Any]:
    """Return the attestations of an image by predicate type."""
    repository = reference.rpartition(":")[0]
    index = manifest(reference)
    assert index["mediaType"] == INDEX
    kinds = [m.get("annotations", {}).get("vnd.docker.reference.type") for m in index["manifests"]]
    assert kinds == [None, "attestation-manifest"]
    attested = fetch_document(repository, f"manifests/{index['manifests'][1]['digest']}")
    found = [fetch_document(repository, f"blobs/{layer['digest']}") for layer in attested["layers"]]
    return {statement["predicateType"]: statement["predicate"] for statement in found}


def last_layer(reference: str) -> dict[str, bytes]:
    """Return the files of an image's last layer: contents by path."""
    repository = reference.rpartition(":")[0]
    host, _, path = repository.partition("/")
    digest = manifest(reference)["layers"][-1]["digest"]
    address = f"http://{host}/v2/{path}/blobs/{digest}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        body = io.BytesIO(answer.read())
    with tarfile.open(fileobj=body) as archive:
        return {
            member.name: content.read()
            for member in archive
            if member.isfile() and (content := archive.extractfile(member))
        }
