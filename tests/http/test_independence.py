"""The HTTP layer is independent of registries and Fly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "pipeline" / "http"
OTHERS = re.compile(
    r"registr|manifest|\bblobs?\b|\blayers?\b|\bfly\b(?!-image-pipeline)", re.IGNORECASE
)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_no_mention_of_registries_or_fly(path: Path) -> None:
    """Hints and limits are passed by the callers."""
    assert OTHERS.findall(path.read_text(encoding="utf-8")) == []
