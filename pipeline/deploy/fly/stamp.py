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
from ...model.stamp import Stamp, carried_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...fly.api import FlyApi
    from ...fly.values import Machine
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


def stamp_of_rollback(
    machines: Sequence[Machine], before: str, now: Digest, release: str
) -> Stamp | None:
    """Return the stamp after a rollback from release `before`; `None` if that had no commit.

    flyctl has copied its stamp. The configuration is that of an old release, and not of a file.
    """
    said = {machine.stamp for machine in machines if machine.serves}
    old = carried_stamp(said.pop(), before) if len(said) == 1 else None
    return Stamp("", now, release, old.revision, back=True) if old and old.revision else None


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
