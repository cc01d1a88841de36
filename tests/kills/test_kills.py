"""A sample of the kill campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kills.campaign import describe, rounds, start_registry

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = (3, 5, 8)


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("engine")
def test_the_next_build_repairs_what_a_killed_one_left(tmp_path: Path) -> None:
    """No tag without its content, no process, secret, folder or container is left."""
    with start_registry(tmp_path) as place:
        done = list(rounds(SAMPLE, place, jobs=3))

    assert len(done) == len(SAMPLE)
    assert not any(one.wrong for one in done), "\n".join(map(describe, done))
