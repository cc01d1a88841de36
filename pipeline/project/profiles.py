"""Merge `[profiles.NAME]`, the part of a file that `--profile NAME` puts over the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .document import Document

Table = dict[str, object]
_OF_THE_FILE = ("profiles", "requires")
"""Keys of the whole file, which no profile has."""


def profiles_of(document: Document) -> dict[str, Table]:
    """Return the profiles of a file, by name."""
    written = (document.written or document.data).get("profiles")
    if not isinstance(written, dict):
        return {}
    return {name: table for name, table in written.items() if isinstance(table, dict)}


def with_profile(document: Document, name: str) -> Document:
    """Merge one profile into a file's data: tables key by key, anything else as a whole.

    If the file has no such profile, its data is what is outside of all profiles.
    """
    plain = {key: value for key, value in document.data.items() if key not in _OF_THE_FILE}
    data = _merge(plain, profiles_of(document).get(name, {}))
    return replace(document, data=data, profile=name, written=document.data)


def _merge(under: Mapping[str, object], over: Mapping[str, object]) -> Table:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = _merge(below, value) if both else value  # type: ignore[arg-type]
    return merged
