"""Record the results of the code before the move: `python -m tests.unchanged CHECKOUT`.

CHECKOUT is a clone of this repository at commit 9f907ce. Its packages come first on the path of
this Python, which must have the dependencies of that commit. The projects, among them the samples,
and the views of them come from this working tree.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unchanged.projects import EXAMPLES
from tests.unchanged.views import (
    OPTIONS,
    RECORDED,
    SAMPLES,
    TASKS,
    WITH_DOCUMENTS,
    as_text,
    copy_samples,
    documents_of,
    inputs_of,
    plain_environ,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMIT = "9f907ce"
"""The last commit before the move."""


def main(checkout: Path) -> None:
    """Record all views with the code of a checkout. Raise `SystemExit` if it is another commit."""
    _refuse_another(checkout)
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        environ = {**plain_environ(home), "PYTHONPATH": str(checkout)}
        for example in EXAMPLES:
            root = Path(scratch) / example.name
            example.write(root)
            view = inputs_of(root, _invoke, {**environ, **example.environ}, example.words)
            _write(example.name, view)
            if example.name in WITH_DOCUMENTS:
                _write(f"{example.name}.documents", documents_of(root, _invoke, environ))
        root = Path(scratch) / SAMPLES
        copy_samples(root)
        _write(SAMPLES, inputs_of(root, _invoke, environ))
        _record_tasks(root, environ)
    for schema in (checkout / "pipeline/schema").glob("*.json"):
        (RECORDED / schema.name).write_bytes(schema.read_bytes())


def _refuse_another(checkout: Path) -> None:
    said = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    )
    if not said.stdout.startswith(COMMIT):
        raise SystemExit(f"{checkout} is at {said.stdout.strip()}, and not at {COMMIT}")


def _record_tasks(root: Path, environ: Mapping[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", OPTIONS],
        cwd=root,
        env=environ,
        capture_output=True,
        check=True,
        text=True,
    )
    (RECORDED / f"{TASKS}.json").write_text(ended.stdout)


def _invoke(
    words: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        check=False,
        text=True,
    )
    if ended.returncode:
        sys.stderr.write(f"{folder.name}: {' '.join(words)}: {ended.returncode}\n{ended.stderr}")
    return ended


def _write(name: str, view: object) -> None:
    (RECORDED / f"{name}.json").write_text(as_text(view), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
