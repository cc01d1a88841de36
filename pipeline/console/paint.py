"""Colours of text. Words carry the meaning; colour only helps."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Style(StrEnum):
    """A text style: the parameter of an SGR escape sequence (ECMA-48)."""

    NONE = ""
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    CYAN = "36"


Paint = Callable[[str, Style], str]


def coloured(text: str, style: Style) -> str:
    """Return the text with escape sequences for its style."""
    return f"\x1b[{style}m{text}\x1b[0m" if style and text else text


def plain(text: str, _style: Style) -> str:
    """Return the text without a style."""
    return text


STATUS_STYLES = {
    "build": Style.YELLOW,
    "copy": Style.YELLOW,
    "deploy": Style.YELLOW,
    "alias": Style.YELLOW,
    "built": Style.GREEN,
    "copied": Style.GREEN,
    "deployed": Style.GREEN,
    "created": Style.GREEN,
    "added": Style.GREEN,
    "moved": Style.GREEN,
    "absent": Style.RED,
    "ok": Style.GREEN,
    "failed": Style.RED,
    "rolled-back": Style.RED,
    "blocked": Style.YELLOW,
    "held": Style.YELLOW,
    "outdated": Style.YELLOW,
    "missing": Style.YELLOW,
    "orphan": Style.YELLOW,
    "unhealthy": Style.RED,
    "unknown": Style.RED,
}


def status_style(word: str) -> Style:
    """Return the style for an action or status; those that need no attention are dim."""
    return STATUS_STYLES.get(word, Style.DIM)
