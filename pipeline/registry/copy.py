"""Copy an image to another tag or another repository, without pulling it.

Children are pushed before the index that names them, and blobs before the manifest, so that a tag
is complete from the moment that it resolves.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import WorkError
from ..http.errors import HttpError
from ..model.presence import Present
from .blobs import Transfer, copy_blob
from .errors import AbsentError, ContradictionError, KeptTagError
from .manifest import contents_of

if TYPE_CHECKING:
    from ..reference import Digest, Reference
    from .client import Registry
    from .manifest import Manifest

AT_ONCE = 4
"""Blobs that are copied at once."""
MOST_MANIFESTS = 500
"""Manifests below the one that is copied: an index has a few dozen."""
MOST_BYTES = 16 * 1024 * 1024
"""Bytes of these manifests, which are all in memory at once."""


def copy(registry: Registry, source: Reference, destination: Reference) -> tuple[Digest, bool]:
    """Copy `source` to `destination`; return its digest, and whether that changed anything.

    Two requests where it is there already. Raises `AbsentError` where there is no `source`, and
    `HttpError`.
    """
    digest = digest_at(registry, source)
    return digest, copy_at(registry, source.pinned(digest), digest, destination)


def digest_at(registry: Registry, source: Reference) -> Digest:
    """Look up the digest of `source`. Raises `AbsentError` where there is none, and `HttpError`."""
    found = registry.head(source)
    if not isinstance(found, Present):
        raise AbsentError(source)
    return found.digest


def copy_at(
    registry: Registry,
    source: Reference,
    digest: Digest,
    destination: Reference,
    *,
    moves: bool = True,
) -> bool:
    """Copy the image `digest` of `source` to `destination`; return whether that changed anything.

    Raises `AbsentError` where `source` does not have it, `KeptTagError` where `destination` cannot
    be overwritten, `WorkError` where it is another image and `moves` is false, and `HttpError`.
    """
    registry.pushes_to([destination.repository])
    there = registry.head(destination)
    if isinstance(there, Present) and there.digest == digest:
        return False
    if isinstance(there, Present) and not moves:
        raise WorkError(
            f"`{destination}` is `{there.digest}`, and a fingerprint tag never moves",
            hint="two builds of the same inputs seldom have the same digest: either will do; "
            "give another tag for this very image",
        )
    manifest = promised(registry, source.pinned(digest))
    if source.repository != destination.repository:
        _bring(registry, source, destination, manifest, _Bringing(Event()))
    return put(registry, destination, manifest)


def put(registry: Registry, destination: Reference, manifest: Manifest) -> bool:
    """Push a manifest under a tag; return whether that changed anything.

    A push that fails is not an error where the tag has this manifest all the same: another run may
    have been quicker. Raises `KeptTagError` where it has another one and cannot be overwritten,
    and `HttpError`.
    """
    try:
        registry.put(destination, manifest)
    except (KeptTagError, HttpError):
        if not _is(registry, destination, manifest.digest):
            raise
        return False
    return True


def _is(registry: Registry, reference: Reference, digest: Digest) -> bool:
    """Return whether a tag is an image; false where that cannot be found out."""
    try:
        found = registry.head(reference)
    except HttpError:
        return False
    return isinstance(found, Present) and found.digest == digest


def bring(registry: Registry, source: Reference, destination: Reference, stop: Event) -> Manifest:
    """Copy all that `source` names to the repository of `destination`; return the manifest to push.

    Setting `stop` ends it with an error. Raises `AbsentError` where there is no `source`, and
    `HttpError`.
    """
    registry.pushes_to([destination.repository])
    manifest = registry.manifest(source)
    if source.repository != destination.repository:
        _bring(registry, source, destination, manifest, _Bringing(stop))
    return manifest


def promised(registry: Registry, source: Reference) -> Manifest:
    """Read the manifest whose digest a HEAD has just given. Raises `HttpError`.

    If it is absent by that digest, the HEAD may have been wrong, so it does not count as absent.
    """
    try:
        return registry.manifest(source)
    except AbsentError:
        raise ContradictionError(
            source,
            "run it again; a proxy may modify responses. If that "
            "does not help, the image is incomplete: `--verify deep` rebuilds it",
        ) from None


class _Bringing(Struct):
    """The state of one copy: the manifests that it has met, and their size in bytes."""

    stop: Event
    met: set[Digest] = field(default_factory=set)
    size: int = 0


def _bring(
    registry: Registry,
    source: Reference,
    destination: Reference,
    manifest: Manifest,
    under_way: _Bringing,
) -> None:
    """Copy all that a manifest names to another repository, each once."""
    parts = contents_of(manifest, source)
    children = {child.digest for child in parts.children} - under_way.met
    under_way.met |= children
    if len(under_way.met) > MOST_MANIFESTS:
        raise HttpError(
            f"`{source}` leads to more than {MOST_MANIFESTS} manifests, which are not all copied",
            hint="is it an image? none has so many",
        )
    for child in sorted(children):
        inner = registry.manifest(source.pinned(child))
        under_way.size += len(inner.content)
        if under_way.size > MOST_BYTES:
            raise HttpError(
                f"`{source}` leads to manifests of more than {MOST_BYTES >> 20} MiB, which are not "
                "all copied",
                hint="is it an image? none has so large ones",
            )
        _bring(registry, source, destination, inner, under_way)
        registry.put(destination.pinned(child), inner)
    here = registry.connect(source.repository)
    there = registry.connect(destination.repository)
    route = Transfer(here, there, under_way.stop)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        copies = [pool.submit(copy_blob, blob, route) for blob in parts.blobs]
        for one in copies:
            one.result()
