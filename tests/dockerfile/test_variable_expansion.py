"""Variables, quotes and escapes are expanded as by BuildKit's shell lexer."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dockerfile.errors import RefusedError
from pipeline.dockerfile.variable_expansion import Rules, expand

VARIABLES = {"V": "3.12", "EMPTY": "", "FILE": "/a/b/app.tar.gz", "STARS": "a**b", "TWO": "x  y"}

EXPANDED = {
    "plain": ("debian", "debian"),
    "name": ("python:$V-slim", "python:3.12-slim"),
    "braces": ("python:${V}slim", "python:3.12slim"),
    "unset": ("a${NO}b$NO", "ab"),
    "lone dollar": ("a$.b$", "a$.b$"),
    "positional": ("$1x${9:-d}", "xd"),
    "special": ("$@$*$#$?$-$$$!$0.", "."),
    "digits end a name": ("$12ab", "ab"),
    "letters of any script": ("$größe.", "."),
    "single quotes": ("'$V'", "$V"),
    "double quotes": ('"$V"', "3.12"),
    "escaped dollar": (r"\$V", "$V"),
    "escaped dollar in double quotes": (r'"\$V"', "$V"),
    "other escapes in double quotes": (r'"\t"', r"\t"),
    "escape outside of quotes": (r"\t\ ", "t "),
    "escape at the end": ("a\\", "a"),
    ":- set": ("${V:-x}", "3.12"),
    ":- empty": ("${EMPTY:-x}", "x"),
    ":- unset": ("${NO:-x}", "x"),
    ":- nested": ("${NO:-${EMPTY:-$V}}", "3.12"),
    ":- nothing": ("a${NO:-}b", "ab"),
    "- set": ("${V-x}", "3.12"),
    "- empty": ("${EMPTY-x}", ""),
    "- unset": ("${NO-x}", "x"),
    ":+ set": ("${V:+x}", "x"),
    ":+ empty": ("${EMPTY:+x}", ""),
    ":+ unset": ("${NO:+x}", ""),
    "+ empty": ("${EMPTY+x}", "x"),
    "+ unset": ("${NO+x}", ""),
    ":? set": ("${V:?say}", "3.12"),
    "? empty": ("${EMPTY?say}", ""),
    "# shortest": ("${FILE#*/}", "a/b/app.tar.gz"),
    "## longest": ("${FILE##*/}", "app.tar.gz"),
    "% shortest": ("${FILE%.*}", "/a/b/app.tar"),
    "%% longest": ("${FILE%%.*}", "/a/b/app"),
    "# without a match": ("${FILE#x}", "/a/b/app.tar.gz"),
    "# question mark": ("${V#?.}", "12"),
    "# with a variable": ("${FILE#$NO/a}", "/b/app.tar.gz"),
    "# escaped star": (r"${STARS%%\**}", "a"),
    "% escaped star": (r"${STARS%\*b}", "a*"),
    "/ first": ("${FILE/a/X}", "/X/b/app.tar.gz"),
    "// every": ("${FILE//a/X}", "/X/b/Xpp.tXr.gz"),
    "// escaped separator": (r"${FILE//\//-}", "-a-b-app.tar.gz"),
    "/ nothing": ("${FILE/a/}", "//b/app.tar.gz"),
    "/ wildcard": ("${FILE/?b?/-}", "/a-app.tar.gz"),
    "// longest once": ("${V//*/x}", "x"),
    "/ empty pattern": ("${V/$NO/w}", "w3.12"),
    "/ literal dot": ("${V/./-}", "3-12"),
    "no heredoc": ("a<b<<c", "a<b<<c"),
}
REFUSED = {
    "no name": "${}",
    "brace in brace": "${{V}}",
    "colon first": "${:-x}",
    "never closed": "${V",
    "default never closed": "${NO:-x",
    "single quote open": "'a",
    "double quote open": '"a',
    "escaped closing quote": r'"a\"',
    "unknown operator": "${V:=x}",
    "assignment": "${V=x}",
    "substring": "${V:1}",
    ":# is none": "${V:#x}",
    ":% is none": "${V:%x}",
    "bad character": "${.}",
    "? unset": "${NO?}",
    ":? empty": "${EMPTY:?must be}",
    "/ without an end": "${V//}",
    "/ without a replacement": "${V/x}",
    "bad escape in a pattern": r"${V#\x}",
    "too deep": "${A:-" * 200,
}


@pytest.mark.parametrize(("text", "expected"), EXPANDED.values(), ids=EXPANDED)
def test_a_text_is_expanded(text: str, expected: str) -> None:
    """Each operator, quote and escape."""
    assert expand(text, VARIABLES).text == expected


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_text_is_refused(text: str) -> None:
    """As by the shell lexer."""
    with pytest.raises(RefusedError):
        expand(text, VARIABLES)


def test_words_are_cut_after_expansion_but_not_in_quotes() -> None:
    """Unquoted spaces of a variable separate words."""
    found = expand('a $TWO "$TWO" \\ b', VARIABLES)
    assert found.words == ("a", "x", "y", "x  y", " b")


def test_used_and_unset_variables() -> None:
    """Used and unset variables, also those inside of operators."""
    found = expand("${V}${NO:-$EMPTY}${ELSE+x}", VARIABLES)
    assert (found.used, found.unset) == (frozenset({"V", "EMPTY"}), frozenset({"NO", "ELSE"}))


def test_a_backtick_can_be_the_escape() -> None:
    """Then a backslash is an ordinary character."""
    assert expand(r"c:\a`$V", VARIABLES, Rules(escape="`")).text == r"c:\a$V"


def test_a_missing_value_may_be_known_elsewhere() -> None:
    """If the environment is unknown, `:?` is no error."""
    assert expand("${NO:?}", VARIABLES, Rules(lenient=True)).text == ""


def test_unset_variables_can_stay() -> None:
    """As in the delimiter of a here-document."""
    text = "$NO ${NO} ${NO:-x} ${NO/a/b} $V"
    assert expand(text, VARIABLES, Rules(keep_unset=True)).text == text.replace("$V", "3.12")


@given(st.text(alphabet="a$V{}:-+?#%/\\'\"<` \t*"))
def test_only_a_refusal_is_raised(text: str) -> None:
    """Any text is expanded or refused."""
    for rules in (Rules(), Rules(keep_unset=True, raw_quotes=True, raw_escapes=True)):
        with contextlib.suppress(RefusedError):
            assert isinstance(expand(text, VARIABLES, rules).text, str)
