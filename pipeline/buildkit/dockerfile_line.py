"""Find the line of the Dockerfile that a step comes from. Pure.

BuildKit shows the source of the error that ended the solve (buildkit `solver/errdefs/source.go`):

    Dockerfile:3
    --------------------
       2 |
       3 | >>> RUN false
    --------------------
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from ..reference import ReferenceSyntaxError, parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..dockerfile import Dockerfile
    from ..dockerfile.instructions import Instruction
    from ..model.image import Image

_RULE = re.compile(r"-{20,}")
_LINE = re.compile(r"\s*(\d{1,9}) \| (>>>|   )(?: (.*))?")
_NUMBERED = re.compile(r"\[[^\]]*\] (.*)", re.DOTALL)
_METADATA = re.compile(r"\[.*\] load metadata for (\S+)")

_MOST_LINES = 20
"""Lines of an instruction that are shown; a here-document may have thousands."""


class Excerpt(Struct, frozen=True):
    """Lines of a Dockerfile by number, and the numbers of the marked ones."""

    lines: tuple[tuple[int, str], ...]
    marked: tuple[int, ...]

    def fits(self, image: Image) -> bool:
        """Return whether the image's Dockerfile has these lines at these places."""
        source = _source(image.source)
        return all(_at(source, number) == text.rstrip() for number, text in self.lines)


def find_excerpt(text: Sequence[str]) -> Excerpt | None:
    """Return the last excerpt in lines of text, or `None`."""
    rules = [i for i, line in enumerate(text) if _RULE.fullmatch(line)]
    if len(rules) < 2:
        return None
    found = [match for line in text[rules[-2] + 1 : rules[-1]] if (match := _LINE.fullmatch(line))]
    lines = tuple((int(match[1]), match[3] or "") for match in found)
    marked = tuple(int(match[1]) for match in found if match[2] == ">>>")
    return Excerpt(lines, marked) if marked else None


def locate(image: Image, step: str, excerpt: Excerpt | None) -> tuple[str, str]:
    """Return the place of a step as `file:line`, and all lines of its instruction.

    Both are empty if it cannot be found. `step` is the step's name without an image, such as
    `[2/3] RUN make`.
    """
    line = excerpt.marked[0] if excerpt and excerpt.fits(image) else _search(image.source, step)
    if not line:
        return "", ""
    return f"{image.source.file}:{line}", _instruction_at(image.source, line)


def _instruction_at(dockerfile: Dockerfile, line: int) -> str:
    """Return the instruction that begins in a line, as it is written; of a long one, the start."""
    source = _source(dockerfile)
    last = next((_last_line(i) for i in _instructions(dockerfile) if i.location.line == line), line)
    lines = [_at(source, number) for number in range(line, last + 1)]
    more = ["…"] if len(lines) > _MOST_LINES else []
    return "\n".join(lines[:_MOST_LINES] + more).strip()


def _last_line(instruction: Instruction) -> int:
    """Return the last line of an instruction, with its here-documents."""
    documents = sum(found.content.count("\n") + 1 for found in instruction.line.heredocs)
    return instruction.line.pieces[-1][1] + documents


def _instructions(dockerfile: Dockerfile) -> Iterator[Instruction]:
    for stage in dockerfile.stages:
        yield stage.start
        yield from stage.instructions


def _search(dockerfile: Dockerfile, step: str) -> int:
    """Return the line of the one instruction that a step is named after, else 0."""
    if image := _METADATA.fullmatch(step):
        return _search_from(dockerfile, image[1])
    named = _NUMBERED.fullmatch(step)
    wanted = _squeezed(named[1]) if named else None
    found = [
        instruction.location.line
        for instruction in _instructions(dockerfile)
        if _squeezed(instruction.line.text) == wanted
    ]
    return found[0] if len(found) == 1 else 0


def _search_from(dockerfile: Dockerfile, image: str) -> int:
    lines = [stage.location.line for stage in dockerfile.stages if _is(stage.start.base, image)]
    return lines[0] if len(lines) == 1 else 0


def _is(written: str, image: str) -> bool:
    try:
        return str(parse_reference(written)) == image
    except ReferenceSyntaxError:  # it holds a variable
        return False


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _source(dockerfile: Dockerfile) -> list[str]:
    return dockerfile.source.decode(errors="replace").splitlines()


def _at(source: Sequence[str], number: int) -> str:
    return source[number - 1].rstrip() if 0 < number <= len(source) else ""
