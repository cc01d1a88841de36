"""Tables: which images go into one solve, and which are blocked by a failure.

An image is written as `web:lang,os`, with its bases; `!` marks an image with a test, `~` one
without a layer of its own.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.buildkit.batches import blocked_by, next_batch
from pipeline.dockerfile import parse
from pipeline.model.actions import Action, ImageAction
from pipeline.model.image import ImageTest
from pipeline.reference import ImageName
from tests.console.values import PRINT, make_image, make_reference


def pending(text: str) -> list[ImageAction]:
    """Return the images of a text as images to build, in build order."""
    actions = []
    for word in text.split():
        name, _, bases = word.rstrip("!~").partition(":")
        written = b"FROM scratch\nENV A=1\n" if word.endswith("~") else b"FROM scratch\nCOPY a /\n"
        image = replace(
            make_image(name, *(base for base in bases.split(",") if base)),
            source=parse(written, file="Dockerfile"),
            test=ImageTest(("true",)) if word.endswith("!") else None,
        )
        actions.append(ImageAction(image, make_reference(name), PRINT, Action.BUILD, ""))
    return actions


@pytest.mark.parametrize(
    ("images", "at_most", "expected"),
    [
        ("", 9, ""),
        ("os", 9, "os"),
        ("os lang:os web:lang", 9, "os lang web"),
        ("os lang:os web:lang", 2, "os lang"),
        ("os lang:os web:lang", 1, "os"),
        ("a b c d", 3, "a b c"),
        ("lang:os web:lang", 9, "lang web"),
        ("os! lang:os", 9, "os"),
        ("os! lang:os web:lang", 9, "os"),
        ("os! other lang:os", 9, "os other"),
        ("os lang:os! web:lang api:os", 9, "os lang api"),
        ("os lang:os! web:lang api:os", 2, "os lang"),
        ("os! lang:os other web:lang,other", 9, "os other"),
        ("os other! web:os,other", 9, "os other"),
        ("os~ lang:os", 9, "os"),
        ("os lang:os~ web:lang api:os", 9, "os lang api"),
        ("os web:os!", 9, "os web"),
        ("os web:os~", 9, "os web"),
        ("os a:os b:os top:a,b", 9, "os a b top"),
        ("os a:os b:os top:a,b", 3, "os a b"),
        ("os a:os! b:os top:a,b", 9, "os a b"),
    ],
)
def test_the_next_solve(images: str, at_most: int, expected: str) -> None:
    """Bases first, at most the limit, and no image whose base must be tested or pushed first."""
    batch = next_batch(pending(images), at_most=at_most)
    assert " ".join(action.name for action in batch) == expected


@pytest.mark.parametrize(
    "images",
    ["os lang:os web:lang", "os! lang:os! web:lang!", "os~ a:os b:os! top:a,b", "a b c d e f g"],
)
@pytest.mark.parametrize("at_most", [1, 2, 3, 9])
def test_all_solves_build_each_image_once(images: str, at_most: int) -> None:
    """Each image is built once, and no base after its dependents."""
    left = pending(images)
    done: list[ImageName] = []
    while left:
        batch = next_batch(left, at_most=at_most)
        assert 0 < len(batch) <= at_most
        built = [action.name for action in batch]
        waits = {a.name for a in left} - set(built)
        assert all(waits.isdisjoint(action.image.base_names) for action in batch)
        done += built
        left = [action for action in left if action.name not in built]
    assert sorted(done) == sorted(action.name for action in pending(images))


@pytest.mark.parametrize(
    ("images", "failed", "expected"),
    [
        ("web:lang", "", ""),
        ("web:lang", "lang", "web<lang"),
        ("web:lang api:lang", "lang", "web<lang api<lang"),
        ("lang:os web:lang", "os", "lang<os web<os"),
        ("lang:os web:lang other", "os", "lang<os web<os"),
        ("web:os,lang", "lang", "web<lang"),
        ("web:os,lang", "lang os", "web<os"),
        ("lang:os web:lang", "lang", "web<lang"),
        ("lang:os web:lang", "os lang", "web<lang"),
        ("web", "api", ""),
        ("a:os b:other top:a,b", "other", "b<other top<other"),
    ],
)
def test_what_a_failure_blocks(images: str, failed: str, expected: str) -> None:
    """Everything on a failed image is blocked, with the name of the failed one."""
    found = blocked_by(pending(images), [ImageName(name) for name in failed.split()])
    assert " ".join(f"{name}<{fault}" for name, fault in found.items()) == expected
