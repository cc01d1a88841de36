"""Which streams get colours and a live view, and broken streams."""

from __future__ import annotations

import io

import pytest

from pipeline.console.terminal import TolerantStream, wants_colour, wants_live


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


class Broken(io.StringIO):
    """A stream whose other end is closed."""

    def write(self, text: str) -> int:
        """Raise as a closed pipe does."""
        raise BrokenPipeError(text)


@pytest.mark.parametrize(
    ("environ", "live"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "xterm", "CI": "1"}, False),
        ({"TERM": "xterm", "CI": ""}, True),
        ({"TERM": "xterm", "CI": "false"}, True),
    ],
)
def test_which_terminals_get_the_live_view(environ: dict[str, str], *, live: bool) -> None:
    """A terminal that is not dumb, outside of CI, gets the live view."""
    assert live == wants_live(Terminal(), environ)


def test_a_file_gets_no_live_view() -> None:
    """Not a pipe, a file or a closed stream."""
    closed = io.StringIO()
    closed.close()

    assert not wants_live(io.StringIO(), {"TERM": "xterm"})
    assert not wants_live(closed, {"TERM": "xterm"})


@pytest.mark.parametrize(
    ("stream", "environ", "colour"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_conventions(
    stream: io.StringIO, environ: dict[str, str], *, colour: bool
) -> None:
    """NO_COLOR forbids, FORCE_COLOR forces, else the terminal decides."""
    assert colour == wants_colour(stream, environ)


def test_output_to_a_closed_pipe_is_dropped() -> None:
    """Output to a closed pipe is dropped without an error."""
    stream = TolerantStream(Broken())

    assert stream.write("text") == 4
    stream.flush()


def test_ascii_symbols() -> None:
    """ASCII streams get ASCII symbols, and a question mark for what has none."""
    raw = io.BytesIO()
    stream = TolerantStream(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("✓ größe …")
    stream.flush()

    assert raw.getvalue() == b"+ gr??e ..."
