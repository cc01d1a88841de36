"""`pipeline.toml` as values: registry, build, deploy, and what the user allows."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..reference import Platform, Repository, parse_place
from .permission import Allowed

if TYPE_CHECKING:
    from ..reference import ImageName

Wave = int | str
"""How many apps are deployed once a wave has ended: a number, or a share such as `"10%"`."""


class DriverName(StrEnum):
    """Where apps run."""

    FLY = "fly"
    DOCKER = "docker"


class RegistrySettings(Struct, frozen=True):
    """Where images are pushed, under which names: templates of `{name}` and `{fingerprint}`.

    `also` are templates of other repositories, on the same host if they name none, from which an
    image is copied that is missing in its own.
    """

    host: str = "registry.fly.io"
    repository: str = "{name}"
    tag: str = "{fingerprint}"
    insecure: bool = False
    also: tuple[str, ...] = ()


class BuildSettings(Struct, frozen=True):
    """How BuildKit is asked to build. None of these enters a fingerprint but `sbom`, `provenance`.

    `cache_from` and `cache_to` are BuildKit's own syntax; `{name}` in them is the image's name.
    `timeout` is in seconds without any sign of life from the builder.
    """

    builder: str = "default"
    platforms: tuple[Platform, ...] = (Platform("linux", "amd64"),)
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    sbom: bool = False
    provenance: str = ""
    network: str = ""


class DeploySettings(Struct, frozen=True):
    """Where apps are deployed, how many at once, and how many before the rest.

    With `backwards`, also over what is of a newer commit (`model.hold`).
    """

    driver: DriverName = DriverName.FLY
    max_parallel: int = 4
    waves: tuple[Wave, ...] = ()
    backwards: bool = False


class Settings(Struct, frozen=True):
    """`pipeline.toml` with its profile merged in.

    With `strict`, warnings about what a tag may hide are errors. `allowed` is what the user, and no
    file, allows the project.
    """

    globs: tuple[str, ...] = ("images/*",)
    registry: RegistrySettings = RegistrySettings()
    build: BuildSettings = BuildSettings()
    deploy: DeploySettings = DeploySettings()
    org: str = ""
    profile: str = ""
    strict: bool = False
    requires: str = ""
    allowed: Allowed = field(default_factory=Allowed)

    def allowing(self, more: Allowed) -> Settings:
        """The settings, with what is allowed beyond."""
        return replace(self, allowed=self.allowed + more)


def repository_of(settings: RegistrySettings, name: ImageName) -> Repository:
    """Where an image of the project lives."""
    return Repository(settings.host, settings.repository.format(name=name, fingerprint=""))


def other_repositories_of(settings: RegistrySettings, name: ImageName) -> tuple[Repository, ...]:
    """Where an image of the project may live besides."""
    return tuple(parse_place(text.format(name=name), settings.host) for text in settings.also)
