"""Malformed instructions are errors with their line, as for BuildKit; others are accepted."""

from __future__ import annotations

import pytest

from pipeline.dockerfile import parse
from pipeline.dockerfile.instruction_syntax import Pair
from pipeline.dockerfile.instructions import Copy, Define, Run
from pipeline.errors import ConfigError, Location

ACCEPTED = [
    "run a",
    "Run a",
    "RUN",
    "RUN []",
    'RUN ["a", "b"]',
    "RUN ['a']",
    'RUN ["a',
    "RUN --mount=type=cache,target=/c --network=none --security=insecure a",
    "RUN --device=vendor.com/x=all a",
    "RUN -- --a",
    "ADD --chown=1:2 --chmod=u+x --link --keep-git-dir=false --checksum=$C --unpack a /b",
    "COPY --chown=a --from=b --link=TRUE --parents --exclude=*.a --exclude=*.b a /b",
    'COPY ["a b", "/c"]',
    "COPY a b c /d",
    "CMD a",
    "CMD",
    'ENTRYPOINT ["a"]',
    "ENV a b c",
    "ENV a=b c='d e' f=\"g h\" i=j\\ k",
    "ENV a=",
    "LABEL a=b c=d",
    "ARG a",
    "ARG a=b c d=",
    "EXPOSE 80 81/udp",
    "VOLUME /a /b",
    'VOLUME ["/a"]',
    "WORKDIR /a b",
    "USER a",
    "STOPSIGNAL 9",
    "MAINTAINER a",
    'SHELL ["/bin/sh", "-c"]',
    "HEALTHCHECK NONE",
    "HEALTHCHECK --interval=1m30s --timeout=.5s --start-period=1h --retries=3 CMD a",
    'HEALTHCHECK CMD ["a"]',
    "HEALTHCHECK --interval=0 --timeout=-0s --start-period=1000us --retries=2147483647 CMD a",
    "ONBUILD RUN a",
    "ONBUILD NOSUCH a",
    "onbuild copy --from=a b c",
]

REFUSED = {
    "RUNN a": ("not an instruction", 1, "did you mean `RUN`?"),
    "\\": ("not an instruction", 1, ""),
    "COPY a": ("at least one source", 1, ""),
    "COPY []": ("at least one source", 1, ""),
    "COPY --form=x a b": ("no flag `--form`", 6, "did you mean `--from`?"),
    "ADD --from=x a b": ("no flag `--from`", 5, ""),
    "COPY --from a b": ("needs a value", 6, ""),
    "COPY --link= a b": ("needs a value", 6, ""),
    "COPY --link=yes a b": ("`true` or `false`", 6, ""),
    "COPY --from=a --from=b c d": ("twice", 6, ""),
    'COPY ["a", 1]': ("strings only", 1, ""),
    "COPY a <<E\nE": ("cannot be a here-document", 1, ""),
    "RUN --mont=type=cache x": ("no flag `--mont`", 5, "did you mean `--mount`?"),
    "RUN --network=hots x": ("not one of default, none, host", 1, "did you mean `host`?"),
    "RUN --security=no x": ("not one of sandbox, insecure", 1, ""),
    "RUN --mount=from=$X,target=/a x": ("does not expand", 18, ""),
    "CMD --x": ("no flag", 5, ""),
    "ENV a": ("has no value", 1, "write `ENV a=value`"),
    "ENV": ("at least one", 1, ""),
    "ENV a=b c": ("`c` has no `=`", 9, ""),
    "ENV =b": ("empty", 1, ""),
    "LABEL a": ("has no value", 1, ""),
    "ARG": ("at least one", 1, ""),
    "ARG =b": ("empty", 5, ""),
    "EXPOSE": ("at least one", 1, ""),
    "VOLUME": ("at least one", 1, ""),
    'VOLUME [" "]': ("empty", 1, ""),
    "WORKDIR": ("exactly one", 1, ""),
    "USER": ("exactly one", 1, ""),
    "STOPSIGNAL": ("exactly one", 1, ""),
    "MAINTAINER": ("exactly one", 1, ""),
    "SHELL a": ("JSON array", 1, ""),
    "SHELL []": ("JSON array", 1, ""),
    "HEALTHCHECK": ("`CMD` and a command", 1, ""),
    "HEALTHCHECK a": ("`CMD` and a command", 13, ""),
    "HEALTHCHECK CMD": ("no command", 1, ""),
    "HEALTHCHECK NONE a": ("takes no arguments", 1, ""),
    "HEALTHCHECK --interval=5 CMD a": ("not a duration", 24, ""),
    "HEALTHCHECK --interval=1us CMD a": ("less than a millisecond", 24, ""),
    "HEALTHCHECK --timeout=-1s CMD a": ("less than a millisecond", 23, ""),
    "HEALTHCHECK --start-period=9999999h CMD a": ("too long", 28, ""),
    "HEALTHCHECK --retries=-1 CMD a": ("not a number", 23, ""),
    "HEALTHCHECK --retries=2147483648 CMD a": ("not a number", 23, ""),
    "ONBUILD": ("needs an instruction", 1, ""),
    "ONBUILD FROM a": ("cannot follow", 9, ""),
    "ONBUILD ONBUILD RUN a": ("cannot follow", 9, ""),
    "ONBUILD MAINTAINER a": ("cannot follow", 9, ""),
    "FROM": ("takes an image", 1, ""),
    "FROM a b": ("takes an image", 1, ""),
    "FROM a IS b": ("takes an image", 1, ""),
    "FROM a AS 1b": ("not a valid stage name", 11, ""),
    "FROM --plattform=x a": ("no flag", 6, "did you mean `--platform`?"),
}


@pytest.mark.parametrize("instruction", ACCEPTED)
def test_valid_instructions(instruction: str) -> None:
    """Forms that BuildKit accepts."""
    assert len(parse(f"FROM a\n{instruction}\n".encode(), file="D").stages[0].instructions) == 1


@pytest.mark.parametrize(("instruction", "expected"), REFUSED.items(), ids=REFUSED)
def test_invalid_instructions(instruction: str, expected: tuple[str, int, str]) -> None:
    """With line, column, and the nearest valid word."""
    message, column, hint = expected
    with pytest.raises(ConfigError) as caught:
        parse(f"FROM a\n{instruction}\n".encode(), file="D")
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.location == Location("D", 2, column)
    assert problem.hint == hint or not hint


def test_all_problems_of_a_file_are_reported() -> None:
    """Sorted by location."""
    with pytest.raises(ConfigError) as caught:
        parse(b"RUN x\nFROM a AS 2\nCOPI a b\nFROM c\nENV\n", file="D")
    lines = [p.location.line for p in caught.value.problems if p.location]
    assert lines == [1, 2, 3, 5]


def test_a_file_without_a_stage_is_refused() -> None:
    """Arguments alone are no Dockerfile."""
    with pytest.raises(ConfigError, match="has no `FROM`"):
        parse(b"ARG a\n", file="D")


def test_an_invalid_from_causes_no_further_problems() -> None:
    """The instructions of its stage cause no further problems."""
    with pytest.raises(ConfigError) as caught:
        parse(b"FROM\nRUN x\nCOPY a b\n", file="D")
    assert len(caught.value.problems) == 1


def test_stages_have_names_in_lower_case() -> None:
    """As BuildKit compares them."""
    stages = parse(b"from a As Build\nFROM b\n", file="D").stages
    assert [(s.index, s.name, s.start.base) for s in stages] == [(0, "build", "a"), (1, "", "b")]


def test_pairs_keep_quotes_and_escapes() -> None:
    """They are removed when the value is expanded."""
    (found,) = parse(b"FROM a\nENV a='b c' d=\"e\" f=g\\ h\n", file="D").stages[0].instructions
    assert isinstance(found, Define)
    assert found.pairs == (Pair("a", "'b c'"), Pair("d", '"e"'), Pair("f", "g\\ h"))


def test_flags_lose_their_quotes() -> None:
    """So that a mount may contain spaces."""
    source = b'FROM a\nRUN --mount="type=secret,id=a b" x\n'
    (found,) = parse(source, file="D").stages[0].instructions
    assert isinstance(found, Run)
    assert found.mounts == ("type=secret,id=a b",)


FLAG_BYTES = {
    "COPY --exclude=é.txt d /x": (("Ã©.txt",), ("d",)),
    "COPY --exclude=日 --exclude=b d /x": (("æ\x97¥", "b"), ("d",)),
    "COPY --exclude=à d /x": (("Ã",), ("d",)),  # Its second byte is a blank in Latin-1.
    "COPY \u00a0--exclude=a d /x": ((), ("--exclude=a", "d")),
    'COPY --exclude="é ü" d /x': (("Ã© Ã¼",), ("d",)),
    "COPY --exclude=a é /x": (("a",), ("é",)),
}


@pytest.mark.parametrize(("line", "expected"), FLAG_BYTES.items(), ids=FLAG_BYTES)
def test_flags_are_read_byte_by_byte(
    line: str, expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    """BuildKit splits a non-ASCII character into bytes in flags, not after them."""
    (found,) = parse(f"FROM a\n{line}\n".encode(), file="D").stages[0].instructions
    assert isinstance(found, Copy)
    assert (found.exclude, found.sources) == expected


def test_here_documents_are_no_sources() -> None:
    """Not even in the JSON form, where they are empty."""
    source = b'FROM a\nCOPY a <<E /x/\ntext\nE\nCOPY ["<<F", "/y"]\n'
    first, second = parse(source, file="D").stages[0].instructions
    assert isinstance(first, Copy)
    assert isinstance(second, Copy)
    assert (first.sources, [d.text for d in first.heredocs]) == (("a",), ["text\n"])
    assert (second.sources, [d.text for d in second.heredocs]) == ((), [""])


def test_a_dash_removes_leading_tabs() -> None:
    """From the lines of a here-document."""
    (found,) = parse(b"FROM a\nCOPY <<-E /x\n\t\ta\n\tE\n", file="D").stages[0].instructions
    assert isinstance(found, Copy)
    assert found.heredocs[0].text == "a\n"
