"""Check that an image is complete: all manifests and blobs that it names exist.

It takes several rounds, as each finds what the next one must ask for: manifests, their children,
all blobs. Within a round everything is asked for at once, and nothing twice.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from ..http.errors import HttpError
from ..http.text import read_json
from ..model.presence import Absent, Incomplete
from ..reference import Digest, Platform, Reference, Repository
from .blobs import has_blob, read_blob
from .contents import Contents, lacking, needed, platform_of
from .errors import AbsentError
from .manifest import contents_of

MOST = 5000
"""Manifests and blobs of one image, each of which is a request."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..model.presence import Present
    from .client import Registry
    from .contents import Part


class Look(Struct, frozen=True):
    """What a HEAD found at `reference`, and the platforms that the image must have."""

    reference: Reference
    found: Present
    platforms: tuple[Platform, ...] = ()


class _At(NamedTuple):
    """A manifest or a blob of a repository; `size` in bytes of a blob."""

    repository: Repository
    digest: Digest
    size: int = 0


class _Node(NamedTuple):
    """A manifest of an image; `platform` is what the index says of it, if it is in one."""

    at: _At
    platform: Platform | None = None
    attests: bool = False


class _Seen(Struct, frozen=True):
    """What was read: `None` and `False` for what does not exist, an error where it is unknown."""

    manifests: Mapping[_At, Contents | HttpError | None]
    blobs: Mapping[_At, bool | HttpError]
    configs: Mapping[_At, bytes | HttpError | None]


def look_closer(
    registry: Registry, looks: Sequence[Look]
) -> dict[Reference, Present | Absent | Incomplete | HttpError]:
    """Check that each image is complete. `Absent` is one that was removed since its HEAD.

    An image that does not exist by the digest of its HEAD is looked up by its name once more. If it
    exists by that, the HEAD was wrong, and the result is an error.
    """
    manifests: dict[_At, Contents | HttpError | None] = {}
    while (
        unread := {
            node.at for look in _bounded(looks, manifests) for node in _nodes(look, manifests)
        }
        - manifests.keys()
    ):
        manifests |= registry.each(lambda at: _manifest(registry, at), unread)
    bounded = _bounded(looks, manifests)
    lost = [look for look in bounded if manifests[_root(look)] is None]
    gone = registry.each(lambda look: _gone(registry, look), lost)
    nodes = [node for look in bounded for node in _nodes(look, manifests)]
    configs = {at for node in nodes for at in _config_to_read(node, manifests)}
    blobs = {at for node in nodes for at in _blobs(node, manifests)} - configs
    seen = _Seen(
        manifests,
        registry.each(
            lambda at: has_blob(registry.connect(at.repository), at.digest, at.size), blobs
        ),
        registry.each(lambda at: read_blob(registry.connect(at.repository), at.digest), configs),
    )
    judged = {look.reference: gone.get(look) or _judge(look, seen) for look in bounded}
    return {look.reference: judged.get(look.reference) or _endless(look) for look in looks}


def _bounded(looks: Sequence[Look], known: Mapping[_At, Contents | HttpError | None]) -> list[Look]:
    """Return the looks at images of at most `MOST` parts, as far as they are known."""
    return [look for look in looks if not _is_endless(look, known)]


def _is_endless(look: Look, known: Mapping[_At, Contents | HttpError | None]) -> bool:
    nodes = list(islice(_nodes(look, known), MOST + 1))
    parts = {part for node in nodes for part in _blobs(node, known)}
    return len(nodes) + len(parts) > MOST


def _endless(look: Look) -> HttpError:
    return HttpError(
        f"`{look.reference}` names more than {MOST:,} manifests and blobs: too many to check",
        hint="is it an image? none has so many",
    )


def _root(look: Look) -> _At:
    return _At(look.reference.repository, look.found.digest)


def _gone(registry: Registry, look: Look) -> Absent:
    """Confirm that a name does not exist. Raises `HttpError` where a GET finds something."""
    try:
        registry.manifest(look.reference)
    except AbsentError:
        return Absent()
    raise HttpError(
        f"`{look.reference}` is `{look.found.digest}` by HEAD, which is not there, and another "
        "image by GET",
        hint="run it again; a proxy may modify responses",
    )


def _nodes(look: Look, known: Mapping[_At, Contents | HttpError | None]) -> Iterator[_Node]:
    """Iterate over an image's manifest and the children that it needs, as far as they are known.

    Each once: an index may name the same child a thousand times, and so may that one.
    """
    repository = look.reference.repository
    pending, seen = [_Node(_root(look))], set[_Node]()
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        found = known.get(node.at)
        for child in needed(found.children, look.platforms) if isinstance(found, Contents) else ():
            at = _At(repository, child.digest)
            pending.append(_Node(at, child.platform, attests=child.attests is not None))


def _blobs(node: _Node, known: Mapping[_At, Contents | HttpError | None]) -> list[_At]:
    found = known.get(node.at)
    parts = found.blobs if isinstance(found, Contents) else ()
    return [_blob(node, part) for part in parts]


def _config_to_read(node: _Node, known: Mapping[_At, Contents | HttpError | None]) -> list[_At]:
    """Return the config to read where no index says the platform of an image."""
    found = known[node.at]
    if not isinstance(found, Contents) or not found.config or node.platform or node.attests:
        return []
    return [_blob(node, found.config)]


def _judge(look: Look, seen: _Seen) -> Present | Absent | Incomplete | HttpError:
    lost: list[str] = []
    platforms: list[Platform] = []
    for node in _nodes(look, seen.manifests):
        found = seen.manifests[node.at]
        if isinstance(found, HttpError):
            return found
        if found is None:
            lost.append(f"the manifest `{node.at.digest}`{_of(node)}")
            continue
        if error := _look_at(node, found, seen, lost):
            return error
        platform = node.platform or _platform(node, found, seen)
        platforms += [platform] if platform else []
    lacks = lacking(lost, look.platforms, platforms)
    return Incomplete(look.found.digest, f"`{look.reference}` {lacks}") if lacks else look.found


def _look_at(node: _Node, found: Contents, seen: _Seen, lost: list[str]) -> HttpError | None:
    """Note in `lost` which blobs of a manifest do not exist; return an error, if there is one."""
    for part in found.blobs:
        at = _blob(node, part)
        answer = seen.configs[at] if at in seen.configs else seen.blobs[at]
        if isinstance(answer, HttpError):
            return answer
        if answer is None or answer is False:
            kind = "config" if found.config and part.digest == found.config.digest else "layer"
            lost.append(f"the {kind} `{part.digest}`{_of(node)}")
    return None


def _platform(node: _Node, found: Contents, seen: _Seen) -> Platform | None:
    config = seen.configs.get(_blob(node, found.config)) if found.config else b""
    return platform_of(read_json(config)) if isinstance(config, bytes) else None


def _blob(node: _Node, part: Part) -> _At:
    return _At(node.at.repository, part.digest, part.size)


def _of(node: _Node) -> str:
    if node.attests:
        return " of its attestations"
    return f" of `{node.platform}`" if node.platform else ""


def _manifest(registry: Registry, at: _At) -> Contents | None:
    reference = Reference(at.repository, None, at.digest)
    try:
        return contents_of(registry.manifest(reference), reference)
    except AbsentError:
        return None


def _has_blob(registry: Registry, at: _At) -> bool:
    return has_blob(registry.connect(at.repository), at.digest, at.size)
