"""The times of an image, phase by phase, with a clock of the test's own."""

from __future__ import annotations

import pytest

from pipeline.model.events import ImageChanged, LogLine, Phase, StepChanged
from pipeline.model.past import past
from pipeline.model.report import Times
from pipeline.reference import ImageName
from pipeline.runner.stopwatch import Stopwatch

WEB, API = ImageName("web"), ImageName("api")


def times_of(image: ImageName, *moments: tuple[float, ImageName, Phase], end: float) -> Times:
    """Return the times of an image after it entered phases at these seconds."""
    now = 0.0
    watch = Stopwatch(lambda: now)
    for moment, name, phase in moments:
        now = moment
        watch.take(ImageChanged(name, phase))
        watch.take(LogLine(name, "step", "text"))
    now = end
    assert watch.times(image) == watch.times(image)
    return watch.times(image)


def test_parts_are_the_time_from_start_to_end() -> None:
    """Whatever another image does meanwhile."""
    found = times_of(
        WEB,
        (1.0, WEB, Phase.BUILDING),
        (2.0, API, Phase.BUILDING),
        (3.0, WEB, Phase.TESTING),
        (7.0, API, Phase.PUSHING),
        (11.0, WEB, Phase.PUSHING),
        (13.0, WEB, Phase.VERIFYING),
        end=14.0,
    )

    assert found == Times(build=2.0, test=8.0, push=2.0, publish=1.0)
    assert found.total == 13.0


def test_a_phase_that_comes_again_is_added() -> None:
    """A failed copy is tried as a build; the time until that begins is nobody's."""
    found = times_of(
        WEB,
        (0.0, WEB, Phase.COPYING),
        (2.0, WEB, Phase.WAITING),
        (10.0, WEB, Phase.BUILDING),
        (11.0, WEB, Phase.PUSHING),
        (12.0, WEB, Phase.BUILDING),
        end=15.0,
    )

    assert found == Times(copy=2.0, build=4.0, push=1.0)


def test_a_pushed_image_waits_in_no_push() -> None:
    """It is pushed long before its solve ends, and published after that."""
    now = 0.0
    watch = Stopwatch(lambda: now)
    push = "pushing registry.example/web:1 with docker"
    for moment, event in (
        (0.0, ImageChanged(WEB, Phase.BUILDING)),
        (1.0, StepChanged(WEB, "exporting to image", completed=True)),
        (2.0, ImageChanged(WEB, Phase.PUSHING)),
        (2.0, StepChanged(WEB, push)),
        (5.0, StepChanged(WEB, push, completed=True)),
        (60.0, ImageChanged(WEB, Phase.VERIFYING)),
    ):
        now = moment
        watch.take(event)
    now = 61.0

    assert watch.times(WEB) == Times(build=2.0, push=3.0, publish=56.0)


def test_what_never_began_has_no_time() -> None:
    """As an image that exists."""
    assert times_of(WEB, (3.0, WEB, Phase.EXISTS), end=9.0) == Times()
    assert times_of(WEB, end=9.0).total == 0.0


@pytest.mark.parametrize(
    ("reason", "then"),
    [
        ("the registry has no `r/web:1`", "the registry had no `r/web:1`"),
        ("it runs another image", "it ran another image"),
        ("its configuration differs: `env.A`", "its configuration differed: `env.A`"),
        ("forced", "forced"),
        ("another run published it first", "another run published it first"),
    ],
)
def test_a_reason_afterwards(reason: str, then: str) -> None:
    """No reason contradicts the status of what is done."""
    assert past(reason) == then
