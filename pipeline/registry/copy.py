"""Put an image under another tag or into another repository, without pulling it.

Children before the index that names them, blobs before the manifest: a tag that resolves is whole.
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
"""Blobs under way at once."""
MOST_MANIFESTS = 500
"""Manifests below one that is copied: an index has a few dozen, and none is nested deeper."""
MOST_BYTES = 16 * 1024 * 1024
"""Bytes of these manifests: of indexes in indexes, all are held at once."""


def copy(registry: Registry, source: Reference, destination: Reference) -> tuple[Digest, bool]:
    """Make `destination` the very image that `source` is; its digest, and whether that was news.

    Two requests where it is there already. Raises `AbsentError` where there is no `source`, and
    `HttpError`.
    """
    digest = digest_at(registry, source)
    return digest, copy_at(registry, source.pinned(digest), digest, destination)


def digest_at(registry: Registry, source: Reference) -> Digest:
    """What `source` is. Raises `AbsentError` where there is none, and `HttpError`."""
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
    """Make `destination` the image of that digest that `source` holds, and say if that was news.

    Raises `AbsentError` where `source` has it not, `KeptTagError` where `destination` cannot be
    replaced, `WorkError` where it is another image and not one that `moves`, and `HttpError`.
    """
    registry.pushes_to([destination.repository])
    there = registry.head(destination)
    if isinstance(there, Present) and there.digest == digest:
        return False
    if isinstance(there, Present) and not moves:
        raise WorkError(
            f"`{destination}` is `{there.digest}`, and a tag of inputs is never moved",
            hint="two builds of the same inputs seldom have the same digest: either will do; "
            "give another tag for this very image",
        )
    manifest = promised(registry, source.pinned(digest))
    if source.repository != destination.repository:
        _bring(registry, source, destination, manifest, _Bringing(Event()))
    return put(registry, destination, manifest)


def put(registry: Registry, destination: Reference, manifest: Manifest) -> bool:
    """Put a manifest under a tag, and say if that was news: another run may have been quicker.

    A put that fails is no error where its manifest is there all the same, whatever was said of it.

    Raises `KeptTagError` where another manifest is there and cannot be replaced, and
    `HttpError`.
    """
    try:
        registry.put(destination, manifest)
    except (KeptTagError, HttpError):
        if not _is(registry, destination, manifest.digest):
            raise
        return False
    return True


def _is(registry: Registry, reference: Reference, digest: Digest) -> bool:
    """Whether a tag is an image, as far as can be found out."""
    try:
        found = registry.head(reference)
    except HttpError:
        return False
    return isinstance(found, Present) and found.digest == digest


def bring(registry: Registry, source: Reference, place: Reference, stop: Event) -> Manifest:
    """Bring all that `source` names to the repository of `place`; the manifest, yet to be put.

    `stop` ends it with an error. Raises `AbsentError` where there is no `source`, and
    `HttpError`.
    """
    registry.pushes_to([place.repository])
    manifest = registry.manifest(source)
    if source.repository != place.repository:
        _bring(registry, source, place, manifest, _Bringing(stop))
    return manifest


def promised(registry: Registry, source: Reference) -> Manifest:
    """The manifest of what a HEAD has just named by its digest. Raises `HttpError`.

    If it is absent by that digest, nobody knows: the HEAD may have named a wrong one.
    """
    try:
        return registry.manifest(source)
    except AbsentError:
        raise ContradictionError(
            source,
            "run it again; a proxy may modify responses. If that "
            "comes again, the tag is hollow: `--verify deep` rebuilds it",
        ) from None


class _Bringing(Struct):
    """One copy under way, which ends when `stop` is set; the manifests that it has met."""

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
    """All that a manifest names, brought to another repository; what it names twice, once."""
    parts = contents_of(manifest, source)
    children = {child.digest for child in parts.children} - under_way.met
    under_way.met |= children
    if len(under_way.met) > MOST_MANIFESTS:
        raise HttpError(
            f"`{source}` leads to more than {MOST_MANIFESTS} manifests, which are not all copied",
            hint="no image is made of so many: is it one?",
        )
    for child in sorted(children):
        inner = registry.manifest(source.pinned(child))
        under_way.size += len(inner.content)
        if under_way.size > MOST_BYTES:
            raise HttpError(
                f"`{source}` leads to manifests of more than {MOST_BYTES >> 20} MiB, which are not "
                "all copied",
                hint="no image has such manifests: is it one?",
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
