"""A manifest as bytes: what is pushed, pulled and hashed, and never written anew."""

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
        """That it exists."""
        return Present(self.digest, self.media_type, len(self.content))


def read_manifest(answer: Response, reference: Reference) -> Manifest:
    """The manifest in an answer with status 200, held against every digest that is known of it.

    Raises `HttpError`, which passes where the bytes were damaged on the way.
    """
    computed = digest_of(answer.body)
    for claimed in (reference.digest, digest_in(answer)):
        if claimed and claimed != digest_of(answer.body, claimed):
            raise HttpError(
                f"`{reference}` is `{claimed}` by name, and `{computed}` by content",
                hint="the registry, or something before it, alters what it is asked for",
                details=ErrorDetails(200, answer.url, transient=True),
            )
    return Manifest(answer.body, _media_type(answer, reference), computed)


def contents_of(manifest: Manifest, reference: Reference) -> Contents:
    """What a manifest or an index names: the one reader of both. Raises `HttpError`."""
    try:
        return contents(read_json(manifest.content))
    except ContentsError as error:
        raise HttpError(
            f"the manifest of `{reference}` cannot be read: {error}",
            hint="is this a registry? something before it may alter what it is asked for",
            details=ErrorDetails(200),
        ) from None


def check_digest(found: Present, reference: Reference, url: str) -> Present:
    """What a HEAD found, if it is what was asked for by digest. Raises `HttpError`."""
    if reference.digest and found.digest != reference.digest:
        raise HttpError(
            f"`{reference}` was asked for, and `{found.digest}` is what the registry has",
            hint="the registry, or something before it, alters what it is asked for",
            details=ErrorDetails(200, url),
        )
    return found


def digest_of(content: bytes, like: Digest | None = None) -> Digest:
    """The digest of `content`: sha256, or by the algorithm of `like` if that is a known one."""
    algorithm = like.partition(":")[0] if like else "sha256"
    if algorithm not in _ALGORITHMS:
        algorithm = "sha256"
    return Digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")


def _media_type(answer: Response, reference: Reference) -> str:
    """The type of the answer, or the one that the manifest itself names."""
    document = read_json(answer.body)
    inside = document.get("mediaType") if isinstance(document, dict) else None
    for media_type in (answer.media_type, inside):
        is_manifest = isinstance(document, dict) and document.get("schemaVersion") == 2
        if is_manifest and isinstance(media_type, str) and media_type in MANIFEST_TYPES:
            return media_type
    raise HttpError(
        f"`{reference.repository.host}` answers with something that is no manifest for "
        f"`{reference}`" + (f": {answer.media_type}" if answer.media_type.isprintable() else ""),
        hint="is this a registry? a login page or a proxy may stand before it",
        details=ErrorDetails(200, answer.url),
    )
