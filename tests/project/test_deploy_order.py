"""Mistakes in `after`, each with line, column and suggestion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import Problem


def app(root: Path, name: str, settings: str) -> None:
    """Make an image of the app `acme-NAME` with that `image.toml`."""
    folder = root / "images" / name
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "fly.toml").write_text(f'app = "acme-{name}"\n')
    (folder / "image.toml").write_text(settings)


def problems_of(root: Path) -> tuple[Problem, ...]:
    """Return the problems of the project."""
    with pytest.raises(ConfigError) as caught:
        load(root)
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("wroker", "`after` names `wroker`, which is not an image", "did you mean `worker`?"),
        ("acme-worker", "is not an image", "`acme-worker` is an app; `after` names its image"),
        ("os", "`after` names `os`, which is a base, which is not deployed", "are `api` and"),
    ],
)
def test_a_wrong_name_has_its_location(tmp_path: Path, name: str, said: str, hint: str) -> None:
    """The location of the element, and the nearest name."""
    app(tmp_path, "worker", "")
    app(tmp_path, "api", "")
    app(tmp_path, "web", f'[deploy]\nafter = [\n  "api",\n  "{name}",\n]\n')
    base = tmp_path / "images" / "os"
    base.mkdir()
    (base / "Dockerfile").write_text("FROM scratch\n")

    (problem,) = problems_of(tmp_path)

    assert str(problem.location) == "images/web/image.toml:4:3"
    assert said in problem.message
    assert hint in problem.hint


def test_a_cycle_has_its_location(tmp_path: Path) -> None:
    """The location of the name that closes the cycle."""
    app(tmp_path, "api", '[deploy]\nafter = ["web"]\n')
    app(tmp_path, "web", 'deploy = { after = ["api"] }\n')

    (problem,) = problems_of(tmp_path)

    assert str(problem.location) == "images/api/image.toml:2:10"
    assert problem.message == "`after` forms a cycle: api -> web -> api"
