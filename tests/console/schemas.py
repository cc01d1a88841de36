"""JSON Schemas of the documents for scripts, written from the contract, not from the code.

`python -m tests.console.schemas` writes them into `pipeline/schema`, for users; a test compares.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
SECONDS: Schema = {"type": "number", "minimum": 0}
DIGEST: Schema = {"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"}
HEX: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def record(**properties: Schema) -> Schema:
    """Return the schema of an object with these keys; more may be added."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def rows(**properties: Schema) -> Schema:
    """Return the schema of an array of such objects."""
    return {"type": "array", "items": record(**properties)}


WARNINGS = rows(
    location={"type": ["string", "null"]},
    message={"type": "string", "minLength": 1},
    hint={"type": ["string", "null"]},
)
REFRESH: Schema = {
    **record(every=TEXT, period={"type": "integer"}, due=TEXT),
    "type": ["object", "null"],
}
PLAN = record(
    schema={"const": "pipeline.plan/1"},
    images=rows(
        name=TEXT,
        kind={"enum": ["base", "app"]},
        reference=TEXT,
        fingerprint=HEX,
        action={"enum": ["build", "copy", "exists", "unknown"]},
        reason={"type": "string", "minLength": 1},
        bases=TEXTS,
        digest=DIGEST,
        source={"type": ["string", "null"]},
        refresh=REFRESH,
        reusable={"type": "boolean"},
    ),
    deploys={
        "type": "array",
        "items": {
            **record(
                app={"type": ["string", "null"]},
                image=TEXT,
                action={"enum": ["deploy", "current", "held", "unknown"]},
                reason=TEXT,
                differs=TEXTS,
            ),
            "if": {"properties": {"app": {"type": "null"}}},
            "then": {"properties": {"action": {"const": "unknown"}}},
        },
    },
    warnings=WARNINGS,
    hints=TEXTS,
)
GRAPH = record(
    schema={"const": "pipeline.graph/1"},
    images=rows(
        name=TEXT,
        kind={"enum": ["base", "app"]},
        bases=TEXTS,
        externals=rows(reference=TEXT, digest=DIGEST),
        dockerfile=TEXT,
        context=TEXT,
        target={"type": ["string", "null"]},
        apps=TEXTS,
        platforms=TEXTS,
        args={"type": "object", "additionalProperties": TEXT},
        contexts={"type": "object", "additionalProperties": TEXT},
    ),
)
INPUTS = record(
    schema={"const": "pipeline.inputs/1"},
    name=TEXT,
    fingerprint=HEX,
    files={
        "type": "array",
        "items": {
            **record(
                path=TEXT,
                kind={"enum": ["file", "link", "directory"]},
                executable={"type": "boolean"},
            ),
            "allOf": [
                {
                    "if": {"properties": {"kind": {"const": "file"}}},
                    "then": record(sha256=HEX),
                },
                {"if": {"properties": {"kind": {"const": "link"}}}, "then": record(link=TEXT)},
            ],
        },
    },
    args={"type": "object", "additionalProperties": {"type": ["string", "null"]}},
    target={"type": ["string", "null"]},
    platforms=TEXTS,
    bases={"type": "object", "additionalProperties": HEX},
    externals={"type": "object", "additionalProperties": DIGEST},
    whole_context={"type": ["string", "null"]},
    floating=TEXTS,
    warnings=WARNINGS,
    key=HEX,
    test={"type": ["array", "null"], "items": TEXT},
    dockerfile={"type": ["string", "null"]},
    ignore_file={"type": ["string", "null"]},
    origins={"type": "object", "additionalProperties": TEXT},
    contexts={"type": "object", "additionalProperties": {"type": "object"}},
    triggers={"type": "object", "additionalProperties": {"type": "object"}},
    version=TEXT,
    dockerfile_sha256=HEX,
    frontend={"type": ["string", "null"]},
    options={"type": "object", "additionalProperties": TEXT},
    salt={"type": ["string", "null"]},
    bases_as_written={"type": "object", "additionalProperties": TEXT},
    args_by_platform={
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": ["string", "null"]}},
    },
    refresh=REFRESH,
)
REPORT = record(
    schema={"const": "pipeline.report/1"},
    images=rows(
        name=TEXT,
        status={"enum": ["built", "copied", "exists", "failed", "blocked"]},
        reference=TEXT,
        digest=DIGEST,
        seconds=SECONDS,
        reason=TEXT,
        failure={"type": ["object", "null"]},
        unaccounted=TEXTS,
        times=record(copy=SECONDS, build=SECONDS, test=SECONDS, push=SECONDS, publish=SECONDS),
    ),
    deploys=rows(
        app=TEXT,
        status={"enum": ["deployed", "current", "held", "failed", "blocked", "rolled-back"]},
        release={"type": ["string", "null"]},
        seconds=SECONDS,
        reason=TEXT,
    ),
    requests={"type": "integer", "minimum": 0},
    seconds=SECONDS,
    interrupted={"type": "boolean"},
    trouble={"type": ["string", "null"]},
    hint={"type": ["string", "null"]},
    logs={"type": ["string", "null"]},
)
EXISTS = {
    **record(
        schema={"const": "pipeline.exists/1"},
        reference=TEXT,
        exists={"type": "boolean"},
        digest=DIGEST,
        reason={"type": ["string", "null"]},
    ),
    "if": {"properties": {"exists": {"const": True}}},
    "then": record(digest={"type": "string"}),
    "else": record(digest={"type": "null"}),
}
DOCTOR = record(
    schema={"const": "pipeline.doctor/1"},
    checks=rows(name=TEXT, ok={"type": ["boolean", "null"]}, detail=TEXT, hint=TEXT),
)
RUNNING = record(
    digest={**DIGEST, "type": "string"},
    release={"type": ["string", "null"]},
    healthy={"type": "boolean"},
    url={"type": ["string", "null"]},
    differs=TEXTS,
)
STATUS = record(
    schema={"const": "pipeline.status/1"},
    apps=rows(
        app={"type": ["string", "null"]},
        image=TEXT,
        state={"enum": ["current", "outdated", "held", "unhealthy", "missing", "unknown"]},
        running={**RUNNING, "type": ["object", "null"]},
        wanted=record(reference=TEXT, digest=DIGEST),
        hint={"type": ["string", "null"]},
    ),
    orphans=rows(app=TEXT, running=RUNNING),
)
RELEASES = record(
    schema={"const": "pipeline.releases/1"},
    app=TEXT,
    releases=rows(
        version=TEXT,
        status=TEXT,
        image={"type": ["string", "null"]},
        created={"type": ["string", "null"]},
    ),
)
ROLLBACK = record(schema={"const": "pipeline.rollback/1"}, deploys=REPORT["properties"]["deploys"])
APPS = record(
    schema={"const": "pipeline.apps/1"},
    apps=rows(
        name=TEXT,
        images={**TEXTS, "minItems": 1},
        status={"enum": ["exists", "created", "missing", "failed"]},
        reason=TEXT,
        generated_for={"type": ["string", "null"]},
    ),
)
KEEP = record(
    schema={"const": "pipeline.keep/1"},
    images=rows(
        app=TEXT,
        image=TEXT,
        role={"enum": ["base", "rollback"]},
        reference={"type": ["string", "null"]},
        digest=DIGEST,
        status={"enum": ["kept", "added", "moved", "released", "none", "absent", "failed"]},
        machine={"type": ["string", "null"]},
        since={"type": ["string", "null"]},
        reason=TEXT,
    ),
)
ERROR = record(
    schema={"const": "pipeline.error/1"},
    problems={
        **rows(
            file={"type": ["string", "null"]},
            line={"type": ["integer", "null"], "minimum": 1},
            column={"type": ["integer", "null"], "minimum": 1},
            message={"type": "string", "minLength": 1},
            hint={"type": ["string", "null"]},
        ),
        "minItems": 1,
    },
)

OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
WHY = record(
    schema={"const": "pipeline.why/1"},
    images=rows(
        name=TEXT,
        verdict={"enum": ["exists", "differs", "lost", "never-built", "hollow"]},
        reference=TEXT,
        against=OPTIONAL_TEXT,
        commit={"type": ["string", "null"], "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"},
        inputs={"type": "integer", "minimum": 1},
        differences=rows(
            kind=TEXT,
            name=TEXT,
            change={"enum": ["added", "removed", "changed", "moved"]},
            before=OPTIONAL_TEXT,
            after=OPTIONAL_TEXT,
            because=TEXTS,
        ),
        notes=TEXTS,
        apps=TEXTS,
        recorded={"type": "boolean"},
    ),
)
COST: dict[str, Schema] = {
    "seconds": {**SECONDS, "type": ["number", "null"]},
    "bytes": {"type": ["integer", "null"], "minimum": 0},
    "machines": {"type": ["integer", "null"], "minimum": 0},
}
IMPACT = record(
    schema={"const": "pipeline.impact/1"},
    images=rows(name=TEXT, causes={**TEXTS, "minItems": 1}, apps=TEXTS, **COST),
    total=record(**COST),
)
LOCK = record(
    schema={"const": "pipeline.lock/1"},
    externals={"type": "integer", "minimum": 0},
    moved=rows(
        reference=TEXT,
        before=DIGEST,
        now={"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        images=TEXTS,
        apps=TEXTS,
        version_before=OPTIONAL_TEXT,
        version_now=OPTIONAL_TEXT,
        **COST,
    ),
    written={"type": "boolean"},
)
PROMOTE = record(
    schema={"const": "pipeline.promote/1"},
    source=TEXT,
    destinations={
        **rows(
            reference=TEXT,
            digest={**DIGEST, "type": "string"},
            copied={"type": "boolean"},
            error=OPTIONAL_TEXT,
        ),
        "minItems": 1,
    },
    requests={"type": "integer", "minimum": 0},
)
INIT = record(
    schema={"const": "pipeline.init/1"},
    files=rows(path=TEXT, text=TEXT),
    images={**GRAPH["properties"]["images"], "minItems": 1},
    questions=rows(where=TEXT, what=TEXT, chosen=TEXT, other=TEXT, must={"type": "boolean"}),
    written={"type": "boolean"},
    notes=TEXTS,
)

FOLDER = Path(__file__).parents[2] / "pipeline/schema"
RECORD = record(
    schema={"const": "pipeline.record/1"},
    inputs=record(
        schema={"const": "pipeline.inputs/1"},
        name=TEXT,
        key=HEX,
        fingerprint=HEX,
        version=TEXT,
        dockerfile_sha256=HEX,
        files=INPUTS["properties"]["files"],
        args={"type": "object", "additionalProperties": {**HEX, "type": ["string", "null"]}},
        salt={**HEX, "type": ["string", "null"]},
        test={**HEX, "type": ["string", "null"]},
        triggers={"type": "object", "additionalProperties": HEX},
    ),
    context=TEXT,
    revision={"type": ["string", "null"]},
    seconds=SECONDS,
    bytes={"type": "integer", "minimum": 0},
    layers=rows(digest=TEXT, size={"type": "integer", "minimum": 0}),
    bases={"type": "object", "additionalProperties": TEXT},
)
PUBLISHED: dict[str, Schema] = {
    "plan": PLAN,
    "graph": GRAPH,
    "inputs": INPUTS,
    "report": REPORT,
    "exists": EXISTS,
    "doctor": DOCTOR,
    "status": STATUS,
    "releases": RELEASES,
    "rollback": ROLLBACK,
    "apps": APPS,
    "keep": KEEP,
    "error": ERROR,
    "why": WHY,
    "impact": IMPACT,
    "lock": LOCK,
    "promote": PROMOTE,
    "init": INIT,
    "record": RECORD,
}
"""The documents by name: `pipeline.NAME/1` is in `NAME-1.schema.json`."""


def text(name: str) -> str:
    """Return the text of a schema's file."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps({**head, **PUBLISHED[name]}, indent=2) + "\n"


def validate(document: Any) -> None:
    """Compare a document with the published schema that it names. Raises `ValidationError`."""
    _validator(document["schema"]).validate(document)


@functools.cache
def _validator(schema: str) -> Validator:
    import jsonschema  # noqa: PLC0415 - most tests print no document

    file = FOLDER / f"{schema.removeprefix('pipeline.').replace('/', '-')}.schema.json"
    return jsonschema.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    for _name in PUBLISHED:
        (FOLDER / f"{_name}-1.schema.json").write_text(text(_name), encoding="utf-8")
