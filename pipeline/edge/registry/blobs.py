"""One blob from a repository to another: there already, mounted, or streamed; never on our disk.

distribution-spec, "Push": "Mounting a blob from another repository" and "Pushing blobs".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from pipeline.edge.registry.errors import Facts, RegistryError
from pipeline.edge.registry.host import Request
from pipeline.edge.registry.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.core.reference import Digest
    from pipeline.edge.registry.answer import Answer
    from pipeline.edge.registry.host import Host


@dataclass(frozen=True, slots=True)
class Place:
    """A repository on a host that is connected."""

    host: Host
    path: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A config or a layer; `size` in bytes."""

    digest: Digest
    size: int


def has_blob(place: Place, blob: Blob) -> bool:
    """Whether a repository holds a blob, all of it. Raises `RegistryError`.

    A 200 of another size is a login page's, and a 404 of anybody's only costs a copy.
    """
    path = f"/v2/{place.path}/blobs/{blob.digest}"
    answer = place.host.ask(Request("HEAD", path, _scope(place, "pull")))
    if answer.status not in (200, 404):
        raise _refused(answer, place, "read")
    return answer.status == 200 and answer.size == blob.size


def copy_blob(blob: Blob, source: Place, destination: Place) -> None:
    """Bring a blob to another repository. Raises `RegistryError`."""
    if has_blob(destination, blob):
        return
    for attempt in count(1):
        session = _begin(blob, source, destination)
        if not session:
            return
        try:
            _upload(blob, source, destination, session)
        except RegistryError as error:
            if not destination.host.may_begin_anew(attempt, error):
                raise
        else:
            return


def _begin(blob: Blob, source: Place, destination: Place) -> str:
    """The path of an upload; nothing where the registry has mounted the blob."""
    uploads = f"/v2/{destination.path}/blobs/uploads/"
    scope = _scope(destination, "pull,push")
    if source.host is destination.host:
        query = f"?mount={quote(blob.digest)}&from={quote(source.path, safe='')}"
        both = f"{scope} {_scope(source, 'pull')}"
        answer = destination.host.ask(Request("POST", uploads + query, both, body=b""))
        if answer.status == 201:
            return ""
        if answer.status == 202:
            return _session(answer, destination)
    # Not on one host, or the registry does not mount what it would let us read.
    answer = destination.host.ask(Request("POST", uploads, scope, body=b""))
    if answer.status != 202:
        raise _refused(answer, destination, "write")
    return _session(answer, destination)


def _session(answer: Answer, place: Place) -> str:
    """The path at which an upload goes on, on the same host: the credential stays there."""
    target = urlsplit(urljoin(answer.url, answer.headers.get("location", "")))
    if target.netloc != urlsplit(answer.url).netloc or not target.path:
        raise RegistryError(
            f"`{place.host.name}` wants uploads sent to another host",
            hint="nothing was sent there; is this the right registry?",
            facts=Facts(answer.status, answer.url),
        )
    return f"{target.path}?{target.query}" if target.query else target.path


def _upload(blob: Blob, source: Place, destination: Place, session: str) -> None:
    path = f"{session}{'&' if '?' in session else '?'}digest={quote(blob.digest)}"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
    scope = _scope(destination, "pull,push")
    body = lambda: _pieces(blob, source)  # noqa: E731 - a blob begins anew with each request
    answer = destination.host.ask_once(Request("PUT", path, scope, headers, body))
    if answer.status not in (201, 204):
        raise _refused(answer, destination, "write")


def _pieces(blob: Blob, source: Place) -> Iterator[bytes]:
    """The blob's bytes, held against its digest before the last of them is let go."""
    path = f"/v2/{source.path}/blobs/{blob.digest}"
    algorithm, _, wanted = blob.digest.partition(":")
    seen = hashlib.new(algorithm)
    last = b""
    with source.host.stream(Request("GET", path, _scope(source, "pull"))) as pieces:
        for piece in pieces:
            yield last
            seen.update(piece)
            last = piece
    if seen.hexdigest() != wanted:
        raise RegistryError(
            f"the blob `{blob.digest}` came from `{source.host.name}` with other contents",
            hint="the registry, or something before it, alters what it is asked for",
            facts=Facts(passing=True),
        )
    yield last


def _scope(place: Place, actions: str) -> str:
    return f"repository:{place.path}:{actions}"


def _refused(answer: Answer, place: Place, verb: str) -> RegistryError:
    return refusal(answer, place.host.name, place.host.access, what=place.path, verb=verb)
