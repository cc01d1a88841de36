"""The keys of `pipeline.toml` and `image.toml`: types, checks, and what editors say of them.

The models say what one file may hold; `settings` and `image_file` turn them into the values of
`pipeline.core.model`, whose defaults they share. Import this module only to read a file: pydantic
takes a tenth of a second.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from pipeline.core.model import DriverName, Settings
from pipeline.core.reference import ImageName, Tag, parse_image_name, parse_platform, parse_tag
from pipeline.shell.config import checks

DRIVERS = tuple(driver.value for driver in DriverName)
NETWORKS = ("default", "host", "none")
STRATEGIES = ("rolling", "immediate", "canary", "bluegreen")
_DEFAULT = Settings()


@dataclass(frozen=True, slots=True)
class Wants:
    """What a key takes, in words, with an example as it is written in TOML."""

    noun: str
    example: str

    def __str__(self) -> str:
        return f"{self.noun} such as {self.example}"


def _platform(text: str) -> str:
    parse_platform(text)
    return text


def _boolean_word(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _apps(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    return checks.app_source(value) if isinstance(value, str) else handler(value)


Text = Annotated[str, AfterValidator(checks.filled)]
Name = Annotated[ImageName, AfterValidator(parse_image_name)]
PlatformText = Annotated[str, AfterValidator(_platform)]
ArgName = Annotated[str, AfterValidator(checks.arg_name)]
CacheText = Annotated[str, AfterValidator(checks.name_template)]
WaveValue = Annotated[
    int | str,
    PlainValidator(checks.wave),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]
AppName = Annotated[str, AfterValidator(checks.app_name)]
if TYPE_CHECKING:
    Apps = list[str] | str
else:
    # To pydantic a list, so that what is wrong with an element is told of that element alone.
    Apps = Annotated[
        list[AppName],
        Field(min_length=1),
        WrapValidator(_apps),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    {"type": "string", "pattern": f"^({'|'.join(checks.SOURCES)}):."},
                ]
            }
        ),
    ]
ProvenanceText = Annotated[
    str,
    BeforeValidator(_boolean_word),
    AfterValidator(checks.provenance),
    WithJsonSchema({"type": ["boolean", "string"]}),
]
Globs = list[Annotated[str, AfterValidator(checks.glob)]]
Platforms = Annotated[list[PlatformText], Wants("a list of platforms", '["linux/amd64"]')]


class Table(BaseModel):
    """A table of a file: unknown keys are errors, and no type is converted to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RegistryTable(Table):
    """Where images are pushed, and under which names."""

    host: Annotated[
        str,
        Wants("a string", '"registry.fly.io"'),
        AfterValidator(checks.host),
        Field(description="The registry's host, with its port if it has one."),
    ] = _DEFAULT.registry.host
    repository: Annotated[
        str,
        Wants("a string", '"acme-{name}"'),
        AfterValidator(checks.repository_template),
        Field(
            description="The repository of an image. {name} is the image's name; without it, all "
            "images share one repository, and `tag` must contain {name}."
        ),
    ] = _DEFAULT.registry.repository
    tag: Annotated[
        str,
        Wants("a string", '"{fingerprint}"'),
        AfterValidator(checks.tag_template),
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
            description="Speak plain HTTP to the registry. Hosts of this machine itself "
            "(localhost, 127.0.0.1) may always do so."
        ),
    ] = _DEFAULT.registry.insecure
    also: Annotated[
        list[Annotated[str, AfterValidator(checks.place_template)]],
        Wants("a list of repositories", '["acme-{name}-staging"]'),
        Field(
            description="Other repositories, on the same host or with a host before them, that may "
            "hold an image of the same fingerprint: one that `repository` lacks is copied from the "
            "first that has it, instead of being built. {name} is the image's name."
        ),
    ] = list(_DEFAULT.registry.also)


class BuildTable(Table):
    """How BuildKit is asked to build."""

    builder: Annotated[
        Text,
        Wants("a string", '"default"'),
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
            "image's name."
        ),
    ] = list(_DEFAULT.build.cache_from)
    cache_to: Annotated[
        list[CacheText],
        Wants("a list of cache destinations", '["type=registry,ref=ghcr.io/acme/cache:{name}"]'),
        Field(
            description="Where BuildKit exports cache to, in its own syntax. {name} is the "
            "image's name."
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
        AfterValidator(checks.one_of(NETWORKS)),
        Field(
            description='The network of RUN steps. The builder must allow "host".',
            json_schema_extra={"enum": list(NETWORKS)},
        ),
    ] = _DEFAULT.build.network


class FlyTable(Table):
    """Fly.io itself."""

    org: Annotated[
        Text,
        Wants("a string", '"acme"'),
        Field(description="The slug of the organization that apps are created in."),
    ] = _DEFAULT.org


class DeployTable(Table):
    """Where apps are deployed."""

    driver: Annotated[
        str,
        Wants("a string", '"fly"'),
        AfterValidator(checks.one_of(DRIVERS)),
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


class Profile(Table):
    """Settings merged over the rest by `--profile NAME` or `PIPELINE_PROFILE=NAME`."""

    images: Annotated[
        Globs,
        Wants("a list of globs", '["images/*"]'),
        Field(
            description="Globs of folders, relative to this file. A folder with a Dockerfile is an "
            "image named after it; `**` crosses folders, hidden ones are left out."
        ),
    ] = list(_DEFAULT.globs)
    registry: Annotated[RegistryTable, Field(description=RegistryTable.__doc__)] = RegistryTable()
    build: Annotated[BuildTable, Field(description=BuildTable.__doc__)] = BuildTable()
    fly: Annotated[FlyTable, Field(description=FlyTable.__doc__)] = FlyTable()
    deploy: Annotated[DeployTable, Field(description=DeployTable.__doc__)] = DeployTable()


class PipelineFile(Profile):
    """`pipeline.toml`: the settings of a Fly Image Pipeline project. All of it is optional."""

    profiles: Annotated[
        dict[Annotated[str, AfterValidator(checks.filled)], Profile],
        Wants("a table of tables", "[profiles.local]"),
        Field(description="Named settings, each " + (Profile.__doc__ or "")[9:]),
    ] = {}


class TestTable(Table):
    """A test of the image, run in a container of it before its tag is pushed."""

    command: Annotated[
        list[str],
        Wants("a list of strings", '["python3", "-c", "import app"]'),
        Field(
            min_length=1, description="The command; it must exit with 0. No shell is put around it."
        ),
    ]
    timeout: Annotated[
        float,
        Wants("a number of seconds", "300"),
        Field(gt=0, allow_inf_nan=False, description="How long the command may take, in seconds."),
    ] = 300.0


class ImageDeployTable(Table):
    """How the image becomes apps. A folder with a `fly.toml` needs none of it."""

    apps: Annotated[
        Apps | None,
        Wants("a list of app names", '["acme-api-eu"]'),
        Field(
            description="The apps that run this image: a list, `file:apps.txt` (one name a line, "
            "relative to this folder), `match:acme-*` (those of the organization that fit), or "
            "`command:./tenants.sh` (prints one name a line; run in the project's root, without a "
            "shell). Default: `app` of `config`."
        ),
    ] = None
    config: Annotated[
        Text | None,
        Wants("a path", '"fly.toml"'),
        Field(description="The app's configuration, relative to this folder. Default: `fly.toml`."),
    ] = None
    after: Annotated[
        list[Name],
        Wants("a list of image names", '["worker"]'),
        Field(description="Images whose apps are deployed before this one's."),
    ] = []
    strategy: Annotated[
        str | None,
        Wants("a string", '"rolling"'),
        AfterValidator(lambda text: text if text is None else checks.one_of(STRATEGIES)(text)),
        Field(
            description="How machines are replaced. Default: what `config` says.",
            json_schema_extra={"enum": list(STRATEGIES)},
        ),
    ] = None


class ImageFileModel(Table):
    """`image.toml`: what the conventions do not say of an image. All of it is optional."""

    name: Annotated[
        Name | None,
        Wants("a string", '"web"'),
        Field(description="The image's name, an OCI path component. Default: the folder's name."),
    ] = None
    image: Annotated[
        Text | None,
        Wants("an image", '"nginx:1.27"'),
        Field(
            description="A ready image of any registry, deployed as it is: instead of a "
            "Dockerfile, as `image` under `[build]` of a `fly.toml`."
        ),
    ] = None
    context: Annotated[
        Text,
        Wants("a path", '"../.."'),
        Field(
            description="The files that the build may see: a folder, relative to this one, inside "
            "the project."
        ),
    ] = "."
    dockerfile: Annotated[
        Text, Wants("a path", '"Dockerfile"'), Field(description="Relative to this folder.")
    ] = "Dockerfile"
    target: Annotated[
        Text | None,
        Wants("a string", '"runtime"'),
        Field(description="The stage to stop at. Default: the last one."),
    ] = None
    platforms: Annotated[
        Platforms | None,
        Wants("a list of platforms", '["linux/amd64"]'),
        Field(min_length=1, description="Default: `build.platforms` of pipeline.toml."),
    ] = None
    aliases: Annotated[
        list[Annotated[Tag, AfterValidator(parse_tag)]],
        Wants("a list of tags", '["latest"]'),
        Field(description="Moving tags that are put on each new build."),
    ] = []
    args: Annotated[
        dict[ArgName, str],
        Wants("a table of strings", '{ PYTHON = "3.12" }'),
        Field(
            description="Build arguments. They are in the fingerprint and in the image's history."
        ),
    ] = {}
    secrets: Annotated[
        list[Annotated[str, AfterValidator(checks.secret)]],
        Wants("a list of secrets", '["id=token,env=TOKEN"]'),
        Field(
            description="Secrets for `RUN --mount=type=secret`, in BuildKit's own syntax. Their "
            "values never enter the fingerprint."
        ),
    ] = []
    ssh: Annotated[
        list[Text],
        Wants("a list of SSH agents or keys", '["default"]'),
        Field(
            description="SSH agents or keys for `RUN --mount=type=ssh`, in BuildKit's own syntax."
        ),
    ] = []
    salt: Annotated[
        str, Wants("a string", '"1"'), Field(description="Change it to force a rebuild.")
    ] = ""
    bases: Annotated[
        dict[ArgName, Name],
        Wants("a table of image names", '{ BASE_IMAGE = "python-base" }'),
        Field(
            description="Only where the Dockerfile cannot say it: the build argument that names a "
            "base, and the image of this project that it is bound to."
        ),
    ] = {}
    test: Annotated[TestTable | None, Field(description=TestTable.__doc__)] = None
    deploy: Annotated[ImageDeployTable | None, Field(description=ImageDeployTable.__doc__)] = None
