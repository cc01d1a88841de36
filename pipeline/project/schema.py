"""JSON Schemas of `pipeline.toml` and `image.toml`, for editors; made from the models.

`python -m pipeline.project.schema` writes them anew. A test holds files and models equal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from .image_model import ImageFileModel
from .settings_model import PipelineFile

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

FOLDER = Path(__file__).parents[2] / "schema"
MODELS: dict[str, type[BaseModel]] = {
    "pipeline.schema.json": PipelineFile,
    "image.schema.json": ImageFileModel,
}

_NOTHING: tuple[object, ...] = (None, "", [], {})


class _ForToml(GenerateJsonSchema):
    """TOML has no null, and a title that repeats the key tells an editor's user nothing."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if isinstance(schema.get("default"), BaseModel) or made.get("default") in _NOTHING:
            made.pop("default", None)
        return made

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of one file, in the dialect that editors of TOML read."""
    made = model.model_json_schema(schema_generator=_ForToml)
    for table in (made, *made["$defs"].values()):
        del table["title"]  # the class's name, which is nobody's business
    return {"$schema": GenerateJsonSchema.schema_dialect, **made}


def text(model: type[BaseModel]) -> str:
    """The same as it stands in its file."""
    return json.dumps(schema(model), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every schema into `folder`."""
    for name, model in MODELS.items():
        (folder / name).write_text(text(model), encoding="utf-8")


if __name__ == "__main__":
    write()
