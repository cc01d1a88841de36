"""The settings of `pipeline.toml` as values, and what the user allows."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..reference import Platform, Repository, parse_repository_on
from .permission import Allowed

if TYPE_CHECKING:
    from ..reference import ImageName

Wave = int | str
"""How many apps are deployed once a wave has ended: a number, or a share such as `"10%"`."""


class DriverName(StrEnum):
    """The driver that deploys apps."""

    FLY = "fly"
    DOCKER = "docker"


class RegistrySettings(Struct, frozen=True):
    """Where images are pushed to: templates with `{name}` and `{fingerprint}`.

    `also` are templates of other repositories, on the same host if they name none. An image that is
    missing in its own repository is copied from there. `records` says whether builds are recorded
    beside their images; `None` leaves that to the host (`model.record`).
    """

    host: str = "registry.fly.io"
    repository: str = "{name}"
    tag: str = "{fingerprint}"
    insecure: bool = False
    also: tuple[str, ...] = ()
    records: bool | None = None


class BuildSettings(Struct, frozen=True):
    """Options of builds. Of these, only `sbom` and `provenance` are part of fingerprints.

    `cache_from` and `cache_to` are in BuildKit's own syntax; `{name}` in them is the image's name.
    `refresh` is how often images with unpinned steps are built anew; empty for never. `reuse` is
    whether an image is looked for that was built on a base with the same contents.
    """

    builder: str = "default"
    platforms: tuple[Platform, ...] = (Platform("linux", "amd64"),)
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    sbom: bool = False
    provenance: str = ""
    network: str = ""
    refresh: str = ""
    reuse: bool = True


class DeploySettings(Struct, frozen=True):
    """The driver, how many apps are deployed at once, and in which waves.

    With `backwards`, apps are deployed even if they run a newer commit (`model.hold`).
    """

    driver: DriverName = DriverName.FLY
    max_parallel: int = 4
    waves: tuple[Wave, ...] = ()
    backwards: bool = False


class ImagePattern(Struct, frozen=True):
    """An entry of `images`: a glob of folders or Dockerfiles, relative to the root.

    `name` is a template of the images' names; empty for the convention. `context` is the folder,
    relative to the root, that they are built in, if it is not their own.
    """

    path: str
    name: str = ""
    context: str | None = None


class Settings(Struct, frozen=True):
    """`pipeline.toml` with its profile merged in.

    With `strict`, warnings about what a tag may hide are errors. `allowed` is what the user permits
    on the command line and in the environment.
    """

    images: tuple[ImagePattern, ...] = (ImagePattern("images/*"),)
    registry: RegistrySettings = RegistrySettings()
    build: BuildSettings = BuildSettings()
    deploy: DeploySettings = DeploySettings()
    org: str = ""
    profile: str = ""
    strict: bool = False
    requires: str = ""
    allowed: Allowed = field(default_factory=Allowed)

    def allowing(self, more: Allowed) -> Settings:
        """Return the settings with further permissions."""
        return replace(self, allowed=self.allowed + more)


def repository_of(settings: RegistrySettings, name: ImageName) -> Repository:
    """Return the repository of an image of the project."""
    return Repository(settings.host, settings.repository.format(name=name, fingerprint=""))


def other_repositories_of(settings: RegistrySettings, name: ImageName) -> tuple[Repository, ...]:
    """Return the other repositories that an image of the project may be in."""
    return tuple(
        parse_repository_on(text.format(name=name), settings.host) for text in settings.also
    )
