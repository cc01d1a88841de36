"""Any file is accepted, or refused with a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dockerfile import parse, resolve
from pipeline.errors import ConfigError, Problem
from pipeline.reference import Platform

_KEYWORDS = [
    "FROM",
    "ARG",
    "ENV",
    "COPY",
    "ADD",
    "RUN",
    "ONBUILD",
    "LABEL",
    "HEALTHCHECK",
    "SHELL",
    "VOLUME",
    "WORKDIR",
    "#",
]
_PARTS = [
    "a", "b:1", "scratch", "AS", "x", "$A", "${A:-b}", "${A", "A=1", "A='", "--from=x", "--from=0",
    "--from=9", "--mount=from=x,target=/a", "--mount=type=bind,source=$A", '--mount="', "<<E",
    "<<-'E'", '["a","b"]', "[1]", "--platform=$A", "--chmod=9", "--parents", "**/*.c", "[a-", "\\",
    "https://x/y", "git@x:y", "COPY", "FROM", "CMD", "--", "=", "é", "${A/a/b}", "${A#\\x}",
]  # fmt: skip
_LINE = st.builds(
    lambda keyword, parts: " ".join([keyword, *parts]),
    st.sampled_from(_KEYWORDS),
    st.lists(st.sampled_from(_PARTS), max_size=5),
)
_FILE = st.lists(st.one_of(_LINE, st.sampled_from(["E", "", "# escape=`"])), max_size=8)


def understood(source: bytes) -> None:
    """Parse and resolve; any exception but `ConfigError` is a bug."""
    problems = _problems(source)
    assert problems is None or problems
    assert all(p.message and p.location for p in problems or ())


def _problems(source: bytes) -> tuple[Problem, ...] | None:
    try:
        dockerfile = parse(source, file="D")
        resolve(dockerfile, target=None, args={"A": "v"}, platform=Platform("linux", "amd64"))
    except ConfigError as error:
        return error.problems
    return None


@given(st.binary())
def test_any_bytes(source: bytes) -> None:
    """Also binary data."""
    understood(source)


@given(_FILE)
def test_anything_like_a_dockerfile(lines: list[str]) -> None:
    """Instructions with parts in any order."""
    understood("\n".join(lines).encode())


@given(_FILE)
def test_anything_behind_a_from(lines: list[str]) -> None:
    """So that stages are resolved."""
    understood("\n".join(["FROM scratch AS x", *lines, "FROM x", *lines]).encode())


@given(_FILE)
def test_line_ends_do_not_matter(lines: list[str]) -> None:
    """CRLF gives the same problems or names."""
    results = [_outcome(end.join(["FROM a AS x", *lines]).encode()) for end in ("\n", "\r\n")]
    assert results[0] == results[1]


def _outcome(source: bytes) -> object:
    try:
        found = resolve(
            parse(source, file="D"), target=None, args={}, platform=Platform("linux", "amd64")
        )
    except ConfigError as error:
        return error.problems
    return found.names, found.reads, dict(found.declared)
