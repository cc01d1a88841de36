"""The keys of `image.toml`: types, checks, and what editors say of them.

The model says what the file may hold; `image_file` turns it into a value of this project's own.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

from typing import TYPE_CHECKING, Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    Tag,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from ..reference import Tag as ImageTag
from . import value_checks
from .pydantic_types import APP_NAME, APP_TABLE, STRICT, ArgName, Name, Platforms, Text, Wants

_APP_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "config": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
    ]
}

STRATEGIES = ("rolling", "immediate", "canary", "bluegreen")


def _apps(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    return value_checks.app_source(value) if isinstance(value, str) else handler(value)


def _kind_of_app(value: object) -> str:
    return APP_TABLE if isinstance(value, (dict, BaseModel)) else APP_NAME


AppName = Annotated[str, AfterValidator(value_checks.app_name)]


class AppTable(BaseModel):
    """An app with a configuration of its own."""

    model_config = STRICT

    name: Annotated[
        AppName, Wants("an app name", '"acme-api-eu"'), Field(description="The app's name.")
    ]
    config: Annotated[
        Text | None,
        Wants("a path", '"fly.eu.toml"'),
        Field(description="Its configuration, relative to this folder. Default: `config`."),
    ] = None


if TYPE_CHECKING:
    Apps = list[str | AppTable] | str
else:
    # A tag says which of the two an element is meant to be: what is wrong is told of that one.
    App = Annotated[
        Annotated[AppName, Tag(APP_NAME)] | Annotated[AppTable, Tag(APP_TABLE)],
        Discriminator(_kind_of_app),
    ]
    # To pydantic a list, so that what is wrong with an element is told of that element alone.
    Apps = Annotated[
        list[App],
        Field(min_length=1),
        WrapValidator(_apps),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "array", "items": _APP_SCHEMA, "minItems": 1},
                    {"type": "string", "pattern": f"^({'|'.join(value_checks.SOURCES)}):."},
                ]
            }
        ),
    ]


class TestTable(BaseModel):
    """A test of the image, run in a container of it before its tag is pushed."""

    model_config = STRICT

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


class ImageDeployTable(BaseModel):
    """How the image becomes apps. A folder with a `fly.toml` needs none of it."""

    model_config = STRICT

    apps: Annotated[
        Apps | None,
        Wants("a list of app names", '["acme-api-eu"]'),
        Field(
            description="The apps that run this image: a list of names, or of tables such as "
            '`{ name = "acme-api-eu", config = "fly.eu.toml" }`; `file:apps.txt` (one name a '
            "line, relative to this folder); `match:acme-*` (those of the organization that fit); "
            "or `command:./tenants.sh` (prints one name a line; run in the project's root, without "
            "a shell). Default: `app` of `config`."
        ),
    ] = None
    config: Annotated[
        Text | None,
        Wants("a path", '"fly.toml"'),
        Field(
            description="The app's configuration, relative to this folder. Default: `fly.toml`, "
            "else `fly.json`, else `fly.yaml`."
        ),
    ] = None
    after: Annotated[
        list[Name],
        Wants("a list of image names", '["worker"]'),
        Field(description="Images whose apps are deployed before this one's."),
    ] = []
    strategy: Annotated[
        str | None,
        Wants("a string", '"rolling"'),
        AfterValidator(
            lambda text: text if text is None else value_checks.one_of(STRATEGIES)(text)
        ),
        Field(
            description="How machines are replaced. Default: what `config` says.",
            json_schema_extra={"enum": list(STRATEGIES)},
        ),
    ] = None


class ImageTables(BaseModel):
    """What the conventions do not say of an image. All of it is optional."""

    model_config = STRICT

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
        list[Annotated[ImageTag, AfterValidator(value_checks.alias)]],
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
        list[Annotated[str, AfterValidator(value_checks.secret)]],
        Wants("a list of secrets", '["id=token,env=TOKEN"]'),
        Field(
            description="Secrets for `RUN --mount=type=secret`, in BuildKit's own syntax. Their "
            "values never enter the fingerprint. A file is relative to this folder. An image "
            "is not built without a secret, unless `required=false` is in its entry. The user must "
            "allow a file outside the project (`--allow fs.read=PATH`), and a variable that is for "
            "logging in, such as FLY_API_TOKEN (`--allow secret=NAME`)."
        ),
    ] = []
    ssh: Annotated[
        list[Text],
        Wants("a list of SSH agents or keys", '["default"]'),
        Field(
            description="SSH agents or keys for `RUN --mount=type=ssh`, in BuildKit's own syntax. "
            "The user must allow the agent (`--allow ssh`), and keys outside the project."
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
    contexts: Annotated[
        dict[
            Annotated[str, AfterValidator(value_checks.context_name)],
            Annotated[str, AfterValidator(value_checks.context_folder)],
        ],
        Wants("a table of folders", '{ libs = "../../libs" }'),
        Field(
            description="Named build contexts: a name that the Dockerfile takes from, in "
            "`COPY --from`, `RUN --mount=from=` or `FROM`, and a folder of the project, relative "
            "to this one. It goes before stages and images of that name; an ignore file in it is "
            "heeded."
        ),
    ] = {}
    test: Annotated[TestTable | None, Field(description=TestTable.__doc__)] = None
    deploy: Annotated[ImageDeployTable | None, Field(description=ImageDeployTable.__doc__)] = None


class TestOfProfile(TestTable):
    """What a profile changes of the test; the command may be that of the rest."""

    command: Annotated[
        list[str],
        Wants("a list of strings", '["python3", "-c", "import app"]'),
        Field(
            min_length=1, description="The command; it must exit with 0. No shell is put around it."
        ),
    ] = []


class ImageProfile(ImageTables):
    """Settings of this image, merged over the rest by `--profile NAME` or `PIPELINE_PROFILE`."""

    test: Annotated[TestOfProfile | None, Field(description=TestTable.__doc__)] = None


class ImageFileModel(ImageTables):
    """`image.toml`: what the conventions do not say of an image. All of it is optional."""

    profiles: Annotated[
        dict[Annotated[str, AfterValidator(value_checks.filled)], ImageProfile],
        Wants("a table of tables", "[profiles.staging]"),
        Field(
            description="Named settings, each merged over the rest by --profile NAME or "
            "PIPELINE_PROFILE=NAME, as in pipeline.toml."
        ),
    ] = {}
