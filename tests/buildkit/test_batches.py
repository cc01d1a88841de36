"""Which images go into one solve, and which wait for their base."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.buildkit.batches import next_batch
from pipeline.dockerfile import parse
from pipeline.model.actions import Action, ImageAction
from pipeline.model.image import ImageTest
from tests.console.values import PRINT, make_image, make_reference


@pytest.mark.parametrize(
    ("dockerfile", "tested", "together"),
    [
        (b"FROM scratch\nCOPY a /\n", False, True),
        (b"FROM scratch\nWORKDIR /a\n", False, True),
        (b"FROM scratch\nCOPY a /\n", True, False),
        (b"FROM scratch\nENV A=1\n", False, False),
        (b"FROM scratch\nONBUILD COPY a /\n", False, False),
    ],
    ids=["a layer", "a folder", "a test", "no layer", "a layer of others"],
)
def test_which_images_wait_for_a_base(dockerfile: bytes, *, tested: bool, together: bool) -> None:
    """A base with a test, or without a layer: buildx cannot pass it on within a solve."""
    test = ImageTest(("true",)) if tested else None
    base = replace(make_image("base"), source=parse(dockerfile, file="Dockerfile"), test=test)
    pending = [
        ImageAction(image, make_reference(image.name), PRINT, Action.BUILD, "")
        for image in (base, make_image("web", "base"))
    ]

    batch = next_batch(pending, at_most=9)

    assert [action.name for action in batch] == (["base", "web"] if together else ["base"])


def test_an_image_of_another_registry_has_layers() -> None:
    """An image `FROM debian` with only `ENV` has layers, so its dependents need not wait."""
    pending = [
        ImageAction(image, make_reference(image.name), PRINT, Action.BUILD, "")
        for image in (make_image("base", outside=["debian"]), make_image("web", "base"))
    ]

    assert len(next_batch(pending, at_most=9)) == 2


def test_what_is_left_for_later_and_what_depends_on_it_waits() -> None:
    """An image that may be reused is not built with its base."""
    images = [make_image("base", outside=["debian"]), make_image("web", "base")]
    images += [make_image("api", "base"), make_image("more", "web")]
    pending = [
        ImageAction(image, make_reference(image.name), PRINT, Action.BUILD, "") for image in images
    ]

    batch = next_batch(pending, at_most=9, later={images[1].name})

    assert [action.name for action in batch] == ["base", "api"]
