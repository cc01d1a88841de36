"""Mask secrets in text from outside: find every form of a secret, and write `***` instead."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Mask = Callable[[str], str]
    """A function that returns a text without the secrets."""

_SHORTEST = 4
"""Characters of the shortest secret: a shorter one is part of many words, and protects nothing."""


def forms(secret: str, user: str = "") -> tuple[str, ...]:
    """Return the forms of a secret: itself, its parts between commas, in URLs, JSON, base64.

    >>> "eDp0b2tlbg" in forms("token", "x")
    True
    """
    written = [secret, *(part.strip() for part in secret.split(","))]
    kept = [text for text in dict.fromkeys(written) if len(text) >= _SHORTEST]
    pairs = [f"{user}:{text}" for text in kept] if user else []
    return tuple(
        dict.fromkeys(
            [
                *kept,
                *(quote(text, safe="") for text in kept),
                *(code for text in kept for code in _in_json(text)),
                *(code for text in (*kept, *pairs) for code in _encoded(text)),
            ]
        )
    )


def masker(secrets: Iterable[str]) -> Mask:
    """Return a function that writes `***` for each of `secrets`, in upper or lower case.

    >>> masker(["fm2_abc"])("denied: FM2_abc")
    'denied: ***'
    """
    wanted = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
    if not wanted:
        return lambda text: text
    found = re.compile("|".join(map(re.escape, wanted)), re.IGNORECASE)
    return lambda text: found.sub("***", text)


def _in_json(text: str) -> tuple[str, str]:
    """Return the text inside a JSON string, with and without escapes for what ASCII lacks."""
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _encoded(text: str) -> tuple[str, str]:
    """Return base64 in both alphabets, without padding, which may be missing."""
    content = text.encode(errors="surrogateescape")
    standard, safe = base64.b64encode(content), base64.urlsafe_b64encode(content)
    return standard.decode().rstrip("="), safe.decode().rstrip("=")
