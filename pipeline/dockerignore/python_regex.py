"""Write expressions that Python's `re` matches without backtracking for long, if possible.

`re` returns to each `*` when what follows it does not match. That costs nothing where nothing could
match a second time: within a folder's name the first place for the text between two `*` is as good
as any later one, so that it is kept for good (`(?>…)`), and the text after the last `*` has to be
at the name's end. Only in the last name are two `*` left to `re`'s own way, which is faster for the
usual `*test*.py`, and ends soon: a name has at most 255 bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .goregex import FOLDERS, Part, single

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLASH, _REST = Part("/"), Part(".", least=0, most=None)
_STAR = Part("[^/]", least=0, most=None)
_MOST_PARTS = 1000
"""For a longer pattern the automaton is built faster."""


def linear_regex(parts: Sequence[Part]) -> str:
    """Return Python's expression for the parts, nothing if it might backtrack for long.

    >>> from pipeline.dockerignore.goregex import parse
    >>> linear_regex(parse("[^/]*a[^/]*b")[0]), linear_regex(parse("a[^a]")[0])
    ('[^/]*a[^/]*b', '')
    """
    if len(parts) > _MOST_PARTS:
        return ""
    out: list[str] = []
    name: list[Part] = []
    crossed = False
    for number, part in enumerate(parts):
        begins = not number or parts[number - 1] == _SLASH
        if part == _SLASH:
            out += (_name(name), "/")
            name = []
        elif part.text == FOLDERS:
            if crossed or not begins:
                return ""
            crossed = True
            out.append("(?:.*/)?")
        elif part == _REST and begins and number == len(parts) - 1:
            out.append(".*")
        elif part == _STAR or _is_fixed(part):
            name.append(part)
        else:
            return ""
    return "".join((*out, _name(name, last=True)))


def _is_fixed(part: Part) -> bool:
    """Return whether a part has a fixed length, and does not match `/`."""
    return not part.edge and part.least == part.most and not single(part.text).match("/")


def _name(parts: Sequence[Part], *, last: bool = False) -> str:
    """Return the expression of a name, from its beginning to its end."""
    runs: list[str] = [""]
    for number, part in enumerate(parts):
        if part != _STAR:
            runs[-1] += part.text if part.most == 1 else f"{part.text}{{{part.most}}}"
        elif not number or parts[number - 1] != _STAR:
            runs.append("")
    first, *more = runs
    if not more:
        return first
    *between, end = more
    if last and len(between) == 1:
        return f"{first}[^/]*{between[0]}[^/]*{end}"
    return first + "".join(f"(?>[^/]*?{run})" for run in between) + f"[^/]*{end}"
