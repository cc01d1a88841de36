"""Images taken apart in a real registry: what a tag names is deleted, and the tag stays."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.support.oci import fetched, manifest


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
    """The manifest behind a tag, or those that its index names."""
    found = manifest(reference)
    if "manifests" not in found:
        return [found]
    repository = reference.rpartition(":")[0]
    return [fetched(repository, f"manifests/{child['digest']}") for child in found["manifests"]]


def is_whole(reference: str) -> bool:
    """Whether all that a tag names can be read; any 404 on the way is an error."""
    repository = reference.rpartition(":")[0]
    for one in manifests(reference):
        for blob in [one["config"], *one["layers"]]:
            assert size_of(repository, blob["digest"]) == blob["size"]
    return True


def size_of(repository: str, digest: str) -> int:
    """The size of a blob, all of it read."""
    host, _, path = repository.partition("/")
    url = f"http://{host}/v2/{path}/blobs/{digest}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return len(answer.read())
