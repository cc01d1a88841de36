"""`pipeline.lock`: which manifest each external is, until somebody locks anew.

    [[external]]
    reference = "docker.io/library/debian:bookworm-slim"
    digest = "sha256:…"                       # of the index, or of the manifest where there is none
    platforms = { "linux/amd64" = "sha256:…" }

It is TOML that a program writes and a person reads in a review: sorted, an entry of a few lines for
each reference, so that two branches that lock different images do not conflict.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.reference import ReferenceSyntaxError, parse_digest, parse_reference
from pipeline.errors import Problem
from pipeline.shell.config.document import read_document
from pipeline.shell.config.loaded import Loaded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.core.reference import Digest, Platform, Reference
    from pipeline.shell.config.document import Document

LOCK_FILE = PurePosixPath("pipeline.lock")
_AGAIN = "delete it and run `invoke lock`, or take it from the last commit"
_HEAD = "# Written by `invoke lock`: which manifest each external image is.\n"


def load_lock(root: Path) -> Loaded[Mapping[Reference, Digest]]:
    """The digests that `pipeline.lock` in `root` pins; none without such a file."""
    document, problems = read_document(root, LOCK_FILE)
    if document is None:
        return Loaded(None, problems)
    entries = document.data.get("external", [])
    if not isinstance(entries, list):
        place = document.locate("external")
        return Loaded(None, (Problem(place, "`external` wants a list of tables", _AGAIN),))
    locks: dict[Reference, Digest] = {}
    found: list[Problem] = []
    for index, entry in enumerate(entries):
        try:
            locks[parse_reference(str(entry["reference"]))] = parse_digest(str(entry["digest"]))
        except (KeyError, TypeError):
            found.append(_problem(document, index, "an entry wants `reference` and `digest`"))
        except ReferenceSyntaxError as error:
            found.append(_problem(document, index, str(error)))
    return Loaded(None if found else locks, tuple(found))


def lock_text(locks: Mapping[Reference, tuple[Digest, Mapping[Platform, Digest]]]) -> str:
    """The file for these references: the digest of each, and of its platforms."""
    return _HEAD + "".join(_entry(reference, *locks[reference]) for reference in sorted(locks))


def _entry(reference: Reference, digest: Digest, platforms: Mapping[Platform, Digest]) -> str:
    each = ", ".join(
        f'"{platform}" = "{platforms[platform]}"' for platform in sorted(platforms, key=str)
    )
    inside = f"platforms = {{ {each} }}\n" if each else ""
    return f'\n[[external]]\nreference = "{reference}"\ndigest = "{digest}"\n{inside}'


def _problem(document: Document, index: int, message: str) -> Problem:
    return Problem(document.locate("external", index), message, _AGAIN)
