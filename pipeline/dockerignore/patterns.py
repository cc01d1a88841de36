r"""Match lists of path patterns as BuildKit does: ignore files, `--exclude`, `--parents`.

The language is that of moby/patternmatcher, not of gitignore: patterns are anchored at the root,
`**` spans folders, `!` negates what an earlier pattern matched, the last match wins, and what
matches a folder matches all that is in it. BuildKit turns a pattern into a regular expression of
Go's; where that shows (`\d` is a digit, `[[:alpha:]]` a letter) it shows here too. Go matches in
time linear in pattern and path; so does this, with Python's own expressions where they cannot
backtrack for long (`dockerignore.python_regex`), else with an automaton.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache, partial
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import force_setattr

from . import gomatch
from .automaton import Automaton
from .goregex import Part, parse
from .python_regex import linear_regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


# What Go's `strings.TrimSpace` removes; `str.strip` removes four control characters more.
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + ("\u2028\u2029\u202f\u205f\u3000")
)
_PARTIAL = r"\||^\{|\\\$\Z"
"""What makes a regular expression match a part of a path: a `|`, a repeated `^`, no `$`."""
_SPECIAL = frozenset("*?[]^\\")
_WILD = _SPECIAL - {"^"}
_ANYTHING = r"(?s:.*)"
_ANY = Part(r"(?s:.)", least=0, most=None)
_END = Part("", edge="z")
_NEVER = "(?!)"
_SHOWN = 80


class _Matcher(Protocol):
    """Matches all of a path, or not."""

    def fullmatch(self, path: str, /) -> object: ...


class Pattern(Struct, frozen=True):
    """One pattern: `text` is clean and without its `!`; `line` is 0 outside of a file.

    `regex` is Python's expression for it, or an automaton if that might take too long. `fault` is
    the reason why it cannot be tried on a path: BuildKit finds that out only when it has to.
    """

    text: str
    negates: bool
    regex: str | Automaton
    written: str
    line: int = 0
    fault: str = ""

    @property
    def literal_folders(self) -> tuple[str, ...]:
        """The leading components without a wildcard: all that the pattern matches is in them."""
        components = self.text.split("/")
        plain = [not _SPECIAL.intersection(component) for component in components]
        return tuple(components[: plain.index(False)] if False in plain else components)


class PatternError(ValueError):
    """A pattern had to be tried on a path, and is faulty."""

    def __init__(self, pattern: Pattern) -> None:
        shown = pattern.text if len(pattern.text) < _SHOWN else f"{pattern.text[: _SHOWN - 3]}..."
        super().__init__(f"`{shown}` is not a valid pattern: {pattern.fault}")
        self.line = pattern.line


class Level(Struct, frozen=True):
    """Which patterns matched a folder; what is in the folder inherits that.

    `each` has one truth value per pattern, `groups` one per run of patterns of the same sign.
    """

    matched: bool
    each: tuple[bool, ...]
    groups: tuple[bool, ...]


class _Group(Struct, frozen=True):
    negates: bool
    start: int
    stop: int
    matchers: tuple[_Matcher, ...]
    faulty: Pattern | None

    def matches(self, path: str) -> bool:
        """Return whether one of its patterns matches. Raises `PatternError`."""
        for matcher in self.matchers:
            if matcher.fullmatch(path):
                return True
        if self.faulty:
            raise PatternError(self.faulty)
        return False


class Patterns(Struct, frozen=True):
    """Patterns in their order. Paths are relative, clean, and use `/`.

    All methods that match a path raise `PatternError` if a faulty pattern has to be tried.
    """

    patterns: tuple[Pattern, ...]
    _each: tuple[_Matcher, ...] = ()
    _groups: tuple[_Group, ...] = ()

    def __post_init__(self) -> None:
        force_setattr(self, "_each", tuple(map(_matcher, self.patterns)))
        force_setattr(self, "_groups", tuple(_grouped(self.patterns)))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def matches(self, path: str) -> bool:
        """Return whether `path` is matched, itself or by a folder that it is in."""
        *folders, _last = _prefixes(path)
        level = self.top()
        for folder in folders:
            level = self.enter(folder, level)
        return self.matches_in(path, level)

    def decider(self, path: str) -> Pattern | None:
        """Return the pattern that decides that `path` is matched; `None` if it is not matched."""
        level = self.top()
        for prefix in _prefixes(path):
            level = self.enter(prefix, level)
        if not level.matched:
            return None
        hits = [p for p, hit in zip(self.patterns, level.each, strict=True) if hit]
        return next(p for p in reversed(hits) if not p.negates)

    def top(self) -> Level:
        """Return the level of the root, which no pattern matches."""
        return Level(
            matched=False,
            each=(False,) * len(self.patterns),
            groups=(False,) * len(self._groups),
        )

    def enter(self, folder: str, parent: Level) -> Level:
        """Return the level of `folder`, which is in a folder of level `parent`."""
        matched = False
        each = list(parent.each)
        for index, pattern in enumerate(self.patterns):
            # A pattern of the other sign is not even tried (MatchesUsingParentResults), which
            # matters further down: with `a/b` and then `!a`, `a/b` stays matched.
            if not each[index] and pattern.negates is matched:
                if pattern.fault:
                    raise PatternError(pattern)
                each[index] = bool(self._each[index].fullmatch(folder))
            if each[index]:
                matched = not pattern.negates
        groups = tuple(any(each[group.start : group.stop]) for group in self._groups)
        return Level(matched, tuple(each), groups)

    def matches_in(self, path: str, parent: Level) -> bool:
        """Return whether `path`, which is in a folder of level `parent`, is matched.

        The same as `enter(path, parent).matched`, but faster.
        """
        matched = False
        for group, inherited in zip(self._groups, parent.groups, strict=True):
            if group.negates is matched and (inherited or group.matches(path)):
                matched = not matched
        return matched

    def tester_in(self, parent: Level) -> Callable[[str], object]:
        """Return `matches_in` for many paths of one folder: its result is true for a match."""
        if len(self._groups) == 1 and not self._groups[0].negates and not parent.groups[0]:
            first = self._groups[0]
            alone = len(first.matchers) == 1 and not first.faulty
            return first.matchers[0].fullmatch if alone else first.matches
        return partial(self.matches_in, parent=parent)

    def may_negate_in(self, folder: str) -> bool:
        """Return whether something below the matched `folder` may not be matched.

        A walk must look into such a folder; it may skip any other.
        """
        return any(p.negates and _may_reach(p, folder) for p in self.patterns)

    def may_match_in(self, folder: str) -> bool:
        """Return whether something below the unmatched `folder` may be matched."""
        return any(not p.negates and _may_reach(p, folder) for p in self.patterns)


def parse_pattern(written: str, line: int = 0) -> Pattern | None:
    """Parse one pattern as patternmatcher's `New` does; `None` for an empty one.

    Raises `ValueError` with what is wrong with it.
    """
    text = written.strip(SPACE)
    if not text:
        return None
    text = clean(text)
    negates = text.startswith("!")
    text = text[negates:]
    if not text:
        raise ValueError("`!` needs a pattern after it")
    gomatch.check_as_ignored(text)
    try:
        return Pattern(text, negates, _regex(text), written, line)
    except ValueError as error:
        return Pattern(text, negates, _NEVER, written, line, str(error))


def parse_patterns(written: Iterable[str]) -> Patterns:
    """Parse patterns that are not in a file. Raises `ValueError` as `parse_pattern` does."""
    found = (parse_pattern(text) for text in written)
    return Patterns(tuple(pattern for pattern in found if pattern))


def clean(path: str) -> str:
    """Return the shortest equal path, as Go's `path.Clean`: unlike Python's, `//a` becomes `/a`."""
    normal = posixpath.normpath(path)
    return normal[1:] if normal.startswith("//") else normal


def _may_reach(pattern: Pattern, folder: str) -> bool:
    inside = tuple(folder.split("/"))
    known = pattern.literal_folders
    common = min(len(known), len(inside))
    return known[:common] == inside[:common]


def _prefixes(path: str) -> list[str]:
    components = path.split("/")
    return ["/".join(components[: count + 1]) for count in range(len(components))]


def _grouped(patterns: tuple[Pattern, ...]) -> Iterable[_Group]:
    start = 0
    for negates, members in groupby(patterns, key=lambda pattern: pattern.negates):
        group = list(members)
        faulty = next((member for member in group if member.fault), None)
        tried = group[: group.index(faulty)] if faulty else group
        stop = start + len(group)
        yield _Group(negates, start, stop, _together(tried), faulty)
        start = stop


def _together(patterns: Iterable[Pattern]) -> tuple[_Matcher, ...]:
    """Combine patterns into what matches if any of them does: one expression, and the automata."""
    written = [pattern.regex for pattern in patterns]
    automata = tuple(regex for regex in written if not isinstance(regex, str))
    plain = "|".join(f"(?:{regex})" for regex in written if isinstance(regex, str))
    return (re.compile(plain), *automata) if plain else automata


def _matcher(pattern: Pattern) -> _Matcher:
    return re.compile(pattern.regex) if isinstance(pattern.regex, str) else pattern.regex


def _regex(text: str) -> str | Automaton:
    """Return what matches the same whole paths as `text`. Raises `ValueError`."""
    return _plain(text) or _automaton(text)


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    """Return Python's expression for a pattern, nothing if only an automaton will do.

    patternmatcher has four ways of matching, and chooses by the pattern. The ignore files of a
    project's images are much alike, so results are cached. Raises `ValueError`.
    """
    if _WILD.isdisjoint(text):
        return re.escape(text)
    source, way = _go_regex(text)
    if way == "exact":
        return re.escape(text)
    if way == "prefix":
        return re.escape(text[:-2]) + _ANYTHING
    if way == "suffix":
        suffix = text[2:]
        bare = f"|{re.escape(suffix[1:])}" if suffix.startswith("/") else ""
        return f"{_ANYTHING}{re.escape(suffix)}{bare}"
    return "" if re.search(_PARTIAL, source) else linear_regex(parse(source)[0])


def _automaton(text: str) -> Automaton:
    source, _ = _go_regex(text)
    if not re.search(_PARTIAL, source):
        return Automaton(parse(source))
    rows = [list(parts) for parts in parse(f"^{source}")]
    rows[-1] += [] if _escapes_its_end(text) else [_END]
    return Automaton([_ANY, *parts, _ANY] for parts in rows)


def _escapes_its_end(text: str) -> bool:
    """Return whether a pattern ends in a lone backslash, which escapes BuildKit's final `$`."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _go_regex(text: str) -> tuple[str, str]:
    """Return the regular expression that patternmatcher builds, and its way of matching."""
    out: list[str] = []
    way = "exact"
    at = 0
    while at < len(text):
        piece, width, wild = _piece(text, at)
        if piece == ".*":
            way = "prefix" if way == "exact" else "regex"
        elif wild:
            way = "regex"
        if at == 0 and text.startswith("**"):
            way = "suffix"
        out.append(piece)
        at += width
    return "".join(out), way


def _piece(text: str, at: int) -> tuple[str, int, bool]:
    """Translate the character at `at`; return its width, and whether it is a wildcard."""
    char = text[at]
    if text.startswith("**", at):
        width = 3 if text.startswith("/", at + 2) else 2
        return (".*", width, True) if at + width >= len(text) else ("(.*/)?", width, True)
    if char == "\\" and at + 1 < len(text):
        return text[at : at + 2], 2, True
    simple = {"*": "[^/]*", "?": "[^/]", "[": "[", "]": "]"}
    if char in simple:
        return simple[char], 1, True
    if char == "\\":
        # A lone one at the end escapes the `$` behind it.
        return r"\$", 1, False
    # patternmatcher means to escape `|`, `{` and `}` too, but its table lacks them.
    return ("\\" + char if char in ".+()$" else char), 1, False


NO_PATTERNS = Patterns(())
