"""`[registry] also`: other repositories, and mistakes in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError
from pipeline.model.settings import other_repositories_of
from pipeline.reference import ImageName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def other_repositories(
    root: Path, settings: str, profile: str = "", environ: Mapping[str, str] | None = None
) -> list[str]:
    """Return the other repositories of `web`."""
    (root / "images/web").mkdir(parents=True, exist_ok=True)
    (root / "images/web/Dockerfile").write_text("FROM scratch\n")
    (root / "pipeline.toml").write_text(settings)
    project = load(root, profile=profile or None, environ=environ or {})
    found = other_repositories_of(project.settings.registry, ImageName("web"))
    return [str(repository) for repository in found]


def test_repositories_with_and_without_a_host(tmp_path: Path) -> None:
    """A first component that looks like a host is one, as for docker."""
    settings = '[registry]\nhost = "r.io"\nalso = ["a-{name}", "b/{name}", "h.io:5/c", "old"]\n'

    assert other_repositories(tmp_path, settings) == [
        "r.io/a-web",
        "r.io/b/web",
        "h.io:5/c",
        "r.io/old",
    ]


def test_a_profile_replaces_the_list(tmp_path: Path) -> None:
    """A profile's list replaces the other one."""
    settings = (
        '[registry]\nalso = ["a-{name}"]\n'
        '[profiles.production]\nregistry = { also = ["acme-{name}-staging"] }\n'
    )

    assert other_repositories(tmp_path, settings) == ["registry.fly.io/a-web"]
    assert other_repositories(tmp_path, settings, "production") == [
        "registry.fly.io/acme-web-staging"
    ]


def test_the_host_from_the_environment(tmp_path: Path) -> None:
    """FLY_REGISTRY_HOST applies here, too."""
    settings = '[registry]\nhost = "r.io"\nalso = ["registry.fly.io/{name}"]\n'

    found = other_repositories(tmp_path, settings, environ={"FLY_REGISTRY_HOST": "fly.test:1"})

    assert found == ["fly.test:1/web"]


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ('["{nam}"]', "pipeline.toml:2:9: `{nam}` asks for {nam}", "did you mean `name`?"),
        ('["ok", "a b/{name}"]', "pipeline.toml:2:15: `a b/{name}` gives", "acme-{name}-staging"),
        ('["h.io/"]', "pipeline.toml:2:9: `h.io/` gives", "acme-{name}-staging"),
        ('["x:tag"]', "pipeline.toml:2:9: `x:tag` gives", "acme-{name}-staging"),
        ('"a-{name}"', "pipeline.toml:2:8: ", '["acme-{name}-staging"]'),
    ],
)
def test_mistakes(tmp_path: Path, written: str, message: str, hint: str) -> None:
    """File, line and column of the wrong element."""
    with pytest.raises(ConfigError) as caught:
        other_repositories(tmp_path, f"[registry]\nalso = {written}\n")

    (problem,) = caught.value.problems
    assert str(problem).startswith(message)
    assert hint in problem.hint or hint in str(problem)
