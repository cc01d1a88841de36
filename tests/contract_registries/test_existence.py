"""What exists, what does not, and tags that move, at a real registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.blobs import accepts_uploads
from pipeline.registry.errors import AbsentError
from tests.contract_registries.looks import head
from tests.support.small_images import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    push_image,
    push_index,
)

if TYPE_CHECKING:
    from pipeline.registry.client import Registry as Client
    from tests.support.registries import Registry

pytestmark = pytest.mark.registry
OTHER = f"sha256:{'0' * 64}"


@pytest.mark.parametrize("media_type", [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST])
def test_what_exists_is_found(client: Client, repository: str, media_type: str) -> None:
    """By tag and by digest, with its digest and its type, whichever of the four types it has."""
    if media_type in (INDEX, DOCKER_LIST):
        pushed, _ = push_index(repository, "1", media_type=media_type)
    else:
        pushed = push_image(repository, "1", media_type=media_type)

    by_tag = head(client, f"{repository}:1")
    by_digest = head(client, f"{repository}@{pushed.digest}")
    manifest = client.manifest(parse_reference(f"{repository}:1"))

    assert by_tag == by_digest == manifest.present
    assert by_tag == Present(pushed.digest, media_type, pushed.descriptor["size"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [":none", f"@{OTHER}"])
@pytest.mark.parametrize("is_new", [True, False])
def test_what_does_not_exist_is_absent(
    client: Client, repository: str, name: str, *, is_new: bool
) -> None:
    """A tag and a digest, in a repository with images and in one that does not exist."""
    if not is_new:
        push_image(repository, "1")

    assert head(client, f"{repository}{name}") == Absent()
    with pytest.raises(AbsentError):
        client.manifest(parse_reference(f"{repository}{name}"))


def test_it_is_a_registry(client: Client, server: Registry, repository: str) -> None:
    """`doctor` finds a registry that accepts us, and where we may push."""
    client.ping(server.address)

    assert accepts_uploads(client.connect(parse_reference(f"{repository}:1").repository))


def test_a_tag_is_put_and_moved(client: Client, repository: str) -> None:
    """An alias follows each push; the same push again changes nothing; older digests stay."""
    first, second = (push_image(repository, tag, content=tag.encode()) for tag in ("a", "b"))
    alias = parse_reference(f"{repository}:latest")
    manifests = [client.manifest(parse_reference(f"{repository}:{tag}")) for tag in ("a", "b")]

    found = []
    for manifest in (manifests[0], manifests[0], manifests[1]):
        assert client.put(alias, manifest) == manifest.digest
        found.append(client.head(alias))

    assert [one.digest for one in found if isinstance(one, Present)] == [
        first.digest,
        first.digest,
        second.digest,
    ]
    assert isinstance(head(client, f"{repository}@{first.digest}"), Present)
