"""`graph`: draw the graph of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import ALLOW, ARG, PROFILE, STRICT

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "format_": "tree, json, dot or mermaid",
        "strict": STRICT,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
)
@looks
def graph(
    _c: Context,
    *,
    format_: str = "tree",
    strict: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
) -> int:
    """Print the graph of images."""
    from ._graph import run

    return run(format_=format_, strict=strict, allow=allow, profile=profile, arg=arg)
