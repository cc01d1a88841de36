"""Image references as Fly's API accepts them: a tag, a digest, or a public name (facts, 3.3.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*\Z")


class BadReferenceError(ValueError):
    """The text is not a reference."""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """`MachineImageRef` of fly-go: tag or digest may be empty until it is resolved."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        name = f"{self.registry}/{self.repository}"
        return f"{name}:{self.tag}" if self.tag else f"{name}@{self.digest}"

    def resolved(self, digest: str) -> ImageRef:
        """Return a copy with the digest of the image."""
        return replace(self, digest=digest)

    def as_json(self) -> dict[str, Any]:
        """Return the `image_ref` of a machine; the key of an empty tag is omitted (`omitempty`)."""
        tag = {"tag": self.tag} if self.tag else {}
        return {
            "registry": self.registry,
            "repository": self.repository,
            **tag,
            "digest": self.digest,
            "labels": {},
        }


def parse(text: str) -> ImageRef:
    """Parse a reference; the default host is Docker Hub, the default tag `latest`.

    Raises:
        BadReferenceError: the text is not a reference.

    """
    rest, _, digest = text.partition("@")
    name, tag = _tag(rest)
    host, slash, path = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, path = "docker.io", name if slash else f"library/{name}"
    good = REPOSITORY.match(path) and (not tag or TAG.match(tag))
    if not good or ("@" in text and not DIGEST.match(digest)):
        raise BadReferenceError(text)
    return ImageRef(host, path, tag or ("" if digest else "latest"), digest)


def _tag(rest: str) -> tuple[str, str]:
    name, colon, tag = rest.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (rest, "")
