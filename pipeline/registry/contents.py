"""Read what a manifest or an index names, and find what an image lacks of it. Pure.

This is the one reader of both: OCI image-spec, `manifest.md` and `image-index.md`; docker's
schema 2 has the same fields.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from ..reference import Digest, Platform, ReferenceSyntaxError, parse_digest, parse_platform

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_ATTESTS = "vnd.docker.reference.digest"
"""BuildKit's annotation of an attestation manifest: the manifest that it is about."""
_UNKNOWN = "unknown"
"""The operating system of an attestation."""
MOST_PARTS = 1000
"""Layers or children of one manifest, each of which is a request: an engine unpacks 127 layers, and
an index has a few dozen platforms."""


class ContentsError(ValueError):
    """A document is not a manifest; the message says why."""


class Part(Struct, frozen=True):
    """A blob, or a child of an index; `size` in bytes.

    `platform` is what the index says about a child, if anything; `attests` is the child that an
    attestation manifest is about.
    """

    digest: Digest
    size: int = 0
    platform: Platform | None = None
    attests: Digest | None = None


class Contents(Struct, frozen=True):
    """The parts of a manifest (a config, layers) or of an index (children).

    Layers that are fetched from elsewhere by their `urls`, as Windows has them, are left out.
    """

    config: Part | None = None
    layers: tuple[Part, ...] = ()
    children: tuple[Part, ...] = ()

    @property
    def blobs(self) -> tuple[Part, ...]:
        """Config and layers, each once."""
        found = (*((self.config,) if self.config else ()), *self.layers)
        return tuple({part.digest: part for part in found}.values())


def contents(document: object) -> Contents:
    """Read the JSON of a manifest or an index. Raises `ContentsError`.

    An index has a list of `manifests`, which may be empty, and a manifest has a `config`. The error
    quotes nothing of the document, which may hold anything.
    """
    if not isinstance(document, dict):
        raise ContentsError("it is not a JSON object")
    config = document.get("config")
    if not isinstance(config, dict) and not isinstance(document.get("manifests"), list):
        raise ContentsError("it has neither a list of `manifests` nor a `config`")
    layers = [entry for entry in _entries(document, "layers") if not entry.get("urls")]
    return Contents(
        _part(config, "config") if isinstance(config, dict) else None,
        tuple(_part(entry, "layers") for entry in layers),
        tuple(_part(entry, "manifests") for entry in _entries(document, "manifests")),
    )


def platform_of(config: object) -> Platform | None:
    """Read the platform of an image's config, or of a child in an index."""
    match config:
        case {"os": str(system), "architecture": str(architecture), **rest}:
            variant = rest.get("variant")
            words = (system, architecture, variant if isinstance(variant, str) else "")
            try:
                return parse_platform("/".join(word for word in words if word))
            except ReferenceSyntaxError:
                return None
    return None


def manifests_of_platforms(children: Iterable[Part]) -> dict[Platform, Digest]:
    """Return the manifest of each platform in an index, the first where there are several.

    Attestations, whose platform is `unknown`, and children without a platform are left out.
    """
    found: dict[Platform, Digest] = {}
    for part in children:
        if part.platform and part.platform.os != _UNKNOWN and not part.attests:
            found.setdefault(part.platform, part.digest)
    return found


def serving(asked: Platform, there: Collection[Platform]) -> Platform | None:
    """Choose the platform that BuildKit takes for `asked`; `None` where none of them can run.

    containerd's `platforms/compare.go`: what else a processor can run, the nearest first.
    """
    return next((one for one in (asked, *_runs(asked)) if one in there), None)


def _runs(asked: Platform) -> Iterator[Platform]:
    """Iterate over the other platforms that a machine can run, the nearest first."""
    system, architecture = asked.os, asked.architecture
    version = int(asked.variant[1:]) if re.fullmatch(r"v\d", asked.variant) else 0
    if architecture == "amd64":
        yield from (Platform(system, "amd64", f"v{n}") for n in range(version - 1, 1, -1))
        yield from (Platform(system, "amd64"), Platform(system, "386"))
    elif architecture in {"arm", "arm64"}:
        highest = version - 1 if architecture == "arm" else 8
        yield from (Platform(system, "arm64"),) if architecture == "arm64" else ()
        yield from (Platform(system, "arm", f"v{n}") for n in range(highest, 4, -1))


def needed(children: Sequence[Part], platforms: Iterable[Platform]) -> tuple[Part, ...]:
    """Choose the children of an index that `platforms` need, and their attestations.

    Without `platforms`, all. A child without a platform may be for any.
    """
    wanted = frozenset(platforms)
    if not wanted:
        return tuple(children)
    images = {
        part.digest
        for part in children
        if not part.attests and (part.platform is None or part.platform in wanted)
    }
    return tuple(part for part in children if not images.isdisjoint({part.digest, part.attests}))


def lacking(lost: Sequence[str], platforms: Iterable[Platform], has: Iterable[Platform]) -> str:
    """Say what an image lacks: parts that are `lost`, or a platform; "" if it is complete.

    >>> lacking(["the layer `sha256:0a`", "the config `sha256:0b`"], [], [])
    'lacks the layer `sha256:0a` and one more part'
    """
    if lost:
        more = {1: "", 2: " and one more part"}.get(len(lost), f" and {len(lost) - 1} more parts")
        return f"lacks {lost[0]}{more}"
    missing = [f"`{platform}`" for platform in sorted(set(platforms) - set(has))]
    return f"is not there for {' and '.join(missing)}" if missing else ""


def _entries(document: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    """Return the objects of a list. Go writes an empty list as `null`."""
    found = document.get(key)
    entries = [] if found is None else found
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ContentsError(f"its `{key}` are not a list of objects")
    if len(entries) > MOST_PARTS:
        raise ContentsError(f"it names {len(entries):,} `{key}`, and no image has {MOST_PARTS:,}")
    return entries


def _part(entry: Mapping[str, object], key: str) -> Part:
    annotations = entry.get("annotations")
    attests = annotations.get(_ATTESTS) if isinstance(annotations, dict) else None
    size = entry.get("size")
    try:
        return Part(
            parse_digest(str(entry.get("digest"))),
            size if isinstance(size, int) and size > 0 else 0,
            platform_of(entry.get("platform")),
            parse_digest(attests) if isinstance(attests, str) else None,
        )
    except ReferenceSyntaxError:
        raise ContentsError(f"one of its `{key}` has no digest, or a malformed one") from None
