r"""Make text from outside harmless for terminals, CI runners and readers of JSON.

Names, logs and messages come from builds, registries, Fly and repositories, so from anybody. Escape
codes in them could move the cursor or hide text; a line can be a command to the runner that reads a
log:

- GitHub's takes `::name …::` behind any blanks, and `##[name …]` anywhere in a line
  (actions/runner `ActionCommand.cs`); Forgejo's and Gitea's do the same;
- Azure's agent takes `##vso[…]` anywhere (azure-pipelines-agent `Command.cs`), TeamCity
  `##teamcity[…]`;
- GitLab's sections, Travis' folds, Buildkite's and Jenkins' notes need an escape code or a `\r`.

A blank is put into such a beginning: people can still read it, and runners ignore it. That is done
on every machine, as another one may read the log.
"""

from __future__ import annotations

import re
import unicodedata

# Compiled by `re` at first use, as most runs need none of these.
# ECMA-48: CSI sequences; OSC, DCS, PM, APC and SOS strings up to BEL or ST; two-byte escapes.
_ESCAPE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
_OUR_STYLE = r"\x1b\[(?:[0-2]|3[0-6])m"
"""The codes that we write ourselves (`console.paint`)."""
_HASHED = r"#(?=#[A-Za-z]*\[)"
_COLONS = rf"((?:\s|[\u200c\u200d]|{_OUR_STYLE})*:)(?=:)"
_SEEN = r"[^\x00-\xff\s\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
_JOINED = rf"(?<={_SEEN})[\u200c\u200d](?={_SEEN})"
"""Joiners, which make one emoji of several, or spell Persian. Elsewhere they only hide in names."""


def harmless(text: str) -> str:
    r"""Return lines without codes except our styles, and without commands to a CI runner.

    >>> harmless("  ::set-output name=a::b\x1b[2J")
    '  : :set-output name=a::b'
    """
    if text.isascii() and text.isprintable() and ":" not in text and "#" not in text:
        return text
    return "\n".join(map(_line, text.split("\n")))


def without_escapes(text: str) -> str:
    """Return the text without escape codes; control characters may be left."""
    return re.sub(_ESCAPE, "", text)


def visible(text: str) -> str:
    """Return the text without control and other invisible characters; a newline becomes a blank."""
    if text.isprintable():
        return text
    joined = {found.start() for found in re.finditer(_JOINED, text)}
    return "".join(c if at in joined else _shown(c) for at, c in enumerate(text))


def harmless_json(document: str) -> str:
    r"""Return an equal JSON document, in which commands and invisible characters are escaped.

    >>> harmless_json('{"a": "##[x]\x9b"}')
    '{"a": "\\u0023#[x]\\u009b"}'
    """
    lines = document.split("\n")
    shown = (
        line if line.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in line)
        for line in lines
    )
    return re.sub(_HASHED, r"\\u0023", "\n".join(shown))


def _line(line: str) -> str:
    if not line.isprintable():
        pieces = re.split(f"({_OUR_STYLE})", line)
        pieces[::2] = [_tabbed(piece) for piece in pieces[::2]]
        line = "".join(pieces)
    if "##" in line:
        line = re.sub(_HASHED, "# ", line)
    found = re.match(_COLONS, line) if "::" in line else None
    return f"{found[1]} {line[found.end() :]}" if found else line


def _tabbed(text: str) -> str:
    return "\t".join(map(visible, without_escapes(text).split("\t")))


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if character == "\n" or category in {"Zl", "Zp"}:
        return " "
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    # Cf has the bidirectional overrides, which show text in another order than it has.
    return "" if category in {"Cc", "Cf"} else character


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
