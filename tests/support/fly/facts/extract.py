"""Extract names and types from Fly's public sources, for `tests/fake_fly/test_facts.py`.

    python -m tests.support.fly.facts.extract FLYCTL FLY_GO OPENAPI

The first two are checkouts of superfly/flyctl and superfly/fly-go, the third is one of
alchemy-run/distilled-spec-fly-io, which keeps the OpenAPI description of docs.machines.dev. Only
names, types, arguments and nullability are taken, and no text; each file says from which commit.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from tests.support.fly.graphql_api import SCHEMA

FOLDER = Path(__file__).parent
HOW = "python -m tests.support.fly.facts.extract FLYCTL FLY_GO OPENAPI"
GRAPHQL, OPENAPI = "gql/schema.graphql", "specs/openapi.json"
GO_FILES = (
    "machine_types.go",
    "volume_types.go",
    "secrets_types.go",
    "flaps/flaps_apps.go",
    "flaps/flaps_ip_assignments.go",
    "flaps/flaps_volumes.go",
)
UIEX_FILES = (
    "internal/uiex/releases.go",
    "internal/uiex/organizations.go",
    "internal/uiex/builders.go",
)
PATHS = ("/apps", "/platform/regions")
OUR_INTERFACES = ("Principal",)
OMITTED = ("/certificates", "/secretkeys", "/deploy_token", "/memory", "/snapshots")

_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s+\w+\s+([^\s`]+)\s+`[^`]*json:\"([^\",]+)[^`]*`", re.MULTILINE)
_NAMED = re.compile(r"^type (\w+) (string|int)$", re.MULTILINE)
_EMBEDDED = re.compile(r"^\t([A-Z]\w+)$", re.MULTILINE)


def graphql_types(theirs: GraphQLSchema, ours: GraphQLSchema) -> dict[str, Any]:
    """Describe the types that our schema has, as theirs defines them.

    Of an object only our fields are described, of an enumeration and an input everything.
    """
    names = sorted(name for name in ours.type_map if not name.startswith("__"))
    return {
        name: _graphql_type(theirs.type_map[name], ours.type_map[name])
        for name in names
        if name in theirs.type_map
    }


def _graphql_type(theirs: GraphQLNamedType, ours: GraphQLNamedType) -> Any:
    if isinstance(theirs, GraphQLEnumType):
        return {"enum": sorted(theirs.values)}
    if isinstance(theirs, GraphQLInputObjectType):
        return {"input": {name: str(one.type) for name, one in sorted(theirs.fields.items())}}
    if not isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType):
        return {"scalar": theirs.name}
    wanted = getattr(ours, "fields", {})
    fields = {
        name: {
            "type": str(one.type),
            **({"arguments": _arguments(one)} if one.args else {}),
            **({"deprecated": True} if one.deprecation_reason else {}),
        }
        for name, one in sorted(theirs.fields.items())
        if name in wanted
    }
    named = sorted(one.name for one in theirs.interfaces if one.name in OUR_INTERFACES)
    return {"fields": fields, **({"implements": named} if named else {})}


def _arguments(field: Any) -> dict[str, str]:
    return {name: str(argument.type) for name, argument in sorted(field.args.items())}


def go_types(text: str) -> dict[str, dict[str, str]]:
    r"""Describe the structs of a Go file that have JSON tags: the Go type of each key.

    >>> go_types('type Stop struct {\n\tID string `json:"id,omitempty"`\\n}')
    {'Stop': {'id': 'string'}}
    """
    found = {}
    for name, body in _STRUCT.findall(text):
        keys = {key: kind for kind, key in _FIELD.findall(body) if key != "-"}
        embedded = {f"<{one}>": one for one in _EMBEDDED.findall(body)}
        if keys:
            found[name] = {**embedded, **keys}
    return found


def openapi_types(spec: dict[str, Any]) -> dict[str, Any]:
    """Describe the endpoints of apps and machines, and the schemas that they use."""
    endpoints = {
        f"{method.upper()} {path}": _endpoint(one)
        for path, methods in spec["paths"].items()
        if path.startswith(PATHS) and not any(part in path for part in OMITTED)
        for method, one in methods.items()
    }
    schemas = spec["components"]["schemas"]
    wanted = {one for each in endpoints.values() for one in (each["body"], each["answer"]) if one}
    described: dict[str, dict[str, str]] = {}
    while wanted:
        name = wanted.pop().removesuffix("[]")
        if name in schemas and name not in described:
            properties = schemas[name].get("properties", {})
            described[name] = {key: _kind(one) for key, one in sorted(properties.items())}
            wanted |= {_bare(kind) for kind in described[name].values()}
    return {"endpoints": endpoints, "schemas": dict(sorted(described.items()))}


def _endpoint(one: dict[str, Any]) -> dict[str, Any]:
    good = [answer for status, answer in one["responses"].items() if status.startswith("2")]
    return {
        "query": sorted(q["name"] for q in one.get("parameters", []) if q["in"] == "query"),
        "body": _content(one.get("requestBody", {})),
        "answer": _content(good[0]) if good else "",
        "statuses": sorted(status for status in one["responses"] if status.startswith("2")),
    }


def _content(part: dict[str, Any]) -> str:
    found = part.get("content", {}).get("application/json", {}).get("schema")
    return _kind(found) if found else ""


def _kind(schema: dict[str, Any]) -> str:
    """Return a type as one word: `string`, `fly.File`, `fly.File[]`, `{string}`, `a|b`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if len(schema.get("allOf", ())) == 1:
        return _kind(schema["allOf"][0])
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}[]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"{{{_kind(schema['additionalProperties'])}}}"
    if schema.get("enum"):
        return "|".join(map(str, schema["enum"]))
    return str(schema.get("type", "any"))


def _bare(kind: str) -> str:
    return kind.removesuffix("[]").strip("{}").removesuffix("[]")


def _write(name: str, sources: list[tuple[Path, tuple[str, ...]]], facts: dict[str, Any]) -> None:
    source = [
        {"repository": _repository(at), "commit": _git(at, "rev-parse", "HEAD"), "files": [*files]}
        for at, files in sources
    ]
    text = json.dumps({"source": source, "how": HOW, **facts}, indent=1)
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")


def _repository(at: Path) -> str:
    url = _git(at, "config", "--get", "remote.origin.url") or at.parent.name.replace("+", "/")
    return "/".join(url.removesuffix(".git").replace(":", "/").split("/")[-2:])


def _git(at: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", at, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _read(at: Path, file: str) -> str:
    return _git(at, "show", f"HEAD:{file}")


def main(flyctl: Path, fly_go: Path, openapi: Path) -> None:
    """Write `graphql.json`, `go.json` and `openapi.json` beside this file."""
    ours = build_schema(SCHEMA.read_text(encoding="utf-8"))
    theirs = build_schema(_read(flyctl, GRAPHQL), assume_valid_sdl=True)
    _write("graphql.json", [(flyctl, (GRAPHQL,))], {"types": graphql_types(theirs, ours)})
    structs = {
        name: keys
        for at, files in ((fly_go, GO_FILES), (flyctl, UIEX_FILES))
        for file in files
        for name, keys in go_types(_read(at, file)).items()
    }
    read = ((fly_go, GO_FILES), (flyctl, UIEX_FILES))
    texts = (_read(at, file) for at, files in read for file in files)
    names = dict(_NAMED.findall("\n".join(texts)))
    facts = {"names": names, "structs": structs}
    _write("go.json", [(fly_go, GO_FILES), (flyctl, UIEX_FILES)], facts)
    spec = json.loads(_read(openapi, OPENAPI))
    _write("openapi.json", [(openapi, (OPENAPI,))], openapi_types(spec))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
