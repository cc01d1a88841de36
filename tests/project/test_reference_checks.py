"""Templates that make an invalid reference of a long name are reported with their location."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.project.load import load
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

NAME = "n" * 100


@pytest.mark.parametrize(
    "settings",
    [
        'registry.repository = "{name}/{name}/{name}"',
        'registry.tag = "{name}-{name}-{fingerprint}"',
        'registry.also = ["other", "{name}/{name}/{name}"]',
        'build.cache_from = ["type=registry,ref=r.test/{name}/{name}/{name}"]',
        'build.cache_to = ["r.test/{name}/{name}/{name}"]',
        'build.cache_to = ["type=registry,ref=r.test/cache:{name}-{name}"]',
    ],
)
def test_a_template_is_too_long_for_a_name(tmp_path: Path, settings: str) -> None:
    """Such a template was a bug (exit code 3), or refused only by the registry."""
    write_tree(
        tmp_path,
        {"pipeline.toml": settings, "images/web/Dockerfile": "FROM scratch\n"},
    )
    load(tmp_path, environ={})
    write_tree(tmp_path, {f"images/{NAME}/Dockerfile": "FROM scratch\n"})

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    (problem,) = caught.value.problems
    assert str(problem.location).startswith("pipeline.toml:1:")
    assert f"shorten the name `{NAME}`" in problem.hint
