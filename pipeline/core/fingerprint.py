"""The fingerprint: sha256 over a canonical record of all inputs of an image.

`docs/fingerprint.md` specifies the record byte for byte; this module and that page change together,
and a change of either changes `VERSION`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pipeline.core.model import EntryKind, Fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.core.model import BuildSettings, ContextEntry, Image
    from pipeline.core.reference import ImageName

VERSION = "fly-image-pipeline.fingerprint/1"


def fingerprint_of(record: bytes) -> Fingerprint:
    """The fingerprint of an image with this record."""
    return Fingerprint(hashlib.sha256(record).hexdigest())


def record(
    image: Image,
    entries: Sequence[ContextEntry],
    bases: Mapping[ImageName, Fingerprint],
    options: Mapping[str, str],
) -> bytes:
    """The record of `image`, as `docs/fingerprint.md` lays it out.

    `entries` are what its Dockerfile reads of the context, in any order; `bases` holds at least
    the fingerprints of the images it stands on; `options` is what `output_options` says.
    Raises `KeyError` for a base without a fingerprint.
    """
    platforms = sorted({str(platform) for platform in image.platforms})
    sections = {
        "dockerfile": image.source.source,
        "context": _list(dict.fromkeys(map(_entry, sorted(entries, key=entry_order)))),
        "target": _option(image.target),
        "platforms": _list(map(_text, platforms)),
        "arguments": _pairs({name: _option(value) for name, value in image.declared.items()}),
        "bases": _pairs({b.written: bytes.fromhex(bases[b.name].hex) for b in image.bases}),
        "externals": _pairs({str(e.reference): _option(e.locked) for e in image.externals}),
        "frontend": _text(image.frontend),
        "options": _pairs({name: _text(value) for name, value in options.items()}),
        "salt": _text(image.salt),
    }
    return _text(VERSION) + b"".join(_text(k) + _bytes(v) for k, v in sections.items())


def output_options(build: BuildSettings) -> dict[str, str]:
    """The settings that change what is pushed; one at its default is not named.

    So a setting that a later version adds leaves the fingerprints of who does not use it alone.
    """
    options = {}
    if build.sbom:
        options["sbom"] = "true"
    if build.provenance not in {"", "false", "disabled=true"}:
        options["provenance"] = build.provenance
    return options


def entry_order(entry: ContextEntry) -> str:
    """What entries are sorted by: the bytes of the path, then the kind.

    Code points and the bytes of UTF-8 sort alike, and NUL, which no path holds, before both.
    """
    return entry.path + "\0" + entry.kind


def _entry(entry: ContextEntry) -> bytes:
    path = entry.path.encode()
    head = b"%b%b%b" % (_KINDS[entry.kind], len(path).to_bytes(8, "big"), path)
    if entry.kind is EntryKind.FILE:
        return b"%b%b%b" % (head, _boolean(entry.executable), bytes.fromhex(entry.sha256))
    return head + _text(entry.link) if entry.kind is EntryKind.LINK else head


_KINDS = {EntryKind.FILE: b"f", EntryKind.LINK: b"l", EntryKind.DIRECTORY: b"d"}


def _boolean(value: bool) -> bytes:  # noqa: FBT001 -- it is the value, not a flag
    return b"\x01" if value else b"\x00"


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _bytes(value: bytes) -> bytes:
    return _number(len(value)) + value


def _text(value: str) -> bytes:
    return _bytes(value.encode())


def _option(value: str | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + _text(value)


def _list(items: Iterable[bytes]) -> bytes:
    encoded = list(items)
    return _number(len(encoded)) + b"".join(encoded)


def _pairs(values: Mapping[str, bytes]) -> bytes:
    """A list of names and encoded values, sorted by the bytes of the name."""
    return _list(_text(name) + values[name] for name in sorted(values))
