"""`invoke init` on small repositories after the layouts of public ones: a sample of `make adopt`.

Those with a compose or bake file need buildx, and are in `tests/e2e/test_init.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.adopt.layouts import NAMES, WITH_BUILDX, adopt, read_layout
from tests.adopt.table import MOST_LINES, documented_rows, row

if TYPE_CHECKING:
    from pathlib import Path


def test_there_are_ten() -> None:
    """As many as were promised, and no layout needs more lines by hand than that."""
    assert len(NAMES) == 10
    assert max(read_layout(name).lines for name in NAMES) <= MOST_LINES == 5


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_BUILDX])
def test_the_graph_is_right(tmp_path: Path, name: str) -> None:
    """With the handwork of the layout, and not without it; the table of the docs has both."""
    layout = read_layout(name)
    (tmp_path / "shop").mkdir()
    adopted = adopt(layout, tmp_path / "shop")
    assert adopted.after == layout.expected
    assert (adopted.before == layout.expected) is not bool(layout.hand)
    assert row(layout, adopted) in documented_rows()
