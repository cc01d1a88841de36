"""Print the inputs of an image's fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..console import as_json, show
from ..fingerprints.fingerprint import fingerprint
from ._choose import choose_one
from ._load import load_project
from ._say import warn, write_json

if TYPE_CHECKING:
    from ._command import Words


def run(
    name: str,
    *,
    strict: bool,
    json: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Print the inputs of one image."""
    project = load_project(profile, allow, arg, strict=strict)
    image = choose_one(project, name)
    found = fingerprint(project, only=[image])[image]
    warn(project, found.warnings)
    if json:
        write_json(as_json.inputs_json(found))
    else:
        show.print_inputs(found)
    return 0
