"""Wildcards work as in Go's `filepath.Match`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dockerignore.gomatch import check, has_magic, match

MATCHES = [
    ("abc", "abc"),
    ("*", "abc"),
    ("*c", "abc"),
    ("a*", "a"),
    ("a*", "abc"),
    ("a*/b", "abc/b"),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/f"),
    ("a*b?c*x", "abxbbxdbxebxczzx"),
    ("**", "abc"),
    ("ab[c]", "abc"),
    ("ab[b-d]", "abc"),
    ("ab[^e-g]", "abc"),
    (r"a\*b", "a*b"),
    ("a?b", "a☺b"),
    ("a[^a]b", "a☺b"),
    ("[a-é]*", "é"),
    (r"[\]a]", "]"),
    (r"[\-]", "-"),
    (r"[x\-]", "x"),
    (r"[\-x]", "-"),
    ("[[]", "["),
    ("[*]", "*"),
    ("*x", "xxx"),
    ("a[/]b", "a/b"),
    ("a[^x]b", "a/b"),
    ("a\nb", "a\nb"),
    ("a?b", "a\nb"),
    ("", ""),
    ("*", ""),
]
DIFFERS = [
    ("a*", "ab/c"),
    ("*", "a/b"),
    ("a*/b", "a/c/b"),
    ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f"),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/fff"),
    ("a*b?c*x", "abxbbxdbxebxczzy"),
    ("ab[e-g]", "abc"),
    ("ab[^c]", "abc"),
    ("ab[^b-d]", "abc"),
    (r"a\*b", "ab"),
    ("a???b", "a☺b"),
    ("a[^a][^a][^a]b", "a☺b"),
    ("[a-é]*", "A"),
    ("[b-a]", "a"),
    ("a?b", "a/b"),
    ("a*b", "a/b"),
    ("", "a"),
    ("a", ""),
    ("A", "a"),
    # A star is not tried again after the text behind it has matched.
    ("*[^x]*b", "aa/b"),
]
MALFORMED = [
    "[]a]",
    "[-]",
    "[x-]",
    "[-x]",
    "\\",
    "[a-b-c]",
    "[",
    "[^",
    "[^bc",
    "a[",
    "a/b[",
    "[]",
    "[^]",
    "[a-",
    "[a\\",
    "x*[",
]


@pytest.mark.parametrize(("pattern", "name"), MATCHES)
def test_a_pattern_matches(pattern: str, name: str) -> None:
    """The whole name must match."""
    assert match(pattern, name)


@pytest.mark.parametrize(("pattern", "name"), DIFFERS)
def test_a_pattern_does_not_match(pattern: str, name: str) -> None:
    """A part of the name is not enough, and wildcards do not match `/`."""
    assert not match(pattern, name)


@pytest.mark.parametrize("pattern", MALFORMED)
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    """Whatever the name is."""
    for name in ("", "a", "zzz"):
        with pytest.raises(ValueError, match="pattern"):
            match(pattern, name)
    with pytest.raises(ValueError, match="pattern"):
        check(pattern)


def test_a_wildcard_makes_a_name_a_pattern() -> None:
    """An escape alone does not: BuildKit then looks for a name with a backslash."""
    wild = ("a*", "a?", "[a]", "[", r"\\*", r"\*\\?", "a\n*")
    plain = ("", "a", "a]", r"a\b", r"\*", r"a\[", "a\\")
    assert [p for p in (*wild, *plain) if has_magic(p)] == list(wild)


@given(st.text())
def test_an_escaped_name_matches_itself(name: str) -> None:
    """A backslash before every character makes any name literal."""
    assert match("".join(f"\\{character}" for character in name), name)


@given(st.text(alphabet="ab*?[]^-\\/"), st.text(alphabet="ab*]-/"))
def test_only_a_malformed_pattern_raises(pattern: str, name: str) -> None:
    """Any pattern gives a result or a `ValueError`."""
    try:
        assert match(pattern, name) in {True, False}
    except ValueError:
        with pytest.raises(ValueError, match="pattern"):
            check(pattern)
