"""Push and read a document as an OCI artifact with one layer, which is about an image.

image-spec 1.1, "Guidelines for Artifact Usage". A small layer is also in its own descriptor
(`data`), so that one request reads it.
"""

from __future__ import annotations

import base64
import binascii
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct

from ..http.errors import ErrorDetails, HttpError
from ..http.text import read_json
from ..reference import ReferenceSyntaxError, parse_digest
from .blobs import put_blob, read_large_blob
from .errors import AbsentError
from .manifest import Manifest, digest_of

if TYPE_CHECKING:
    from ..reference import Digest, Reference
    from .client import Registry

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
MOST_INSIDE = 64 * 1024
"""Bytes of a layer that is in the manifest, too: a registry need not take manifests above 4 MB."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of a layer that is read."""


class Kind(Struct, frozen=True):
    """The type of an artifact, and the media type of its layer."""

    artifact: str
    layer: str


def put_artifact(
    registry: Registry, reference: Reference, kind: Kind, content: bytes, subject: Manifest
) -> Manifest:
    """Push a document about `subject` under a tag: its layer and the empty config first.

    Returns the manifest, for other tags of the same repository.

    Raises `KeptTagError` where the tag exists and the registry overwrites none, and `HttpError`.
    """
    repository = registry.connect(reference.repository)
    with ThreadPoolExecutor(1) as pool:
        config = pool.submit(put_blob, repository, _EMPTY, known=True)
        put_blob(repository, content)
        config.result()
    text = json.dumps(_document(kind, content, subject), separators=(",", ":")).encode()
    manifest = Manifest(text, _MANIFEST, digest_of(text))
    registry.put(reference, manifest)
    return manifest


def read_artifact(
    registry: Registry, reference: Reference, kind: Kind, *, inside: bool = False
) -> bytes | None:
    """Read the layer of an artifact, with one request if it is small; `None` where none is.

    Something else under the tag counts as none; with `inside`, so does a layer that takes another
    request. Raises `HttpError`.
    """
    try:
        manifest = registry.manifest(reference)
    except AbsentError:
        return None
    document = read_json(manifest.content)
    match document:
        case {
            "artifactType": str(artifact),
            "layers": [{"digest": str(text), "size": int(size), **rest}],
        } if artifact == kind.artifact:
            pass
        case _:
            return None
    digest = _digest(text, reference)
    content = _inside(rest.get("data"), digest)
    if content is not None or inside:
        return content
    if not 0 <= size <= MOST_BYTES:
        raise _malformed(reference, f"its layer has {size:,} bytes, which are not read")
    return read_large_blob(registry.connect(reference.repository), digest, size)


def _document(kind: Kind, content: bytes, subject: Manifest) -> dict[str, object]:
    data = {"data": _base64(content)} if len(content) <= MOST_INSIDE else {}
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "artifactType": kind.artifact,
        "config": {**_descriptor(_EMPTY_TYPE, _EMPTY), "data": _base64(_EMPTY)},
        "layers": [{**_descriptor(kind.layer, content), **data}],
        "subject": {
            "mediaType": subject.media_type,
            "digest": subject.digest,
            "size": len(subject.content),
        },
    }


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _inside(data: object, digest: Digest) -> bytes | None:
    """Return the bytes in a descriptor; `None` where there are none, or other ones."""
    if not isinstance(data, str):
        return None
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if digest_of(content, digest) == digest else None


def _digest(text: str, reference: Reference) -> Digest:
    try:
        return parse_digest(text)
    except ReferenceSyntaxError:
        raise _malformed(reference, "its layer has a malformed digest") from None


def _malformed(reference: Reference, why: str) -> HttpError:
    return HttpError(
        f"`{reference}` cannot be read: {why}",
        hint="is this a registry?",
        details=ErrorDetails(200),
    )
