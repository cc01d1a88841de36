"""Which references are images of the project."""

from __future__ import annotations

import pytest

from pipeline.model.settings import RegistrySettings
from pipeline.project.edges import project_names
from pipeline.reference import ImageName, ReferenceSyntaxError

IMAGES = [ImageName("python-base"), ImageName("os-base"), ImageName("os-base-extra")]
OWN = RegistrySettings(repository="acme-{name}")
SHARED = RegistrySettings(repository="acme-images", tag="{name}-{fingerprint}")


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("python-base", "python-base"),
        ("python-base:latest", "python-base"),
        ("python-base:3.12", None),
        ("docker.io/library/python-base", None),
        ("registry.fly.io/acme-python-base", "python-base"),
        ("registry.fly.io/acme-python-base:deployment-01H", "python-base"),
        ("registry.fly.io/python-base:v1", None),
        ("elsewhere.io/acme-python-base:v1", None),
        ("debian:bookworm", None),
    ],
)
def test_bare_names_and_own_repositories(written: str, found: str | None) -> None:
    """A bare name is an image unless it has a tag; the image's own repository with any tag."""
    assert found == project_names(OWN, IMAGES).find(written)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (f"registry.fly.io/acme-images:os-base-{'0' * 20}", "os-base"),
        (f"registry.fly.io/acme-images:os-base-extra-{'0' * 20}", "os-base-extra"),
        ("registry.fly.io/acme-images:other", None),
        ("os-base", "os-base"),
    ],
)
def test_the_tag_decides_in_a_shared_repository(written: str, found: str | None) -> None:
    """In a shared repository the form of the tag decides."""
    assert found == project_names(SHARED, IMAGES).find(written)


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("registry.fly.io/acme-python-bsae:v1", "python-base"),
        ("registry.fly.io/acme-os-bas", "os-base"),
        ("registry.fly.io/somebody-elses-database:v1", ""),
        ("elsewhere.io/acme-python-bsae:v1", ""),
        ("python", ""),
    ],
)
def test_the_nearest_repository_on_our_registry(written: str, near: str) -> None:
    """A repository there may be another project's, or a typo."""
    assert project_names(OWN, IMAGES).nearest_repository(written) == near


def test_official_images_of_docker_hub_are_near_to_nothing() -> None:
    """Where the project's own registry is Docker Hub."""
    hub = RegistrySettings(host="docker.io", repository="libray/{name}")
    assert project_names(hub, IMAGES).nearest_repository("python-base:3") == ""
    assert project_names(hub, IMAGES).nearest_repository("libray/python-bas:3") == "python-base"


@pytest.mark.parametrize(
    "host", ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]
)
def test_docker_hub_by_any_name(host: str) -> None:
    """BuildKit uses two names of Docker Hub; both mean the same registry."""
    names = project_names(RegistrySettings(host="docker.io", repository="acme/{name}"), IMAGES)

    assert names.find(f"{host}/acme/python-base:1") == "python-base"
    assert names.find("acme/python-base:1") == "python-base"
    assert names.find(f"{host}/other/python-base:1") is None


@pytest.mark.parametrize("host", ["ghcr.io", "GHCR.io", "ghcr.io:443"])
@pytest.mark.parametrize("written", ["ghcr.io", "GHCR.io", "ghcr.io:443"])
def test_spellings_of_a_host(host: str, written: str) -> None:
    """Hosts match in any case of letters and with the usual port; another port is another host."""
    names = project_names(RegistrySettings(host=host, repository="acme/{name}"), IMAGES)

    assert names.find(f"{written}/acme/python-base:1") == "python-base"
    assert names.find("ghcr.io:5000/acme/python-base:1") is None


def test_an_invalid_reference() -> None:
    """An invalid reference is an error."""
    with pytest.raises(ReferenceSyntaxError):
        project_names(OWN, IMAGES).find("Not A Name")


NEAR = [ImageName(name) for name in ("base", "node18", "web", "python-base", "os")]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("bsae", "base"),
        ("bas", "base"),
        ("baase", "base"),
        ("case", "base"),
        ("pyton-base", "python-base"),
        ("python_base", "python-base"),
        ("web", ""),
        ("wbe", "web"),
        ("wxy", ""),
        ("besa", ""),
        ("node20", ""),
        ("node1", ""),
        ("node81", ""),
        ("base2", ""),
        ("noed18", "node18"),
        ("so", ""),
        ("os2", ""),
        ("bsae:latest", ""),
        ("bsae:1", ""),
        ("library/bsae", ""),
        (f"bsae@sha256:{'0' * 64}", ""),
    ],
)
def test_near_names(written: str, found: str) -> None:
    """Names are near that differ by one letter, or two swapped ones, but not by a number."""
    assert found == project_names(OWN, NEAR).meant(written)
