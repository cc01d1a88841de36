"""What a deploy leaves beside an app: read back as it was written, or not believed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.core.reference import Digest
from pipeline.core.stamp import Revision, Stamp, carried_stamp, read_stamp

IMAGE = Digest(f"sha256:{1:064x}")
OTHER = Digest(f"sha256:{2:064x}")
REVISION = Revision("1f2e3d4" * 5 + "abcde", ("a1b2c3d", "e4f5a6b"))
STAMP = Stamp("c0" * 32, IMAGE, "7", REVISION)


@pytest.mark.parametrize("stamp", [STAMP, replace(STAMP, back=True), Stamp("c0" * 32, IMAGE, "7")])
def test_a_stamp_is_read_as_it_was_written(stamp: Stamp) -> None:
    """With and without a Git revision."""
    assert read_stamp(stamp.text, IMAGE, "7") == stamp


def test_a_stamp_that_was_carried_along() -> None:
    """It is known by the release that it was written with, whatever runs."""
    assert carried_stamp(STAMP.text, "7") == STAMP
    assert carried_stamp(STAMP.text, "8") is None
    assert carried_stamp("{", "7") is None


def test_a_stamp_of_another_deploy_is_not_believed() -> None:
    """Its release, or its image, is not what runs; or no release is known."""
    assert read_stamp(STAMP.text, OTHER, "7") is None
    assert read_stamp(STAMP.text, IMAGE, "8") is None
    assert read_stamp(STAMP.text, IMAGE, "") is None
    assert read_stamp(Stamp("c0" * 32, IMAGE, "").text, IMAGE, "") is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        "{}",
        json.dumps({**json.loads(STAMP.text), "parents": ["a1b2c3d"]}),
        json.dumps({**json.loads(STAMP.text), "image": "sha256:1"}),
        json.dumps({**json.loads(STAMP.text), "configuration": None}),
    ],
)
def test_anything_else_is_no_stamp(text: object) -> None:
    """Somebody may write anything under our key."""
    assert read_stamp(text, IMAGE, "7") is None


def test_a_stamp_with_thirty_parents_is_small() -> None:
    """It stands in the list of machines, once for each."""
    parents = tuple(f"{number:010x}" for number in range(30))
    assert len(Stamp("c0" * 32, IMAGE, "123", Revision("f" * 40, parents)).text) < 700
