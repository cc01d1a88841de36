"""Leave beside an app at Fly what it was deployed with: in the metadata of each of its machines.

`POST …/machines/ID/metadata/KEY` (fly-go `SetMetadata`) makes no new version of a machine, needs no
lease, and starts nothing. flyctl takes foreign metadata along when it deploys over a machine
(`ToMachineConfig` begins with what the machine has), so that a stamp names its release.
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

_AT_ONCE = 4


def as_read(app: App) -> tuple[tuple[int, int, int] | None, ...]:
    """How the files of an app's configuration stand on the disk, which flyctl reads by itself.

    Where that changes, it may have read another configuration than `app.configuration` is.
    """
    if app.config is None:
        return ()
    named = (app.config.parent / path for path in app.configuration.contents)
    return tuple(map(_as_read, (app.config, *named)))


def _as_read(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size


def stamp_of_rollback(
    machines: Sequence[Machine], before: str, now: Digest, release: str
) -> Stamp | None:
    """What to leave after somebody went back from the release `before`; `None` if that had none.

    flyctl has carried its stamp along. The configuration is that of an old release, not of a file.
    """
    said = {machine.stamp for machine in machines if machine.serves}
    old = carried_stamp(said.pop(), before) if len(said) == 1 else None
    return Stamp("", now, release, old.revision, back=True) if old and old.revision else None


def leave_stamp(
    api: FlyApi, app: App, stamp: Stamp, machines: Sequence[Machine], report: Reporter
) -> Stamp | None:
    """Write what the machines were deployed with; `None` where nothing was left.

    Nothing is written where another deploy has come in between. The deploy is well either way: an
    error is told, and the next run asks once more.
    """
    mine = [machine for machine in machines if machine.serves]
    if not stamp.release or any(machine.release != stamp.release for machine in mine):
        return None
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(partial(write_stamp, api, app.name, text=stamp.text), mine))
    except FlyError as error:
        text = f"what `{app.name}` was deployed with could not be noted at Fly: {error.message}"
        report(Notice(f"{text}; the next run asks once more"))
        return None
    return stamp
