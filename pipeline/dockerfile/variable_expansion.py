"""Expand variables, quotes and escapes, with every operator: `${X:-y}` becomes `y` if X is unset.

Facts from buildkit `frontend/dockerfile/shell/lex.go`. Variables are `$name`, `${name}` and
`${name:-word}` with `:-` `-` `:+` `+` `:?` `?` `#` `##` `%` `%%` `/` `//`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct, field

from .errors import RefusedError
from .expansion_limit import Budget
from .instruction_syntax import SPACES

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPECIAL = "@*#?-$!0"
_MAX_DEPTH = 100
_PLAIN = re.compile(r"[A-Za-z0-9_./:@,=+-]+")
_SPACE = re.compile(f"[{SPACES}]")
_SHOWN = 200
# A pattern is tried at each character of a value; 16 characters of a pattern cost as much as one.
_PER_CHARACTER = 16


class Rules(Struct, frozen=True):
    """How a text is expanded.

    `raw_quotes` and `raw_escapes` keep those in the result; `keep_unset` leaves a variable that has
    no value as it is written; without `quotes` they are plain characters. With `lenient` a missing
    variable is not an error of `${x:?}`: it may have a value that is not known here. With
    `forgetful` the list of words loses what a word had before a `${x:-y}` in it, as in BuildKit
    since 0.15.
    """

    escape: str = "\\"
    raw_quotes: bool = False
    raw_escapes: bool = False
    keep_unset: bool = False
    quotes: bool = True
    lenient: bool = False
    forgetful: bool = False


class Expansion(Struct, frozen=True):
    """A text after expansion: as one word, as `words`, and the variables used and unset."""

    text: str
    words: tuple[str, ...]
    used: frozenset[str]
    unset: frozenset[str]


PLAIN = Rules()
_NO_NAMES: frozenset[str] = frozenset()
_NOTHING = Expansion("", (), _NO_NAMES, _NO_NAMES)


def expand(
    text: str, variables: Mapping[str, str], rules: Rules = PLAIN, budget: Budget | None = None
) -> Expansion:
    """Replace variables, and remove quotes and escapes; `budget` limits the length of the results.

    Raises `RefusedError`.

    >>> expand("python:${V:-3}-slim", {}).text
    'python:3-slim'
    """
    if not text:
        return _NOTHING
    if _PLAIN.fullmatch(text):
        return Expansion(text, (text,), _NO_NAMES, _NO_NAMES)
    lexer = _Lexer(text, variables, rules, budget or Budget(), raw=rules.raw_escapes)
    result, words = lexer.until("", raw=rules.raw_escapes)
    return Expansion(result, words, frozenset(lexer.used), frozenset(lexer.unset))


@cache
def _run(escape: str, stop: str, *, quotes: bool) -> re.Pattern[str]:
    """Match characters that have no special meaning."""
    special = "$<" + escape + stop + ("'\"" if quotes else "")
    return re.compile(f"[^{re.escape(special)}]+")


@cache
def _quoted_run(escape: str) -> re.Pattern[str]:
    """Match characters that have no special meaning between double quotes."""
    return re.compile(f'[^"${re.escape(escape)}]+')


class _Words(Struct):
    """Collects the words of a text, split at spaces that are neither quoted nor escaped."""

    done: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)

    def plain(self, text: str) -> None:
        first, *more = _SPACE.split(text)
        self.current.append(first)
        for part in more:
            self.close()
            self.current.append(part)

    def literal(self, text: str) -> None:
        self.current.append(text)

    def close(self) -> None:
        if word := "".join(self.current):
            self.done.append(word)
        self.current.clear()

    def all(self) -> tuple[str, ...]:
        self.close()
        return tuple(self.done)


class _Lexer(Struct):
    text: str
    variables: Mapping[str, str]
    rules: Rules
    budget: Budget
    raw: bool
    at: int = 0
    depth: int = 0
    used: set[str] = field(default_factory=set)
    unset: set[str] = field(default_factory=set)
    collecting: list[_Words] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The text, shortened for a message."""
        return self.text if len(self.text) <= _SHOWN else f"{self.text[: _SHOWN - 3]}..."

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        character = self.peek()
        self.at += len(character)
        return character

    def until(self, stop: str, *, raw: bool) -> tuple[str, tuple[str, ...]]:
        """Read up to `stop`, or to the end if that is empty; as one word and as words."""
        before, self.raw = self.raw, raw
        out: list[str] = []
        words = _Words()
        if self.rules.forgetful and self.collecting:
            self.collecting[-1].current.clear()
        self.collecting.append(words)
        while (character := self.peek()) and character != stop:
            self._step(character, stop, out, words)
        if stop and not self.take():
            raise RefusedError(f"`{self.shown}` ends before the `{stop}` that it needs")
        self.raw = before
        self.collecting.pop()
        return "".join(out), words.all()

    def _step(self, character: str, stop: str, out: list[str], words: _Words) -> None:
        if character == "$":
            value = self._variable()
            words.plain(value)
        elif character == "<":
            value = self._heredoc_mark()
            words.literal(value)
        elif character in "'\"" and self.rules.quotes:
            value = self._single_quoted() if character == "'" else self._double_quoted()
            words.literal(value)
        elif character == self.rules.escape:
            value = self._escaped()
            words.literal(value)
        else:
            value = self._run(_run(self.rules.escape, stop, quotes=self.rules.quotes))
            words.plain(value)
        out.append(value)

    def _run(self, characters: re.Pattern[str]) -> str:
        """Take the characters here that the pattern matches; one of any kind if it matches none."""
        found = characters.match(self.text, self.at)
        if not found:
            return self.take()
        self.at = found.end()
        return found[0]

    def _escaped(self) -> str:
        escape = self.take()
        return (escape if self.raw else "") + self.take()

    def _heredoc_mark(self) -> str:
        """Take `<<` and the blanks after it as part of the word, so that `<< EOF` is one word."""
        start = self.at
        self.take()
        if self.peek() == "<":
            self.take()
            while (character := self.peek()) and character in "\t\r ":
                self.take()
        return self.text[start : self.at]

    def _single_quoted(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise RefusedError(f"`{self.shown}` has a `'` that is not closed")
        start, self.at = self.at, end + 1
        return self.text[start : end + 1] if self.rules.raw_quotes else self.text[start + 1 : end]

    def _double_quoted(self) -> str:
        quote = self.take() if self.rules.raw_quotes else self.take()[:0]
        out = [quote]
        while (character := self.peek()) != '"':
            if not character:
                raise RefusedError(f'`{self.shown}` has a `"` that is not closed')
            out.append(self._variable() if character == "$" else self._in_double_quotes())
        self.take()
        return "".join([*out, quote])

    def _in_double_quotes(self) -> str:
        """Take a character between double quotes; an escape escapes only `"`, `$` and itself."""
        character = self.peek()
        if character != self.rules.escape:
            return self._run(_quoted_run(self.rules.escape))
        self.take()
        kept = character if self.raw else ""
        following = self.peek()
        if not following:
            return kept
        if following in {'"', "$", self.rules.escape}:
            return kept + self.take()
        return kept + character

    def _variable(self) -> str:
        self.take()
        if self.peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._lookup(name)
            return f"${name}" if value is None and self.rules.keep_unset else value or ""
        self.take()
        if self.peek() in {"{", "}", ":"} or not self.peek():
            raise RefusedError(f"`{self.shown}` has a `${{` without a name")
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise RefusedError("variables are nested too deeply")
        value = self._braced(self._name())
        self.depth -= 1
        return value

    def _name(self) -> str:
        start = self.at
        first = self.peek()
        if first.isdecimal():
            while self.peek().isdecimal():
                self.take()
        elif first and first in _SPECIAL:
            self.take()
        else:
            while (c := self.peek()) and (c.isalpha() or c.isdecimal() or c == "_"):
                self.take()
        return self.text[start : self.at]

    def _lookup(self, name: str) -> str | None:
        value = self.variables.get(name)
        self.budget.spend(len(value or ""))
        (self.unset if value is None else self.used).add(name)
        return value

    def _braced(self, name: str) -> str:
        operator = self.take()
        if operator == "}":
            value = self._lookup(name)
            return f"${{{name}}}" if value is None and self.rules.keep_unset else value or ""
        if operator == "/":
            return self._replaced(name)
        if operator == ":":
            operator += self.take()
        if operator not in {":-", "-", ":+", "+", ":?", "?", "#", "%"} and not (
            operator[:1] == ":" and self.rules.keep_unset and operator not in {":#", ":%"}
        ):
            raise RefusedError(f"`{operator}` is not an operator of `${{{name}…}}`")
        word, _ = self.until("}", raw=operator in {"#", "%"})
        return self._operated(name, operator, word)

    def _operated(self, name: str, operator: str, word: str) -> str:
        value = self._lookup(name)
        if value is None and self.rules.keep_unset:
            return f"${{{name}{operator}{word}}}"
        kind = operator[-1]
        missing = value is None or (operator[0] == ":" and value == "")
        if kind in "#%":
            self.budget.spend(len(value or "") * len(word) // _PER_CHARACTER)
            return _trimmed(value or "", kind, word)
        if kind == "-":
            return word if missing else value or ""
        if kind == "+":
            return "" if missing else word
        if kind != "?":
            raise RefusedError(f"`{operator}` is not an operator of `${{{name}…}}`")
        if missing and not (value is None and self.rules.lenient):
            raise RefusedError(f"`{name}` must have a value" + (f": {word}" if word else ""))
        return value or ""

    def _replaced(self, name: str) -> str:
        every = self.peek() == "/"
        if every:
            self.take()
        pattern, _ = self.until("/", raw=True)
        replacement, _ = self.until("}", raw=True)
        value = self._lookup(name)
        if value is None and self.rules.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        self.budget.spend(len(value or "") * len(pattern) // _PER_CHARACTER)
        take = self.budget.spend
        from . import shell_patterns  # noqa: PLC0415 - rare in Dockerfiles

        try:
            return shell_patterns.replace(value or "", pattern, replacement, every=every, take=take)
        except RefusedError:
            raise
        except ValueError as error:
            raise RefusedError(str(error)) from None


def _trimmed(value: str, kind: str, word: str) -> str:
    from . import shell_patterns  # noqa: PLC0415 - rare in Dockerfiles

    greedy = word.startswith(kind)
    trim = shell_patterns.trim_prefix if kind == "#" else shell_patterns.trim_suffix
    try:
        return trim(value, word[1:] if greedy else word, greedy=greedy)
    except ValueError as error:
        raise RefusedError(str(error)) from None
