"""Match a regular expression in time linear in its length and the text's.

Python's `re` backtracks: `[^/]*a[^/]*a…b` on a name of 200 letters would take it longer than
anybody lives. Go's `regexp`, and so BuildKit, reads the text once with the set of all states that
the expression may be in. So does this: a set of states is the bits of one number, and the set that
follows a set and a character is remembered, as in RE2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .goregex import FOLDERS, Part, single

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_STATES = (1 << 16) + 1024
"""States of a pattern: as many as a line of an ignore file can have without repetitions."""

_MOST_REMEMBERED = 4_000_000
_WORD = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
_ALWAYS = "none"


class _States:
    """A set of states: `main` has a bit per state, `inside` one per `**` that is being crossed."""

    __slots__ = ("behind", "following", "inside", "main")

    def __init__(self, main: int, inside: int, behind: str) -> None:
        self.main = main
        self.inside = inside
        self.behind = behind
        self.following: dict[str, _States] = {}


class _Bits:
    """The states as bits: by the character that they take, and by their kind."""

    def __init__(self, rows: Iterable[Sequence[Part]], size: int) -> None:
        self._size = size
        self._once: dict[str, list[int]] = {}
        self._many: dict[str, list[int]] = {}
        self._edges: dict[str, list[int]] = {}
        self._skipped: list[int] = []
        self._folders: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for parts in rows:
            starts.append(at)
            for part in parts:
                at = self._take(part, at)
            ends.append(at)
            at += 1
        self.starts, self.ends = self._number(starts), self._number(ends)
        self.skipped, self.folders = self._number(self._skipped), self._number(self._folders)
        self.once = {text: self._number(states) for text, states in self._once.items()}
        self.many = {text: self._number(states) for text, states in self._many.items()}
        self.edges = {edge: self._number(states) for edge, states in self._edges.items()}

    def _take(self, part: Part, at: int) -> int:
        """Record a part that begins at the state `at`; return where the next one begins."""
        if part.edge:
            self._edges.setdefault(part.edge, []).append(at)
            return at + 1
        if part.text == FOLDERS:
            self._folders.append(at)
            self._skipped.append(at)
            return at + 1
        end = at + (part.least if part.most is None else part.most)
        self._once.setdefault(part.text, []).extend(range(at, end))
        self._skipped.extend(range(at + part.least, end))
        if part.most is not None:
            return end
        self._many.setdefault(part.text, []).append(end)
        self._skipped.append(end)
        return end + 1

    def _number(self, states: Iterable[int]) -> int:
        found = bytearray(self._size // 8 + 1)
        for state in states:
            found[state >> 3] |= 1 << (state & 7)
        return int.from_bytes(found, "little")


class Automaton:
    """Alternatives of an expression, each a row of parts that must match all of a text.

    Raises `ValueError` for one that has too many states.
    """

    def __init__(self, alternatives: Iterable[Sequence[Part]]) -> None:
        self._rows = tuple(tuple(parts) for parts in alternatives)
        self._size = sum(1 + sum(map(_length, parts)) for parts in self._rows)
        if self._size > MOST_STATES:
            raise ValueError(f"it expands to more than {MOST_STATES:,} characters")
        self._first: _States | None = None

    def fullmatch(self, text: str) -> bool:
        """Return whether all of the text matches."""
        state = self._first or self._prepare()
        for character in text:
            following = state.following.get(character)
            state = following if following is not None else self._step(state, character)
            if not state.main and not state.inside:
                return False
        return bool(self._spread(state, "") & self._bits.ends)

    def _prepare(self) -> _States:
        """Build the tables, when something is matched for the first time."""
        self._bits = _Bits(self._rows, self._size)
        self._taken: dict[str, tuple[int, int]] = {}
        self._spreading: dict[tuple[str, str], tuple[tuple[int, int], ...]] = {}
        self._known: dict[tuple[int, int, str], _States] = {}
        self._most = max(64, _MOST_REMEMBERED // (self._size + 64))
        self._first = _States(self._bits.starts, 0, "")
        return self._first

    def _step(self, state: _States, character: str) -> _States:
        kind = "word" if character in _WORD else "other"
        main = self._spread(state, kind)
        inside = state.inside | (main & self._bits.folders)
        ones, many = self._on(character)
        following = ((main & ones) << 1) | (main & many)
        if character == "/":
            following |= inside << 1
        elif character == "\n":
            inside = 0
        if len(self._known) >= self._most:
            self._forget()
        key = (following, inside, kind)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _States(following, inside, kind)
        state.following[character] = found
        return found

    def _forget(self) -> None:
        """Clear the remembered sets; their reference cycles would outlive this object."""
        for state in self._known.values():
            state.following.clear()
        self._known.clear()
        self._taken.clear()
        if self._first:
            self._first.following.clear()

    def _on(self, character: str) -> tuple[int, int]:
        """Return the states that take the character: once, and any number of times."""
        if character not in self._taken:
            once = many = 0
            for text, bits in self._bits.once.items():
                if single(text).match(character):
                    once |= bits
            for text, bits in self._bits.many.items():
                if single(text).match(character):
                    many |= bits
            self._taken[character] = once, many
        return self._taken[character]

    def _spread(self, state: _States, ahead: str) -> int:
        """Add all states that are reached without another character, before kind `ahead`."""
        if (state.behind, ahead) not in self._spreading:
            self._spreading[state.behind, ahead] = self._widths(state.behind, ahead)
        main = state.main
        for bits, width in self._spreading[state.behind, ahead]:
            main |= (main & bits) << width
        return main

    def _widths(self, behind: str, ahead: str) -> tuple[tuple[int, int], ...]:
        """Return which states lead how far, in doubling steps: 1, 2, 4, … of them in a row."""
        skipped = self._bits.skipped
        border = (behind == "word") is not (ahead == "word")
        holds = {"A": not behind, "z": not ahead, "b": border, "B": not border, _ALWAYS: True}
        for edge, bits in self._bits.edges.items():
            skipped |= bits if holds[edge] else 0
        found = []
        width = 1
        while skipped:
            found.append((skipped, width))
            skipped &= skipped >> width
            width *= 2
        return tuple(found)


def _length(part: Part) -> int:
    if part.edge or part.text == FOLDERS:
        return 1
    return part.least + 1 if part.most is None else part.most
