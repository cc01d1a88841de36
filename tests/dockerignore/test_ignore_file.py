"""Ignore files: BuildKit's pattern language, line by line.

The rows of these tables were checked in moby/patternmatcher, and the whole was compared with a real
BuildKit over several hundred generated files.
"""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dockerignore.automaton import Automaton
from pipeline.dockerignore.goregex import parse
from pipeline.dockerignore.ignore_file import NOTHING, Ignore, parse_ignore
from pipeline.dockerignore.patterns import _go_regex, parse_pattern, parse_patterns
from pipeline.errors import ConfigError

MATCHES = [
    # patternmatcher copies these characters into its regular expression unchanged.
    ("a|b", "a|b", True),
    ("a|b", "a", False),
    ("a|b*", "ax", True),
    ("a|b*", "x/b", True),
    ("a|b*", "x", False),
    ("a{2}*", "aab", True),
    ("a{2}*", "ab", False),
    ("a{2}*", "a{2}", False),
    ("a{,2}*", "a{,2}b", True),
    ("a{x}*", "a{x}", True),
    (r"a\{2}*", "a{2}", True),
    ("a^*", "a^", False),
    ("{1}a*", "ab", True),
    # A backslash at the end escapes the end.
    ("a**/\\", "a/b/$c", True),
    ("a**/\\", "a/b", False),
    ("docs", "docs", True),
    ("docs", "docs/guide/intro.md", True),
    ("docs", "src/docs", False),
    ("docs", "docs2", False),
    ("/docs/", "docs/a", True),
    ("./docs/../src", "src/a", True),
    ("*", "a", True),
    ("*", "a/b", True),
    ("*.md", "readme.md", True),
    ("*.md", "docs/readme.md", False),
    ("*/*.md", "docs/readme.md", True),
    ("*/*.md", "docs/deep/readme.md", False),
    ("**/*.md", "readme.md", True),
    ("**/*.md", "docs/deep/readme.md", True),
    ("**/cache", "cache", True),
    ("**/cache", "a/b/cache/c", True),
    ("**/cache", "a/mycache", False),
    ("**cache", "a/mycache", True),
    ("src/**", "src/a/b", True),
    ("src/**", "src", False),
    ("src**", "src2/a", True),
    ("src/**/test", "src/test", True),
    ("src/**/test", "src/a/b/test", True),
    ("src/**/test", "src/a/b/tests", False),
    ("**", "anything/at/all", True),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("a[b-d]e", "ace", True),
    ("a[^b-d]e", "ace", False),
    ("a[^b-d]e", "aze", True),
    (r"a\*b", "a*b", True),
    (r"a\*b", "axb", False),
    (r"a\[b", "a[b", True),
    (r"v\d", "v7", True),
    (r"v\d", "vd", False),
    ("a.b", "axb", False),
    ("*.b", "axb", False),
    ("a+(b)|{c}$", "a+(b)|{c}$", True),
    ("*+(b)|{c}$", "a+(b)|{c}$", True),
    ("é?.txt", "éß.txt", True),
    (".", "a", False),
    ("..", "a", False),
    ("../a", "a", False),
    ("/", "a", False),
    ("  spaced  ", "spaced", True),
    ("#not a comment", "not a comment", False),
    (" #file", "#file", True),
]


@pytest.mark.parametrize(("pattern", "path", "excluded"), MATCHES)
def test_a_pattern_matches_as_in_buildkit(pattern: str, path: str, excluded: bool) -> None:  # noqa: FBT001
    """One line, one path, one result."""
    assert parse_ignore(pattern.encode(), file="f").excludes(path) is excluded


HARD = [
    ("*a*a*a*a*a*a*a*a*a*a*a*a*b", "a" * 200, False),
    ("*a*a*a*a*a*a*a*a*a*a*a*a*b", "a" * 200 + "b", True),
    ("*a*a*a*b/*a*a*a*b/*a*a*a*b", "/".join(["a" * 200 + "b"] * 2 + ["a" * 200]), False),
    ("*a*a/" * 12 + "b", "/".join(["a" * 200] * 12), False),
    ("*[a][a][a]*[a]*[a]*[a]*[a]*[a]*[a]*[a]*b", "a" * 200, False),
    ("[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*b", "a" * 200, False),
    ("[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*[^b]*b", "a" * 200 + "b", True),
    ("**/a/" * 30 + "b", "a/" * 200 + "a", False),
    ("**/a/" * 30 + "b", "a/" * 200 + "b", True),
    ("**/*a**/*a**/*a**/*a**/*a**/*a**/b", "aa/" * 100 + "aa", False),
    ("*" + "a{0,1000}" * 60 + "b", "a" * 200, False),
    ("*" + "a{0,1000}" * 60 + "b", "a" * 200 + "b", True),
    ("*" + "a{1,}" * 100 + "b", "a" * 200 + "b", True),
    ("*a*a*a*a*a*a*a*a*a*a*a*b|*a*a*a*a*a*a*a*a*a*a*a*b", "a" * 200, False),
    ("*\\b*\\b*\\b*\\b*\\b*\\b*\\b*\\b*\\b*\\bx", "a-" * 100 + "-x", True),
    ("*\\b*\\b*\\b*\\b*\\b*\\b*\\b*\\b*\\b*\\by", "a-" * 100 + "-x", False),
    ("?" * 6_000, "a" * 200, False),
    ("*a" * 3_000, "a" * 200, False),
]
"""A backtracking matcher would take practically for ever."""


@pytest.mark.parametrize(("pattern", "path", "excluded"), HARD, ids=range(len(HARD)))
def test_matching_time_is_limited(pattern: str, path: str, excluded: bool) -> None:  # noqa: FBT001
    """As in BuildKit, the time grows only with the lengths of pattern and path."""
    assert parse_ignore(pattern.encode(), file="f").excludes(path) is excluded


def test_too_large_a_pattern_is_refused() -> None:
    """Go accepts more, with gigabytes of memory; the error has a part of the line."""
    with pytest.raises(
        ConfigError, match=r"f:2: .*\.\.\.` is not a valid .* more than 66,560"
    ) as told:
        parse_ignore(b"a\n*" + b"a{0,1000}" * 70, file="f")
    assert len(str(told.value)) < 250


def test_the_first_of_many_problems_are_reported() -> None:
    """With the number of the others."""
    with pytest.raises(ConfigError) as caught:
        parse_ignore(b"[\n" * 3_000, file="f")

    assert len(caught.value.problems) == 1_001
    assert str(caught.value.problems[-1]) == "f:1000: and 2,000 more problems"


def test_too_many_patterns_are_refused() -> None:
    """At the first one beyond the limit."""
    with pytest.raises(ConfigError, match="f:20002: the file has more than 20,000 patterns"):
        parse_ignore(b"# all of it\n" + b"a\n" * 30_000, file="f")


SEVERAL = [
    ("*\n!src", "src/main.py", False),
    ("*\n!src", "lib/main.py", True),
    ("*\n!src\nsrc/*.pyc", "src/main.pyc", True),
    ("src\n!src/keep/me.txt", "src/keep/me.txt", False),
    ("src\n!src/keep/me.txt", "src/keep/other.txt", True),
    ("**/*.log\n!**/keep.log", "a/b/keep.log", False),
    ("!a\na", "a", True),
    ("a\n! a", "a", False),
    ("a\n!/a", "a", False),
    # The second is not tried on `a`, which nothing excludes, and so does not reach `a/b`.
    ("a/b\n!a", "a/b", True),
    ("a\n!a/b\na/b/c", "a/b/c", True),
    ("a\n!a/b\na/b/c", "a/b/d", False),
]


@pytest.mark.parametrize(("source", "path", "excluded"), SEVERAL)
def test_the_last_match_wins(source: str, path: str, excluded: bool) -> None:  # noqa: FBT001
    """`!` includes again what was excluded before, also below an excluded folder."""
    assert parse_ignore(source.encode(), file="f").excludes(path) is excluded


BAD = ["[", "a[", "[]a]", "[a-]", "[-x]", "a\\", "!", "! ", "!/", "[z-a]*", r"\q", "a/[b/c"]


@pytest.mark.parametrize("pattern", BAD)
def test_invalid_patterns(pattern: str) -> None:
    """The error has file and line."""
    source = f"fine\n# [ a comment\n{pattern}\n".encode()

    with pytest.raises(ConfigError) as caught:
        parse_ignore(source, file="web/.dockerignore")

    assert [str(p.location) for p in caught.value.problems] == ["web/.dockerignore:3"]


@pytest.mark.parametrize("source", ["!*/*/[", "*\n*/*/[", "a\n!a/*/[", "*\n\\q", "**\n[z-a]*"])
def test_an_unused_invalid_pattern_is_no_error(source: str) -> None:
    """BuildKit tries a pattern only if the ones before leave the result open."""
    assert parse_ignore(source.encode(), file="f").excludes("b") is source.startswith("*")


def test_an_invalid_pattern_is_an_error_when_it_is_used() -> None:
    """With its line."""
    ignore = parse_ignore(b"a\n\n!a/*/[", file="f")
    with pytest.raises(
        ConfigError, match=r"f:3: BuildKit refuses it: `a/\*/\[` is not a valid pattern"
    ):
        ignore.excludes("a/b")


def test_all_invalid_patterns_are_reported_at_once() -> None:
    """Two mistakes, two problems."""
    with pytest.raises(ConfigError) as caught:
        parse_ignore(b"[\nfine\n!", file="f")

    assert [p.location.line for p in caught.value.problems if p.location] == [1, 3]


def test_too_long_a_line_is_refused() -> None:
    """Go's scanner fails at 64 KiB, and the build with it."""
    assert parse_ignore(b"a" * 65535, file="f").excludes("a" * 65535)
    with pytest.raises(ConfigError):
        parse_ignore(b"a" * 65536, file="f")


def test_byte_order_mark_and_carriage_returns_do_not_count() -> None:
    """Files written by Windows are read the same."""
    ignore = parse_ignore(b"\xef\xbb\xbfdocs\r\n\r\n# c\r\n!docs/a\r\n", file="f")

    assert [p.written for p in ignore.patterns.patterns] == ["docs", "!docs/a"]


def test_a_name_that_is_no_utf8_can_be_excluded() -> None:
    """Its bytes stand for themselves."""
    assert parse_ignore(b"caf\xe9", file="f").excludes(
        b"caf\xe9".decode("utf-8", "surrogateescape")
    )


def test_the_line_that_excludes_is_known() -> None:
    """The last line that excludes it, not one that was reversed."""
    ignore = parse_ignore(b"*.md\n!a.md\n\na*\n", file=".dockerignore")

    assert (ignore.reason("a.md"), ignore.reason("b.md"), ignore.reason("c")) == (
        ".dockerignore:4",
        ".dockerignore:1",
        "",
    )


BELOW = [
    ("a", "a", False),
    ("a\n!b", "a", False),
    ("a\n!a/b/c", "a", True),
    ("a\n!a/b/c", "a/b", True),
    ("a\n!a/b/c", "a/x", False),
    ("a\n!a/b*/c", "a/x", True),
    ("*\n!src/**/*.py", "node_modules", False),
    ("*\n!**/*.py", "node_modules", True),
]


@pytest.mark.parametrize(("source", "folder", "may"), BELOW)
def test_a_walk_skips_excluded_folders(source: str, folder: str, may: bool) -> None:  # noqa: FBT001
    """Only folders that a `!` may include are walked."""
    assert parse_ignore(source.encode(), file="f").may_include_below(folder) is may


def test_no_ignore_file() -> None:
    """Without an ignore file."""
    assert not NOTHING
    assert not NOTHING.excludes("a")


PARTS = st.sampled_from(
    ["a", "b", "ab", "*", "**", "?", "a*", "*b", "*a*", "[ab]", "[^a]", r"\a*", "a{1,2}", "a|b"]
)
PATTERNS = st.builds(
    "{}{}".format,
    st.sampled_from(["", "", "!"]),
    st.lists(PARTS, min_size=1, max_size=3).map("/".join),
)
SOURCES = st.lists(PATTERNS, max_size=5)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "ba"]), min_size=1, max_size=4).map("/".join)


@given(SOURCES, PATHS)
def test_grouped_matching_equals_single_matching(source: list[str], path: str) -> None:
    """Matching by groups of patterns equals matching pattern by pattern."""
    patterns = parse_patterns(source)
    folder, _, _ = path.rpartition("/")
    level = patterns.top()
    for count in range(len(folder.split("/")) if folder else 0):
        level = patterns.enter("/".join(folder.split("/")[: count + 1]), level)

    slow = patterns.enter(path, level).matched

    assert patterns.matches_in(path, level) is slow
    assert bool(patterns.tester_in(level)(path)) is slow


@given(st.lists(PARTS, min_size=1, max_size=4).map("/".join), PATHS)
def test_the_automaton_equals_pythons_regex(text: str, path: str) -> None:
    """Both matchers agree on patterns that both support."""
    pattern = parse_pattern(text)
    source, way = _go_regex(pattern.text) if pattern else ("", "")
    if pattern and isinstance(pattern.regex, str) and way == "regex":
        assert Automaton(parse(source)).fullmatch(path) is bool(re.fullmatch(pattern.regex, path))


@given(SOURCES, PATHS, PATHS)
def test_skipped_folders_contain_nothing_included(
    source: list[str], folder: str, below: str
) -> None:
    """A skipped folder contains nothing that would be included."""
    ignore = Ignore(parse_patterns(source))
    path = f"{folder}/{below}"

    if ignore.excludes(folder) and not ignore.excludes(path):
        assert ignore.may_include_below(folder)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_a_config_error(source: bytes) -> None:
    """A file may contain any bytes."""
    with suppress(ConfigError):
        parse_ignore(source, file="f").excludes("a/b")
