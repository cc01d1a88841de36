"""`help`: show what there is. It runs if no task is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks

if TYPE_CHECKING:
    from invoke.collection import Collection
    from invoke.context import Context

SHOWN: list[Collection] = []
"""The collection that the task is in; `pipeline.tasks` puts it here."""


@task(name="help", default=True)
@looks
def show_help(_c: Context) -> int:
    """Show the tasks, grouped by what people do."""
    from ._overview import run

    return run(SHOWN[0])
