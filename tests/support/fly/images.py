"""How Fly resolves an image: its own registry, with a delay after a push, then public registries.

Facts: 2.5 (propagation), 2.6 (only linux/amd64), 2.7 (pruning), 3.3 (references), 4 (errors).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.fly.reference import BadReferenceError, ImageRef, parse

if TYPE_CHECKING:
    from tests.support.fly.state import World
    from tests.support.fly.tokens import Token

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class NotFoundError(Exception):
    """The image does not exist, not yet, or not for this token; has the registry's text."""


@dataclass(frozen=True, slots=True)
class Image:
    """A resolved image: `size` is the sum of its compressed layers in bytes."""

    ref: ImageRef
    size: int
    manifest: dict[str, Any]


@dataclass(slots=True)
class Images:
    """The images of Fly's registry at `address`, stored in the real registry at `storage`."""

    world: World
    address: str
    storage: str
    pushed: dict[tuple[str, str], float] = field(default_factory=dict)
    """When a (repository, tag or digest) was pushed, by `time.monotonic`."""
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    """Digest of each (repository, tag)."""
    pruned: set[tuple[str, str]] = field(default_factory=set)
    """Each removed (repository, digest)."""
    public: dict[str, str] = field(default_factory=dict)
    """Digests of public images by their full reference with a tag."""

    def record_push(self, repository: str, tag: str, digest: str) -> None:
        """Record the push of a manifest, which becomes resolvable after a delay."""
        known = self.tags.get((repository, tag)) == digest
        if known and (repository, digest) not in self.pruned:
            return
        moment = time.monotonic()
        for name in {tag, digest}:
            self.pushed[repository, name] = moment
        self.tags[repository, tag] = digest
        self.pruned.discard((repository, digest))

    def digest_of(self, ref: ImageRef) -> str:
        """Return the stored digest of a tag (or of a digest), or an empty string."""
        if ref.tag.startswith("sha256:"):
            return ref.tag
        return self.tags.get((ref.repository, ref.tag), "")

    def is_pruned(self, repository: str, digest: str) -> bool:
        """Return whether a test removed the image, or no machine used it for too long."""
        age = time.monotonic() - self.pushed.get((repository, digest), time.monotonic())
        retention = self.world.knobs.retention_seconds
        if retention is not None and age > retention:
            used = set(self.world.images_in_use())
            if (repository, digest) not in used:
                self.pruned.add((repository, digest))
        return (repository, digest) in self.pruned

    def resolve(self, text: str, org: str, token: Token | None, *, lag: float = 0.0) -> Image:
        """Resolve a reference for an organization; `lag` is added to the propagation delay.

        Raises:
            NotFoundError: with the registry's text, `MANIFEST_UNKNOWN: …` or `unauthorized`.

        """
        try:
            ref = parse(text)
        except BadReferenceError:
            raise NotFoundError("invalid reference format") from None
        if ref.registry != self.address:
            return self._public(ref)
        app = self.world.apps.get(ref.repository.partition("/")[0])
        if app is None or app.org != org or (token is not None and not token.sees(app)):
            raise NotFoundError("unauthorized")
        return self._own(ref, self.world.knobs.propagation_seconds + lag)

    def _own(self, ref: ImageRef, wait: float) -> Image:
        since = self.pushed.get((ref.repository, ref.tag or ref.digest))
        if since is None or time.monotonic() < since + wait:
            raise NotFoundError("MANIFEST_UNKNOWN: manifest unknown; unknown tag=" + ref.tag)
        image = fetch_image(self.storage, ref)
        if self.is_pruned(ref.repository, image.ref.digest):
            raise NotFoundError("MANIFEST_UNKNOWN: manifest unknown; unknown tag=" + ref.tag)
        return image

    def _public(self, ref: ImageRef) -> Image:
        known = self.public.get(f"{ref.registry}/{ref.repository}:{ref.tag}")
        if known is not None:
            return Image(ref.resolved(known), 1, {"schemaVersion": 2})
        if ref.registry.partition(":")[0] not in ("127.0.0.1", "localhost"):
            raise NotFoundError("MANIFEST_UNKNOWN: manifest unknown; unknown tag=" + ref.tag)
        return fetch_image(ref.registry, ref)


def fetch_image(host: str, ref: ImageRef) -> Image:
    """Get a manifest from a registry; from an index, the one of linux/amd64.

    Raises:
        NotFoundError: there is none, or none of that platform.

    """
    manifest, digest = _manifest(host, ref.repository, ref.digest or ref.tag)
    layers = manifest.get("layers")
    if layers is None:
        layers = _manifest(host, ref.repository, _amd64(manifest))[0].get("layers", [])
    return Image(ref.resolved(digest), sum(one["size"] for one in layers), manifest)


def _amd64(index: dict[str, Any]) -> str:
    for entry in index.get("manifests", []):
        platform = entry.get("platform", {})
        if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
            return str(entry["digest"])
    raise NotFoundError("platform not found: linux/amd64")


def _manifest(host: str, repository: str, name: str) -> tuple[dict[str, Any], str]:
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        path = f"/v2/{repository}/manifests/{name}"
        connection.request("GET", path, headers={"Accept": ", ".join(MANIFESTS)})
        answer = connection.getresponse()
        body = answer.read()
    except OSError as error:
        raise NotFoundError(f"cannot reach {host}: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise NotFoundError(f"MANIFEST_UNKNOWN: manifest unknown; unknown tag={name}")
    return json.loads(body), f"sha256:{hashlib.sha256(body).hexdigest()}"
