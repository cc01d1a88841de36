"""An entry of `cache_from` or `cache_to`, in BuildKit's own syntax.

Read as buildx reads it (`util/buildflags/cache.go`). buildx is given what was read here, written
anew, so that it cannot understand anything else by it than what the user allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from .csv_fields import join_fields, split_fields

if TYPE_CHECKING:
    from ..reference import ImageName

_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Cache(Struct, frozen=True):
    """Where a cache is, by its `type`: its attributes, each once. `{name}` is in them as written.

    >>> parse_cache("type=registry,ref=ghcr.io/acme/cache:{name}")[0].get("ref")
    'ghcr.io/acme/cache:{name}'
    """

    type: str
    attributes: tuple[tuple[str, str], ...]

    def get(self, key: str) -> str:
        """The value of an attribute; empty where there is none."""
        return dict(self.attributes).get(key, "")

    def entry(self, name: ImageName) -> str:
        """The entry for one image, as buildx is given it."""
        filled = ((key, value.replace("{name}", name)) for key, value in self.attributes)
        return join_fields((("type", self.type), *filled))


def parse_cache(text: str) -> tuple[Cache, ...]:
    """Read an entry, which may be references alone. Raises `ValueError` saying what is wrong."""
    fields = split_fields(text)
    if "=" not in text:
        return tuple(Cache("registry", (("ref", field.strip()),)) for field in fields)
    pairs: dict[str, str] = {}
    for field in fields:
        name, equals, value = field.partition("=")
        key = name.strip().lower()
        if not equals or not _NAME.fullmatch(key):
            raise ValueError(f"`{field}` is no `key=value`")
        pairs[key] = value
    kind = pairs.pop("type", "")
    if not _NAME.fullmatch(kind):
        raise ValueError(f"`{kind}` is no type" if kind else "it has no `type`")
    return (Cache(kind, tuple(pairs.items())),)
