"""Read manifests as the very bytes that are pushed, pulled and hashed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct

from ..http.errors import ErrorDetails, HttpError
from ..http.text import read_json
from ..model.presence import Present
from ..reference import Digest
from .contents import ContentsError, contents
from .response import MANIFEST_TYPES, digest_in

if TYPE_CHECKING:
    from ..http.response import Response
    from ..reference import Reference
    from .contents import Contents

ALTERED = "the registry or a proxy modifies responses"
"""The hint for bytes that do not have their digest."""
_ALGORITHMS = ("sha256", "sha384", "sha512")


class Manifest(Struct, frozen=True):
    """The very bytes of a manifest or index, its media type, and the sha256 of the bytes."""

    content: bytes
    media_type: str
    digest: Digest

    def __repr__(self) -> str:
        """Leave out the bytes."""
        return f"{type(self).__name__}({self.media_type!r}, {self.digest!r})"

    @property
    def present(self) -> Present:
        """The presence of this manifest."""
        return Present(self.digest, self.media_type, len(self.content))


def read_manifest(response: Response, reference: Reference) -> Manifest:
    """Read the manifest in a response with status 200, and check every digest known of it.

    Raises `HttpError`, a transient one where the bytes do not have their digest.
    """
    computed = digest_of(response.body)
    for claimed in (reference.digest, digest_in(response)):
        if claimed and claimed != digest_of(response.body, claimed):
            raise HttpError(
                f"`{reference}` should be `{claimed}`, and its bytes are `{computed}`",
                hint=ALTERED,
                details=ErrorDetails(200, response.url, transient=True),
            )
    return Manifest(response.body, _media_type(response, reference), computed)


def contents_of(manifest: Manifest, reference: Reference) -> Contents:
    """Read the config, layers and children that a manifest or an index names.

    Raises `HttpError`.
    """
    try:
        return contents(read_json(manifest.content))
    except ContentsError as error:
        raise HttpError(
            f"the manifest of `{reference}` cannot be read: {error}",
            hint=f"is this a registry? or {ALTERED}",
            details=ErrorDetails(200),
        ) from None


def check_digest(found: Present, reference: Reference, url: str) -> Present:
    """Check that a HEAD by digest found that very digest. Raises `HttpError`."""
    if reference.digest and found.digest != reference.digest:
        raise HttpError(
            f"the registry answers a request for `{reference}` with `{found.digest}`",
            hint=ALTERED,
            details=ErrorDetails(200, url),
        )
    return found


def digest_of(content: bytes, like: Digest | None = None) -> Digest:
    """Compute a digest: by sha256, or by the algorithm of `like` if that is a known one."""
    algorithm = like.partition(":")[0] if like else "sha256"
    if algorithm not in _ALGORITHMS:
        algorithm = "sha256"
    return Digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")


def _media_type(response: Response, reference: Reference) -> str:
    """Return the media type of a response, or the one that the manifest itself names."""
    document = read_json(response.body)
    inside = document.get("mediaType") if isinstance(document, dict) else None
    for media_type in (response.media_type, inside):
        is_manifest = isinstance(document, dict) and document.get("schemaVersion") == 2
        if is_manifest and isinstance(media_type, str) and media_type in MANIFEST_TYPES:
            return media_type
    raise HttpError(
        f"the answer of `{reference.repository.host}` for `{reference}` is not a manifest"
        + (f": {response.media_type}" if response.media_type.isprintable() else ""),
        hint="is this a registry? a login page or a proxy may have answered",
        details=ErrorDetails(200, response.url),
    )
