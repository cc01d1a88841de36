"""Read and write `pipeline.lock`: the manifest of each external, until somebody locks again.

    [[external]]
    reference = "docker.io/library/debian:bookworm-slim"
    digest = "sha256:…"                       # of the index, or of the manifest if there is none
    platforms = { "linux/amd64" = "sha256:…" }
    triggers = { "linux/amd64" = ["COPY . /app"] }

`triggers` are the ONBUILD instructions of its config, for the platforms that a Dockerfile begins a
stage with. Those of a platform that is not listed are not known, as in a file that an older version
wrote.

A program writes the file and a person reads it in a review: it is sorted TOML, an entry of a few
lines for each reference, so that two branches that lock different images do not conflict.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..errors import Problem
from ..model.image import MOST_TRIGGERS, Pin
from ..process.read_file import MOST
from ..reference import ReferenceSyntaxError, parse_digest, parse_platform, parse_reference
from .document import read_document
from .result import Result
from .toml_writer import toml_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..reference import Platform, Reference
    from .document import Document

LOCK_FILE = PurePosixPath("pipeline.lock")
_AGAIN = "delete it and run `invoke lock`, or take it from the last commit"
_HEAD = "# Written by `invoke lock`: which manifest each external image is.\n"


def load_lock(root: Path) -> Result[Mapping[Reference, Pin]]:
    """Read the externals in `pipeline.lock` of `root`; nothing without such a file."""
    document, problems = read_document(root, LOCK_FILE, MOST)
    if document is None:
        return Result(None, problems)
    entries = document.data.get("external", [])
    if not isinstance(entries, list):
        location = document.locate("external")
        return Result(None, (Problem(location, "`external` must be a list of tables", _AGAIN),))
    locks: dict[Reference, Pin] = {}
    found: list[Problem] = []
    for index, entry in enumerate(entries):
        try:
            reference, pin = parse_reference(str(entry["reference"])), _pin(entry)
            if reference in locks:
                found.append(_twice(document, index, reference))
            locks[reference] = pin
        except (KeyError, TypeError):
            found.append(_problem(document, index, "an entry needs `reference` and `digest`"))
        except ReferenceSyntaxError as error:
            found.append(_problem(document, index, str(error)))
    return Result(None if found else locks, tuple(found))


def lock_text(pins: Mapping[Reference, Pin]) -> str:
    """Write the file for these references. Raises `ReferenceSyntaxError` for an invalid one."""
    return _HEAD + "".join(_entry(reference, pins[reference]) for reference in sorted(pins))


def _pin(entry: Mapping[str, object]) -> Pin:
    """Return the pin of an entry. Raises `ReferenceSyntaxError`."""
    triggers = entry.get("triggers", {})
    if not isinstance(triggers, dict) or not all(map(_texts, triggers.values())):
        raise ReferenceSyntaxError("`triggers` must be a list of instructions for each platform")
    if max(map(len, triggers.values()), default=0) > MOST_TRIGGERS:
        raise ReferenceSyntaxError(f"an image has {MOST_TRIGGERS} `triggers` at most")
    known = {parse_platform(platform): tuple(texts) for platform, texts in triggers.items()}
    manifests = entry.get("platforms", {})
    if not isinstance(manifests, dict):
        raise ReferenceSyntaxError("`platforms` must have a digest for each platform")
    platforms = {parse_platform(p): parse_digest(str(d)) for p, d in manifests.items()}
    return Pin(parse_digest(str(entry["digest"])), platforms, known)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _entry(reference: Reference, pin: Pin) -> str:
    """Write an entry. What a registry said is parsed again."""
    platforms = {_platform(one): parse_digest(digest) for one, digest in pin.platforms.items()}
    triggers = {_platform(one): texts for one, texts in pin.triggers.items()}
    return "".join(
        (
            "\n[[external]]\n",
            toml_line("reference", str(parse_reference(str(reference)))),
            toml_line("digest", parse_digest(pin.digest)),
            toml_line("platforms", dict(sorted(platforms.items()))) if platforms else "",
            toml_line("triggers", dict(sorted(triggers.items()))) if triggers else "",
        )
    )


def _platform(platform: Platform) -> str:
    return str(parse_platform(str(platform)))


def _twice(document: Document, index: int, reference: Reference) -> Problem:
    message = f"`{reference}` is locked twice: it is not clear to which digest"
    hint = "remove one of the two, or delete the file and run `invoke lock`"
    return Problem(document.locate("external", index, "reference"), message, hint)


def _problem(document: Document, index: int, message: str) -> Problem:
    return Problem(document.locate("external", index), message, _AGAIN)
