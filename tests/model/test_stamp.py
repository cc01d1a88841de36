"""The stamp that a deploy writes beside an app: parsed as it was written, or ignored."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from pipeline.model.stamp import NEAREST, PARENTS, SHORT, Revision, Stamp, carried_stamp, read_stamp
from pipeline.reference import Digest

IMAGE = Digest(f"sha256:{1:064x}")
OTHER = Digest(f"sha256:{2:064x}")
REVISION = Revision("1f2e3d4" * 5 + "abcde", ("a1b2c3d", "e4f5a6b"))
STAMP = Stamp("c0" * 32, IMAGE, "7", REVISION)


@pytest.mark.parametrize("stamp", [STAMP, replace(STAMP, back=True), Stamp("c0" * 32, IMAGE, "7")])
def test_a_stamp_is_read_as_it_was_written(stamp: Stamp) -> None:
    """With and without a Git revision."""
    assert read_stamp(stamp.text, IMAGE, "7") == stamp


def test_a_stamp_that_was_copied_to_a_later_release() -> None:
    """A stamp that was copied to a later release is recognized by its release number."""
    assert carried_stamp(STAMP.text, "7") == STAMP
    assert carried_stamp(STAMP.text, "8") is None
    assert carried_stamp("{", "7") is None


def test_a_stamp_of_another_image_is_ignored() -> None:
    """The stamp of another image is ignored: somebody else has deployed."""
    assert read_stamp(STAMP.text, OTHER, "7") is None
    assert read_stamp(STAMP.text, OTHER, "8") is None


@pytest.mark.parametrize(("written", "runs"), [("7", "8"), ("7", ""), ("", "")])
def test_a_stamp_of_another_release_of_the_same_image(written: str, runs: str) -> None:
    """For another release of the same image only the commit counts, as after `fly secrets set`."""
    stamp = replace(STAMP, release=written, back=True)

    assert read_stamp(stamp.text, IMAGE, runs) == replace(stamp, configuration="")


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
def test_an_invalid_stamp(text: object) -> None:
    """Anything else under our key is ignored."""
    assert read_stamp(text, IMAGE, "7") is None


def test_a_stamp_with_all_its_parents_is_small() -> None:
    """It is small enough to be in the list of machines once per machine."""
    parents = tuple(f"{number:0{SHORT}x}" for number in range(PARENTS + NEAREST))
    assert len(Stamp("c0" * 32, IMAGE, "123", Revision("f" * 40, parents)).text) < 850
