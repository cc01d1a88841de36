"""What an app at Fly runs: image and health of its machines, and how its configuration differs.

If the stamp on the machines has the wanted configuration, no request is sent for it. Otherwise one
request gets what Fly keeps with each release, `configDefinition`: the `fly.toml` as flyctl
understood it. The contents of `[[files]]` are not in there, but in the list of machines.

`fly secrets set` makes a release that only restarts the machines. Fly keeps with it the
configuration of the newest release, also of one that failed and reached no machine (flyctl
`FromRemoteApp`). So the configuration of a release is not believed if a failed release just before
had the same. If only releases of the same configuration followed a deploy of ours, its stamp still
holds. It also knows the keys that flyctl does not know, and so does not keep.
"""

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
    """Return what most of an app's machines run; `None` without machines.

    It is healthy if all machines run it and are. Machines that flyctl does not manage do not count;
    stopped ones do.
    """
    found = [machine for machine in machines if machine.serves]
    counted = Counter(digest for machine in found if (digest := _digest(machine)))
    if not counted:
        return None
    trouble = _unhealthy(found, counted)
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
        machines=len(found),
    )


def _stamp(machines: Sequence[Machine], digest: Digest, release: str) -> Stamp | None:
    """Return the stamp that all machines have; nothing if they differ."""
    said = {machine.stamp for machine in machines}
    return read_stamp(said.pop(), digest, release) if len(said) == 1 else None


def _unhealthy(machines: Sequence[Machine], counted: Counter[Digest]) -> str:
    """Return why the app is not healthy; empty if it is."""
    if len(counted) > 1:
        return "its machines run different images"
    silent = next((machine.id for machine in machines if _digest(machine) is None), "")
    if silent:
        return f"Fly does not say which image machine {silent} runs"
    return next((machine.problem for machine in machines if machine.problem), "")


def _digest(machine: Machine) -> Digest | None:
    try:
        return parse_digest(machine.digest)
    except ReferenceSyntaxError:
        return None


def differing(api: FlyApi, app: App, now: Running, machines: Sequence[Machine]) -> tuple[str, ...]:
    """Return in words how the configuration at Fly differs from the project's, if that has one.

    Sends one request at most. Raises `FlyError` if that fails.
    """
    if app.config is None:
        return ()
    if now.stamp and now.stamp.configuration == app.configuration.digest:
        return ()
    serving = [machine for machine in machines if machine.serves]
    if len({machine.release for machine in serving}) > 1:
        return (MIXED,)
    same = _same_configuration(islice(releases_of(api, app.name), PAGE), now.release)
    if not same:
        return (NONE_KEPT,)
    kept = same[0].config
    contents = dict(_contents(kept, serving))
    if (
        _stamped_configuration(serving, same) == app.configuration.digest
        and contents == app.configuration.contents
    ):
        return ()
    named = differences(Configuration(kept, contents), app.configuration)
    failed = any(not one.good and str(one.version) != now.release for one in same)
    return named or ((FAILED_BEFORE,) if failed else ())


def _same_configuration(releases: Iterable[FlyRelease], running: str) -> Sequence[FlyRelease]:
    """Return the running release and those just before it with its configuration, newest first.

    A release for secrets may have none, and is skipped. If machines do not name their release
    (flyctl once did not write it), the last good one counts as running: another may have ended
    before it reached them.
    """
    number = number_of(running)
    newer = dropwhile(
        lambda one: not one.good if number is None else one.version > number, releases
    )
    kept = [one for one in newer if one.config]
    return list(takewhile(lambda one: _same(one, kept[0]), kept))


def _same(one: FlyRelease, other: FlyRelease) -> bool:
    return Configuration(one.config).digest == Configuration(other.config).digest


def _stamped_configuration(serving: Iterable[Machine], same: Iterable[FlyRelease]) -> str:
    """Return the digest of the configuration in the machines' stamp, if it still holds; else empty.

    flyctl copies the stamp with each deploy, so it holds if each later release had the same
    configuration. A machine that `fly scale count` made has no stamp.
    """
    said = {machine.stamp for machine in serving if machine.stamp}
    text = said.pop() if len(said) == 1 else ""
    stamps = (carried_stamp(text, str(one.version)) for one in same)
    return next((stamp.configuration for stamp in stamps if stamp), "")


def _contents(
    config: Mapping[str, object], machines: Sequence[Machine]
) -> Iterator[tuple[str, str]]:
    """Yield the sha256 of each local file on the machines, by its path in the configuration."""
    files = config.get("files")
    for file in files if isinstance(files, list) else ():
        fields = file if isinstance(file, dict) else {}
        path, guest = fields.get("local_path"), fields.get("guest_path")
        found = {one for machine in machines if (one := _sha256(machine.file(str(guest))))}
        if path and len(found) == 1:
            yield str(path), found.pop()


def _sha256(raw: str) -> str:
    """Return the sha256 of data in base64; empty if there is none."""
    try:
        return hashlib.sha256(base64.b64decode(raw, validate=True)).hexdigest() if raw else ""
    except binascii.Error:
        return ""
