"""Split an instruction as BuildKit does: into keyword, flags, words, pairs or a JSON array.

Facts from buildkit `frontend/dockerfile/parser` (`split_command.go`, `line_parsers.go`).
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct

from .errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    Kind = Literal["text", "quote", "escape"]

SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go calls a space (`str.isspace` also takes the separators 1C to 1F, Go does not)."""

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_SPACES = re.compile(f"[{SPACES}]*+")


class InstructionText(Struct, frozen=True):
    """An instruction's parts: `keyword` as written, `flags` unquoted, `rest` unchanged."""

    keyword: str
    flags: tuple[str, ...]
    rest: str


class Pair(Struct, frozen=True):
    """`name=value` of ARG, ENV or LABEL, neither unquoted nor expanded; `None`: no value given."""

    name: str
    value: str | None


def split_instruction(text: str, escape: str) -> InstructionText:
    r"""Split off the keyword and the flags after it.

    BuildKit reads flags byte by byte, and takes each byte for a character: `--exclude=é` becomes
    `--exclude=Ã©`, and a byte that is a blank in Latin-1 ends a flag.

    >>> split_instruction("COPY --from=build a b", "\\")
    InstructionText(keyword='COPY', flags=('--from=build',), rest='a b')
    """
    keyword, *more = _BLANKS.split(text.strip(SPACES), maxsplit=1)
    flags: list[str] = []
    rest = more[0] if more else ""
    if not rest.isascii():
        rest = rest.encode("utf-8", "replace").decode("latin-1")
    at = 0
    while (start := _skip_spaces(rest, at)) < len(rest):
        if not rest.startswith("--", start):
            return InstructionText(keyword, tuple(flags), _after_flags(rest, start))
        word, at = _flag(rest, start, escape)
        if word == "--":
            return InstructionText(keyword, tuple(flags), _after_flags(rest, at))
        flags.append(word)
    return InstructionText(keyword, tuple(flags), "")


def _after_flags(rest: str, at: int) -> str:
    """Return the text after the flags, decoded into characters again."""
    text = rest[at:]
    if not text.isascii():
        text = text.encode("latin-1").decode("utf-8", "replace")
    return text.strip(SPACES)


def blank_separated(rest: str) -> tuple[str, ...]:
    """Split at blanks; quotes have no meaning here."""
    return tuple(_BLANKS.split(rest)) if rest else ()


def quoted_words(rest: str, escape: str) -> tuple[str, ...]:
    """Split at spaces that are neither quoted nor escaped; quotes and escapes stay."""
    words: list[str] = []
    at = 0
    while (at := _skip_spaces(rest, at)) < len(rest):
        word, at = _quoted_word(rest, at, escape)
        if word:
            words.append(word)
    return tuple(words)


def pairs(keyword: str, rest: str, escape: str) -> tuple[Pair, ...]:
    """Split the pairs of ENV and LABEL: `a=b c="d e"`, or the old `a b c` for one pair."""
    words = quoted_words(rest, escape)
    if not words:
        raise RefusedError(f"`{keyword}` needs at least one `name=value`")
    if "=" not in words[0]:
        return (_old_pair(keyword, rest),)
    for word in words:
        if "=" not in word:
            raise RefusedError(
                f"`{word}` has no `=`: every word of this `{keyword}` must be `name=value`",
                hint="put quotes around a value that has spaces",
                blame=word,
            )
    found = tuple(Pair(*word.split("=", 1)) for word in words)
    if not all(pair.name for pair in found):
        raise RefusedError(f"a name of `{keyword}` is empty")
    return found


def json_form(rest: str) -> tuple[str, ...] | None:
    """Parse a JSON array of strings; `None` if it is not JSON and so is plain text.

    Raises `RefusedError` for a JSON array of anything but strings.
    """
    text = rest.lstrip(SPACES)
    if not text.startswith("["):
        return None
    try:
        found: object = _strings_only().decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise RefusedError("a JSON array here must hold strings only")
    return tuple(str(item).encode("utf-8", "replace").decode("utf-8") for item in found)


def json_with_more(rest: str) -> tuple[str, ...]:
    """Parse a JSON array of strings with text after it; return nothing for anything else.

    BuildKit before 0.15 takes the array and drops the text; newer versions read it all as words.
    """
    text = rest.lstrip(SPACES)
    if not text.startswith("["):
        return ()
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return ()
    if not text[end:].strip(SPACES) or not all(isinstance(item, str) for item in found):
        return ()
    return tuple(item.encode("utf-8", "replace").decode("utf-8") for item in found)


@cache
def _strings_only() -> json.JSONDecoder:
    """Return a decoder that converts no number: one may have more digits than Python takes."""
    return json.JSONDecoder(parse_int=_zero, parse_float=_zero, parse_constant=_no_constant)


def _zero(_number: str) -> int:
    return 0


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _skip_spaces(text: str, at: int) -> int:
    found = _SPACES.match(text, at)
    return found.end() if found else at


@cache
def _run(escape: str) -> re.Pattern[str]:
    """Match characters of a word that neither end it nor have a special meaning."""
    return re.compile(f"[^{SPACES}'\"{re.escape(escape)}]+")


def _parts(rest: str, at: int, escape: str, literal: str) -> Iterator[tuple[Kind, str]]:
    """Split the word that begins at `at` into text, quotes, and escapes with their character.

    The text after the word is not read. `literal` are the quotes in which `escape` is an ordinary
    character. An escape at the end of `rest` has no character.
    """
    quote = ""
    kind: Kind
    while at < len(rest):
        if plain := _run(escape).match(rest, at):
            kind, text = "text", plain[0]
        elif not quote and rest[at] in SPACES:
            return
        elif rest[at] == escape and not (quote and quote in literal):
            kind, text = "escape", rest[at : at + 2]
        elif rest[at] == quote or (not quote and rest[at] in "'\""):
            kind, text = "quote", rest[at]
            quote = "" if quote else text
        else:
            kind, text = "text", rest[at]
        yield kind, text
        at += len(text)


def _flag(rest: str, at: int, escape: str) -> tuple[str, int]:
    """Return the flag at `at`, without its quotes and escapes, and where it ends."""
    parts = list(_parts(rest, at, escape, literal=""))
    unquoted = (text[kind == "escape" :] for kind, text in parts if kind != "quote")
    return "".join(unquoted), at + sum(len(text) for _, text in parts)


def _quoted_word(rest: str, at: int, escape: str) -> tuple[str, int]:
    """Return the word at `at` as written, without an escape at the end, and where it ends."""
    parts = list(_parts(rest, at, escape, literal="'"))
    written = (text for kind, text in parts if not (kind == "escape" and text == escape))
    return "".join(written), at + sum(len(text) for _, text in parts)


def _old_pair(keyword: str, rest: str) -> Pair:
    parts = _BLANKS.split(rest, maxsplit=1)
    if len(parts) < 2:
        raise RefusedError(
            f"`{keyword} {rest}` has no value", hint=f"write `{keyword} {parts[0]}=value`"
        )
    return Pair(parts[0], parts[1])
