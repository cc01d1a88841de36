"""Each change of the proof's corpus that changes the fingerprint is named, and no other is.

`python -m tests.runner.test_why_corpus` tries all of the corpus, a minute or two.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load
from pipeline.errors import PipelineError
from pipeline.model.why import Side, differences
from pipeline.reference import parse_image_name
from tests.proof.cases import CASES
from tests.proof.changes import changes
from tests.proof.tree import write

if TYPE_CHECKING:
    from tests.proof.cases import Case
    from tests.proof.tree import Tree

SAMPLE = CASES[::26]
APP = parse_image_name("app")


def side(shape: Tree, parent: Path) -> Side | None:
    """Write and load a project; `None` if it has a mistake."""
    try:
        project = load(write(shape, parent), environ=dict(shape.environ))
        return Side(project, fingerprint(project))
    except PipelineError:
        return None


def unexplained(case: Case, folder: Path) -> tuple[list[str], int]:
    """Return the changes that are not named as they should be, and how many changes were tried."""
    shape = case.tree("nonce")
    before = side(shape, folder / "before")
    found, tried = [], 0
    for number, change in enumerate(changes(shape, "other") if before else ()):
        after = side(change.after, folder / str(number))
        if before is None or after is None:
            continue
        tried += 1
        named = differences(before, after, APP)
        differs = before.inputs[APP].fingerprint != after.inputs[APP].fingerprint
        if differs != bool(named):
            found.append(f"{case.name}: {change.kind} of {change.what}: {named}")
    return found, tried


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_each_change_is_named(case: Case, tmp_path: Path) -> None:
    """If and only if the fingerprint differs."""
    found, tried = unexplained(case, tmp_path)
    assert found == []
    assert tried > 5


def main() -> None:
    """Try all cases."""
    total = 0
    for case in CASES:
        with TemporaryDirectory() as folder:
            found, tried = unexplained(case, Path(folder))
        total += tried
        for one in found:
            print(one)  # noqa: T201 - a command
    print(f"{len(CASES)} cases, {total} changes")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
