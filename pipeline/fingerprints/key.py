"""Compute an image's key, the sha256 of a canonical record of its inputs, and its fingerprint.

The fingerprint is the key or, with a `[test]`, the sha256 of a record of key and command.
`docs/fingerprint.md` specifies both records byte for byte. Change it together with this module;
each change of either changes `VERSION`.
"""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..model.inputs import EntryKind, Fingerprint, Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..model.image import Image, ImageTest
    from ..model.inputs import ContextEntry
    from ..model.settings import BuildSettings
    from ..reference import ImageName

VERSION = "fly-image-pipeline.fingerprint/2"


NO_CONTEXTS: Mapping[str, Sequence[ContextEntry]] = MappingProxyType({})


def key_of(record: bytes) -> Key:
    """Return the key of an image with this record."""
    return Key(hashlib.sha256(record).hexdigest())


def fingerprint_of(key: Key, test: ImageTest | None = None) -> Fingerprint:
    """Return the fingerprint for a key and a test: its tag means that the image passed the test.

    The command counts, the timeout does not: an image that passed would pass with more time.
    """
    if test is None:
        return Fingerprint(key.hex)
    command = _list(map(_text, test.command))
    framed = _framed({"key": bytes.fromhex(key.hex), "test": command})
    return Fingerprint(hashlib.sha256(framed).hexdigest())


def record(
    image: Image,
    entries: Sequence[ContextEntry],
    bases: Mapping[ImageName, Key],
    options: Mapping[str, str],
    contexts: Mapping[str, Sequence[ContextEntry]] = NO_CONTEXTS,
) -> bytes:
    """Return the record of `image`, in the layout of `docs/fingerprint.md`.

    `entries` are what its Dockerfile reads of the context, in any order, and `contexts` what it
    reads of each named context. `bases` has at least the keys of its bases. `options` comes from
    `options_of`.
    Raises `KeyError` for a base without a key.
    """
    platforms = sorted({str(platform) for platform in image.platforms})
    sections = {
        "dockerfile": image.source.source,
        "context": _entries(entries),
        "target": _option(image.target),
        "platforms": _list(map(_text, platforms)),
        "arguments": _pairs({name: _values(image, name) for name in image.declared}),
        "bases": _pairs({b.written: bytes.fromhex(bases[b.name].hex) for b in image.bases}),
        "externals": _pairs({str(e.reference): _option(e.locked) for e in image.externals}),
        "frontend": _text(image.frontend),
        "options": _pairs({name: _text(value) for name, value in options.items()}),
        "salt": _text(image.salt),
        "contexts": _pairs({name: _entries(found) for name, found in contexts.items()}),
        "triggers": _triggers(image),
    }
    return _framed({k: v for k, v in sections.items() if k == "dockerfile" or v not in _NOTHING})


def output_options(build: BuildSettings) -> dict[str, str]:
    """Return the settings that change what is pushed, without those at their default.

    So a setting that a later version adds changes no fingerprint of those who do not use it.
    """
    options = {}
    if build.sbom:
        options["sbom"] = "true"
    if build.provenance not in {"", "false", "disabled=true"}:
        options["provenance"] = build.provenance
    return options


def options_of(image: Image, options: Mapping[str, str]) -> Mapping[str, str]:
    """Return the options of one image: those of the project, and the period of `refresh`."""
    return {**options, "refresh": image.refresh.option} if image.refresh else options


def entry_order(entry: ContextEntry) -> str:
    """Return the sort key of entries: the bytes of the path, then the kind.

    Code points and the bytes of UTF-8 sort alike, and NUL, which no path contains, before both.
    """
    return entry.path + "\0" + entry.kind


def _framed(sections: Mapping[str, bytes]) -> bytes:
    return _text(VERSION) + b"".join([_text(k) + _bytes(v) for k, v in sections.items()])


def _values(image: Image, name: str) -> bytes:
    """Encode the value of an argument, or one value per platform if they differ."""
    values = image.differing.get(name) or (image.declared[name],)
    return _list(map(_option, values))


def _triggers(image: Image) -> bytes:
    found = {
        (str(external.reference), str(platform)): _list(map(_text, instructions))
        for external in image.externals
        for platform, instructions in external.triggers
    }
    return _list(_text(r) + _text(p) + found[r, p] for r, p in sorted(found))


def _entries(entries: Iterable[ContextEntry]) -> bytes:
    return _list(dict.fromkeys(map(_entry, sorted(entries, key=entry_order))))


def _entry(entry: ContextEntry) -> bytes:
    path = entry.path.encode()
    head = b"%b%b%b" % (_KINDS[entry.kind], len(path).to_bytes(8, "big"), path)
    if entry.kind is EntryKind.FILE:
        return b"%b%b%b" % (head, _boolean(entry.executable), bytes.fromhex(entry.sha256))
    return head + _text(entry.link) if entry.kind is EntryKind.LINK else head


_KINDS = {EntryKind.FILE: b"f", EntryKind.LINK: b"l", EntryKind.DIRECTORY: b"d"}


_NOTHING = frozenset({b"\x00", b"\x00" * 8})
"""Payloads of sections that are left out: `None`, an empty list, an empty text."""


def _boolean(value: bool) -> bytes:  # noqa: FBT001 -- it is the value, not a flag
    return b"\x01" if value else b"\x00"


def _bytes(value: bytes) -> bytes:
    return len(value).to_bytes(8, "big") + value


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(8, "big") + encoded


def _option(value: str | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + _text(value)


def _list(items: Iterable[bytes]) -> bytes:
    encoded = list(items)
    return len(encoded).to_bytes(8, "big") + b"".join(encoded)


def _pairs(values: Mapping[str, bytes]) -> bytes:
    """Encode a list of names and encoded values, sorted by the bytes of the name."""
    return _list([_text(name) + values[name] for name in sorted(values)])
