"""Compute the keys by which an image is found that need not be built again though a base changed.

The *own key* stands for all inputs of an image but its bases, and for its test. The *reuse key* is
the own key and, instead of the keys of the bases, what they contain (`registry.image_config`). Two
builds with the same reuse key get the same files, the same Dockerfile and the same bases, so one
image will do for both. `docs/reuse.md` specifies both.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ..model.inputs import Key
from .key import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.image import Image
    from ..model.inputs import Inputs
    from ..reference import ImageName

OWN, REUSE, CONTENTS = (f"fly-image-pipeline.{word}/1" for word in ("own", "reuse", "contents"))

_NO_KEY = Key("00" * 32)
"""The key that each base has in the record of an own key."""


def own_key(image: Image, inputs: Inputs) -> Key:
    """Return the own key of an image: its record without the keys of bases, and its test.

    The names of the bases count, as the Dockerfile writes them.
    """
    bases = dict.fromkeys(image.base_names, _NO_KEY)
    contexts = {name: one.entries for name, one in inputs.contexts.items()}
    inner = record(image, inputs.entries, bases, inputs.options, contexts)
    return _hashed(OWN, hashlib.sha256(inner).digest(), *map(str.encode, inputs.test))


def reuse_key(image: Image, own: Key, contents: Mapping[ImageName, Key]) -> Key:
    """Return the reuse key of an image whose bases have these `contents`.

    Raises `KeyError` for a base whose contents are missing.
    """
    names = {base.written: contents[base.name] for base in image.bases}
    parts = (part for name in sorted(names) for part in (name.encode(), names[name].hex.encode()))
    return _hashed(REUSE, own.hex.encode(), *parts)


def contents_key(configurations: Mapping[str, bytes]) -> Key:
    """Return the key of what an image contains: its configurations without times.

    They are by platform, as its index writes it; empty for an image without an index.
    """
    found = configurations
    parts = (part for name in sorted(found) for part in (name.encode(), found[name]))
    return _hashed(CONTENTS, *parts)


def _hashed(purpose: str, *parts: bytes) -> Key:
    """Return the sha256 of texts and bytes, each with its length before it."""
    framed = (len(part).to_bytes(8, "big") + part for part in (purpose.encode(), *parts))
    return Key(hashlib.sha256(b"".join(framed)).hexdigest())
