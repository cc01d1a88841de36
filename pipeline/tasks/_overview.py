"""What there is, grouped by what people do: printed by `fip` and `invoke` without a task."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from ..console.text import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invoke.collection import Collection

_GROUPS = {
    "Start": ("help", "init", "doctor"),
    "See what would happen, and why": ("plan", "graph", "inputs", "why", "impact", "exists"),
    "Build images": ("build-all", "build", "lock", "promote", "export", "builder"),
    "Deploy apps": ("deploy-all", "deploy", "status", "releases", "rollback", "down"),
    "Set up Fly": ("apps", "keep", "login"),
}
_WIDTH = 79


def run(tasks: Collection) -> int:
    """Print the overview of all tasks, also of those that the user's `tasks.py` adds to ours."""
    lines = overview(tasks, program())
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def overview(tasks: Collection, program: str) -> Iterator[str]:
    """Return the lines of the overview; a task that is in no group is in the last one."""
    grouped = {name for names in _GROUPS.values() for name in names}
    rest = tuple(name for name in sorted(tasks.task_names) if name not in grouped)
    cells = max(map(len, tasks.task_names), default=0)
    for title, names in {**_GROUPS, "More": rest}.items():
        known = [name for name in names if name in tasks.task_names]
        if known:
            yield f"{title}:"
            yield from (line for name in known for line in _lines(tasks, name, cells))
            yield ""
    yield f"`{program} --help TASK` explains a task; `{program} --help` has the options of Invoke."


def _lines(tasks: Collection, name: str, cells: int) -> list[str]:
    first = (tasks[name].__doc__ or "").strip().partition("\n\n")[0]
    start = f"  {name:<{cells}}  "
    text = " ".join(first.split())
    return textwrap.wrap(
        text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
    ) or [start.rstrip()]
