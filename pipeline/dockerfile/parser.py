"""Parse a Dockerfile into its global arguments and its stages."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import ConfigError, Location, Problem, Problems, raise_problems
from .errors import RefusedError
from .heredocs import announced, announced_before
from .instructions import Define, From, Instruction, parse_instruction
from .lexer import MOST_INSTRUCTIONS, lex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .lexer import Documents, Line


class Stage(Struct, frozen=True):
    """One `FROM` and the instructions after it. `name` is in lower case, empty if it has none."""

    index: int
    start: From
    instructions: tuple[Instruction, ...] = ()

    @property
    def name(self) -> str:
        """Its name, or nothing."""
        return self.start.name

    @property
    def location(self) -> Location:
        """Where its `FROM` is."""
        return self.start.location

    @property
    def label(self) -> str:
        """Its name in a message."""
        return self.name or f"stage {self.index}"


class Dockerfile(Struct, frozen=True):
    """A parsed Dockerfile; `file` is its path in locations.

    `syntax` is the frontend's image of a `# syntax=` line, or nothing; `arguments` are those before
    the first `FROM`.
    """

    source: bytes
    file: str
    syntax: str
    escape: str
    stages: tuple[Stage, ...]
    arguments: tuple[Define, ...] = field(default=())


def parse(source: bytes, *, file: str) -> Dockerfile:
    r"""Parse a Dockerfile. Raises `ConfigError` with all problems, each at its location.

    >>> [stage.name for stage in parse(b"FROM a AS build\nFROM b\n", file="Dockerfile").stages]
    ['build', '']
    """
    try:
        return _parse(source, file, announced)
    except ConfigError:
        if b"<<" in source and b"${" in source:
            # It is not an error if any version of BuildKit builds it.
            with suppress(ConfigError):
                return _parse(source, file, announced_before)
        raise


def _parse(source: bytes, file: str, documents: Documents) -> Dockerfile:
    lexed = lex(source, file, documents)
    problems: list[Problem] = Problems(lexed.problems)
    if len(lexed.lines) >= MOST_INSTRUCTIONS:
        raise_problems(problems)
    found = list(_instructions(lexed.lines, lexed.escape, problems))
    arguments, stages = _grouped(found, problems)
    if not stages and not problems:
        problems.append(Problem(Location(file), "the Dockerfile has no `FROM`"))
    raise_problems(problems)
    return Dockerfile(source, file, lexed.syntax, lexed.escape, stages, arguments)


def _instructions(
    lines: Iterable[Line], escape: str, problems: list[Problem]
) -> Iterable[Instruction]:
    for line in lines:
        try:
            yield parse_instruction(line, escape)
        except RefusedError as error:
            problems.append(Problem(line.find(error.blame), error.message, error.hint))
            if line.text[:4].upper() == "FROM":
                # Otherwise each instruction after it would be reported as outside of a stage.
                yield From(keyword="FROM", line=line, base="scratch")


def _grouped(
    found: Iterable[Instruction], problems: list[Problem]
) -> tuple[tuple[Define, ...], tuple[Stage, ...]]:
    arguments: list[Define] = []
    starts: list[From] = []
    bodies: list[list[Instruction]] = []
    for instruction in found:
        if isinstance(instruction, From):
            starts.append(instruction)
            bodies.append([])
        elif bodies:
            bodies[-1].append(instruction)
        elif isinstance(instruction, Define) and instruction.keyword == "ARG":
            arguments.append(instruction)
        else:
            problems.append(_too_early(instruction))
    stages = (
        Stage(index, start, tuple(body))
        for index, (start, body) in enumerate(zip(starts, bodies, strict=True))
    )
    return tuple(arguments), tuple(stages)


def _too_early(instruction: Instruction) -> Problem:
    message = f"`{instruction.keyword}` is before the first `FROM`"
    return Problem(instruction.location, message, "only `ARG` may be there")
