"""Write the reference pages from the code: `python -m tests.docs_check.reference`.

The tasks come from Invoke's collection, the files from their JSON Schemas. A test compares the
pages with what this writes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.tasks import ns
from tests.docs_check.page import DOCS, ROOT
from tests.support.task_options import arguments_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from invoke.parser.argument import Argument

_MADE = "<!-- Made by `make docs-reference`. Edit the code instead. -->"
_EXIT_CODES = {
    "0": "success",
    "1": "a build, test or deploy failed; `exists`: absent; Invoke refused the command line",
    "2": "wrong usage or configuration",
    "3": "a bug in the pipeline",
    "4": "the pipeline could not find out: no engine, access refused, registry unreachable, "
    "disk full",
    "5": "there is something to do: `--exit-code`, `--check` of `apps`, `init`, `lock`",
    "130, 141": "interrupted; the reader of stdout has gone",
}
_FILES = {
    "pipeline": "`pipeline.toml` is at the root of a project. It may be missing.",
    "image": "`image.toml` is beside a Dockerfile, or in a folder of its own. It may be missing.",
}


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (DOCS / "reference" / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the reference pages by their file names."""
    files = {f"{name}-toml.md": _file_page(name) for name in _FILES}
    return {"tasks.md": _tasks_page(), "json.md": _json_page(), **files}


def _tasks_page() -> str:
    lines = [
        "# Tasks and exit codes",
        "",
        _MADE,
        "",
        "`fip TASK` and `invoke TASK` are the same. Put commas between names: `fip build web,api`.",
        "",
    ]
    for name in sorted(ns.task_names):
        lines += [f"## {name}", "", _paragraphs(ns[name].__doc__ or ""), ""]
        lines += _table(("Option", "Means"), [_option(one) for one in arguments_of(name)])
    lines += ["## Exit codes", ""]
    lines += _table(("Code", "Means"), list(_EXIT_CODES.items()))
    return "\n".join(lines).rstrip() + "\n"


def _paragraphs(docstring: str) -> str:
    """Return a docstring without its indentation."""
    return "\n".join(line.strip() for line in docstring.strip().splitlines())


def _option(argument: Argument) -> tuple[str, str]:
    if argument.positional:
        return f"`{argument.names[0].upper()}`", argument.help or ""
    value = "" if argument.kind is bool else f" {argument.names[0].upper().replace('-', '_')}"
    flags = sorted(argument.names, key=len)
    written = ", ".join(f"`-{name}`" if len(name) == 1 else f"`--{name}{value}`" for name in flags)
    return written, argument.help or ""


def _file_page(name: str) -> str:
    path = ROOT / "pipeline" / "schema" / f"{name}.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    lines = [f"# `{name}.toml`", "", _MADE, "", _FILES[name], ""]
    lines += [
        "Its JSON Schema, for editors that know `#:schema`, is",
        f"`pipeline/schema/{path.name}`.",
        "",
    ]
    for title, table in _tables(schema):
        lines += [f"## {title}", "", table.get("description", ""), ""]
        lines += _table(("Key", "Type", "Default", "Means"), list(_keys(table, schema)))
    return "\n".join(lines).rstrip() + "\n"


def _json_page() -> str:
    lines = [
        "# JSON",
        "",
        _MADE,
        "",
        "With `--json`, a task prints one document on stdout. Its key `schema` says what it is.",
        "Keys are never removed or changed; new ones may be added. An error that stops a task is a",
        "`pipeline.error/1`.",
        "",
    ]
    for path in sorted((ROOT / "pipeline" / "schema").glob("*-1.schema.json")):
        name = path.name.removesuffix("-1.schema.json")
        schema = json.loads(path.read_text(encoding="utf-8"))
        lines += [f"## `pipeline.{name}/1`", "", f"`pipeline/schema/{path.name}`", ""]
        lines += _table(("Key", "Type"), list(_json_keys("", schema)))
    return "\n".join(lines).rstrip() + "\n"


def _json_keys(prefix: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of an object and of the objects in it, as `images[].name`."""
    for key, value in schema.get("properties", {}).items():
        name = f"{prefix}{key}"
        yield f"`{name}`", _json_type(value)
        yield from _json_keys(f"{name}.", value)
        yield from _json_keys(f"{name}[].", value.get("items", {}))
        if isinstance(more := value.get("additionalProperties"), dict):
            yield from _json_keys(f"{name}.NAME.", more)


def _json_type(value: Mapping[str, Any]) -> str:
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    if "enum" in value:
        return ", ".join(f"`{json.dumps(one)}`" for one in value["enum"])
    kinds = value.get("type", "any")
    names = [kinds] if isinstance(kinds, str) else kinds
    of = _json_type(value["items"]) if "items" in value else ""
    return " or ".join(f"array of {of}" if k == "array" and of else k for k in names)


def _tables(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the tables of a file with their headings: the file's own keys, then each `[table]`."""
    yield "Keys", schema
    for key, value in schema["properties"].items():
        found = _referenced(value, schema)
        if found is not None:
            yield f"`[{key}]`", found
        elif (inner := value.get("additionalProperties")) and isinstance(inner, dict):
            named = _referenced(inner, schema)
            if named is not None:
                yield f"`[{key}.NAME]`", named


def _keys(
    table: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    required = table.get("required", ())
    for key, value in table.get("properties", {}).items():
        found = _referenced(value, schema)
        default = "required" if key in required else _default(value)
        text = value.get("description") or (found or {}).get("description", "")
        yield f"`{key}`", _kind(value, schema), default, text


def _referenced(value: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the definition that a value refers to, if it is a table."""
    options = [value, *value.get("anyOf", ())]
    names = [one["$ref"].rpartition("/")[2] for one in options if "$ref" in one]
    found = [schema["$defs"][name] for name in names]
    return next((one for one in found if one.get("type") == "object"), None)


def _kind(value: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return the type of a value in the words of TOML."""
    if _referenced(value, schema) is not None:
        return "table"
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(one, schema) for one in value["anyOf"]))
    kinds = value.get("type", "string")
    if isinstance(kinds, list):
        return " or ".join(kinds)
    if kinds == "array":
        kind = _kind(value.get("items", {}), schema)
        return f"list of {' or '.join(f'{one}s' for one in kind.split(' or '))}"
    return "table" if kinds == "object" else str(kinds)


def _default(value: Mapping[str, Any]) -> str:
    return f"`{json.dumps(value['default'])}`" if "default" in value else ""


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, or none without rows."""
    if not rows:
        return []
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [" | ".join(row) for row in [list(head), ["---"] * len(head), *cells]]
    return [*(f"| {line} |" for line in lines), ""]


if __name__ == "__main__":
    main()
