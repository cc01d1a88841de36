"""The text of `why`."""

from __future__ import annotations

import pytest

from pipeline.console.paint import plain
from pipeline.console.why import why_lines
from pipeline.model.why import Change, Difference, Explanation, Verdict
from pipeline.reference import ImageName
from tests.console.values import make_reference


def removed(name: str) -> Difference:
    """Return the difference of a file that is gone."""
    return Difference("file", name, Change.REMOVED)


@pytest.mark.parametrize(
    ("inputs", "differences", "said"),
    [
        (4, [Difference("file", "a", Change.CHANGED)], "1 of 4 inputs differs"),
        (4, [removed("a"), removed("b")], "2 of 6 inputs differ"),
        (1, [removed("a"), Difference("target", "", Change.CHANGED)], "2 of 2 inputs differ"),
        (1, [Difference(kind, "", Change.CHANGED) for kind in ("target", "salt")], "2 of 2 inputs"),
    ],
)
def test_never_more_differ_than_there_are(
    inputs: int, differences: list[Difference], said: str
) -> None:
    """What is gone counts as an input, too; so do settings."""
    now, before = make_reference("web"), make_reference("old")
    one = Explanation(
        ImageName("web"),
        Verdict.DIFFERS,
        now,
        against=before,
        inputs=inputs,
        differences=tuple(differences),
    )
    assert next(why_lines(one, plain)).startswith(f"web would be built: {said}")
