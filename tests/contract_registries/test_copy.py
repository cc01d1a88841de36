"""Promotion, and the deep check of what was promoted, at a real registry."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from pipeline.model.presence import Incomplete, Present
from pipeline.reference import parse_reference
from pipeline.registry.copy import copy
from tests.contract_registries.looks import AMD, ARM, deep, destinations, head
from tests.support.incomplete_images import delete, is_complete
from tests.support.small_images import (
    push_image,
    push_index,
)

if TYPE_CHECKING:
    from pipeline.registry.client import Registry as Client
    from tests.support.registries import Registry

pytestmark = pytest.mark.registry


@pytest.mark.parametrize("to", ["tag", "repository", "registry"])
def test_an_image_is_copied(client: Client, repository: str, elsewhere: Registry, to: str) -> None:
    """The whole image for two platforms, with its digest; again, nothing is changed."""
    pushed, _ = push_index(repository, "1", content=secrets.token_bytes(1000))
    source = parse_reference(f"{repository}:1")
    target = destinations(repository, elsewhere)[to]

    first = copy(client, source, parse_reference(target))
    again = copy(client, source, parse_reference(target))

    assert first == (pushed.digest, True)
    assert again == (pushed.digest, False)
    assert is_complete(target)
    assert deep(client, target, AMD, ARM) == head(client, target)


@pytest.mark.parametrize("part", ["layer", "config"])
def test_a_missing_blob_is_named(client: Client, repository: str, part: str) -> None:
    """The tag still resolves; a deep check says what is missing."""
    pushed = push_image(repository, "1", content=secrets.token_bytes(100))
    whole = deep(client, f"{repository}:1", AMD)
    lost = pushed.layer if part == "layer" else pushed.config
    delete(repository, f"blobs/{lost}")

    found = deep(client, f"{repository}:1", AMD)

    assert isinstance(whole, Present)
    assert isinstance(found, Incomplete)
    assert f"lacks the {part} `{lost}`" in found.reason


def test_a_missing_manifest_of_an_index_is_named(client: Client, repository: str) -> None:
    """With its platform."""
    _, children = push_index(repository, "1", content=secrets.token_bytes(100))
    delete(repository, f"manifests/{children[1].digest}")

    found = deep(client, f"{repository}:1", AMD, ARM)

    assert isinstance(found, Incomplete)
    assert f"the manifest `{children[1].digest}` of `linux/arm64`" in found.reason
