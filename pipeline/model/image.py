"""An image of the project, and all that its Dockerfile and `image.toml` say about it.

All values are frozen. Paths in the project are `PurePosixPath`, relative to its root unless a
docstring says otherwise.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from ..reference import Digest, Platform, Reference, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from ..dockerfile import Dockerfile, Reads, StageSteps
    from ..errors import Location, Problem
    from ..reference import ImageName
    from .refresh import Refresh


EMPTY: Mapping[str, str] = MappingProxyType({})


class ImageKind(StrEnum):
    """Whether an image becomes an app."""

    BASE = "base"
    APP = "app"


class Base(Struct, frozen=True):
    """An edge of the graph: `written` in the Dockerfile is the image `name` of this project."""

    written: str
    name: ImageName
    location: Location


class Triggers(NamedTuple):
    """The ONBUILD triggers of an image for one platform, in order, as they are written."""

    platform: Platform
    instructions: tuple[str, ...]


MOST_TRIGGERS = 100
"""The most `ONBUILD` triggers of one image: real ones have a dozen, and each build reads all."""


class Pin(Struct, frozen=True):
    """What `pipeline.lock` has of an external: the digest of its index or manifest.

    `platforms` are the manifests of an index; `triggers` the ONBUILD triggers for each platform
    whose configuration was read.
    """

    digest: Digest
    platforms: Mapping[Platform, Digest] = field(default_factory=dict)
    triggers: Mapping[Platform, tuple[str, ...]] = field(default_factory=dict)


class External(Struct, frozen=True):
    """An image outside the project that a Dockerfile names.

    `locked` is the digest that `pipeline.lock` pins, if it does. `begins` are the platforms for
    which a stage begins with it; `triggers` the ONBUILD triggers that the lock knows for those.
    """

    written: str
    reference: Reference
    location: Location
    locked: Digest | None = None
    begins: tuple[Platform, ...] = ()
    triggers: tuple[Triggers, ...] = ()


class ImageTest(Struct, frozen=True):
    """A command that must exit with 0 in a container of the image before the image is pushed."""

    command: tuple[str, ...]
    timeout: float = 300.0


class NamedContext(Struct, frozen=True):
    """A named context: a folder of the project, and what the Dockerfile reads of it.

    `location` is where the settings name it.
    """

    path: PurePosixPath
    reads: Reads
    location: Location


UNNAMED = "unnamed:"
"""In `AppSpec.pending`: the app has no name yet, and only `invoke apps` handles it."""


class AppSpec(Struct, frozen=True):
    """How an image is deployed: names of apps, their `fly.toml`, what must be deployed before.

    `configs` has the configurations that single apps have instead of `config`. `pending` is
    where further names come from that are not in `apps` yet, as it is written: `match:acme-*` or
    `command:./tenants.sh`; `UNNAMED` if no name is written anywhere.
    """

    apps: tuple[str, ...]
    config: PurePosixPath | None = None
    after: tuple[ImageName, ...] = ()
    strategy: str = ""
    pending: str = ""
    configs: Mapping[str, PurePosixPath] = field(default_factory=dict)

    def config_of(self, app: str) -> PurePosixPath | None:
        """Return the configuration of one of the apps, if it has one."""
        return self.configs.get(app, self.config)

    @property
    def is_command(self) -> bool:
        """Whether only a command knows the names."""
        return self.pending.startswith("command:")


class Image(Struct, frozen=True):
    """A node of the graph.

    `folder`, `dockerfile`, `context` and `ignore_file` are relative to the project's root.
    `args` has every build argument that is given (bindings of `[bases]` included); `declared` the
    arguments that the Dockerfile declares for the stages in use, with the value that the build will
    see (`None`: declared without a value). If platforms see different values, `differing` has them
    in the order of sorted platforms, and `declared` has them in one text for people. `reads` says
    which context files count.
    `frontend` is the image of a `# syntax=` line, as written. `floating` says in sentences what can
    change without the fingerprint changing; `remotes` are the URLs and Git repositories of `ADD`.
    `public` is the image that is deployed without a build, pinned if `pipeline.lock` pins it;
    `dockerfile` is then the file that names it, and its fingerprint that of one `FROM` line.
    `steps` is how many steps BuildKit counts in the stages that begin with an image.
    `warnings` are about what its tag may hide, as settings and Dockerfile show it: each with its
    location and what to do. `origins` says where a value of the settings is written: `dockerfile`,
    `target`, `args.NAME`. `contexts` are the named contexts. `context_location` is where the
    settings name the context, if it was not there when the project was loaded. `host_network` is
    where its steps want the network of the builder's machine. `settings` is the name of its
    `image.toml`: `image.web.toml` for `Dockerfile.web`. `refresh` is the period that it is in,
    if it is built anew now and then. `roots` are the bases that its target begins with, maybe by
    way of other stages: one, or several if platforms differ.
    """

    name: ImageName
    folder: PurePosixPath
    dockerfile: PurePosixPath
    context: PurePosixPath
    source: Dockerfile
    reads: Reads
    target: str | None = None
    platforms: tuple[Platform, ...] = (Platform("linux", "amd64"),)
    args: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, str | None] = field(default_factory=dict)
    differing: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    bases: tuple[Base, ...] = ()
    externals: tuple[External, ...] = ()
    frontend: str = ""
    aliases: tuple[Tag, ...] = ()
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    salt: str = ""
    test: ImageTest | None = None
    deploy: AppSpec | None = None
    floating: tuple[str, ...] = ()
    remotes: tuple[str, ...] = ()
    public: Reference | None = None
    steps: tuple[StageSteps, ...] = ()
    warnings: tuple[Problem, ...] = ()
    origins: Mapping[str, Location] = field(default_factory=dict)
    contexts: Mapping[str, NamedContext] = field(default_factory=dict)
    host_network: tuple[Location, ...] = ()
    context_location: Location | None = None
    settings: str = "image.toml"
    refresh: Refresh | None = None
    roots: tuple[ImageName, ...] = ()

    @property
    def settings_file(self) -> PurePosixPath:
        """Its `image.toml`, relative to the project's root; it need not exist."""
        return self.folder / self.settings

    def __repr__(self) -> str:
        return f"<Image {self.name}: {self.dockerfile}>"

    @property
    def kind(self) -> ImageKind:
        """An image with an app is an app image, any other one a base."""
        return ImageKind.APP if self.deploy else ImageKind.BASE

    @property
    def base_names(self) -> tuple[ImageName, ...]:
        """The names of its bases, each once, in the order of the Dockerfile."""
        return tuple(dict.fromkeys(base.name for base in self.bases))
