"""What an app runs, judged by all its machines at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...model.apps import Running
from ...model.stamp import read_stamp
from ...reference import ReferenceSyntaxError, parse_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...fly.values import Machine
    from ...model.stamp import Stamp
    from ...reference import Digest


def running_of(app: str, machines: Sequence[Machine]) -> Running | None:
    """The digest of most machines; healthy where all run it and are well. `None` without any.

    Machines that flyctl does not look after do not count, those that are at rest do.
    """
    found = [machine for machine in machines if machine.serves]
    counted = Counter(digest for machine in found if (digest := _digest(machine)))
    if not counted:
        return None
    trouble = _trouble(found, counted)
    releases = {machine.release for machine in found}
    digest = counted.most_common(1)[0][0]
    release = releases.pop() if len(releases) == 1 else ""
    return Running(
        digest=digest,
        release=release,
        healthy=not trouble,
        url=f"https://{app}.fly.dev" if any(m.has_services for m in found) else "",
        trouble=trouble,
        stamp=_stamp(found, digest, release),
    )


def _stamp(machines: Sequence[Machine], digest: Digest, release: str) -> Stamp | None:
    """What all machines say that they were deployed with; nothing where one says otherwise."""
    said = {machine.stamp for machine in machines}
    return read_stamp(said.pop(), digest, release) if len(said) == 1 else None


def _trouble(machines: Sequence[Machine], counted: Counter[Digest]) -> str:
    if len(counted) > 1:
        return "its machines run different images"
    silent = next((machine.id for machine in machines if _digest(machine) is None), "")
    if silent:
        return f"Fly does not say which image machine {silent} runs"
    return next((machine.trouble for machine in machines if machine.trouble), "")


def _digest(machine: Machine) -> Digest | None:
    try:
        return parse_digest(machine.digest)
    except ReferenceSyntaxError:
        return None
