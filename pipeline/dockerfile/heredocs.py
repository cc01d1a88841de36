"""Parse here-documents: `<<EOF`, `<<-EOF`, `<<"EOF"`, several on one line.

Facts from buildkit `frontend/dockerfile/parser/parser.go`. Only ADD, COPY, RUN and an ONBUILD of
these can have them, and not in their JSON form.
"""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from .errors import RefusedError
from .instruction_syntax import json_form, split_instruction
from .variable_expansion import Rules, expand

_MARK = re.compile(r"[0-9]*+<<(-?)[\t\n\f\r ]*+([^<]*+)")
_TABS = r"(?m)^\t+"
_BARE = Rules(keep_unset=True, forgetful=True)
_QUOTED = Rules(keep_unset=True, raw_quotes=True, forgetful=True)
_WHOLE_LINE = Rules(keep_unset=True, raw_quotes=True, raw_escapes=True, forgetful=True)
_TAKERS = frozenset({"add", "copy", "run"})


class Heredoc(Struct, frozen=True):
    """`name` ends it; `expand`: its variables are expanded (COPY and ADD); `chomp`: `<<-`."""

    name: str
    expand: bool
    chomp: bool
    content: str = ""

    @property
    def text(self) -> str:
        """The content as it is used: without leading tabs for `<<-`."""
        return re.sub(_TABS, "", self.content) if self.chomp else self.content


def heredoc_word(word: str) -> Heredoc | None:
    """Parse a word that announces a here-document; `None` for any other word. Never raises."""
    return _document(word, _BARE, _QUOTED)


def announced(text: str, escape: str) -> tuple[Heredoc, ...]:
    """Return the here-documents that an instruction announces, without content yet."""
    return _announced(text, escape, (_BARE, _QUOTED, _WHOLE_LINE))


def announced_before(text: str, escape: str) -> tuple[Heredoc, ...]:
    """Return the same as BuildKit before 0.15 did, which understood `<<${X:-EOF}`."""
    rules = (replace(rules, forgetful=False) for rules in (_BARE, _QUOTED, _WHOLE_LINE))
    return _announced(text, escape, tuple(rules))


def _announced(text: str, escape: str, rules: tuple[Rules, ...]) -> tuple[Heredoc, ...]:
    if "<<" not in text or not _can_have(text, escape):
        return ()
    bare, quoted, whole_line = rules
    try:
        words = expand(text, {}, whole_line).words
    except RefusedError:
        return ()
    return tuple(found for word in words if (found := _document(word, bare, quoted)))


def _document(word: str, unquoted: Rules, raw: Rules) -> Heredoc | None:
    found = _MARK.fullmatch(word)
    if not found or not found[2]:
        return None
    try:
        bare, quoted = expand(found[2], {}, unquoted).words, expand(found[2], {}, raw).words
    except RefusedError:
        return None
    if len(bare) != 1 or len(quoted) != 1:
        return None
    return Heredoc(bare[0], _quotes(bare[0]) == _quotes(quoted[0]), bool(found[1]))


def _can_have(text: str, escape: str) -> bool:
    command = split_instruction(text, escape)
    if command.keyword.lower() == "onbuild":
        command = split_instruction(command.rest, escape)
    if command.keyword.lower() not in _TAKERS:
        return False
    try:
        return json_form(command.rest) is None
    except RefusedError:
        return False


def _quotes(word: str) -> int:
    return word.count("'") + word.count('"')
