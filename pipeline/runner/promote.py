"""Bring one image to several places: what they can share is brought once."""

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
"""Places under way at once."""


class Promoted(Struct, frozen=True):
    """A destination that is the image of `digest`; `news` says whether it was not before.

    `error` says why it is not.
    """

    reference: Reference
    digest: Digest
    news: bool = False
    error: PipelineError | None = None


def promote(
    registry: Registry,
    source: Reference,
    destinations: Sequence[Reference],
    told: Callable[[Promoted], None],
) -> tuple[Promoted, ...]:
    """Make all destinations the image that `source` is now; `told` hears of each as it ends.

    The first of each host has its blobs streamed, from which the others of that host mount them.
    One that fails stops no other. Raises `AbsentError` where there is no `source`,
    `UnknownError`, and `ConfigError` for a destination that stands for other inputs.
    """
    raise_problems([problem for d in destinations if (problem := _foreign(source, d))])
    digest = digest_at(registry, source)
    firsts = {d.repository.host: d for d in reversed(destinations)}
    near = {source.repository.host: source}
    lead = [d for d in destinations if d is firsts[d.repository.host]]
    done = _copied(registry, dict.fromkeys(lead, source), digest, told)
    near = {d.repository.host: d for d, ended in done.items() if not ended.error} | near
    rest = {d: near.get(d.repository.host, source) for d in destinations if d not in done}
    done |= _copied(registry, rest, digest, told)
    return tuple(done[destination] for destination in destinations)


def _copied(
    registry: Registry,
    sources: Mapping[Reference, Reference],
    digest: Digest,
    told: Callable[[Promoted], None],
) -> dict[Reference, Promoted]:
    """The end of each destination, which is told as it comes."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = [pool.submit(_one, registry, s, digest, d) for d, s in sources.items()]
        done: dict[Reference, Promoted] = {}
        for end in ends:
            result = end.result()
            told(result)
            done[result.reference] = result
        return done


def _one(registry: Registry, source: Reference, digest: Digest, there: Reference) -> Promoted:
    try:
        news = copy_at(registry, source, digest, there, moves=not _stays(there))
        return Promoted(there, digest, news)
    except Exception as raised:  # noqa: BLE001 - one end must not hide the others
        return Promoted(there, digest, error=as_pipeline_error(raised))


def _stays(destination: Reference) -> bool:
    """Whether a tag is one of inputs, which never moves."""
    tag = str(destination.tag)
    return may_be_fingerprint(tag) and not is_commit(tag)


def _foreign(source: Reference, destination: Reference) -> Problem | None:
    """Say that a tag of inputs is not that of the image which would be put there."""
    if not _stays(destination) or is_own(source, destination):
        return None
    if destination.tag == source.tag and source.digest:
        message = f"`{source}` may be any image, as it names a digest, and `{destination}` {WHY}"
        return Problem(None, message, f"leave out `@{source.digest}`, or give another tag")
    message = f"`{destination}` is not the tag of `{source}`: it {WHY}"
    hint = "give another tag; a tag of inputs is kept in another repository alone"
    return Problem(None, message, hint)
