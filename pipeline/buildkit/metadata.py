"""Read the metadata file that buildx writes after a solve that succeeded (`--metadata-file`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..reference import ReferenceSyntaxError, parse_digest
from .definition import target_name
from .outcome import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from ..reference import Digest, ImageName

_PROVENANCE = "buildx.build.provenance"


def read_metadata(file: Path, names: Iterable[ImageName]) -> dict[ImageName, Metadata]:
    """Return the metadata of each image; empty without a file, as after a failure."""
    try:
        written = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        written = None
    tables = written if isinstance(written, dict) else {}
    return {name: _metadata(tables.get(target_name(name))) for name in names}


def _metadata(written: object) -> Metadata:
    fields = written if isinstance(written, dict) else {}
    # One per platform if there are several: `buildx.build.provenance/linux/amd64`.
    provenances = (value for key, value in fields.items() if key.startswith(_PROVENANCE))
    sources = (uri for provenance in provenances for uri in _materials(provenance))
    return Metadata(_digest(fields), tuple(dict.fromkeys(sources)))


def _digest(fields: Mapping[str, object]) -> Digest | None:
    try:
        return parse_digest(str(fields.get("containerimage.digest")))
    except ReferenceSyntaxError:
        return None


def _materials(provenance: object) -> Iterator[str]:
    """Yield the URIs of a provenance in SLSA 0.2 (`materials`) or 1 (`resolvedDependencies`)."""
    if not isinstance(provenance, dict):
        return
    definition = provenance.get("buildDefinition")
    later = definition.get("resolvedDependencies") if isinstance(definition, dict) else None
    materials = provenance.get("materials") or later
    for material in materials if isinstance(materials, list) else ():
        if isinstance(material, dict) and material.get("uri"):
            yield str(material["uri"])
