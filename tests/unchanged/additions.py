"""Record what newer code adds: `python -m tests.unchanged.additions`.

A key that JSON documents have now and the records lack is added to the records, and an option at
the end of a task's. What has changed or is gone is printed instead, and nothing is written.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.invoker import invoke
from tests.unchanged.projects import EXAMPLES
from tests.unchanged.views import (
    OPTIONS,
    RECORDED,
    ROOT,
    SAMPLES,
    TASKS,
    WITH_DOCUMENTS,
    as_text,
    copy_samples,
    documents_of,
    inputs_of,
    plain_environ,
)


def main() -> None:
    """Add to the records what the code of this working tree adds."""
    with tempfile.TemporaryDirectory() as scratch:
        views = _views(Path(scratch))
    changed: list[str] = []
    for name, view in views.items():
        recorded = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
        changed += _changes(recorded, view, name)
    if changed:
        raise SystemExit("\n".join(changed))
    for name, view in views.items():
        if name == TASKS:
            (RECORDED / f"{name}.json").write_text(json.dumps(view) + "\n", encoding="utf-8")
        else:
            (RECORDED / f"{name}.json").write_text(as_text(view), encoding="utf-8")


def _views(scratch: Path) -> dict[str, Any]:
    (home := scratch / "home").mkdir()
    environ = plain_environ(home)
    views: dict[str, Any] = {}
    for example in EXAMPLES:
        example.write(root := scratch / example.name)
        mine = {**environ, **example.environ}
        views[example.name] = inputs_of(root, invoke, mine, example.words)
        if example.name in WITH_DOCUMENTS:
            views[f"{example.name}.documents"] = documents_of(root, invoke, environ)
    copy_samples(root := scratch / SAMPLES)
    views[SAMPLES] = inputs_of(root, invoke, environ)
    said = subprocess.run(
        [sys.executable, "-c", OPTIONS], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return {**views, TASKS: json.loads(said.stdout)}


def _changes(before: Any, now: Any, where: str) -> list[str]:
    """Return what differs, but for keys and last items that are new."""
    if isinstance(before, dict) and isinstance(now, dict):
        gone = [f"{where}: `{key}` is gone" for key in before if key not in now]
        both = [_changes(before[key], now[key], f"{where}.{key}") for key in before if key in now]
        return gone + [text for found in both for text in found]
    if isinstance(before, list) and isinstance(now, list) and _fits(before, now, where):
        both = [_changes(*pair, f"{where}.{i}") for i, pair in enumerate(zip(before, now))]  # noqa: B905
        return [text for found in both for text in found]
    return [] if before == now else [f"{where}: {before!r} is {now!r} now"]


def _fits(before: list[Any], now: list[Any], where: str) -> bool:
    more = len(now) - len(before)
    return more == 0 or (more > 0 and where.startswith(f"{TASKS}."))


if __name__ == "__main__":
    main()
