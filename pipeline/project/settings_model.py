"""The keys of `pipeline.toml`: types, checks, and what editors say of them.

The model says what the file may hold; `settings` turns it into the values of
`model.image`, whose defaults they share.
"""

# No `from __future__ import annotations` here: the reader needs the annotations at run time.

from collections.abc import Mapping
from typing import Annotated

from ..model.settings import DriverName, Settings
from . import value_checks
from .required_version import specifier
from .tables import (
    NOTHING,
    About,
    AtLeast,
    Before,
    Check,
    Choose,
    Expected,
    Platforms,
    Table,
    Text,
    unwrapped,
)

DRIVERS = tuple(driver.value for driver in DriverName)
NETWORKS = ("default", "host", "none")
_DEFAULT = Settings()


def _boolean_word(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


CacheText = Annotated[str, Check(value_checks.cache)]
WaveValue = Annotated[
    int | str,
    Check(value_checks.wave),
    About("", instead={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]
ProvenanceText = Annotated[
    str,
    Before(_boolean_word),
    Check(value_checks.provenance),
    About("", instead={"type": ["boolean", "string"]}),
]
Glob = Annotated[str, Check(value_checks.glob)]


class ImagesTable(Table):
    """Images whose name or context is not the convention's."""

    path: Annotated[
        Glob,
        Expected("a glob", '"src/*/*.Dockerfile"'),
        About("A glob of folders or of Dockerfiles, relative to this file."),
    ]
    name: Annotated[
        str,
        Expected("a string", '"{folder}-{stem}"'),
        Check(value_checks.images_name),
        About(
            "The name of each image. {folder} is its folder, {parent} the folder above, {path} all "
            "folders from the first wildcard of `path` on, {stem} what the Dockerfile's name has "
            "beside `Dockerfile`. Capitals become small, and what a name may not have `-`. "
            "Default: {stem}, else {folder}, as they are."
        ),
    ] = ""
    context: Annotated[
        str | None,
        Expected("a folder", '"."'),
        Check(lambda text: text if text is None else value_checks.folder_of_project(text)),
        About("The context of all of them, relative to this file. Default: the image's folder."),
    ] = None


def _kind_of_entry(value: object) -> object:
    """Say which of the two an element is meant to be: a mistake is explained for that one."""
    return ImagesTable if isinstance(value, dict) else Glob


Patterns = Annotated[
    tuple[Annotated[str | ImagesTable, Choose(_kind_of_entry)], ...],
    About(
        "",
        instead={
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "properties": {
                            key: {"type": "string", "description": about.text}
                            for key, annotation in ImagesTable.__annotations__.items()
                            for about in unwrapped(annotation)[1]
                            if isinstance(about, About)
                        },
                        "required": ["path"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
    ),
]


class RegistryTable(Table):
    """Where images are pushed, and under which names."""

    host: Annotated[
        str,
        Expected("a string", '"registry.fly.io"'),
        Check(value_checks.host),
        About("The registry's host, with its port if it has one."),
    ] = _DEFAULT.registry.host
    repository: Annotated[
        str,
        Expected("a string", '"acme-{name}"'),
        Check(value_checks.repository_template),
        About(
            "The repository of an image. {name} is the image's name; without it, all "
            "images share one repository, and `tag` must contain {name}."
        ),
    ] = _DEFAULT.registry.repository
    tag: Annotated[
        str,
        Expected("a string", '"{fingerprint}"'),
        Check(value_checks.tag_template),
        About(
            "The tag of an image. It must contain {fingerprint}, 20 hex digits that "
            "stand for all of the image's inputs, and may contain {name}.",
            {"pattern": r"\{fingerprint\}"},
        ),
    ] = _DEFAULT.registry.tag
    insecure: Annotated[
        bool,
        Expected("true or false", "false"),
        About(
            "The registry may speak plain HTTP, or show any certificate; no credential "
            "is sent to it, unless its certificate is good after all. Hosts of this machine itself "
            "(localhost, 127.0.0.1) may always speak plain HTTP. Fly's registry is never insecure."
        ),
    ] = _DEFAULT.registry.insecure
    also: Annotated[
        tuple[Annotated[str, Check(value_checks.source_template)], ...],
        Expected("a list of repositories", '["acme-{name}-staging"]'),
        About(
            "Other repositories, on the same host or with a host before them, that may "
            "hold an image of the same fingerprint: one that `repository` lacks is copied from the "
            "first that has it, instead of being built. {name} is the image's name. The user must "
            "allow each: `--allow repository=HOST/PATH`."
        ),
    ] = _DEFAULT.registry.also
    records: Annotated[
        bool | None,
        Expected("true or false", "true"),
        About(
            "Put a record beside each image that is built: the names and hashes of its files, and "
            "how long it took, for `why` and `impact`. Whoever may pull the image may read it. "
            "Default: true at Fly's registry and on this machine, else false."
        ),
    ] = _DEFAULT.registry.records


class BuildTable(Table):
    """How BuildKit is asked to build."""

    builder: Annotated[
        Text,
        Expected("a string", '"default"'),
        Check(value_checks.builder),
        About(
            "The buildx builder that does the work: the local engine, a remote "
            "BuildKit, Kubernetes or a cloud. `docker buildx ls` lists them."
        ),
    ] = _DEFAULT.build.builder
    platforms: Annotated[
        Platforms,
        AtLeast(1),
        About("The platforms of every image that does not name its own."),
    ] = tuple(str(platform) for platform in _DEFAULT.build.platforms)
    cache_from: Annotated[
        tuple[CacheText, ...],
        Expected("a list of cache sources", '["type=registry,ref=ghcr.io/acme/cache:{name}"]'),
        About(
            "Where BuildKit may import cache from, in its own syntax. {name} is the "
            "image's name. The user must allow what is neither the image's own repository, nor in "
            "the project, nor `type=gha`: `--allow repository=HOST/PATH` or `fs.read=PATH`."
        ),
    ] = _DEFAULT.build.cache_from
    cache_to: Annotated[
        tuple[Annotated[str, Check(value_checks.cache_destination)], ...],
        Expected("a list of cache destinations", '["type=registry,ref=ghcr.io/acme/cache:{name}"]'),
        About(
            "Where BuildKit exports cache to, in its own syntax. {name} is the "
            "image's name. The user must allow the same as for `cache_from`, with `fs.write=PATH`."
        ),
    ] = _DEFAULT.build.cache_to
    sbom: Annotated[
        bool,
        Expected("true or false", "false"),
        About(
            "Attach a software bill of materials. Off by default: Fly.io has refused "
            "images with attestations."
        ),
    ] = _DEFAULT.build.sbom
    provenance: Annotated[
        ProvenanceText,
        Expected("true, false or a string", '"mode=max"'),
        About(
            "Attach provenance: true, or BuildKit's own words such as 'mode=max'. "
            "Off by default: Fly.io has refused images with attestations."
        ),
    ] = _DEFAULT.build.provenance
    network: Annotated[
        str,
        Expected("a string", '"host"'),
        Check(value_checks.one_of(NETWORKS)),
        About(
            'The network of RUN steps. The builder must allow "host", and so must the '
            "user: `--allow network.host`.",
            {"enum": list(NETWORKS)},
        ),
    ] = _DEFAULT.build.network
    refresh: Annotated[
        str,
        Expected("a string", '"7d"'),
        Check(value_checks.refresh),
        About(
            "How often an image is built anew, without BuildKit's cache, though nothing of it has "
            "changed: hours, days or weeks (`12h`, `7d`, `2w`). It is for images with a RUN or ADD "
            "that takes whatever there is, as `plan` notes. `image.toml` may say otherwise."
        ),
    ] = _DEFAULT.build.refresh
    reuse: Annotated[
        bool,
        Expected("true or false", "false"),
        About(
            "Whether an image whose base is built anew, and contains the same as before, is reused "
            "instead of built. Two more tags of each image that has a base say so: `….own` and "
            "`….reuse`."
        ),
    ] = _DEFAULT.build.reuse


class FlyTable(Table):
    """Fly.io itself."""

    org: Annotated[
        Text,
        Expected("a string", '"acme"'),
        About("The slug of the organization that apps are created in."),
    ] = _DEFAULT.org


class DeployTable(Table):
    """Where apps are deployed."""

    driver: Annotated[
        str,
        Expected("a string", '"fly"'),
        Check(value_checks.one_of(DRIVERS)),
        About(
            "`fly` deploys to Fly.io; `docker` runs containers on the local engine.",
            {"enum": list(DRIVERS)},
        ),
    ] = _DEFAULT.deploy.driver.value
    max_parallel: Annotated[
        int,
        Expected("a whole number", "4"),
        AtLeast(1),
        About("How many apps are deployed at the same time."),
    ] = _DEFAULT.deploy.max_parallel
    waves: Annotated[
        tuple[WaveValue, ...],
        Expected("a list", '[1, "10%", "100%"]'),
        About(
            "How many of an image's apps to change are deployed when each wave has "
            "ended, as numbers or shares; one that fails stops the waves after it."
        ),
    ] = ()
    backwards: Annotated[
        bool,
        Expected("true or false", "true"),
        About(
            "Deploy also over an app that runs a newer commit, as where branches take "
            "turns on a staging app. Else it is held: an older CI run may end last."
        ),
    ] = _DEFAULT.deploy.backwards


class Profile(Table):
    """Settings merged over the rest by `--profile NAME` or `PIPELINE_PROFILE=NAME`."""

    images: Annotated[
        Patterns,
        Expected("a list of globs", '["images/*"]'),
        About(
            "Globs of folders or of Dockerfiles, relative to this file. A folder with a Dockerfile "
            "is an image named after it; so is each file such as `web.Dockerfile` or "
            "`Dockerfile.web`, named `web`. `**` crosses folders, hidden ones are left out. "
            'A table has more: `{ path = "src/*", name = "{parent}-{folder}", context = "." }`.'
        ),
    ] = tuple(pattern.path for pattern in _DEFAULT.images)
    strict: Annotated[
        bool,
        Expected("true or false", "true"),
        About(
            "Take warnings about what a tag may hide, such as a copied Git LFS "
            "pointer, as errors; so does `--strict`."
        ),
    ] = _DEFAULT.strict
    registry: Annotated[RegistryTable, About(RegistryTable.__doc__)] = RegistryTable()
    build: Annotated[BuildTable, About(BuildTable.__doc__)] = BuildTable()
    fly: Annotated[FlyTable, About(FlyTable.__doc__)] = FlyTable()
    deploy: Annotated[DeployTable, About(DeployTable.__doc__)] = DeployTable()


class PipelineFile(Profile):
    """`pipeline.toml`: the settings of a Fly Image Pipeline project. All of it is optional."""

    requires: Annotated[
        str,
        Expected("versions", '">=0.2"'),
        Check(specifier),
        About(
            "Versions of Fly Image Pipeline that may work on this project, as PEP 440 "
            "writes them. Versions whose keys differ build and deploy the same files anew, each "
            "after the other; any other than these stops before anything is asked."
        ),
    ] = _DEFAULT.requires

    profiles: Annotated[
        Mapping[Annotated[str, Check(value_checks.filled)], Profile],
        Expected("a table of tables", "[profiles.local]"),
        About("Named settings, each " + (Profile.__doc__ or "")[9:]),
    ] = NOTHING
