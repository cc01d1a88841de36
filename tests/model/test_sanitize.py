"""Text from outside cannot control terminals, CI runners or readers of JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.sanitize import harmless, harmless_json
from tests.support.log_commands import find_log_commands

ORDERS = [
    ("::set-output name=a::b", ": :set-output name=a::b"),
    ("  ::add-mask::a", "  : :add-mask::a"),
    ("\t\u3000::debug::a", "\t\u3000: :debug::a"),
    ("\u200d::debug::a", ": :debug::a"),
    ("\x1b[1m::debug::a\x1b[0m", "\x1b[1m: :debug::a\x1b[0m"),
    ("\x1b[2K::debug::a", ": :debug::a"),
    (":::debug::a", ": ::debug::a"),
    ("one\n::debug::a", "one\n: :debug::a"),
    ("one\r::debug::a", "one::debug::a"),
    ("web | ##[set-output name=x]y", "web | # #[set-output name=x]y"),
    ("a ##vso[task.setvariable variable=PATH]x", "a # #vso[task.setvariable variable=PATH]x"),
    ("##teamcity[message text='a']", "# #teamcity[message text='a']"),
    ("###[x]##[y]", "## #[x]# #[y]"),
    ("#\x00#[x]", "# #[x]"),
    ("section_start:1:a\r\x1b[0Ktext", "section_start:1:atext"),
    ("\x1b[8mha:////4AAA\x1b[0m", "ha:////4AAA\x1b[0m"),
    ("a\x9b2Jb\x7f\x85\u202ec\u2028d\ufeff\u200b", "abc d"),
    ("caf\udce9", "caf\N{REPLACEMENT CHARACTER}"),
]
SAME = [
    "std::vec::Vec", "web | ::std::foo::bar", "# a [comment]", "## Heading [link]", "a\tb\n\n",
    "größe 日本語", "👩\u200d💻", "\x1b[31merror:\x1b[0m a", "http://[::1]:5000",
]  # fmt: skip


@pytest.mark.parametrize(("text", "left"), ORDERS)
def test_commands_are_made_harmless(text: str, left: str) -> None:
    """Commands are made harmless but stay readable; escape sequences are removed."""
    assert harmless(text) == left
    assert harmless(left) == left


@pytest.mark.parametrize("text", SAME)
def test_harmless_text_stays(text: str) -> None:
    """Harmless text stays: two colons, headings, letters of all scripts, our own colours."""
    assert harmless(text) == text


PIECES = st.sampled_from(
    [*"#[:]\r\n\x1b\x9b 0mK", "::", "##", "vso[", "x", "\x1b[1m", "\u200d", "\u3000", "\u202e"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_mixture_is_made_harmless(text: str) -> None:
    """Any mixture of commands and escape sequences is made harmless; JSON keeps its value."""
    assert not find_log_commands(harmless(text))
    document = json.dumps({text: [text]}, ensure_ascii=False, indent=2)
    assert not find_log_commands(harmless_json(document))
    assert json.loads(harmless_json(document)) == {text: [text]}
