"""Write the stamp of a deploy into the metadata of each machine of an app at Fly.

`POST …/machines/ID/metadata/KEY` (fly-go `SetMetadata`) makes no new version of a machine, needs no
lease, and starts nothing. flyctl keeps foreign metadata when it deploys over a machine
(`ToMachineConfig` begins with what the machine has), so a stamp names its release.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from ...fly.errors import FlyError
from ...fly.queries import write_stamp
from ...model.events import Notice
from ...model.stamp import Stamp, carried_stamp, left_behind
from ...reference import ReferenceSyntaxError, parse_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...fly.api import FlyApi
    from ...fly.values import FlyRelease, Machine
    from ...model.apps import App
    from ...model.events import Reporter
    from ...reference import Digest

_REQUESTS_AT_ONCE = 4


def config_file_states(app: App) -> tuple[tuple[int, int, int] | None, ...]:
    """Return the state of the files of an app's configuration on disk, which flyctl reads itself.

    If that changes, flyctl may have read another configuration than `app.configuration`.
    """
    if app.config is None:
        return ()
    named = (app.config.parent / path for path in app.configuration.contents)
    return tuple(map(_file_state, (app.config, *named)))


def _file_state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size


def stamp_before_rollback(
    machines: Sequence[Machine], releases: Sequence[FlyRelease]
) -> Stamp | None:
    """Return the stamp of the newest release, if it is on all machines."""
    said = {machine.stamp for machine in machines if machine.serves}
    return carried_stamp(said.pop(), str(releases[0].version)) if len(said) == 1 else None


def stamp_of_rollback(
    ran: Stamp | None, newest: FlyRelease, old: FlyRelease, now: Digest, release: str
) -> Stamp:
    """Return the stamp after a rollback from the `newest` release, with the stamp `ran`, to `old`.

    The configuration is that of an old release, and not of a file.
    """
    left = left_behind(ran, _digest_of(newest.image))
    revision, restored = ran.revision if ran else None, str(old.version)
    return Stamp("", now, release, revision, back=True, left=left, restored=restored)


def _digest_of(image: str) -> Digest | None:
    try:
        return parse_digest(image.partition("@")[2])
    except ReferenceSyntaxError:
        return None


def leave_stamp(
    api: FlyApi, app: App, stamp: Stamp, machines: Sequence[Machine], report: Reporter
) -> Stamp | None:
    """Write the stamp to the machines; return it, or `None` if it was not written.

    Nothing is written if another deploy came in between. The deploy succeeded in any case: an error
    is reported, and the next run compares configurations again.
    """
    mine = [machine for machine in machines if machine.serves]
    if not stamp.release or any(machine.release != stamp.release for machine in mine):
        return None
    try:
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            list(pool.map(partial(write_stamp, api, app.name, text=stamp.text), mine))
    except FlyError as error:
        text = f"the stamp of `{app.name}` could not be written to Fly: {error.message}"
        report(Notice(f"{text}; the next run compares configurations again"))
        return None
    return stamp
