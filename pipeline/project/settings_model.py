"""The keys of `pipeline.toml`: types, checks, and what editors say of them.

The model says what the file may hold; `settings` turns it into the values of
`model.image`, whose defaults they share.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
)

from ..model.settings import DriverName, Settings
from . import value_checks
from .pydantic_types import STRICT, Platforms, Text, Wants
from .required_version import specifier

DRIVERS = tuple(driver.value for driver in DriverName)
NETWORKS = ("default", "host", "none")
_DEFAULT = Settings()


def _boolean_word(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


CacheText = Annotated[str, AfterValidator(value_checks.cache)]
WaveValue = Annotated[
    int | str,
    PlainValidator(value_checks.wave),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]
ProvenanceText = Annotated[
    str,
    BeforeValidator(_boolean_word),
    AfterValidator(value_checks.provenance),
    WithJsonSchema({"type": ["boolean", "string"]}),
]
Globs = list[Annotated[str, AfterValidator(value_checks.glob)]]


class RegistryTable(BaseModel):
    """Where images are pushed, and under which names."""

    model_config = STRICT

    host: Annotated[
        str,
        Wants("a string", '"registry.fly.io"'),
        AfterValidator(value_checks.host),
        Field(description="The registry's host, with its port if it has one."),
    ] = _DEFAULT.registry.host
    repository: Annotated[
        str,
        Wants("a string", '"acme-{name}"'),
        AfterValidator(value_checks.repository_template),
        Field(
            description="The repository of an image. {name} is the image's name; without it, all "
            "images share one repository, and `tag` must contain {name}."
        ),
    ] = _DEFAULT.registry.repository
    tag: Annotated[
        str,
        Wants("a string", '"{fingerprint}"'),
        AfterValidator(value_checks.tag_template),
        Field(
            description="The tag of an image. It must contain {fingerprint}, 20 hex digits that "
            "stand for all of the image's inputs, and may contain {name}.",
            json_schema_extra={"pattern": r"\{fingerprint\}"},
        ),
    ] = _DEFAULT.registry.tag
    insecure: Annotated[
        bool,
        Wants("true or false", "false"),
        Field(
            description="The registry may speak plain HTTP, or show any certificate; no credential "
            "is sent to it, unless its certificate is good after all. Hosts of this machine itself "
            "(localhost, 127.0.0.1) may always speak plain HTTP. Fly's registry is never insecure."
        ),
    ] = _DEFAULT.registry.insecure
    also: Annotated[
        list[Annotated[str, AfterValidator(value_checks.place_template)]],
        Wants("a list of repositories", '["acme-{name}-staging"]'),
        Field(
            description="Other repositories, on the same host or with a host before them, that may "
            "hold an image of the same fingerprint: one that `repository` lacks is copied from the "
            "first that has it, instead of being built. {name} is the image's name. The user must "
            "allow each: `--allow repository=HOST/PATH`."
        ),
    ] = list(_DEFAULT.registry.also)


class BuildTable(BaseModel):
    """How BuildKit is asked to build."""

    model_config = STRICT

    builder: Annotated[
        Text,
        Wants("a string", '"default"'),
        AfterValidator(value_checks.builder),
        Field(
            description="The buildx builder that does the work: the local engine, a remote "
            "BuildKit, Kubernetes or a cloud. `docker buildx ls` lists them."
        ),
    ] = _DEFAULT.build.builder
    platforms: Annotated[
        Platforms,
        Field(min_length=1, description="The platforms of every image that does not name its own."),
    ] = [str(platform) for platform in _DEFAULT.build.platforms]
    cache_from: Annotated[
        list[CacheText],
        Wants("a list of cache sources", '["type=registry,ref=ghcr.io/acme/cache:{name}"]'),
        Field(
            description="Where BuildKit may import cache from, in its own syntax. {name} is the "
            "image's name. The user must allow what is neither the image's own repository, nor in "
            "the project, nor `type=gha`: `--allow repository=HOST/PATH` or `fs.read=PATH`."
        ),
    ] = list(_DEFAULT.build.cache_from)
    cache_to: Annotated[
        list[Annotated[str, AfterValidator(value_checks.cache_destination)]],
        Wants("a list of cache destinations", '["type=registry,ref=ghcr.io/acme/cache:{name}"]'),
        Field(
            description="Where BuildKit exports cache to, in its own syntax. {name} is the "
            "image's name. The user must allow the same as for `cache_from`, with `fs.write=PATH`."
        ),
    ] = list(_DEFAULT.build.cache_to)
    sbom: Annotated[
        bool,
        Wants("true or false", "false"),
        Field(
            description="Attach a software bill of materials. Off by default: Fly.io has refused "
            "images with attestations."
        ),
    ] = _DEFAULT.build.sbom
    provenance: Annotated[
        ProvenanceText,
        Wants("true, false or a string", '"mode=max"'),
        Field(
            description="Attach provenance: true, or BuildKit's own words such as 'mode=max'. "
            "Off by default: Fly.io has refused images with attestations."
        ),
    ] = _DEFAULT.build.provenance
    network: Annotated[
        str,
        Wants("a string", '"host"'),
        AfterValidator(value_checks.one_of(NETWORKS)),
        Field(
            description='The network of RUN steps. The builder must allow "host", and so must the '
            "user: `--allow network.host`.",
            json_schema_extra={"enum": list(NETWORKS)},
        ),
    ] = _DEFAULT.build.network


class FlyTable(BaseModel):
    """Fly.io itself."""

    model_config = STRICT

    org: Annotated[
        Text,
        Wants("a string", '"acme"'),
        Field(description="The slug of the organization that apps are created in."),
    ] = _DEFAULT.org


class DeployTable(BaseModel):
    """Where apps are deployed."""

    model_config = STRICT

    driver: Annotated[
        str,
        Wants("a string", '"fly"'),
        AfterValidator(value_checks.one_of(DRIVERS)),
        Field(
            description="`fly` deploys to Fly.io; `docker` runs containers on the local engine.",
            json_schema_extra={"enum": list(DRIVERS)},
        ),
    ] = _DEFAULT.deploy.driver.value
    max_parallel: Annotated[
        int,
        Wants("a whole number", "4"),
        Field(ge=1, description="How many apps are deployed at the same time."),
    ] = _DEFAULT.deploy.max_parallel
    waves: Annotated[
        list[WaveValue],
        Wants("a list", '[1, "10%", "100%"]'),
        Field(
            description="How many of an image's apps to change are deployed when each wave has "
            "ended, as numbers or shares; one that fails stops the waves after it."
        ),
    ] = []
    backwards: Annotated[
        bool,
        Wants("true or false", "true"),
        Field(
            description="Deploy also over an app that runs a newer commit, as where branches take "
            "turns on a staging app. Else it is held: an older CI run may end last."
        ),
    ] = _DEFAULT.deploy.backwards


class Profile(BaseModel):
    """Settings merged over the rest by `--profile NAME` or `PIPELINE_PROFILE=NAME`."""

    model_config = STRICT

    images: Annotated[
        Globs,
        Wants("a list of globs", '["images/*"]'),
        Field(
            description="Globs of folders, relative to this file. A folder with a Dockerfile is an "
            "image named after it; `**` crosses folders, hidden ones are left out."
        ),
    ] = list(_DEFAULT.globs)
    strict: Annotated[
        bool,
        Wants("true or false", "true"),
        Field(
            description="Take warnings about what a tag may hide, such as a copied Git LFS "
            "pointer, as errors; so does `--strict`."
        ),
    ] = _DEFAULT.strict
    registry: Annotated[RegistryTable, Field(description=RegistryTable.__doc__)] = RegistryTable()
    build: Annotated[BuildTable, Field(description=BuildTable.__doc__)] = BuildTable()
    fly: Annotated[FlyTable, Field(description=FlyTable.__doc__)] = FlyTable()
    deploy: Annotated[DeployTable, Field(description=DeployTable.__doc__)] = DeployTable()


class PipelineFile(Profile):
    """`pipeline.toml`: the settings of a Fly Image Pipeline project. All of it is optional."""

    requires: Annotated[
        str,
        Wants("versions", '">=0.2"'),
        AfterValidator(specifier),
        Field(
            description="Versions of Fly Image Pipeline that may work on this project, as PEP 440 "
            "writes them. Versions whose keys differ build and deploy the same files anew, each "
            "after the other; any other than these stops before anything is asked."
        ),
    ] = _DEFAULT.requires

    profiles: Annotated[
        dict[Annotated[str, AfterValidator(value_checks.filled)], Profile],
        Wants("a table of tables", "[profiles.local]"),
        Field(description="Named settings, each " + (Profile.__doc__ or "")[9:]),
    ] = {}
