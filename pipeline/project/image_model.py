"""The keys of `image.toml`: types, checks, and what editors say of them.

The model says what the file may hold; `image_file` turns it into a value of this project's own.
"""

# No `from __future__ import annotations` here: the reader needs the annotations at run time.

from collections.abc import Mapping
from typing import Annotated

from ..reference import Tag as ImageTag
from . import value_checks
from .tables import (
    NOTHING,
    About,
    Above,
    ArgName,
    AtLeast,
    Check,
    Choose,
    Expected,
    Name,
    Platforms,
    Table,
    Text,
)

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


AppName = Annotated[str, Check(value_checks.app_name)]
AppSource = Annotated[str, Check(value_checks.app_source)]


class AppTable(Table):
    """An app with a configuration of its own."""

    name: Annotated[AppName, Expected("an app name", '"acme-api-eu"'), About("The app's name.")]
    config: Annotated[
        Text | None,
        Expected("a path", '"fly.eu.toml"'),
        About("Its configuration, relative to this folder. Default: `config`."),
    ] = None


def _kind_of_app(value: object) -> object:
    """Say which of the two an element is meant to be: a mistake is explained for that one."""
    return AppTable if isinstance(value, dict) else AppName


def _kind_of_apps(value: object) -> object:
    return AppSource if isinstance(value, str) else AppList


App = Annotated[str | AppTable, Choose(_kind_of_app)]
AppList = Annotated[tuple[App, ...], AtLeast(1)]
Apps = Annotated[
    tuple[App, ...] | str,
    Choose(_kind_of_apps),
    About(
        "",
        instead={
            "anyOf": [
                {"type": "array", "items": _APP_SCHEMA, "minItems": 1},
                {"type": "string", "pattern": f"^({'|'.join(value_checks.SOURCES)}):."},
            ]
        },
    ),
]


class EnvironmentValue(Table):
    """The value of a build argument, from a variable of the environment."""

    env: Annotated[
        str,
        Expected("the name of a variable", '"GIT_SHA"'),
        Check(value_checks.argument_variable),
        About("The variable. It is read when the project is loaded, and its value is in the tag."),
    ]
    default: Annotated[
        str | None,
        Expected("a string", '"unknown"'),
        About("The value if the variable is not set. Without it, that is an error."),
    ] = None


_VALUE_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"env": {"type": "string"}, "default": {"type": "string"}},
            "required": ["env"],
            "additionalProperties": False,
        },
    ]
}


def _kind_of_value(value: object) -> object:
    return EnvironmentValue if isinstance(value, dict) else str


ArgValue = Annotated[
    str | EnvironmentValue, Choose(_kind_of_value), About("", instead=_VALUE_SCHEMA)
]


class TestTable(Table):
    """A test of the image, run in a container of it before its tag is pushed."""

    command: Annotated[
        tuple[str, ...],
        Expected("a list of strings", '["python3", "-c", "import app"]'),
        AtLeast(1),
        About("The command; it must exit with 0. No shell is put around it."),
    ]
    timeout: Annotated[
        float,
        Expected("a number of seconds", "300"),
        Above(0),
        About("How long the command may take, in seconds."),
    ] = 300.0


class ImageDeployTable(Table):
    """How the image becomes apps. A folder with a `fly.toml` needs none of it."""

    apps: Annotated[
        Apps | None,
        Expected("a list of app names", '["acme-api-eu"]'),
        About(
            "The apps that run this image: a list of names, or of tables such as "
            '`{ name = "acme-api-eu", config = "fly.eu.toml" }`; `file:apps.txt` (one name a '
            "line, relative to this folder); `match:acme-*` (those of the organization that fit); "
            "or `command:./tenants.sh` (prints one name a line; run in the project's root, without "
            "a shell). Default: `app` of `config`."
        ),
    ] = None
    config: Annotated[
        Text | None,
        Expected("a path", '"fly.toml"'),
        About(
            "The app's configuration, relative to this folder. Default: `fly.toml`, "
            "else `fly.json`, else `fly.yaml`."
        ),
    ] = None
    after: Annotated[
        tuple[Name, ...],
        Expected("a list of image names", '["worker"]'),
        About("Images whose apps are deployed before this one's."),
    ] = ()
    strategy: Annotated[
        str | None,
        Expected("a string", '"rolling"'),
        Check(lambda text: text if text is None else value_checks.one_of(STRATEGIES)(text)),
        About(
            "How machines are replaced. Default: what `config` says.",
            {"enum": list(STRATEGIES)},
        ),
    ] = None


class ImageTables(Table):
    """What the conventions do not say of an image. All of it is optional."""

    name: Annotated[
        Name | None,
        Expected("a string", '"web"'),
        About("The image's name, an OCI path component. Default: the folder's name."),
    ] = None
    image: Annotated[
        Text | None,
        Expected("an image", '"nginx:1.27"'),
        About(
            "A ready image of any registry, deployed as it is: instead of a "
            "Dockerfile, as `image` under `[build]` of a `fly.toml`."
        ),
    ] = None
    context: Annotated[
        Text,
        Expected("a path", '"../.."'),
        About(
            "The files that the build may see: a folder, relative to this one, inside the project."
        ),
    ] = "."
    dockerfile: Annotated[
        Text, Expected("a path", '"Dockerfile"'), About("Relative to this folder.")
    ] = "Dockerfile"
    target: Annotated[
        Text | None,
        Expected("a string", '"runtime"'),
        About("The stage to stop at. Default: the last one."),
    ] = None
    platforms: Annotated[
        Platforms | None,
        Expected("a list of platforms", '["linux/amd64"]'),
        AtLeast(1),
        About("Default: `build.platforms` of pipeline.toml."),
    ] = None
    aliases: Annotated[
        tuple[Annotated[ImageTag, Check(value_checks.alias)], ...],
        Expected("a list of tags", '["latest"]'),
        About("Moving tags that are put on each new build."),
    ] = ()
    args: Annotated[
        Mapping[ArgName, ArgValue],
        Expected("a table of strings", '{ PYTHON = "3.12" }'),
        About(
            "Build arguments. They are in the fingerprint and in the image's history. A value may "
            'come from the environment: `GIT_SHA = { env = "GIT_SHA", default = "unknown" }`.'
        ),
    ] = NOTHING
    secrets: Annotated[
        tuple[Annotated[str, Check(value_checks.secret)], ...],
        Expected("a list of secrets", '["id=token,env=TOKEN"]'),
        About(
            "Secrets for `RUN --mount=type=secret`, in BuildKit's own syntax. Their "
            "values never enter the fingerprint. A file is relative to this folder. An image "
            "is not built without a secret, unless `required=false` is in its entry. The user must "
            "allow a file outside the project (`--allow fs.read=PATH`), and a variable that is for "
            "logging in, such as FLY_API_TOKEN (`--allow secret=NAME`)."
        ),
    ] = ()
    ssh: Annotated[
        tuple[Text, ...],
        Expected("a list of SSH agents or keys", '["default"]'),
        About(
            "SSH agents or keys for `RUN --mount=type=ssh`, in BuildKit's own syntax. "
            "The user must allow the agent (`--allow ssh`), and keys outside the project."
        ),
    ] = ()
    salt: Annotated[str, Expected("a string", '"1"'), About("Change it to force a rebuild.")] = ""
    refresh: Annotated[
        str | None,
        Expected("a string", '"7d"'),
        Check(lambda text: text if text is None else value_checks.refresh(text)),
        About(
            "How often the image is built anew, without BuildKit's cache, though nothing of it has "
            "changed: hours, days or weeks (`12h`, `7d`, `2w`), or `never`. Default: "
            "`build.refresh` of pipeline.toml for an image with a RUN or ADD that takes whatever "
            "there is, as `plan` notes."
        ),
    ] = None
    bases: Annotated[
        Mapping[ArgName, Name],
        Expected("a table of image names", '{ BASE_IMAGE = "python-base" }'),
        About(
            "Only where the Dockerfile cannot say it: the build argument that names a "
            "base, and the image of this project that it is bound to."
        ),
    ] = NOTHING
    contexts: Annotated[
        Mapping[
            Annotated[str, Check(value_checks.context_name)],
            Annotated[str, Check(value_checks.context_folder)],
        ],
        Expected("a table of folders", '{ libs = "../../libs" }'),
        About(
            "Named build contexts: a name that the Dockerfile takes from, in "
            "`COPY --from`, `RUN --mount=from=` or `FROM`, and a folder of the project, relative "
            "to this one. It goes before stages and images of that name; an ignore file in it is "
            "heeded."
        ),
    ] = NOTHING
    test: Annotated[TestTable | None, About(TestTable.__doc__)] = None
    deploy: Annotated[ImageDeployTable | None, About(ImageDeployTable.__doc__)] = None


class TestOfProfile(TestTable):
    """What a profile changes of the test; the command may be that of the rest."""

    command: Annotated[
        tuple[str, ...],
        Expected("a list of strings", '["python3", "-c", "import app"]'),
        AtLeast(1),
        About("The command; it must exit with 0. No shell is put around it."),
    ] = ()


class ImageProfile(ImageTables):
    """Settings of this image, merged over the rest by `--profile NAME` or `PIPELINE_PROFILE`."""

    test: Annotated[TestOfProfile | None, About(TestTable.__doc__)] = None


class ImageFileModel(ImageTables):
    """`image.toml`: what the conventions do not say of an image. All of it is optional."""

    profiles: Annotated[
        Mapping[Annotated[str, Check(value_checks.filled)], ImageProfile],
        Expected("a table of tables", "[profiles.staging]"),
        About(
            "Named settings, each merged over the rest by --profile NAME or "
            "PIPELINE_PROFILE=NAME, as in pipeline.toml."
        ),
    ] = NOTHING
