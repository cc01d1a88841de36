"""`pipeline.lock`: which manifest each external is, until somebody locks anew.

    [[external]]
    reference = "docker.io/library/debian:bookworm-slim"
    digest = "sha256:…"                       # of the index, or of the manifest where there is none
    platforms = { "linux/amd64" = "sha256:…" }
    triggers = { "linux/amd64" = ["COPY . /app"] }

`triggers` are the ONBUILD instructions of its configuration, for the platforms that a Dockerfile
begins a stage with; none for a platform that is not there is not known, as in a file that an older
version wrote.

It is TOML that a program writes and a person reads in a review: sorted, an entry of a few lines for
each reference, so that two branches that lock different images do not conflict.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.model import Pin
from pipeline.core.reference import (
    ReferenceSyntaxError,
    parse_digest,
    parse_platform,
    parse_reference,
)
from pipeline.errors import Problem
from pipeline.shell.config.document import read_document
from pipeline.shell.config.loaded import Loaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipeline.core.reference import Platform, Reference
    from pipeline.shell.config.document import Document

LOCK_FILE = PurePosixPath("pipeline.lock")
_AGAIN = "delete it and run `invoke lock`, or take it from the last commit"
_HEAD = "# Written by `invoke lock`: which manifest each external image is.\n"


def load_lock(root: Path) -> Loaded[Mapping[Reference, Pin]]:
    """What `pipeline.lock` in `root` holds of externals; nothing without such a file."""
    document, problems = read_document(root, LOCK_FILE)
    if document is None:
        return Loaded(None, problems)
    entries = document.data.get("external", [])
    if not isinstance(entries, list):
        place = document.locate("external")
        return Loaded(None, (Problem(place, "`external` wants a list of tables", _AGAIN),))
    locks: dict[Reference, Pin] = {}
    found: list[Problem] = []
    for index, entry in enumerate(entries):
        try:
            locks[parse_reference(str(entry["reference"]))] = _pin(entry)
        except (KeyError, TypeError):
            found.append(_problem(document, index, "an entry wants `reference` and `digest`"))
        except ReferenceSyntaxError as error:
            found.append(_problem(document, index, str(error)))
    return Loaded(None if found else locks, tuple(found))


def lock_text(pins: Mapping[Reference, Pin]) -> str:
    """The file for these references."""
    return _HEAD + "".join(_entry(reference, pins[reference]) for reference in sorted(pins))


def _pin(entry: Mapping[str, object]) -> Pin:
    """What an entry holds that a build needs. Raises `ReferenceSyntaxError`."""
    triggers = entry.get("triggers", {})
    if not isinstance(triggers, dict) or not all(map(_texts, triggers.values())):
        raise ReferenceSyntaxError("`triggers` wants a list of instructions for each platform")
    known = {parse_platform(platform): tuple(texts) for platform, texts in triggers.items()}
    return Pin(parse_digest(str(entry["digest"])), triggers=known)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _entry(reference: Reference, pin: Pin) -> str:
    lines = [
        "",
        "[[external]]",
        f'reference = "{reference}"',
        f'digest = "{pin.digest}"',
        *_table("platforms", {p: f'"{digest}"' for p, digest in pin.platforms.items()}),
        *_table("triggers", {p: _list(texts) for p, texts in pin.triggers.items()}),
    ]
    return "".join(f"{line}\n" for line in lines)


def _table(key: str, values: Mapping[Platform, str]) -> list[str]:
    each = ", ".join(f'"{platform}" = {values[platform]}' for platform in sorted(values, key=str))
    return [f"{key} = {{ {each} }}"] if each else []


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_string, texts))}]"


def _string(text: str) -> str:
    """A TOML string, which is one of JSON's but for DEL and what is half a character."""
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _problem(document: Document, index: int, message: str) -> Problem:
    return Problem(document.locate("external", index), message, _AGAIN)
