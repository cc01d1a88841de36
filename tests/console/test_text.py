"""Text of builds is sanitized, and measured in terminal cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.console.text import clean, crop, duration, pad, size, width

HOSTILE = [
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x1b]0;title\x07text", "text"),
    ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("\x9b2Jgone", "gone"),
    ("\x1bPq#0\x1b\\after", "after"),
    ("\x1b(Bplain", "plain"),
    ("10 %\r50 %\r100 %\r\n", "100 %"),
    ("one\r\ntwo", "one two"),
    ("a\x00b\x08c\x7f", "abc"),
    ("safe\u202egnp.exe", "safegnp.exe"),
    ("a\tb", "a       b"),
    ("caf\udce9", "caf\N{REPLACEMENT CHARACTER}"),
    ("[red]not markup[/red] [1/2] :smile:", "[red]not markup[/red] [1/2] :smile:"),
    ("größe 日本語", "größe 日本語"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE)
def test_escape_codes_and_control_characters_are_removed(text: str, shown: str) -> None:
    """Everything that moves the cursor or misleads is removed, the rest is unchanged."""
    assert shown == clean(text)


@given(st.text(alphabet=st.characters()))
def test_sanitized_text_has_no_control_characters(text: str) -> None:
    """The result has no control characters, and can be encoded."""
    cleaned = clean(text)
    cleaned.encode()

    assert not [c for c in cleaned if ord(c) < 32 or 127 <= ord(c) < 160]


def test_a_very_long_line_is_cut() -> None:
    """Very long lines are cut."""
    assert len(clean("x" * 1_000_000)) < 5000


@given(st.text(alphabet="ab 日本", max_size=20), st.integers(0, 20))
def test_a_cropped_text_fits(text: str, cells: int) -> None:
    """A cropped text is never too wide."""
    assert width(crop(text, cells)) <= cells


def test_wide_characters_take_two_cells() -> None:
    """Padding counts terminal cells, not characters."""
    assert pad("日本", 6) == "日本  "


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (3599.7, "1 h 00 min")],
)
def test_durations_roll_over(seconds: float, shown: str) -> None:
    """Sixty seconds are a minute, also after rounding."""
    assert shown == duration(seconds)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (999_960, "1.0 MB"), (5 * 10**15, "5000.0 TB")]
)
def test_sizes_are_decimal(count: int, shown: str) -> None:
    """Sizes use powers of 1000."""
    assert shown == size(count)
