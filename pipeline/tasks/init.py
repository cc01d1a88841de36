"""`init`: write the smallest settings for an existing repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes
from ._options import JSON

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "check": "write nothing; print what would be written, and exit with 5 if there is any",
        "json": JSON,
    }
)
@changes(see="init --check", unless="check")
def init(_c: Context, *, check: bool = False, json: bool = False) -> int:
    """Write settings for the Dockerfiles, fly.toml, compose and bake files that are here."""
    from ._init import run

    return run(check=check, json=json)
