"""Make images in a real registry incomplete: delete what a tag needs, and keep the tag."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.support.registry_documents import fetch_document, manifest


def delete(repository: str, what: str) -> None:
    """Delete `blobs/DIGEST` or `manifests/DIGEST` of a repository."""
    host, _, path = repository.partition("/")
    url = f"http://{host}/v2/{path}/{what}"
    request = urllib.request.Request(url, method="DELETE")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 202


def put(repository: str, tag: str, document: dict[str, Any]) -> None:
    """Put a manifest under a tag."""
    host, _, path = repository.partition("/")
    request = urllib.request.Request(
        f"http://{host}/v2/{path}/manifests/{tag}",
        method="PUT",
        data=json.dumps(document).encode(),
        headers={"Content-Type": document["mediaType"]},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 201


def manifests(reference: str) -> list[dict[str, Any]]:
    """Return the manifest of a tag, or all manifests of its index."""
    found = manifest(reference)
    if "manifests" not in found:
        return [found]
    repository = reference.rpartition(":")[0]
    return [
        fetch_document(repository, f"manifests/{child['digest']}") for child in found["manifests"]
    ]


def is_complete(reference: str) -> bool:
    """Read everything that a tag needs; raise on any 404, and return True."""
    repository = reference.rpartition(":")[0]
    for one in manifests(reference):
        for blob in [one["config"], *one["layers"]]:
            assert size_of(repository, blob["digest"]) == blob["size"]
    return True


def size_of(repository: str, digest: str) -> int:
    """Read a whole blob and return its size."""
    host, _, path = repository.partition("/")
    url = f"http://{host}/v2/{path}/blobs/{digest}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return len(answer.read())
