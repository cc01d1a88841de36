"""What we believe of flyctl, on our own program; on a real one with `make contract-fly`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.fly import fake_fly
from tests.support.fly.flyctl.beliefs import BELIEFS
from tests.support.fly.raw_requests import flyctl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fly import FakeFly
    from tests.support.fly.flyctl.beliefs import Belief

SERVICE = "[http_service]\ninternal_port = 80\n[[http_service.checks]]\npath = '/'\n"


@pytest.fixture(scope="module")
def started_fly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeFly]:
    """Start a fake Fly whose app `web` was deployed."""
    folder = tmp_path_factory.mktemp("started")
    (folder / "fly.toml").write_text(f'app = "web"\n{SERVICE}', encoding="utf-8")
    with fake_fly(folder / "fly") as fly:
        fly.create_app("web")
        words = ["deploy", "--image", fly.push("web", "v1"), "--ha=false", "--yes"]
        done = flyctl(fly, *words, cwd=folder, HOME=str(folder))
        assert done.returncode == 0, done.stderr
        yield fly


@pytest.mark.parametrize("belief", BELIEFS, ids=[f"{n} {b.line}" for n, b in enumerate(BELIEFS)])
def test_a_belief(fly: FakeFly, started_fly: FakeFly, tmp_path: Path, belief: Belief) -> None:
    """Exit code, streams, JSON and words."""
    asked = started_fly if belief.started else fly
    (tmp_path / "fly.toml").write_text(f'app = "web"\n{SERVICE}', encoding="utf-8")
    names = {name: f"{asked.registry}/{name}" for name in ("web", "secret")}
    done = flyctl(asked, *belief.line.format(**names).split(), cwd=tmp_path, **belief.environ)
    err = belief.err
    for name, repository in names.items():
        err = err.replace(f"{{{name}}}", re.escape(repository))

    assert done.returncode == belief.code, done.stderr
    assert re.search(belief.out, done.stdout), done.stdout
    assert re.search(err, done.stderr), done.stderr
    if belief.keys:
        said = json.loads(done.stdout)
        assert belief.keys <= set(said[0] if isinstance(said, list) else said)
