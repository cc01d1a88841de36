"""BuildKit's stream as events."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from pipeline.buildkit.definition import Output
from pipeline.model.events import Event, ImageChanged, LogLine, Notice, Phase, StepChanged
from tests.buildkit.example import follow, replay, targets

VERSIONS = pytest.mark.parametrize("version", ["0.13", "0.29"])
START, END = "2026-11-23T14:00:00Z", "2026-11-23T14:00:02.5Z"


def line(**fields: object) -> bytes:
    """Return one object of the stream."""
    return json.dumps(fields).encode()


def vertex(name: str, digest: str = "d", **fields: object) -> bytes:
    """Return a vertex that has started."""
    return line(vertexes=[{"digest": digest, "name": name, "started": START, **fields}])


def log(text: str | bytes, stream: int = 1) -> bytes:
    """Return a chunk of a vertex's output."""
    data = text.encode() if isinstance(text, str) else text
    return line(logs=[{"vertex": "d", "stream": stream, "data": b64encode(data).decode()}])


def stages(events: list[Event], name: str) -> list[Phase]:
    """Return the stages of an image."""
    return [e.phase for e in events if isinstance(e, ImageChanged) and e.image == name]


def texts(events: list[Event]) -> list[str]:
    """Return the log lines."""
    return [event.text for event in events if isinstance(event, LogLine)]


@VERSIONS
def test_each_image_builds_then_pushes(version: str) -> None:
    """In a real stream each stage comes once and in order."""
    _, events = replay(f"built-{version}.txt", targets("base", "web"))

    assert [Phase.BUILDING, Phase.PUSHING] == stages(events, "base") == stages(events, "web")


@VERSIONS
def test_steps_of_a_base_are_reported_once(version: str) -> None:
    """BuildKit repeats them under dependents; the base's name is reported."""
    _, events = replay(f"built-{version}.txt", targets("base", "web"))

    whose = {e.image for e in events if isinstance(e, StepChanged) and "echo hello" in e.step}
    logged = [(e.image, e.text) for e in events if isinstance(e, LogLine)]

    assert {"base"} == whose
    assert sorted(logged) == [("base", "hello"), ("base", "no end"), ("web", "web")]


@VERSIONS
def test_a_waiting_image_is_not_reported_as_building(version: str) -> None:
    """Its Dockerfile is loaded long before."""
    _, events = replay(f"broken-{version}.txt", targets("base", "broken", "late", "other"))

    assert stages(events, "late") == []


def test_a_single_target_has_no_prefix() -> None:
    """With one target all vertices are that image's, and have no prefix."""
    _, events = replay("copy-0.29.txt", targets("copy"))

    steps = [e.step for e in events if isinstance(e, StepChanged) and e.image == "copy"]
    assert "[2/2] COPY missing /x" in steps


def test_a_step_name_has_no_target() -> None:
    """Stage and platform stay in the name."""
    _, events = follow(
        [vertex("[base linux/amd64 build 2/3] RUN make", completed=END, cached=True)],
        targets("base", "web"),
    )

    assert events[-1:] == [
        StepChanged(
            targets("base")[0].image.name,
            "[linux/amd64 build 2/3] RUN make",
            completed=True,
            cached=True,
            seconds=2.5,
        )
    ]


def test_failed_and_cancelled_steps() -> None:
    """In a recorded solve one image failed, and a step of another was cancelled."""
    _, events = replay("broken-0.29.txt", targets("base", "broken", "late", "other"))

    steps = [e for e in events if isinstance(e, StepChanged) and e.completed]
    assert {e.image for e in steps if e.failed} == {"broken"}
    assert {e.image for e in steps if e.cancelled} == {"other"}


def test_lines_are_joined_over_chunks() -> None:
    """Also within a character, and separately for each stream."""
    step = vertex("[2/2] RUN make")
    chunks = [log("on"), log("err\n", 2), log(b"e \xc3"), log(b"\xa4\ntwo")]

    _, events = follow([step, *chunks], targets("base"))

    assert texts(events) == ["err", "one ä", "two"]


def test_an_unfinished_line_is_reported_before_its_step_ends() -> None:
    """It comes before the end of the step."""
    step = vertex("[2/2] RUN make")

    _, events = follow([step, log("end"), vertex("[2/2] RUN make", completed=END)], targets("base"))

    assert isinstance(events[-2], LogLine)
    assert isinstance(events[-1], StepChanged)
    assert events[-1].completed


def test_a_rewritten_line_has_its_last_text() -> None:
    """Progress bars end each state with a carriage return."""
    _, events = follow([vertex("[2/2] RUN make"), log("1%\r50%\r100%\r\n")], targets("base"))

    assert texts(events) == ["100%"]


def test_bytes_are_summed() -> None:
    """The bytes of a step are those of all its parts."""
    parts = [
        {"id": "a", "vertex": "d", "current": 1, "total": 10},
        {"id": "b", "vertex": "d", "current": 2, "total": 20},
    ]

    _, events = follow([vertex("[1/2] FROM x"), line(statuses=parts)], targets("base"))

    assert [(e.current, e.total) for e in events if isinstance(e, StepChanged) and e.total] == [
        (1, 10),
        (3, 30),
    ]


def test_a_warning_is_reported_once_with_its_location() -> None:
    """With the image's Dockerfile and the line."""
    warning = {
        "vertex": "d",
        "short": b64encode(b"JSONArgsRecommended: x").decode(),
        "range": [{"start": {"line": 3}}],
    }
    lines = [vertex("[internal] load build definition"), *[line(warnings=[warning])] * 2]

    _, events = follow(lines, targets("base"))

    assert [Notice("images/base/Dockerfile:3: JSONArgsRecommended: x")] == [
        event for event in events if isinstance(event, Notice)
    ]


def test_a_loaded_image_is_not_reported_as_pushed() -> None:
    """Also if the engine prints it about its own store."""
    _, events = follow(
        [
            vertex("exporting to image"),
            line(statuses=[{"id": "pushing layers", "vertex": "d", "started": START}]),
        ],
        targets("base", output=Output.LOAD),
    )

    assert stages(events, "base") == [Phase.BUILDING]


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        ("2026-11-23T13:00:05Z", 0.0),
        ("2026-11-23T16:00:01+02:00", 1.0),
    ],
)
def test_a_clock_that_was_set_back(end: str, seconds: float) -> None:
    """No step has a negative duration."""
    lines = [vertex("[base 1/1] RUN x"), vertex("[base 1/1] RUN x", completed=end)]
    _, events = follow(lines, targets("base"))

    assert [e.seconds for e in events if isinstance(e, StepChanged) and e.completed] == [seconds]
