"""What the tests of a registry ask our client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model.presence import Present
from pipeline.reference import parse_platform, parse_reference
from pipeline.registry.verify import Look, look_closer

if TYPE_CHECKING:
    from pipeline.model.presence import Presence
    from pipeline.reference import Platform
    from pipeline.registry.client import Registry as Client
    from tests.support.registries import Registry

AMD, ARM = parse_platform("linux/amd64"), parse_platform("linux/arm64")


def head(client: Client, text: str) -> Presence:
    """Return whether a reference is there."""
    return client.head(parse_reference(text))


def deep(client: Client, text: str, *platforms: Platform) -> object:
    """Return what a deep check finds."""
    reference = parse_reference(text)
    found = client.head(reference)
    assert isinstance(found, Present)
    return look_closer(client, [Look(reference, found, platforms)])[reference]


def destinations(repository: str, elsewhere: Registry) -> dict[str, str]:
    """Return where an image may be promoted to."""
    return {
        "tag": f"{repository}:v1",
        "repository": f"{repository}-production:v1",
        "registry": f"{elsewhere.address}/{repository.partition('/')[2]}:v1",
    }
