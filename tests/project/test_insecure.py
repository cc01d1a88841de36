"""`[registry] insecure`: allowed for other registries, never for Fly's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.model.settings import RegistrySettings


def registry(
    root: Path, settings: str, environ: Mapping[str, str], profile: str = ""
) -> RegistrySettings:
    """Return the registry settings of a project with one image."""
    (root / "images/web").mkdir(parents=True)
    (root / "images/web/Dockerfile").write_text("FROM scratch\n")
    (root / "pipeline.toml").write_text(settings)
    return load(root, profile=profile or None, environ=environ).settings.registry


@pytest.mark.parametrize(
    ("settings", "environ", "profile"),
    [
        ("[registry]\ninsecure = true\n", {}, ""),
        ('[registry]\nhost = "registry.fly.io"\ninsecure = true\n', {}, ""),
        ('[registry]\nhost = "registry.fly.io:443"\ninsecure = true\n', {}, ""),
        ("[registry]\ninsecure = true\n", {"FLY_REGISTRY_HOST": "fly.example.com"}, ""),
        ("[profiles.a]\nregistry = { insecure = true }\n", {}, "a"),
    ],
)
def test_flys_registry_is_never_insecure(
    tmp_path: Path, settings: str, environ: dict[str, str], profile: str
) -> None:
    """Fly's registry is never insecure: it needs the token, and its images are deployed."""
    with pytest.raises(ConfigError) as caught:
        registry(tmp_path, settings, environ, profile)

    (problem,) = caught.value.problems
    assert "`insecure` cannot be true for Fly's registry" in problem.message
    assert problem.location is not None
    assert problem.location.line == 1 + settings.count("\n", 0, settings.index("insecure"))


@pytest.mark.parametrize(
    ("settings", "environ"),
    [
        ('[registry]\nhost = "10.0.0.5:5000"\ninsecure = true\n', {}),
        ('[registry]\nhost = "127.0.0.1:5000"\ninsecure = true\n', {}),
        ("[registry]\ninsecure = true\n", {"FLY_REGISTRY_HOST": "127.0.0.1:5000"}),
    ],
)
def test_another_registry_may_be_insecure(
    tmp_path: Path, settings: str, environ: dict[str, str]
) -> None:
    """Another registry may be, also a fake of Fly's on this machine."""
    assert registry(tmp_path, settings, environ).insecure
