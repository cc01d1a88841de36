"""Staging tags, which belong to one run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.buildkit.staging import staged
from pipeline.reference import Tag, parse_reference, parse_tag

FINAL = parse_reference("registry.fly.io/acme:1")


@pytest.mark.parametrize("length", [1, 20, 119, 120, 128])
def test_every_tag_has_a_unique_staging_tag(length: int) -> None:
    """A tag of 128 characters is shortened; its end, the fingerprint, still makes it unique."""
    one, other = (replace(FINAL, tag=Tag("x" * (length - 1) + end)) for end in "ab")

    made = {staged(one, "0a1b2c3d"), staged(other, "0a1b2c3d"), staged(one, "ffffffff")}

    assert len(made) == 3
    for reference in made:
        assert reference.repository == FINAL.repository
        assert parse_tag(str(reference.tag)) not in (one.tag, other.tag)
