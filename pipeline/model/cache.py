"""Parse entries of `cache_from` and `cache_to`, in BuildKit's own syntax.

They are parsed as buildx does it (`util/buildflags/cache.go`). buildx is given the parsed entry,
written anew, so that it cannot read anything else from it than what the user allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from .csv_fields import join_fields, split_fields

if TYPE_CHECKING:
    from ..reference import ImageName

_NAME = r"[A-Za-z0-9._-]+"


class Cache(Struct, frozen=True):
    """A cache: its `type` and its attributes, each once. `{name}` in them is not filled in yet.

    >>> parse_cache("type=registry,ref=ghcr.io/acme/cache:{name}")[0].get("ref")
    'ghcr.io/acme/cache:{name}'
    """

    type: str
    attributes: tuple[tuple[str, str], ...]

    def get(self, key: str) -> str:
        """Return the value of an attribute, empty if there is none."""
        return dict(self.attributes).get(key, "")

    def entry(self, name: ImageName) -> str:
        """Return the entry for one image, as buildx is given it."""
        filled = ((key, value.replace("{name}", name)) for key, value in self.attributes)
        return join_fields((("type", self.type), *filled))


def parse_cache(text: str) -> tuple[Cache, ...]:
    """Parse an entry, which may be nothing but references. Raises `ValueError`."""
    fields = split_fields(text)
    if "=" not in text:
        return tuple(Cache("registry", (("ref", field.strip()),)) for field in fields)
    pairs: dict[str, str] = {}
    for field in fields:
        name, equals, value = field.partition("=")
        key = name.strip().lower()
        if not equals or not re.fullmatch(_NAME, key):
            raise ValueError(f"`{field}` is not `key=value`")
        pairs[key] = value
    kind = pairs.pop("type", "")
    if not re.fullmatch(_NAME, kind):
        raise ValueError(f"`{kind}` is not a type" if kind else "it has no `type`")
    return (Cache(kind, tuple(pairs.items())),)
