"""The state of an app at Fly: image and health of its machines, and its configuration."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import Counter
from itertools import dropwhile, islice, takewhile
from typing import TYPE_CHECKING

from ...fly.queries import PAGE, releases_of
from ...fly.values import number_of
from ...model.apps import Running
from ...model.configuration import Configuration, differences
from ...model.stamp import carried_stamp, read_stamp
from ...reference import ReferenceSyntaxError, parse_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...fly.api import FlyApi
    from ...fly.values import FlyRelease, Machine
    from ...model.apps import App
    from ...model.stamp import Stamp
    from ...reference import Digest

MIXED = "its machines are of different releases"
NONE_KEPT = "Fly keeps none to compare it with"
FAILED_BEFORE = "it is that of a release that failed, and may not have reached its machines"


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


def differing(api: FlyApi, app: App, now: Running, machines: Sequence[Machine]) -> tuple[str, ...]:
    """Name what differs, in words; nothing for an app whose project has no configuration for it.

    At most one request. Raises `FlyError` where that is not answered.
    """
    if app.config is None:
        return ()
    if now.stamp and now.stamp.configuration == app.configuration.digest:
        return ()
    serving = [machine for machine in machines if machine.serves]
    if len({machine.release for machine in serving}) > 1:
        return (MIXED,)
    alike = _alike(islice(releases_of(api, app.name), PAGE), now.release)
    if not alike:
        return (NONE_KEPT,)
    kept = alike[0].config
    contents = dict(_contents(kept, serving))
    if (
        _carried(serving, alike) == app.configuration.digest
        and contents == app.configuration.contents
    ):
        return ()
    named = differences(Configuration(kept, contents), app.configuration)
    failed = any(not one.good and str(one.version) != now.release for one in alike)
    return named or ((FAILED_BEFORE,) if failed else ())


def _alike(releases: Iterable[FlyRelease], running: str) -> Sequence[FlyRelease]:
    """The release that runs and those just before it with the same configuration, newest first.

    A release for secrets may have none of its own, and is passed over. Where machines do not say
    which they run (flyctl once wrote none), the last good one runs: another may have ended before
    it reached them.
    """
    number = number_of(running)
    newer = dropwhile(
        lambda one: not one.good if number is None else one.version > number, releases
    )
    kept = [one for one in newer if one.config]
    return list(takewhile(lambda one: _same(one, kept[0]), kept))


def _same(one: FlyRelease, other: FlyRelease) -> bool:
    return Configuration(one.config).digest == Configuration(other.config).digest


def _carried(serving: Iterable[Machine], alike: Iterable[FlyRelease]) -> str:
    """The configuration that machines were deployed with by us; empty where others came after it.

    They carry the stamp along, and each release since then had the same configuration. One that
    `fly scale count` made has no stamp.
    """
    said = {machine.stamp for machine in serving if machine.stamp}
    text = said.pop() if len(said) == 1 else ""
    stamps = (carried_stamp(text, str(one.version)) for one in alike)
    return next((stamp.configuration for stamp in stamps if stamp), "")


def _contents(
    config: Mapping[str, object], machines: Sequence[Machine]
) -> Iterator[tuple[str, str]]:
    """The sha256 of local files as they are on the machines, by the path that is written."""
    files = config.get("files")
    for file in files if isinstance(files, list) else ():
        told = file if isinstance(file, dict) else {}
        path, guest = told.get("local_path"), told.get("guest_path")
        found = {one for machine in machines if (one := _sha256(machine.file(str(guest))))}
        if path and len(found) == 1:
            yield str(path), found.pop()


def _sha256(raw: str) -> str:
    """The sha256 of what is written as base64; empty for nothing."""
    try:
        return hashlib.sha256(base64.b64decode(raw, validate=True)).hexdigest() if raw else ""
    except binascii.Error:
        return ""
