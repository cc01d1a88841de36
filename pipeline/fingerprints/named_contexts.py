"""The named contexts of an image: folders of the project, each under its own ignore file.

BuildKit reads `.dockerignore` in the folder itself, and no other (`frontend/dockerui/
namedcontext.go`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.inputs import ContextInputs
from .context import Context
from .ignore_file import ignore_file_in
from .scan import scan_context

if TYPE_CHECKING:
    from pathlib import Path

    from ..model.image import Image, NamedContext
    from .disk import Disk


def named_contexts(disk: Disk, root: Path, image: Image) -> dict[str, ContextInputs]:
    """What an image reads of each of its named contexts. Raises as `scan` does."""
    return {name: _read(disk, root, image, named) for name, named in image.contexts.items()}


def _read(disk: Disk, root: Path, image: Image, named: NamedContext) -> ContextInputs:
    found = ignore_file_in(disk, root, named.path)
    context = Context(disk, str(root / named.path), found.ignore)
    entries = scan_context(context, named.reads, image.dockerfile)
    ignored = (found.path, found.source) if found.path else None
    return ContextInputs(named.path, entries, named.reads.whole, ignored, found.warnings)
