"""`graph`, `inputs` and `exists`: look, and change nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from invoke.tasks import task

from ..errors import usage_error
from ._command import looks
from ._load import load_project
from ._options import ALLOW, PROFILE, STRICT
from ._say import warn, write_json

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


FORMATS = ("tree", "json", "dot", "mermaid")


@task(
    help={
        "format_": "tree, json, dot or mermaid",
        "strict": STRICT,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def graph(
    _c: Context,
    *,
    format_: str = "tree",
    strict: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Draw which image stands on which."""
    from ..console import as_json  # noqa: PLC0415 - loaded late
    from ..console import graph as pictures  # noqa: PLC0415

    if format_ not in FORMATS:
        raise usage_error(f"there is no format `{format_}`", hint=f"one of: {', '.join(FORMATS)}")
    project = load_project(profile, allow, strict=strict)
    warn(project, (problem for image in project for problem in image.warnings))
    if format_ == "json":
        write_json(as_json.graph_json(project))
    else:
        sys.stdout.write(getattr(pictures, format_)(project))
    return 0
