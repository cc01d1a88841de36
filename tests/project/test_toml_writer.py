"""Written TOML is parsed to the same values."""

from __future__ import annotations

import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.project.toml_writer import toml_line

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_VALUES = st.recursive(
    _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60)
@given(_TEXTS, _VALUES)
def test_written_toml_is_parsed_to_the_same_values(key: str, value: str | list[str]) -> None:
    """Every key and value, in one line."""
    line = toml_line(key, value)

    assert tomli.loads(line) == {key: value}
    assert line.count("\n") == 1
    assert len(line.splitlines()) == 1


def test_control_characters_are_escaped() -> None:
    """Control characters, bidi characters and surrogates are escaped."""
    line = toml_line("a", "\x1b]0;x\x07\x9b1m\u202e\ud800\x7f\U000e0001")

    assert line == 'a = "\\u001b]0;x\\u0007\\u009b1m\\u202e?\\u007f\\U000e0001"\n'
