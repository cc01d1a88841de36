"""`[build] builder` is a name, and never an option of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name", ["--bootstrap", "-D", "a b", "a\\nb", "--builder=x", ".", "tcp://h:1"]
)
def test_an_invalid_name_is_reported_with_its_location(tmp_path: Path, name: str) -> None:
    """Reported with its location, before any program is started."""
    (tmp_path / "pipeline.toml").write_text(f'[build]\nbuilder = "{name}"\n')

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    (problem,) = caught.value.problems
    assert str(problem).startswith("pipeline.toml:2:11: ")
    assert "is not a name of a builder or of a docker context" in problem.message


@pytest.mark.parametrize("name", ["default", "desktop-linux", "cloud-acme-default", "1_a.b+c"])
def test_names_of_builders_and_contexts(tmp_path: Path, name: str) -> None:
    """Names as buildx and docker accept them."""
    (tmp_path / "pipeline.toml").write_text(f'[build]\nbuilder = "{name}"\n')
    (tmp_path / "images/web").mkdir(parents=True)
    (tmp_path / "images/web/Dockerfile").write_text("FROM scratch\n")

    assert load(tmp_path).settings.build.builder == name
