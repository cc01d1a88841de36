"""What others wrote is no order to whoever reads it: terminals, CI runners, readers of JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.sanitize import harmless, harmless_json
from tests.support.runners import obeyed

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
def test_an_order_is_broken_and_can_still_be_read(text: str, left: str) -> None:
    """Escape codes are gone."""
    assert harmless(text) == left
    assert harmless(left) == left


@pytest.mark.parametrize("text", SAME)
def test_what_is_no_order_stays(text: str) -> None:
    """Two colons in a name, headings, letters of all kinds, and our own colours."""
    assert harmless(text) == text


PIECES = st.sampled_from(
    [*"#[:]\r\n\x1b\x9b 0mK", "::", "##", "vso[", "x", "\x1b[1m", "\u200d", "\u3000", "\u202e"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_is_written_nobody_obeys(text: str) -> None:
    """However the pieces of orders are put together; and JSON keeps its value."""
    assert not obeyed(harmless(text))
    document = json.dumps({text: [text]}, ensure_ascii=False, indent=2)
    assert not obeyed(harmless_json(document))
    assert json.loads(harmless_json(document)) == {text: [text]}
