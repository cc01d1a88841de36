"""The values that go down through a run: images, settings, project.

All are frozen and hold no handle on the world. Paths of the user's are `PurePosixPath`, relative
to the project's root unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pipeline.core.allowed import Allowed
from pipeline.core.reference import Digest, Platform, Reference, Repository, Tag, parse_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path, PurePosixPath

    from pipeline.core.dockerfile import Dockerfile, Reads, StageSteps
    from pipeline.core.reference import ImageName
    from pipeline.core.waves import Wave
    from pipeline.errors import Location, Problem

EMPTY: Mapping[str, str] = MappingProxyType({})


class Kind(StrEnum):
    """What an image is for."""

    BASE = "base"
    APP = "app"


class DriverName(StrEnum):
    """Where apps run."""

    FLY = "fly"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """Where images are pushed, under which names: templates of `{name}` and `{fingerprint}`.

    `also` are templates of other repositories, on the same host if they name none, from which an
    image is copied that is missing in its own.
    """

    host: str = "registry.fly.io"
    repository: str = "{name}"
    tag: str = "{fingerprint}"
    insecure: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildSettings:
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


@dataclass(frozen=True, slots=True)
class DeploySettings:
    """Where apps are deployed, how many at once, and how many before the rest.

    With `backwards`, also over what is of a newer commit (`pipeline.core.held`).
    """

    driver: DriverName = DriverName.FLY
    max_parallel: int = 4
    waves: tuple[Wave, ...] = ()
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
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


@dataclass(frozen=True, slots=True)
class Base:
    """An edge of the DAG: `written` in the Dockerfile is the image `name` of this project."""

    written: str
    name: ImageName
    location: Location


class Triggers(NamedTuple):
    """The ONBUILD triggers of an image for one platform, in its order, as they are written."""

    platform: Platform
    instructions: tuple[str, ...]


MOST_TRIGGERS = 100
"""`ONBUILD` triggers of one image: those that exist have a dozen, and each build reads them all."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What `pipeline.lock` holds of an external: its digest, which is that of an index or manifest.

    `platforms` are the manifests of an index; `triggers` the ONBUILD triggers for each platform for
    which its configuration was looked at.
    """

    digest: Digest
    platforms: Mapping[Platform, Digest] = field(default_factory=dict)
    triggers: Mapping[Platform, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class External:
    """An image outside the DAG.

    `locked` is the digest that `pipeline.lock` pins, if it does. `begins` are the platforms for
    which a stage begins with it; `triggers` the ONBUILD triggers that the lock knows for those, of
    which an image without any has none.
    """

    written: str
    reference: Reference
    location: Location
    locked: Digest | None = None
    begins: tuple[Platform, ...] = ()
    triggers: tuple[Triggers, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageTest:
    """A command that must exit 0 in a container of the image before its tag is pushed."""

    command: tuple[str, ...]
    timeout: float = 300.0


@dataclass(frozen=True, slots=True)
class NamedContext:
    """A folder of the project that the Dockerfile takes from by a name, and what it reads of it.

    `place` is where the settings name it.
    """

    path: PurePosixPath
    reads: Reads
    place: Location


UNNAMED = "unnamed:"
"""In `AppSpec.pending`: the app has no name yet, and is in no run but that of `invoke apps`."""


@dataclass(frozen=True, slots=True)
class AppSpec:
    """How an image becomes apps: their names, the `fly.toml`, what must be deployed before.

    `configs` has the configurations that single apps have in place of `config`.
    `pending` is where further names must be asked for before they are in `apps`, as it is written:
    `match:acme-*` or `command:./tenants.sh`; `UNNAMED` where no name is written anywhere.
    """

    apps: tuple[str, ...]
    config: PurePosixPath | None = None
    after: tuple[ImageName, ...] = ()
    strategy: str = ""
    pending: str = ""
    configs: Mapping[str, PurePosixPath] = field(default_factory=dict)

    def config_of(self, app: str) -> PurePosixPath | None:
        """The configuration of one of the apps, if it has one."""
        return self.configs.get(app, self.config)

    @property
    def is_command(self) -> bool:
        """Whether a command must be run to know the names."""
        return self.pending.startswith("command:")


@dataclass(frozen=True, slots=True)
class Image:
    """A node of the DAG.

    `folder`, `dockerfile`, `context` and `ignore_file` are relative to the project's root.
    `args` holds every build argument that is given (bindings of `[bases]` included);
    `declared` the ones that the Dockerfile declares for the stages in use, with the value that
    the build will see (`None`: declared without a value). Where platforms see different values,
    `differing` has them in the order of sorted platforms, and `declared` has them in one text for
    people. `reads` says which context files count.
    `frontend` is the image of a `# syntax=` line, literal. `floating` says in sentences what can
    change without the fingerprint changing; `remotes` are the URLs and Git repositories of `ADD`.
    `public` is what is deployed where nothing is built, pinned where `pipeline.lock` pins it;
    `dockerfile` is then the file that names it, and its fingerprint that of one `FROM` line.
    `steps` is what BuildKit counts of the stages that begin with an image.
    `warnings` are what its tag may hide, as far as settings and Dockerfile say it: each with its
    place and what to do about it. `origins` says where a value is written that settings give:
    `dockerfile`, `target`, `args.NAME`. `contexts` are the folders that the Dockerfile takes from,
    by the names that it has for them. `host_network` is where its steps want the network of the
    builder's machine itself.
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

    @property
    def kind(self) -> Kind:
        """An image with an app is an app image, any other a base."""
        return Kind.APP if self.deploy else Kind.BASE

    @property
    def base_names(self) -> tuple[ImageName, ...]:
        """The images it stands on, each once, in the order of the Dockerfile."""
        return tuple(dict.fromkeys(base.name for base in self.bases))


@dataclass(frozen=True, slots=True)
class Project:
    """Everything that the user's files say. `images` are in build order, bases first.

    `warnings` are sentences for the user: what was ignored or looks unintended.
    """

    root: Path
    settings: Settings
    images: tuple[Image, ...]
    warnings: tuple[str, ...] = ()
    _index: Mapping[ImageName, Image] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {image.name: image for image in self.images})

    def __iter__(self) -> Iterator[Image]:
        return iter(self.images)

    def image(self, name: ImageName) -> Image:
        """The image called `name`. Raises `KeyError`."""
        return self._index[name]

    @property
    def names(self) -> tuple[ImageName, ...]:
        """The names of all images, in build order."""
        return tuple(image.name for image in self.images)

    @property
    def unasked(self) -> tuple[ImageName, ...]:
        """The images whose apps a command lists that was not run."""
        return tuple(i.name for i in self.images if i.deploy and i.deploy.is_command)


class EntryKind(StrEnum):
    """What a path of a context is."""

    FILE = "file"
    LINK = "link"
    DIRECTORY = "directory"


Stamp = tuple[int, int, int, int, int] | None
"""Device, inode, size, and when contents and status of a file changed, in nanoseconds.

`None` where that says nothing: the file had only just changed.
"""


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """One path of a context that the Dockerfile can read.

    `path` is relative to the context, with `/`. `sha256` (64 hex digits) is of a file's bytes;
    `link` is a symlink's target as it is written. A source of COPY that is a link stands here as
    what it leads to, as in the image; `real` is then where that lies. `mode` are a file's
    permission bits; `stamp` is by what the file is known to be as it was. None of the three counts:
    entries that differ in them alone are equal.
    """

    path: str
    kind: EntryKind
    executable: bool = False
    sha256: str = ""
    link: str = ""
    real: str = field(default="", compare=False)
    mode: int = field(default=0, compare=False)
    stamp: Stamp = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Key:
    """sha256 of all inputs of an image but its test, as 64 hex digits."""

    hex: str

    def __str__(self) -> str:
        return self.hex


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The key of an image, or the sha256 of key and test; 64 hex digits."""

    hex: str

    def __str__(self) -> str:
        return self.hex

    @property
    def short(self) -> str:
        """The first 20 hex digits (80 bits), which go into the tag."""
        return self.hex[:20]


@dataclass(frozen=True, slots=True)
class ContextInputs:
    """What is read of a named context: its folder, and the rest as `Inputs` has it."""

    path: PurePosixPath
    entries: tuple[ContextEntry, ...]
    whole_context: str = ""
    ignored: tuple[PurePosixPath, bytes] | None = None
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Inputs:
    """What went into one fingerprint, for `inputs` to show.

    `key` is the sha256 of all but `test`, the command that the image must pass; `bases` have keys.
    `whole_context` says why all of the context counts (empty: only what the Dockerfile reads).
    `floating` are inputs that can change without the tag changing, as sentences. `warnings` are
    what the tag may hide: the image's own, and what its files show. `ignored` is the ignore file in
    force: its path from the project's root, and its bytes. `origins` says where settings give a
    value (see `Image`), and `dockerfile` is the Dockerfile's path from the root. `contexts` are the
    named ones, by name; `triggers` the known ones of externals, by reference.
    """

    name: ImageName
    key: Key
    fingerprint: Fingerprint
    entries: tuple[ContextEntry, ...]
    args: Mapping[str, str | None]
    target: str | None
    platforms: tuple[Platform, ...]
    bases: Mapping[ImageName, Key]
    externals: Mapping[str, Digest | None]
    test: tuple[str, ...] = ()
    whole_context: str = ""
    floating: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    ignored: tuple[PurePosixPath, bytes] | None = None
    dockerfile: PurePosixPath | None = None
    origins: Mapping[str, Location] = field(default_factory=dict)
    contexts: Mapping[str, ContextInputs] = field(default_factory=dict)
    triggers: Mapping[str, tuple[Triggers, ...]] = field(default_factory=dict)


def repository_of(settings: RegistrySettings, name: ImageName) -> Repository:
    """Where an image of the project lives."""
    return Repository(settings.host, settings.repository.format(name=name, fingerprint=""))


def other_repositories_of(settings: RegistrySettings, name: ImageName) -> tuple[Repository, ...]:
    """Where an image of the project may live besides."""
    return tuple(parse_place(text.format(name=name), settings.host) for text in settings.also)


def reference_of(project: Project, name: ImageName, fingerprint: Fingerprint) -> Reference:
    """The reference that an image is pushed under: its repository, and the tag of its inputs.

    One that is deployed as it is keeps its own: its fingerprint goes into no tag.
    """
    if public := project.image(name).public:
        return public
    settings = project.settings.registry
    tag = settings.tag.format(name=name, fingerprint=fingerprint.short)
    return Reference(repository_of(settings, name), Tag(tag))
