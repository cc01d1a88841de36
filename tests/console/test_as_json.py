"""JSON for scripts: keys, their order, and characters that a stream cannot encode."""

from __future__ import annotations

import io
import json

import jsonschema
import pytest

from pipeline.console import as_json
from pipeline.console.check import CheckResult
from pipeline.errors import ConfigError, Location, Problem, UnknownError
from pipeline.model.image import Triggers
from pipeline.model.inputs import ContextEntry, EntryKind, Inputs, Key
from pipeline.model.presence import Absent, Present
from pipeline.reference import ImageName, Platform
from tests.console import schemas
from tests.console.values import (
    DEBIAN,
    DIGEST,
    PLAN,
    PRINT,
    PROJECT,
    RELEASES,
    REPORT,
    STATUSES,
    make_reference,
)

KEY = Key("e1" * 32)
INPUTS = Inputs(
    name=ImageName("web"),
    key=KEY,
    fingerprint=PRINT,
    entries=(
        ContextEntry("app.py", EntryKind.FILE, executable=True, sha256="ab" * 32),
        ContextEntry("now", EntryKind.LINK, link="app.py"),
        ContextEntry("static", EntryKind.DIRECTORY),
    ),
    args={"PYTHON": "3.12", "TOKEN": None},
    target=None,
    platforms=(Platform("linux", "amd64"),),
    bases={ImageName("os-base"): KEY},
    externals={str(DEBIAN): None, "docker.io/library/node:22": DIGEST},
    warnings=(Problem(Location("Dockerfile", 2), "`v` is a pointer"),),
    test=("node", "--check", "app.js"),
    triggers={str(DEBIAN): (Triggers(Platform("linux", "amd64"), ("COPY . /app",)),)},
)
CHECKS = (
    CheckResult("engine", ok=None, detail="not asked"),
    CheckResult("registry", ok=False, detail="no"),
)

DOCUMENTS = [
    (as_json.plan_json(PLAN), schemas.PLAN),
    (as_json.graph_json(PROJECT), schemas.GRAPH),
    (as_json.inputs_json(INPUTS), schemas.INPUTS),
    (as_json.report_json(REPORT), schemas.REPORT),
    (as_json.error_json(UnknownError("it does not answer")), schemas.ERROR),
    (as_json.error_json(ConfigError([Problem(Location("a.toml"), "no")])), schemas.ERROR),
    (as_json.exists_json(make_reference("web"), Present(DIGEST)), schemas.EXISTS),
    (as_json.exists_json(make_reference("web"), Absent()), schemas.EXISTS),
    (as_json.doctor_json(CHECKS), schemas.DOCTOR),
    (as_json.status_json(STATUSES), schemas.STATUS),
    (as_json.releases_json("web", RELEASES), schemas.RELEASES),
    (as_json.rollback_json(REPORT.deploys), schemas.ROLLBACK),
]


def dump(value: as_json.JsonObject, encoding: str = "utf-8") -> bytes:
    """Return the bytes that are written to a stream of that encoding."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    as_json.dump(value, stream)
    return raw.getvalue()


@pytest.mark.parametrize(("value", "schema"), DOCUMENTS, ids=lambda v: str(v.get("schema", "")))
def test_documents_have_the_documented_shape(
    value: as_json.JsonObject, schema: schemas.Schema
) -> None:
    """Each document has the documented keys and types."""
    jsonschema.validate(json.loads(dump(value)), schema)


@pytest.mark.parametrize("name", schemas.PUBLISHED)
def test_the_published_schemas_are_these(name: str) -> None:
    """`python -m tests.console.schemas` writes them."""
    file = schemas.FOLDER / f"{name}-1.schema.json"
    assert file.read_text(encoding="utf-8") == schemas.text(name)
    jsonschema.Draft202012Validator.check_schema(json.loads(file.read_text()))


@pytest.mark.parametrize(("value", "schema"), DOCUMENTS, ids=lambda v: str(v.get("schema", "")))
def test_documented_keys_come_first_and_in_order(
    value: as_json.JsonObject, schema: schemas.Schema
) -> None:
    """Documented keys come first in their order; later additions follow."""
    documented = schema["required"]

    assert documented == list(value)[: len(documented)]


def test_inputs_have_the_key_the_test_and_triggers() -> None:
    """Bases have their keys; a test is only in the fingerprint."""
    document = as_json.inputs_json(INPUTS)

    assert document["fingerprint"] == PRINT.hex
    assert document["key"] == KEY.hex
    assert document["bases"] == {"os-base": KEY.hex}
    assert document["test"] == ["node", "--check", "app.js"]
    assert document["triggers"] == {str(DEBIAN): {"linux/amd64": ["COPY . /app"]}}


def test_nested_objects_are_ordered() -> None:
    """Nested objects are ordered, too."""
    images = as_json.report_json(REPORT)["images"]

    assert isinstance(images, list)
    documented = schemas.REPORT["properties"]["images"]["items"]["required"]
    assert documented == list(images[0])[: len(documented)]


def test_a_failure_is_complete() -> None:
    """A failure has step, location and log."""
    images = as_json.report_json(REPORT)["images"]

    assert isinstance(images, list)
    failure = images[2]["failure"]
    assert failure["location"] == "images/api/Dockerfile:3:1"
    assert failure["log"] == ["make: *** No rule to make target 'all'.  Stop."]


def test_a_document_ends_in_one_newline() -> None:
    """A document ends with one newline."""
    assert dump({"schema": "x"}).endswith(b"}\n")
    assert not dump({"schema": "x"}).endswith(b"\n\n")


def test_encodable_characters_are_not_escaped() -> None:
    """Characters that the stream can encode are not escaped."""
    assert "größe".encode() in dump({"name": "größe"})


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_other_characters_are_escaped(encoding: str) -> None:
    """A file name that is not UTF-8 is escaped, and can be parsed back."""
    value: as_json.JsonObject = {"path": "caf\udce9-é"}

    assert value == json.loads(dump(value, encoding))
