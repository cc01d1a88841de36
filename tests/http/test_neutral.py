"""The HTTP layer knows neither registries nor Fly: names, media types and hints are theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "pipeline" / "http"
OTHERS = re.compile(
    r"registr|manifest|\bblobs?\b|\blayers?\b|\bfly\b(?!-image-pipeline)", re.IGNORECASE
)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_no_word_of_what_is_built_on_it(path: Path) -> None:
    """A hint for registries, or a limit of Fly's, is given to it by its caller."""
    assert OTHERS.findall(path.read_text(encoding="utf-8")) == []
