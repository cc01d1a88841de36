"""The README as a page that can be run: its commands in a project of its own layout.

Its blocks show no output, so any output is right; what counts is how each command ends.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from tests.docs_check.commands import calls
from tests.docs_check.page import ROOT, Command, File, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

README = ROOT / "README.md"
_ANY = ("…",)
_LAID_OUT = re.compile(r"^ {6}(\S+/\S+) {2,}(.+?)(?: …)?$", re.MULTILINE)
_SETTINGS = re.compile(r"^```toml\n# pipeline\.toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACEHOLDERS = {"NAME": "api", "NAMES": "api", "APP": "acme-api", "APPS": "acme-api"}
_TO_WRITE = {"init --check": 5}
"""Commands that say by their exit code that there is something to do."""


def files() -> Iterator[File]:
    """Yield the files of the layout, and `pipeline.toml`."""
    text = README.read_text(encoding="utf-8")
    for path, content in _LAID_OUT.findall(text):
        yield File(1, f"images/{path}", f"{content}\n")
    (settings,) = _SETTINGS.findall(text)
    yield File(1, "pipeline.toml", settings)


def readme_page() -> Page:
    """Return the README's steps. Its apps are created first, and `init` runs without settings."""
    found = list(dict.fromkeys(" ".join(_filled(call.words)) for call in calls(README)))
    adopting = [text for text in found if text.split()[0] == "init"]
    rest = [text for text in found if text not in adopting]
    rest.sort(key=lambda text: text.split()[0] != "apps")
    adopting.sort(key=lambda text: text not in _TO_WRITE)  # A second `init` refuses.
    other = Command(1, "fly apps create acme-prod-api --org acme", _ANY)
    steps: list[Command | File] = [
        *files(),
        other,
        *map(_command, rest),
        Command(1, "rm pipeline.toml", _ANY),
        *map(_command, adopting),
    ]
    return Page(README, "fly", tuple(steps), 0)


def _filled(words: tuple[str, ...]) -> list[str]:
    """Return a command with names in place of `NAME` and the like."""
    return [_PLACEHOLDERS.get(word, word) for word in words]


def _command(text: str) -> Command:
    quoted = shlex.join(["fip", *text.split()])
    return Command(1, quoted, _ANY, _TO_WRITE.get(text, 0))
