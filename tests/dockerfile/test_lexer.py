"""Lines are joined to instructions as in BuildKit."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.lexer import lex
from pipeline.errors import Location


def texts(source: str | bytes) -> list[str]:
    """Return the instructions of a file without problems."""
    raw = source.encode() if isinstance(source, str) else source
    found = lex(raw, "Dockerfile")
    assert not found.problems
    return [line.text for line in found.lines]


JOINED = {
    "one line": ("FROM a", ["FROM a"]),
    "leading space": ("  \tFROM a\n", ["FROM a"]),
    "empty lines and comments": ("\n# c\nFROM a\n  # d\n\nRUN b", ["FROM a", "RUN b"]),
    "continued": ("RUN a \\\n  b\n", ["RUN a   b"]),
    "blanks behind the escape": ("RUN a \\ \t\n b\n", ["RUN a  b"]),
    "two escapes do not continue": ("RUN a \\\\\nRUN b\n", ["RUN a \\\\", "RUN b"]),
    "escape alone on a line": ("RUN a\\\n\\\nb\n", ["RUN ab"]),
    "comment inside": ("RUN a \\\n  # c\\\n b\n", ["RUN a  b"]),
    "empty line inside": ("RUN a \\\n\n \n b\n", ["RUN a  b"]),
    "hash inside a line is text": ("RUN a # b\n", ["RUN a # b"]),
    "continued at the end": ("RUN a \\", ["RUN a "]),
    "CRLF": ("FROM a\r\nRUN b \\\r\n c\r\n", ["FROM a", "RUN b  c"]),
    "BOM": (b"\xef\xbb\xbfFROM a\n", ["FROM a"]),
    "backtick escape": ("# escape=`\nRUN a\\\nRUN b `\nc\n", ["RUN a\\", "RUN b c"]),
    "escape in any case": ("#ESCAPE = `\nRUN b `\nc\n", ["RUN b c"]),
    "escape behind another directive": ("#syntax=x\n#escape=`\nRUN b `\nc\n", ["RUN b c"]),
    "escape behind a comment is one": ("# c\n# escape=`\nRUN b \\\nc\n", ["RUN b c"]),
    "escape behind an empty line": ("\n# escape=`\nRUN b \\\nc\n", ["RUN b c"]),
    "escape behind a shebang": ("#!/x\n# escape=`\nRUN b \\\nc\n", ["RUN b c"]),
    "not UTF-8": (b"# \xff\nFROM a\n", ["FROM a"]),
}

HEREDOCS = {
    "RUN": ("RUN <<EOF\nFROM x\nEOF\nFROM y", [[("EOF", "FROM x\n")], []]),
    "dash": ("RUN <<-E\n\ta\n\tE\n", [[("E", "\ta\n")]]),
    "no dash": ("RUN <<E\n\tE\nE\n", [[("E", "\tE\n")]]),
    "quoted": ("RUN <<'E F' cat\n$a\nE F\n", [[("E F", "$a\n")]]),
    "two": ("COPY <<A <<B /x\n1\nA\n2\nB\n", [[("A", "1\n"), ("B", "2\n")]]),
    "ADD": ("ADD <<a.txt /x\n1\na.txt\n", [[("a.txt", "1\n")]]),
    "ONBUILD": ("ONBUILD RUN <<E\nx\nE\n", [[("E", "x\n")]]),
    "descriptor": ("RUN cat 3<<E\nx\nE\n", [[("E", "x\n")]]),
    "space before the name": ("RUN cat << E >f\nx\nE\n", [[("E", "x\n")]]),
    "behind flags": ("RUN --network=none <<E\nx\nE\n", [[("E", "x\n")]]),
    "continued line": ("RUN a \\\n <<E\nx\nE\n", [[("E", "x\n")]]),
    "variable as a name": ("RUN <<$E\nx\n$E\n", [[("$E", "x\n")]]),
    "body keeps comments and escapes": ("RUN <<E\n# c\na \\\nE\n", [[("E", "# c\na \\\n")]]),
    "CRLF": ("RUN <<E\r\nx\r\nE\r\n", [[("E", "x\r\n")]]),
    "quoted as a whole": ('RUN "<<E"\nRUN b\n', [[], []]),
    "here-string": ("RUN cat <<<x\nRUN b\n", [[], []]),
    "less than": ("RUN [ 1 < 2 ]\nRUN b\n", [[], []]),
    "JSON": ('RUN ["cat", "<<E"]\nRUN b\n', [[], []]),
    "a name with a default is none": ("RUN <<${X:-E}\nRUN b\n", [[], []]),
    "nor is one in quotes": ('RUN <<"${X:-E}"\nRUN b\n', [[], []]),
    "nor one with anything before it": ("RUN <<A${X:-E}\nRUN b\n", [[], []]),
    "another word with a default": ("RUN <<E ${X:-y}\nx\nE\n", [[("E", "x\n")]]),
    "braces without a default": ("RUN <<${X}\nx\n${X}\n", [[("${X}", "x\n")]]),
    "not in others": ("ENV a=<<E\nUSER <<E\nRUN b\n", [[], [], []]),
}


@pytest.mark.parametrize(("source", "expected"), JOINED.values(), ids=JOINED)
def test_lines_are_joined(source: str | bytes, expected: list[str]) -> None:
    """Continuations, comments, directives, line ends."""
    assert texts(source) == expected


@pytest.mark.parametrize(("source", "expected"), HEREDOCS.values(), ids=HEREDOCS)
def test_bodies_of_here_documents(source: str, expected: list[list[tuple[str, str]]]) -> None:
    """Their bodies are no instructions."""
    found = lex(source.encode(), "Dockerfile")
    assert not found.problems
    assert [[(d.name, d.content) for d in line.heredocs] for line in found.lines] == expected


@pytest.mark.parametrize(
    ("word", "expand"),
    [("E", True), ("'E'", False), ('"E"', False), ("E'F'", False), (r"E\'F", True)],
)
def test_quotes_forbid_expansion(word: str, *, expand: bool) -> None:
    """Quotes in the delimiter of a here-document disable expansion."""
    name = word.replace("\\'", "!").replace("'", "").replace('"', "").replace("!", "'")
    found = lex(f"RUN <<{word}\n{name}\n".encode(), "Dockerfile")
    assert [document.expand for document in found.lines[0].heredocs] == [expand]


FAULTY = {
    "empty": (b"", Location("D"), "is empty"),
    "only comments": (b"# a\n\n", Location("D"), "no instruction"),
    "unknown escape": (b"# escape=x\nFROM a\n", Location("D", 1, 1), "neither a backslash"),
    "directive twice": (b"# syntax=a\n# Syntax=b\nFROM a\n", Location("D", 2, 1), "twice"),
    "here-document open": (b"FROM a\nRUN <<E\nx\n", Location("D", 2, 1), "is not closed"),
    "line too long": (b"FROM a\nRUN " + b"x" * 65536, Location("D", 2, 1), "longer than"),
}


@pytest.mark.parametrize(("source", "place", "message"), FAULTY.values(), ids=FAULTY)
def test_a_problem_has_its_line(source: bytes, place: Location, message: str) -> None:
    """What stops BuildKit's parser is one problem."""
    found = lex(source, "D").problems
    assert [(p.location, message in p.message) for p in found] == [(place, True)]


def test_a_line_may_have_64_kib() -> None:
    """The longest line that BuildKit reads, including its end."""
    assert len(texts(b"RUN " + b"x" * (65536 - 5) + b"\n")) == 1


def test_the_location_of_a_token() -> None:
    """Also on continuation lines; columns count from 1."""
    line = lex(b"FROM a\n  RUN x \\\n# c\n   needle\n", "D").lines[1]
    assert (line.location, line.find("needle")) == (Location("D", 2, 3), Location("D", 4, 4))


@pytest.mark.parametrize(
    ("token", "column"), [("srcs", 6), ("src", 11), ("s", 6), ("/srv", 21), ("COPY", 1), ("b", 1)]
)
def test_a_token_is_located_at_a_word_of_its_own(token: str, column: int) -> None:
    """If there is none, at the first word that has it in it; never in the keyword."""
    assert lex(b"COPY srcs src\tsrc.d /srv\n", "D").lines[0].find(token).column == column


SYNTAX = {
    "hash": ("# syntax=a/b:1\nFROM x", "a/b:1"),
    "with options": ("#syntax = a/b:1 opt\n", "a/b:1"),
    "in any case": ("# SYNTAX=a\n", "a"),
    "behind another directive": ("# escape=`\n# syntax=a\n", "a"),
    "behind a comment": ("# hello\n# syntax=a\n", ""),
    "behind an empty line": ("\n# syntax=a\n", ""),
    "with space before": (" # syntax=a\n", ""),
    "behind a shebang": ("#!/usr/bin/env x\n# syntax=a\n", "a"),
    "slashes": ("// syntax=a\n", "a"),
    "JSON": ('{"syntax": "a", "b": [1]}', "a"),
    "JSON and more": ('{"syntax": "a"}\n# syntax=b', ""),
    "CRLF": ("# syntax=a\r\nFROM x\r\n", "a"),
    "BOM": ("\ufeff# syntax=a\n", "a"),
    "without a value": ("# syntax=\nFROM x", ""),
    "none": ("FROM x", ""),
}


@pytest.mark.parametrize(("source", "expected"), SYNTAX.values(), ids=SYNTAX)
def test_the_frontend_is_found(source: str, expected: str) -> None:
    """In each of the three forms, only at the top."""
    assert lex(source.encode(), "D").syntax == expected
