"""The relative links of the pages, and the headings that they may lead to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.docs_check.page import ROOT, pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CODE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def broken_links() -> list[str]:
    """Return the links that lead to no file or to no heading, each with its page."""
    return [f"{page.relative_to(ROOT)}: {link}" for page in pages() for link in _broken(page)]


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and Zensical make them."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return {anchor(heading) for heading in _HEADING.findall(text)}


def anchor(heading: str) -> str:
    """Return the anchor of a heading.

    >>> anchor("Exit codes"), anchor("What `[build]` means, in short")
    ('exit-codes', 'what-build-means-in-short')
    """
    words = re.sub(r"[^\w\- ]", "", heading.lower())
    return words.strip().replace(" ", "-")


def _broken(page: Path) -> Iterator[str]:
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (heading and heading not in headings(target)):
            yield link
