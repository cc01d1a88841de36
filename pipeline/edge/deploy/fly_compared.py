"""Where the configuration of an app at Fly is not the one that its files say.

Where the stamp on its machines says that it is, nothing is asked. Else Fly is asked once for what
it keeps with each release, `configDefinition`: the `fly.toml` as flyctl understood it. The contents
of `[[files]]` are not in there, but in the list of machines.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.core.configuration import Configuration, differences
from pipeline.edge.fly import releases_of
from pipeline.edge.fly.asking import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.core.apps import App, Running
    from pipeline.edge.fly import FlyApi, FlyRelease, Machine

MIXED = "its machines are of different releases"
NONE_KEPT = "Fly keeps none to compare it with"


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
    kept = _kept(islice(releases_of(api, app.name), PAGE), now.release)
    if kept is None:
        return (NONE_KEPT,)
    return differences(Configuration(kept, dict(_contents(kept, serving))), app.configuration)


def _kept(releases: Iterable[FlyRelease], running: str) -> Mapping[str, object] | None:
    """The configuration of the release that runs, or of the last before it that has one.

    A release for secrets has none of its own. Where machines do not say which they run (flyctl
    once wrote none), it is the last good one: another may have ended before it reached them.
    """
    number = int(running) if running.isascii() and running.isdigit() else None
    for release in releases:
        known = release.good if number is None else release.version <= number
        if release.config and known:
            return release.config
    return None


def _contents(
    config: Mapping[str, object], machines: Sequence[Machine]
) -> Iterator[tuple[str, str]]:
    """The sha256 of local files as they are on the machines, by the path that is written."""
    files = config.get("files")
    for file in files if isinstance(files, list) else ():
        path, guest = (file.get("local_path"), file.get("guest_path")) if file else ("", "")
        found = {one for machine in machines if (one := _sha256(machine.file(str(guest))))}
        if path and len(found) == 1:
            yield str(path), found.pop()


def _sha256(raw: str) -> str:
    """The sha256 of what is written as base64; empty for nothing."""
    try:
        return hashlib.sha256(base64.b64decode(raw, validate=True)).hexdigest() if raw else ""
    except binascii.Error:
        return ""
