"""Put an image under another tag or into another repository, without pulling it.

Children before the index that names them, blobs before the manifest: a tag that resolves is whole.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pipeline.core.presence import Present
from pipeline.core.reference import Digest
from pipeline.edge.registry.blobs import Blob, Place, copy_blob
from pipeline.edge.registry.errors import AbsentError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.core.reference import Reference
    from pipeline.edge.registry.client import Registry
    from pipeline.edge.registry.manifest import Manifest

AT_ONCE = 4
"""Blobs under way at once."""


def copy(registry: Registry, source: Reference, destination: Reference) -> tuple[Digest, bool]:
    """Make `destination` the very image that `source` is; its digest, and whether that was news.

    Two requests where it is there already. Raises `AbsentError` where there is no `source`, and
    `RegistryError`.
    """
    found = registry.head(source)
    if not isinstance(found, Present):
        raise AbsentError(source)
    there = registry.head(destination)
    if isinstance(there, Present) and there.digest == found.digest:
        return found.digest, False
    manifest = registry.manifest(source.at(found.digest))
    if source.repository != destination.repository:
        _bring(registry, source, destination, manifest)
    registry.put(destination, manifest)
    return found.digest, True


def _bring(
    registry: Registry, source: Reference, destination: Reference, manifest: Manifest
) -> None:
    """All that a manifest names, brought to another repository."""
    document = json.loads(manifest.content)
    for child in _entries(document, "manifests"):
        digest = Digest(str(child["digest"]))
        inner = registry.manifest(source.pinned(digest))
        _bring(registry, source, destination, inner)
        registry.put(destination.pinned(digest), inner)
    here = Place(registry.host(str(source.repository)), source.repository.path)
    there = Place(registry.host(str(destination.repository)), destination.repository.path)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        copies = [pool.submit(copy_blob, blob, here, there) for blob in set(_blobs(document))]
        for one in copies:
            one.result()


def _blobs(document: Mapping[str, object]) -> Iterator[Blob]:
    config = document.get("config")
    for entry in [*([config] if isinstance(config, dict) else []), *_entries(document, "layers")]:
        # A foreign layer is fetched from where its manifest says, and stands in no registry.
        if not entry.get("urls"):
            yield Blob(Digest(str(entry["digest"])), int(str(entry["size"])))


def _entries(document: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    entries = document.get(key)
    found = entries if isinstance(entries, list) else []
    if not all(isinstance(one, dict) and "digest" in one for one in found):
        raise RegistryError(f"a manifest has `{key}` that are none")
    return found
