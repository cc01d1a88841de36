"""Read what a registry's response says: found, not found, and its error codes. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from ..http.text import read_json
from ..model.presence import Absent, Present
from ..reference import ReferenceSyntaxError, parse_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..http.response import Response
    from ..reference import Digest


MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""The media types of a tag's manifest. A registry answers 404 where `Accept` lacks the type."""

CODES = frozenset(
    {
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "DENIED",
        "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "NOT_FOUND",
        "SIZE_INVALID",
        "TOOMANYREQUESTS",
        "UNAUTHORIZED",
        "UNAVAILABLE",
        "UNKNOWN",
        "UNSUPPORTED",
    }
)
"""The error codes of the specification, and those that registries add; others are not shown."""

_KEPT = r"(?i)immutab|overwrit|tag already exist"
_ABSENCE = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"})
_BLOB_ABSENCE = _ABSENCE | {"BLOB_UNKNOWN"}
_BLOBS_UNKNOWN = frozenset({"BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"})


class Complaint(Struct, frozen=True):
    """An entry of `errors` in a response: a code, and the server's own words."""

    code: str
    message: str


def digest_in(response: Response) -> Digest | None:
    """Return `Docker-Content-Digest`; `None` where it is missing or malformed."""
    try:
        return parse_digest(response.headers.get("docker-content-digest", "").strip())
    except ReferenceSyntaxError:
        return None


def complaints(response: Response) -> tuple[Complaint, ...]:
    """Read the `errors` of a response; none where it does not have the specification's form."""
    document = read_json(response.body)
    errors = document.get("errors") if isinstance(document, dict) else None
    entries = errors if isinstance(errors, list) else []
    return tuple(
        Complaint(str(entry.get("code") or "").upper(), _message(entry))
        for entry in entries
        if isinstance(entry, dict)
    )


def presence(response: Response) -> Present | Absent | None:
    """Read the result of a HEAD: present, absent, or `None` where it takes a GET to know.

    A 404 counts if a registry gives it. Without a body that shows in the headers: those of
    distribution, and JSON. Any web server has a 404, and Go's says `404 page not found` in text.
    """
    digest = digest_in(response)
    if response.status == 200 and digest and response.media_type in MANIFEST_TYPES:
        return Present(digest, response.media_type, response.size)
    return Absent() if response.status == 404 and is_registrys(response) else None


def is_registrys(response: Response) -> bool:
    """Return whether the headers are those of a registry, and of the very one that was asked."""
    is_registry = "docker-distribution-api-version" in response.headers
    return response.own and is_registry and response.media_type == "application/json"


def names_absence(response: Response) -> bool:
    """Return whether the body of a 404 says that there is no such manifest."""
    return _names(response, _ABSENCE)


def names_blobs_absence(response: Response) -> bool:
    """Return whether the body of a 404 says that there is no such blob."""
    return _names(response, _BLOB_ABSENCE)


def lacks_blobs(response: Response) -> bool:
    """Return whether a manifest was refused because the registry lacks what it names."""
    known = response.own and response.status in (400, 404)
    return known and not _BLOBS_UNKNOWN.isdisjoint(_codes(response))


def keeps_tags(response: Response) -> bool:
    """Return whether a push was refused because the tag exists and may not be overwritten.

    No specification has a code for it. Harbor answers 412 ("configured as immutable"), Quay 409
    `TAG_IMMUTABLE` ("tag is immutable and cannot be overwritten"); of ECR, users report
    `TAG_INVALID` ("cannot be overwritten because the repository is immutable"), of Google's
    `MANIFEST_INVALID` ("has enabled tag immutability").
    """
    words = " ".join(f"{one.code} {one.message}" for one in complaints(response))
    return response.own and response.status >= 400 and bool(re.search(_KEPT, words))


def _names(response: Response, absence: frozenset[str]) -> bool:
    codes = _codes(response)
    return response.status == 404 and response.own and bool(codes) and codes <= absence


def _codes(response: Response) -> frozenset[str]:
    return frozenset(complaint.code for complaint in complaints(response))


def _message(entry: Mapping[str, object]) -> str:
    detail = entry.get("detail")
    return str(entry.get("message") or (detail if isinstance(detail, str) else "") or "")
