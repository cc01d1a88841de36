"""Copy an image to other references; what several of them share is copied once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import PipelineError, Problem, as_pipeline_error, raise_problems
from ..model.fingerprint_tag import WHY, is_commit, is_own, may_be_fingerprint
from ..registry.copy import copy_at, digest_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..reference import Digest, Reference
    from ..registry.client import Registry

AT_ONCE = 4
"""Destinations that are copied to at the same time."""


class Promoted(Struct, frozen=True):
    """A destination that is the image of `digest`; `news` means that it was not before.

    `error` says why it could not be copied.
    """

    reference: Reference
    digest: Digest
    news: bool = False
    error: PipelineError | None = None


def promote(
    registry: Registry,
    source: Reference,
    destinations: Sequence[Reference],
    on_end: Callable[[Promoted], None],
) -> tuple[Promoted, ...]:
    """Copy the image that `source` is now to all destinations; call `on_end` as each one ends.

    Blobs are streamed to the first destination of each host, from which the others of that host
    mount them. A destination that fails stops no other. Raises `AbsentError` if there is no
    `source`, `UnknownError`, and `ConfigError` for a destination whose tag means other inputs.
    """
    raise_problems([problem for d in destinations if (problem := _foreign(source, d))])
    digest = digest_at(registry, source)
    firsts = {d.repository.host: d for d in reversed(destinations)}
    near = {source.repository.host: source}
    lead = [d for d in destinations if d is firsts[d.repository.host]]
    done = _copied(registry, dict.fromkeys(lead, source), digest, on_end)
    near = {d.repository.host: d for d, ended in done.items() if not ended.error} | near
    rest = {d: near.get(d.repository.host, source) for d in destinations if d not in done}
    done |= _copied(registry, rest, digest, on_end)
    return tuple(done[destination] for destination in destinations)


def _copied(
    registry: Registry,
    sources: Mapping[Reference, Reference],
    digest: Digest,
    on_end: Callable[[Promoted], None],
) -> dict[Reference, Promoted]:
    """Copy to destinations, a few at once; call `on_end` for each."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = [pool.submit(_one, registry, s, digest, d) for d, s in sources.items()]
        done: dict[Reference, Promoted] = {}
        for end in ends:
            result = end.result()
            on_end(result)
            done[result.reference] = result
        return done


def _one(registry: Registry, source: Reference, digest: Digest, there: Reference) -> Promoted:
    try:
        news = copy_at(registry, source, digest, there, moves=not _stays(there))
        return Promoted(there, digest, news)
    except Exception as raised:  # noqa: BLE001 - one end must not hide the others
        return Promoted(there, digest, error=as_pipeline_error(raised))


def _stays(destination: Reference) -> bool:
    """Return whether a tag is one of inputs, which never moves."""
    tag = str(destination.tag)
    return may_be_fingerprint(tag) and not is_commit(tag)


def _foreign(source: Reference, destination: Reference) -> Problem | None:
    """Return a problem if a destination is the tag of other inputs than those of `source`."""
    if not _stays(destination) or is_own(source, destination):
        return None
    if destination.tag == source.tag and source.digest:
        message = f"`{source}` may be any image, as it names a digest, and `{destination}` {WHY}"
        return Problem(None, message, f"leave out `@{source.digest}`, or give another tag")
    message = f"`{destination}` is not the tag of `{source}`: it {WHY}"
    hint = "give another tag; a fingerprint tag can only be copied to another repository"
    return Problem(None, message, hint)
