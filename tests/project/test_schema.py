"""The JSON Schemas: equal to the models, and accepting what the loader accepts."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import tomli

from pipeline.project.image_model import ImageFileModel
from pipeline.project.schema import FOLDER, MODELS, text
from pipeline.project.settings_model import PipelineFile
from pipeline.project.tables import Mistake, read_table

PIPELINE_EXAMPLE = """
requires = ">=0.2"
images = ["images/*", { path = "src/*/*.Dockerfile", name = "{folder}-{stem}", context = "." }]

[registry]
host = "registry.fly.io"
repository = "{name}"
tag = "{fingerprint}"
insecure = false

[build]
builder = "default"
platforms = ["linux/amd64"]

[fly]
org = "acme"

[deploy]
driver = "fly"
max_parallel = 4
waves = [1, "10%", "100%"]

[profiles.local]
registry = { host = "127.0.0.1:5000" }
deploy = { driver = "docker" }
"""

IMAGE_EXAMPLE = """
context = "../.."
dockerfile = "Dockerfile"
target = "runtime"
platforms = ["linux/amd64"]
aliases = ["latest"]
args = { PYTHON = "3.12" }
secrets = ["id=token,env=TOKEN"]
salt = "1"

[bases]
BASE_IMAGE = "python-base"

[test]
command = ["python3", "-c", "import app"]

[deploy]
apps = ["acme-api-eu", "acme-api-us"]
config = "fly.toml"
after = ["worker"]
strategy = "rolling"
"""

READY_EXAMPLE = """
image = "nginx:1.27"

[deploy]
apps = "match:acme-*"
"""

WRONG_PIPELINE = [
    'hots = "x"',
    "requires = 0.2",
    '[profiles.local]\nrequires = ">=0.2"',
    "images = 'images/*'",
    "images = [{ name = '{folder}' }]",
    "images = [{ path = 'src/*', nmae = '{folder}' }]",
    "images = [{ path = 1 }]",
    "[registry]\nhost = 5000",
    "[registry]\ninsecure = 'yes'",
    "[registry]\ntag = 'latest'",
    "[build]\nplatforms = []",
    "[build]\nnetwork = 'bridge'",
    "[build]\nsbom = 1",
    "[deploy]\nmax_parallel = 0",
    "[deploy]\nwaves = [0]",
    "[deploy]\nwaves = [1.5]",
    "[deploy]\ndriver = 'heroku'",
    "[profiles]\nlocal = 1",
    "[profiles.local]\nprofiles = {}",
    "[profiles.local.registry]\nhots = 'x'",
]

WRONG_IMAGE = [
    "salt = 1",
    "args = { PYTHON = 3.12 }",
    "aliases = 'latest'",
    "platforms = []",
    "[test]\ncommand = []",
    "[test]\ntimeout = 3",
    "[test]\ncommand = ['true']\ntimeout = 0",
    "[deploy]\napps = []",
    "[deploy]\napps = 'acme-api-eu'",
    "[deploy]\napps = 'file:'",
    "image = 5",
    "[deploy]\nstrategy = 'yolo'",
    "[depoy]\napps = ['a']",
]


def shipped(name: str) -> dict[str, Any]:
    """Return a schema as installed with the package."""
    schema: dict[str, Any] = json.loads(files("pipeline").joinpath("schema", name).read_text())
    return schema


def mistakes(name: str, data: dict[str, Any]) -> list[Mistake]:
    """Return the mistakes that the loader finds."""
    return read_table(MODELS[name], data)[1]


@pytest.mark.parametrize("name", MODELS)
def test_the_files_equal_the_models(name: str) -> None:
    """If this fails, `python -m pipeline.project.schema` writes the files again."""
    assert files("pipeline").joinpath("schema", name).read_text(encoding="utf-8") == text(
        MODELS[name]
    )
    jsonschema.Draft202012Validator.check_schema(shipped(name))


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("pipeline.schema.json", PIPELINE_EXAMPLE),
        ("image.schema.json", IMAGE_EXAMPLE),
        ("image.schema.json", READY_EXAMPLE),
    ],
)
def test_a_file_with_every_key_is_accepted_by_both(name: str, example: str) -> None:
    """Both accept the examples with every key."""
    data = tomli.loads(example)

    assert mistakes(name, data) == []
    jsonschema.validate(data, shipped(name))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("pipeline.schema.json", wrong) for wrong in WRONG_PIPELINE),
        *(("image.schema.json", wrong) for wrong in WRONG_IMAGE),
    ],
)
def test_mistakes_are_refused_by_both(name: str, wrong: str) -> None:
    """Both refuse unknown keys, wrong types and wrong enumeration values."""
    data = tomli.loads(wrong)

    assert mistakes(name, data) != []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, shipped(name))


@pytest.mark.parametrize("model", [PipelineFile, ImageFileModel])
def test_every_key_has_a_description(model: type[PipelineFile | ImageFileModel]) -> None:
    """Every key has a description for editors."""
    made = json.loads(text(model))
    keys = {
        key: field
        for table in (made, *made["$defs"].values())
        for key, field in table["properties"].items()
    }

    silent = [
        key for key, field in keys.items() if "$ref" not in field and "description" not in field
    ]
    assert silent == []


def test_the_module_writes_the_files() -> None:
    """`python -m pipeline.project.schema` writes the files of the package."""
    assert [(FOLDER / name).is_file() for name in MODELS] == [True] * len(MODELS)
