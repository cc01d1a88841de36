"""Blobs: whether one is there, reading a small one, and bringing one to another repository.

A blob that is brought is there already, mounted, or streamed; never on our disk. distribution-spec,
"Push": "Mounting a blob from another repository" and "Pushing blobs".
"""

from __future__ import annotations

import hashlib
from functools import partial
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from msgspec import Struct

from ..http.errors import ErrorDetails, HttpError
from .manifest import digest_of
from .refusal import refusal
from .request import Request
from .response import is_registrys, names_blobs_absence

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from threading import Event

    from ..http.response import Response
    from ..reference import Digest
    from .contents import Part
    from .host import Host


class Place(Struct, frozen=True):
    """A repository on a host that is connected."""

    host: Host
    path: str


class Route(Struct, frozen=True):
    """From where to where blobs are brought, until `stop` is set."""

    source: Place
    destination: Place
    stop: Event

    @property
    def mounts(self) -> bool:
        """Whether both are on one host, which may give the one what the other has."""
        return self.source.host is self.destination.host


def has_blob(place: Place, digest: Digest, size: int) -> bool:
    """Whether a repository holds a blob of so many bytes. Raises `HttpError`.

    Only a registry's own 404 says no, and only the right size yes, for a login page has another;
    where a HEAD does not show whose answer it is, a GET of one byte does.
    """
    answer = place.host.ask(_get(place, digest, method="HEAD"))
    doubtful = answer.status == 404 and not is_registrys(answer)
    if doubtful or (answer.status == 200 and answer.size != size):
        answer = place.host.ask(_get(place, digest, {"Range": "bytes=0-0"}))
    if answer.status == 200 and answer.size != size:
        raise _altered(place, digest)
    return not _is_absent(answer, place)


def read_blob(place: Place, digest: Digest) -> bytes | None:
    """A small blob, as configs are, held against its digest; `None` where there is none.

    Raises `HttpError`.
    """
    answer = place.host.ask(_get(place, digest), partial(_check, place, digest))
    return None if _is_absent(answer, place) else answer.body


def begins_uploads(place: Place) -> bool:
    """Whether a push to a repository would begin: an upload is begun, and given up at once.

    A 404 says that there is no such repository, or not yet. Raises `HttpError`.
    """
    scope = _scope(place, "pull,push")
    uploads = f"/v2/{place.path}/blobs/uploads/"
    answer = place.host.ask_once(Request("POST", uploads, scope, body=b""))
    if answer.status == 404:
        return False
    if answer.status != 202:
        raise _refused(answer, place, "write")
    # Who cannot give it up leaves it to the registry, which forgets such uploads.
    place.host.ask_once(Request("DELETE", _session(answer, place), scope))
    return True


def copy_blob(blob: Part, route: Route) -> None:
    """Bring a blob to another repository. Raises `HttpError`.

    A transfer that breaks off begins anew, as not every registry says how far it came.
    """
    if not route.mounts and _is_there(blob, route.destination):
        return
    for attempt in count(1):
        session = _begin(blob, route)
        if not session or ((route.mounts or attempt > 1) and _is_there(blob, route.destination)):
            return
        try:
            _upload(blob, route, session)
        except HttpError as error:
            if route.stop.is_set() or not route.destination.host.may_start_over(attempt, error):
                raise
        else:
            return


def _is_there(blob: Part, place: Place) -> bool:
    """As `has_blob`, where a wrong no costs a transfer and nothing else."""
    answer = place.host.ask(_get(place, blob.digest, method="HEAD"))
    if answer.status not in (200, 404):
        raise _refused(answer, place, "read")
    return answer.status == 200 and answer.size == blob.size


def _begin(blob: Part, route: Route) -> str:
    """The path of an upload; nothing where the registry has mounted the blob."""
    destination, source = route.destination, route.source
    uploads = f"/v2/{destination.path}/blobs/uploads/"
    scope = _scope(destination, "pull,push")
    if route.mounts:
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


def _session(answer: Response, place: Place) -> str:
    """The path at which an upload goes on, on the same host: the credential stays there."""
    target = urlsplit(urljoin(answer.url, answer.headers.get("location", "")))
    if target.netloc != urlsplit(answer.url).netloc or not target.path:
        raise HttpError(
            f"`{place.host.name}` wants uploads sent to another host",
            hint="nothing was sent there; is this the right registry?",
            details=ErrorDetails(answer.status, answer.url),
        )
    return f"{target.path}?{target.query}" if target.query else target.path


def _upload(blob: Part, route: Route, session: str) -> None:
    destination = route.destination
    path = f"{session}{'&' if '?' in session else '?'}digest={quote(blob.digest)}"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
    scope = _scope(destination, "pull,push")
    body = partial(_pieces, blob, route)
    answer = destination.host.ask_once(Request("PUT", path, scope, headers, body))
    if answer.status not in (201, 204):
        raise _refused(answer, destination, "write")


def _pieces(blob: Part, route: Route) -> Generator[bytes, None, None]:
    """The blob's bytes, held against its digest before the last of them is let go."""
    source = route.source
    algorithm, _, wanted = blob.digest.partition(":")
    seen = hashlib.new(algorithm)
    last, size = b"", 0
    with source.host.stream(_get(source, blob.digest)) as pieces:
        for piece in pieces:
            if route.stop.is_set():
                raise HttpError("interrupted")
            size += len(piece)
            if size > blob.size:  # more than the upload was announced with
                break
            yield last
            seen.update(piece)
            last = piece
    if size != blob.size or seen.hexdigest() != wanted:
        raise _altered(source, blob.digest)
    yield last


def _get(
    place: Place, digest: Digest, headers: Mapping[str, str] | None = None, *, method: str = "GET"
) -> Request:
    path = f"/v2/{place.path}/blobs/{digest}"
    return Request(method, path, _scope(place, "pull"), headers or {})


def _is_absent(answer: Response, place: Place) -> bool:
    """Whether it is a registry's word that there is no blob. Raises `HttpError`."""
    if answer.status in (200, 206):
        return False
    if answer.status == 404 and (is_registrys(answer) or names_blobs_absence(answer)):
        return True
    raise _refused(answer, place, "read")


def _check(place: Place, digest: Digest, answer: Response) -> None:
    if digest_of(answer.body, digest) != digest:
        raise _altered(place, digest)


def _altered(place: Place, digest: Digest) -> HttpError:
    return HttpError(
        f"the blob `{digest}` came from `{place.host.name}` with other contents",
        hint="the registry, or something before it, alters what it is asked for",
        details=ErrorDetails(transient=True),
    )


def _scope(place: Place, actions: str) -> str:
    return f"repository:{place.path}:{actions}"


def _refused(answer: Response, place: Place, verb: str) -> HttpError:
    return refusal(answer, place.host.name, place.host.access, what=place.path, verb=verb)
