"""Find, read and copy blobs: configs and layers.

A blob that is copied is there already, is mounted, or is streamed from one registry to the other;
it is never written to our disk. distribution-spec, "Push": "Mounting a blob from another
repository" and "Pushing blobs".
"""

from __future__ import annotations

import hashlib
from functools import partial
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from msgspec import Struct

from ..http.errors import ErrorDetails, HttpError
from .auth.challenge import place_of
from .contents import Part
from .manifest import ALTERED, digest_of
from .refusal import refusal
from .request import Request
from .response import is_registrys, names_blobs_absence

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from threading import Event

    from ..http.response import Response
    from ..reference import Digest
    from .host import Host


class RemoteRepository(Struct, frozen=True):
    """A repository by its path, and the host that it is on."""

    host: Host
    path: str


class Transfer(Struct, frozen=True):
    """The source and destination of copied blobs; setting `stop` ends it."""

    source: RemoteRepository
    destination: RemoteRepository
    stop: Event

    @property
    def mounts(self) -> bool:
        """Whether both are on one host, which can mount blobs of the one in the other."""
        return self.source.host is self.destination.host


def has_blob(repository: RemoteRepository, digest: Digest, size: int) -> bool:
    """Return whether a repository holds a blob of `size` bytes. Raises `HttpError`.

    Only a registry's own 404 means no, and only the right size means yes, as a login page has
    another. Where a HEAD does not show who answered, a GET of one byte does.
    """
    response = repository.host.ask(_get(repository, digest, method="HEAD"))
    doubtful = response.status == 404 and not is_registrys(response)
    if doubtful or (response.status == 200 and response.size != size):
        response = repository.host.ask(_get(repository, digest, {"Range": "bytes=0-0"}))
    if response.status == 200 and response.size != size:
        raise _altered(repository, digest)
    return not _is_absent(response, repository)


def read_blob(repository: RemoteRepository, digest: Digest) -> bytes | None:
    """Read a small blob, as a config is, and check its digest; `None` where there is none.

    Raises `HttpError`.
    """
    response = repository.host.ask(_get(repository, digest), partial(_check, repository, digest))
    return None if _is_absent(response, repository) else response.body


def read_large_blob(repository: RemoteRepository, digest: Digest, size: int) -> bytes:
    """Read a blob of `size` bytes that may be larger than other responses; check its digest.

    Raises `HttpError`, also where there is none.
    """
    content = bytearray()
    with repository.host.stream(_get(repository, digest)) as pieces:
        for piece in pieces:
            content += piece
            if len(content) > size:
                break
    if digest_of(bytes(content), digest) != digest:
        raise _altered(repository, digest)
    return bytes(content)


def put_blob(repository: RemoteRepository, content: bytes, *, known: bool = False) -> Digest:
    """Push a small blob; with `known`, only if it is not there yet. Raises `HttpError`."""
    digest = digest_of(content)
    if known and _is_there(Part(digest, len(content)), repository):
        return digest
    scope = _scope(repository, "pull,push")
    uploads = f"/v2/{repository.path}/blobs/uploads/"
    response = repository.host.ask(Request("POST", uploads, scope, body=b""))
    if response.status != 202:
        raise _refused(response, repository, "write")
    session = _session(response, repository)
    path = f"{session}{'&' if '?' in session else '?'}digest={quote(digest)}"
    headers = {"Content-Type": "application/octet-stream"}
    response = repository.host.ask_once(Request("PUT", path, scope, headers, content))
    if response.status not in (201, 204):
        raise _refused(response, repository, "write")
    return digest


def accepts_uploads(repository: RemoteRepository) -> bool:
    """Begin an upload and cancel it at once, to find out whether pushes are accepted.

    Returns `False` for a 404: there is no such repository, or not yet. Raises `HttpError`.
    """
    scope = _scope(repository, "pull,push")
    uploads = f"/v2/{repository.path}/blobs/uploads/"
    response = repository.host.ask_once(Request("POST", uploads, scope, body=b""))
    if response.status == 404:
        return False
    if response.status != 202:
        raise _refused(response, repository, "write")
    # If it cannot be cancelled, the registry forgets it after a while.
    repository.host.ask_once(Request("DELETE", _session(response, repository), scope))
    return True


def copy_blob(blob: Part, transfer: Transfer) -> None:
    """Copy a blob to another repository. Raises `HttpError`.

    A transfer that breaks off starts over, as not every registry says how far it came.
    """
    if not transfer.mounts and _is_there(blob, transfer.destination):
        return
    for attempt in count(1):
        session = _begin(blob, transfer)
        again = transfer.mounts or attempt > 1
        if not session or (again and _is_there(blob, transfer.destination)):
            return
        try:
            _upload(blob, transfer, session)
        except HttpError as error:
            host = transfer.destination.host
            if transfer.stop.is_set() or not host.may_start_over(attempt, error):
                raise
        else:
            return


def _is_there(blob: Part, repository: RemoteRepository) -> bool:
    """Return whether a blob is there, as `has_blob`; here a wrong no costs only a transfer."""
    response = repository.host.ask(_get(repository, blob.digest, method="HEAD"))
    if response.status not in (200, 404):
        raise _refused(response, repository, "read")
    return response.status == 200 and response.size == blob.size


def _begin(blob: Part, transfer: Transfer) -> str:
    """Begin an upload; return its path, or "" where the registry has mounted the blob."""
    destination, source = transfer.destination, transfer.source
    uploads = f"/v2/{destination.path}/blobs/uploads/"
    scope = _scope(destination, "pull,push")
    if transfer.mounts:
        query = f"?mount={quote(blob.digest)}&from={quote(source.path, safe='')}"
        both = f"{scope} {_scope(source, 'pull')}"
        response = destination.host.ask(Request("POST", uploads + query, both, body=b""))
        if response.status == 201:
            return ""
        if response.status == 202:
            return _session(response, destination)
    # Not on one host, or the registry does not mount what it would let us read.
    response = destination.host.ask(Request("POST", uploads, scope, body=b""))
    if response.status != 202:
        raise _refused(response, destination, "write")
    return _session(response, destination)


def _session(response: Response, repository: RemoteRepository) -> str:
    """Return the path at which an upload continues, on the same host: the credential stays there.

    Raises `HttpError` where it is on another host.
    """
    path = path_on_host(response.url, response.headers.get("location", ""))
    if not path:
        raise HttpError(
            f"`{repository.host.name}` wants uploads sent to another host",
            hint="nothing was sent there; is this the right registry?",
            details=ErrorDetails(response.status, response.url),
        )
    return path


def path_on_host(url: str, location: str) -> str:
    """Return path and query of a `Location` in the response of `url`; "" for another host.

    A registry behind a proxy may write `http` for its own `https`, or the port that is usual.

    >>> path_on_host("https://r.example.com/v2/a/blobs/uploads/", "http://r.example.com:80/up?s=1")
    '/up?s=1'
    >>> path_on_host("https://r.example.com/v2/a/blobs/uploads/", "https://evil.example.com/up")
    ''
    """
    try:
        target = urljoin(url, location)
        parts, same = urlsplit(target), place_of(target).lower() == place_of(url).lower()
    except ValueError:  # not an address, as `http://[::1`
        return ""
    if not same or not parts.path:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _upload(blob: Part, transfer: Transfer, session: str) -> None:
    destination = transfer.destination
    path = f"{session}{'&' if '?' in session else '?'}digest={quote(blob.digest)}"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
    scope = _scope(destination, "pull,push")
    body = partial(_pieces, blob, transfer)
    response = destination.host.ask_once(Request("PUT", path, scope, headers, body))
    if response.status not in (201, 204):
        raise _refused(response, destination, "write")


def _pieces(blob: Part, transfer: Transfer) -> Generator[bytes, None, None]:
    """Iterate over the bytes of a blob; its digest is checked before the last of them is passed on.

    Raises `HttpError`.
    """
    source = transfer.source
    algorithm, _, wanted = blob.digest.partition(":")
    seen = hashlib.new(algorithm)
    last, size = b"", 0
    with source.host.stream(_get(source, blob.digest)) as pieces:
        for piece in pieces:
            if transfer.stop.is_set():
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
    repository: RemoteRepository,
    digest: Digest,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
) -> Request:
    path = f"/v2/{repository.path}/blobs/{digest}"
    return Request(method, path, _scope(repository, "pull"), headers or {})


def _is_absent(response: Response, repository: RemoteRepository) -> bool:
    """Return whether the registry itself says that there is no such blob. Raises `HttpError`."""
    if response.status in (200, 206):
        return False
    if response.status == 404 and (is_registrys(response) or names_blobs_absence(response)):
        return True
    raise _refused(response, repository, "read")


def _check(repository: RemoteRepository, digest: Digest, response: Response) -> None:
    if digest_of(response.body, digest) != digest:
        raise _altered(repository, digest)


def _altered(repository: RemoteRepository, digest: Digest) -> HttpError:
    return HttpError(
        f"`{repository.host.name}` sent other bytes than those of the blob `{digest}`",
        hint=ALTERED,
        details=ErrorDetails(transient=True),
    )


def _scope(repository: RemoteRepository, actions: str) -> str:
    return f"repository:{repository.path}:{actions}"


def _refused(response: Response, repository: RemoteRepository, verb: str) -> HttpError:
    host = repository.host
    return refusal(response, host.name, host.authorizer, what=repository.path, verb=verb)
