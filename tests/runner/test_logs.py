"""The whole log of each image in a file that only the user can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model.events import ImageChanged, LogLine, Phase, StepChanged
from pipeline.process.log_folder import KEPT, log_folder, new_run
from pipeline.reference import ImageName
from pipeline.runner.logs import RunLogs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.model.events import Event

WEB, API = ImageName("web"), ImageName("api")
MAKE = "[2/3] RUN make"
EVENTS: tuple[Event, ...] = (
    ImageChanged(API, Phase.WAITING),
    ImageChanged(WEB, Phase.BUILDING),
    StepChanged(WEB, "[1/3] FROM debian", completed=True, cached=True),
    StepChanged(WEB, MAKE),
    LogLine(WEB, MAKE, "one \x1b[31mred\x1b[0m"),
    LogLine(API, "[1/1] RUN x", "of another image"),
    LogLine(WEB, MAKE, "two"),
    StepChanged(WEB, MAKE, current=1, total=2),
    StepChanged(WEB, MAKE, completed=True, failed=True, seconds=2.5),
    ImageChanged(WEB, Phase.FAILED, "exit code 2\nand more"),
    LogLine(WEB, MAKE, "late"),
)
TEXT = """\
     1.0  building
     2.0  [1/3] FROM debian cached
     3.0  [2/3] RUN make
     4.0    one red
     6.0    two
     7.0  [2/3] RUN make failed after 2.5 s
     8.0  failed: exit code 2
     9.0  and more
    10.0  [2/3] RUN make
    11.0    late
"""


def record(folder: Path, events: Iterable[Event]) -> RunLogs:
    """Write the logs of events; each line takes a second."""
    ticks = iter(range(1000))
    logs = RunLogs(folder, lambda: float(next(ticks)))
    for event in events:
        logs.take(event)
    logs.close()
    return logs


def test_a_log_has_every_step_and_line(tmp_path: Path) -> None:
    """Without escape sequences, and without what did not change; private to the user."""
    logs = record(tmp_path / "logs", EVENTS)

    assert logs.folder
    file = logs.folder / "web.log"
    assert logs.file_of(WEB) == str(file)
    lines = file.read_text().splitlines()
    assert [line[8:] for line in lines] == [line[8:] for line in TEXT.splitlines()]
    assert [float(line[:8]) for line in lines] == sorted(float(line[:8]) for line in lines)
    assert "of another image" in (logs.folder / "api.log").read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert logs.folder.stat().st_mode & 0o777 == logs.folder.parent.stat().st_mode & 0o777 == 0o700


def test_a_run_without_work_makes_no_folder(tmp_path: Path) -> None:
    """An image that exists, or was not tried, has no log."""
    logs = record(
        tmp_path / "logs",
        [ImageChanged(WEB, Phase.EXISTS), ImageChanged(API, Phase.BLOCKED, "not tried")],
    )

    assert logs.folder is None
    assert logs.file_of(WEB) == ""
    assert not (tmp_path / "logs").exists()


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """As on a full disk, or in a container whose home is read only."""
    (tmp_path / "logs").write_text("a file in place of the folder")

    assert record(tmp_path / "logs", EVENTS).file_of(WEB) == ""


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    """What is not a run, or is a link, is left alone."""
    (other := tmp_path / "other").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "20000101T000000Z-1").symlink_to(other)
    for number in range(KEPT + 3):
        (tmp_path / f"20010101T0000{number:02}Z-7").mkdir()

    made = new_run(tmp_path)

    runs = sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("2") and p != made)
    first = f"20010101T0000{4:02}Z-7"
    assert runs == ["20000101T000000Z-1", *(r for r in runs if r >= first)]
    assert len(runs) == KEPT
    assert other.is_dir()
    assert (tmp_path / "notes").is_dir()


def test_where_logs_are_kept(tmp_path: Path) -> None:
    """In the cache folder; a relative one does not count."""
    home = {"HOME": str(tmp_path)}
    ours = "fly-image-pipeline/logs"

    assert log_folder(home) == tmp_path / ".cache" / ours
    assert log_folder({**home, "XDG_CACHE_HOME": "/cache"}) == log_folder(
        {"XDG_CACHE_HOME": "/cache"}
    )
    assert str(log_folder({"XDG_CACHE_HOME": "/cache"})) == f"/cache/{ours}"
    assert log_folder({**home, "XDG_CACHE_HOME": "cache"}) == tmp_path / ".cache" / ours
    assert log_folder({}) is None
