"""Print the graph of images."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..console import as_json
from ..console import graph as pictures
from ..errors import usage_error
from ._load import load_project
from ._say import warn, write_json

if TYPE_CHECKING:
    from ._command import Words


FORMATS = ("tree", "json", "dot", "mermaid")


def run(
    *,
    format_: str,
    strict: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Print the graph in one of `FORMATS`."""
    if format_ not in FORMATS:
        raise usage_error(f"there is no format `{format_}`", hint=f"one of: {', '.join(FORMATS)}")
    project = load_project(profile, allow, arg, strict=strict)
    warn(project, (problem for image in project for problem in image.warnings))
    if format_ == "json":
        write_json(as_json.graph_json(project))
    else:
        sys.stdout.write(getattr(pictures, format_)(project))
    return 0
