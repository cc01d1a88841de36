"""Tables: which image of the project a reference means, by its repository and tag."""

from __future__ import annotations

import pytest

from pipeline.model.settings import RegistrySettings
from pipeline.project.edges import project_names
from pipeline.reference import ImageName, ReferenceSyntaxError

IMAGES = [ImageName(name) for name in ("web", "web-1", "os")]
PRINT = "0123456789abcdef0123"
REGISTRIES = {
    "own": RegistrySettings(repository="acme-{name}"),
    "named": RegistrySettings(repository="acme-{name}", tag="{name}-{fingerprint}"),
    "before": RegistrySettings(repository="acme", tag="{name}-{fingerprint}"),
    "behind": RegistrySettings(repository="acme", tag="{fingerprint}-{name}"),
    "around": RegistrySettings(repository="acme", tag="{name}-{fingerprint}-{name}"),
    "dots": RegistrySettings(repository="acme", tag="v1.{name}.{fingerprint}"),
    "hub": RegistrySettings(host="docker.io", repository="acme/{name}"),
    "local": RegistrySettings(host="127.0.0.1:5000", repository="acme/{name}"),
}


@pytest.mark.parametrize(
    ("registry", "written", "found"),
    [
        ("own", "web", "web"),
        ("own", "web:latest", "web"),
        ("own", "web:1", None),
        ("own", "web:latest:latest", ReferenceSyntaxError),
        ("own", f"web@sha256:{'0' * 64}", None),
        ("own", "other", None),
        ("own", "library/web", None),
        ("own", "registry.fly.io/web", None),
        ("own", "registry.fly.io/acme-web", "web"),
        ("own", "registry.fly.io/acme-web:any", "web"),
        ("own", f"registry.fly.io/acme-web@sha256:{'0' * 64}", "web"),
        ("own", "registry.fly.io/acme-web-1", "web-1"),
        ("own", "ghcr.io/acme-web", None),
        ("named", "registry.fly.io/acme-web:any", None),
        ("named", f"registry.fly.io/acme-web:web-{PRINT}", "web"),
        ("named", f"registry.fly.io/acme-web:os-{PRINT}", None),
        ("before", f"registry.fly.io/acme:web-{PRINT}", "web"),
        ("before", f"registry.fly.io/acme:web-1-{PRINT}", "web-1"),
        ("before", f"registry.fly.io/acme:other-{PRINT}", None),
        ("before", f"registry.fly.io/acme:web-{PRINT[1:]}", None),
        ("before", f"registry.fly.io/acme:web-{PRINT.upper()}", None),
        ("before", "registry.fly.io/acme:web", None),
        ("before", "registry.fly.io/acme", None),
        ("behind", f"registry.fly.io/acme:{PRINT}-web", "web"),
        ("behind", f"registry.fly.io/acme:{PRINT}-web-1", "web-1"),
        ("behind", f"registry.fly.io/acme:{PRINT}web", None),
        ("around", f"registry.fly.io/acme:os-{PRINT}-os", "os"),
        ("around", f"registry.fly.io/acme:os-{PRINT}-web", None),
        ("dots", f"registry.fly.io/acme:v1.os.{PRINT}", "os"),
        ("dots", f"registry.fly.io/acme:v1xos.{PRINT}", None),
        ("hub", "acme/web", "web"),
        ("hub", "docker.io/acme/web:3", "web"),
        ("hub", "ghcr.io/acme/web:3", None),
        ("local", "127.0.0.1:5000/acme/web", "web"),
        ("local", "127.0.0.1:5001/acme/web", None),
        ("local", "localhost:5000/acme/web", None),
    ],
)
def test_what_a_reference_means(
    registry: str, written: str, found: str | type[ReferenceSyntaxError] | None
) -> None:
    """An image of the project, or an external."""
    names = project_names(REGISTRIES[registry], IMAGES)
    if found is ReferenceSyntaxError:
        with pytest.raises(ReferenceSyntaxError):
            names.find(written)
    else:
        assert names.find(written) == found


@pytest.mark.parametrize(
    ("written", "given", "found"),
    [
        ("web:1", "web", "web"),
        ("web:1", "", None),
        ("web:1", "other", None),
        ("other:1", "web", "web"),
        ("registry.fly.io/acme-web:1", "registry.fly.io/acme-web", "web"),
        ("ghcr.io/x/web:1", "ghcr.io/x/web", None),
    ],
)
def test_a_repository_from_an_argument(written: str, given: str, found: str | None) -> None:
    """If an argument gives the whole repository of an image, any tag may follow."""
    assert project_names(REGISTRIES["own"], IMAGES).find(written, given) == found
