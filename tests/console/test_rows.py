"""Events as rows of the live view."""

from __future__ import annotations

from pipeline.console.rows import Row, RowStatus, RowTable, advance
from pipeline.model.events import ImageChanged, LogLine, Phase, StepChanged
from pipeline.reference import ImageName
from tests.console.values import RUN

WEB = ImageName("web")


def after(*events: ImageChanged | StepChanged | LogLine) -> Row:
    """Return a row after these events, a second apart."""
    row = Row(WEB, app=False)
    for now, event in enumerate(events, start=1):
        row = advance(row, event, float(now))
    return row


def test_a_step_begins_and_ends() -> None:
    """The row shows the newest step in progress."""
    both = (StepChanged(WEB, "[a 1/2] RUN x"), StepChanged(WEB, "[b 1/2] RUN y"))
    one = after(*both, StepChanged(WEB, "[b 1/2] RUN y", completed=True))

    assert (step := after(*both).step)
    assert step.name == "[b 1/2] RUN y"
    assert (step := one.step)
    assert step.name == "[a 1/2] RUN x"


def test_a_step_marks_its_image_in_progress() -> None:
    """A step marks its image as in progress, also without a stage."""
    row = after(StepChanged(WEB, "[1/2] RUN x"))

    assert (row.status, row.word, row.since) == (RowStatus.ACTIVE, "building", 1.0)


def test_loading_a_context_is_not_progress() -> None:
    """Contexts are loaded for all images at once, also for those that wait for a base."""
    internal = StepChanged(WEB, "[internal] load build context")
    ended = StepChanged(WEB, "[internal] load build context", completed=True)

    assert after(internal).status is after(internal, ended).status is RowStatus.WAITING
    assert after(internal, ended).step is None


def test_progress_keeps_the_bytes() -> None:
    """An event without bytes keeps the known ones."""
    row = after(StepChanged(WEB, "pushing", current=5, total=9), StepChanged(WEB, "pushing"))

    assert (step := row.step)
    assert (step.current, step.total) == (5, 9)


def test_later_events_do_not_change_an_ended_image() -> None:
    """Later output of a cancelled build does not change its row."""
    row = after(
        ImageChanged(WEB, Phase.FAILED, "no"),
        StepChanged(WEB, "[1/2] RUN x"),
        LogLine(WEB, "[1/2] RUN x", "late"),
    )

    assert (row.status, row.steps, row.log) == (RowStatus.FAILED, (), "")


def test_the_duration_of_a_failed_image() -> None:
    """The duration of a failed image is the time since its first event."""
    row = after(
        ImageChanged(WEB, Phase.BUILDING),
        ImageChanged(WEB, Phase.PUSHING),
        ImageChanged(WEB, Phase.FAILED, "no"),
    )

    assert row.elapsed(99.0) == 2.0


def test_a_board_holds_images_then_apps() -> None:
    """An app and an image of the same name are two rows."""
    table = RowTable()
    for event in RUN:
        table.handle(event, 1.0)

    names = [(row.name, row.word) for row in table.rows]

    assert names == [
        ("os-base", "exists"),
        ("python-base", "built"),
        ("api", "failed"),
        ("web", "blocked"),
        ("api", "waiting"),
        ("web", "deployed"),
    ]
