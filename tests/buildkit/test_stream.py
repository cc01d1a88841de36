"""Lines of BuildKit's stream as records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.buildkit.stream import Decoder, Log, OtherLine, Status, Vertex, VertexWarning
from tests.buildkit.example import DATA

LOG = {"logs": [{"vertex": "v", "stream": 2, "data": "aGk="}]}


def read(*lines: str) -> list[object]:
    """Return the records of these lines."""
    decoder = Decoder()
    found: list[object] = [r for line in lines for r in decoder.feed(line.encode() + b"\n")]
    return found + decoder.end()


def test_an_object_on_one_line() -> None:
    """As buildx has written it since 0.14."""
    assert [Log("v", 2, b"hi")] == read(json.dumps(LOG))


def test_an_object_over_several_lines() -> None:
    """As buildx 0.13 writes it."""
    assert [Log("v", 2, b"hi")] == read(*json.dumps(LOG, indent=2).splitlines())


def test_text_between_objects() -> None:
    """Errors are plain lines among the JSON."""
    line = json.dumps(LOG)

    assert [Log("v", 2, b"hi"), OtherLine("ERROR: no"), Log("v", 2, b"hi")] == read(
        line, "ERROR: no", line
    )


@pytest.mark.parametrize("line", ["{not json}", "{", '{"logs"'])
def test_invalid_json_is_text(line: str) -> None:
    """Invalid JSON is kept as text."""
    assert [OtherLine(line)] == read(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"logs": 1}',
        '{"logs": [1, {"data": "%"}]}',
        '{"vertexes": [{"started": "yesterday", "name": 1}]}',
        '{"warnings": [{"range": [{"start": 1}]}]}',
        '{"later": []}',
    ],
)
def test_fields_of_other_types_are_ignored(line: str) -> None:
    """A later buildx may write other types."""
    assert not any(isinstance(record, OtherLine) for record in read(line))


def test_a_warning() -> None:
    """It has the frontend's message and the line."""
    warning = {"vertex": "v", "short": "aGk=", "range": [{"start": {"line": 3}}]}

    assert [VertexWarning("v", "hi", 3)] == read(json.dumps({"warnings": [warning]}))


def test_the_zero_time_of_go_is_none() -> None:
    """0001-01-01 means that it has not started."""
    line = '{"vertexes": [{"digest": "d", "name": "n", "started": "0001-01-01T00:00:00Z"}]}'

    assert [Vertex("d", "n")] == read(line)


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_recorded_streams_are_understood(path: object) -> None:
    """Both forms have vertices, statuses and logs, and only errors as text."""
    decoder = Decoder()
    lines = DATA.joinpath(str(path)).read_bytes().splitlines()
    records = [record for line in lines for record in decoder.feed(line)]

    assert {Vertex, Status} <= {type(record) for record in records}
    assert not any(isinstance(r, OtherLine) and r.text.startswith("{") for r in records)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_line_is_read(lines: list[bytes]) -> None:
    """Any line is read without an exception."""
    decoder = Decoder()
    for line in lines:
        decoder.feed(line)
    decoder.end()
