"""JSON Schemas of `pipeline.toml` and `image.toml`, for editors; made from the models.

`python -m pipeline.project.schema` writes them again. A test compares the files with the models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from .image_model import ImageFileModel
from .settings_model import PipelineFile
from .tables import About, Above, AtLeast, Table, keys_of, unwrapped

FOLDER = Path(__file__).parents[1] / "schema"
MODELS: dict[str, type[Table]] = {
    "pipeline.schema.json": PipelineFile,
    "image.schema.json": ImageFileModel,
}

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
_NOTHING: tuple[object, ...] = (None, "", (), {})


def schema(model: type[Table]) -> dict[str, Any]:
    """Return the schema of one file, in the dialect that editors of TOML read."""
    tables: dict[str, Any] = {}
    made = _of_table(model, tables)
    return {"$schema": _DIALECT, "$defs": dict(sorted(tables.items())), **made}


def _of_table(table: type[Table], tables: dict[str, Any]) -> dict[str, Any]:
    keys = keys_of(table)
    required = [key for key in keys if not hasattr(table, key)]
    return {
        "additionalProperties": False,
        "description": table.__doc__,
        "properties": {key: _of_key(table, key, keys[key], tables) for key in keys},
        **({"required": required} if required else {}),
        "type": "object",
    }


def _of_key(table: type[Table], key: str, annotation: Any, tables: dict[str, Any]) -> Any:
    bare, marks = unwrapped(annotation)
    made = _of_type(annotation, tables)
    about = [mark for mark in marks if isinstance(mark, About)]
    for mark in about:
        made |= mark.schema
    text = about[-1].text
    if not (isinstance(bare, type) and issubclass(bare, Table) and text == bare.__doc__):
        made["description"] = text
    default = getattr(table, key, None)
    if default not in _NOTHING and not isinstance(default, Table):
        made["default"] = list(default) if isinstance(default, tuple) else default
    return dict(sorted(made.items()))


def _of_type(annotation: Any, tables: dict[str, Any]) -> dict[str, Any]:
    bare, marks = unwrapped(annotation)
    if instead := next((m.instead for m in marks if isinstance(m, About) and m.instead), None):
        return dict(_sorted(instead))
    origin, bare = get_origin(bare), getattr(bare, "__supertype__", bare)
    if origin is tuple:
        made: dict[str, Any] = {"items": _of_type(get_args(bare)[0], tables), "type": "array"}
    elif origin is Mapping:
        made = {"additionalProperties": _of_type(get_args(bare)[1], tables), "type": "object"}
    elif issubclass(bare, Table):
        tables.setdefault(bare.__name__, None)
        tables[bare.__name__] = tables[bare.__name__] or _of_table(bare, tables)
        made = {"$ref": f"#/$defs/{bare.__name__}"}
    else:
        made = {"type": _TYPES[bare]}
    for mark in marks:
        if isinstance(mark, AtLeast):
            made["minItems" if origin is tuple else "minimum"] = mark.least
        elif isinstance(mark, Above):
            made["exclusiveMinimum"] = mark.bound
    return dict(sorted(made.items()))


def _sorted(value: Any) -> Any:
    """Sort the words of a schema; the keys of a file keep their order."""
    if isinstance(value, list):
        return [_sorted(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        word: {key: _sorted(one) for key, one in inner.items()}
        if word == "properties"
        else _sorted(inner)
        for word, inner in sorted(value.items())
    }


def text(model: type[Table]) -> str:
    """Return the schema as the text of its file."""
    return json.dumps(schema(model), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every schema into `folder`."""
    for name, model in MODELS.items():
        (folder / name).write_text(text(model), encoding="utf-8")


if __name__ == "__main__":
    write()
