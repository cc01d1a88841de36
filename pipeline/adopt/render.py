"""Write the proposed files as text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..project.toml_writer import toml_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..project.toml_writer import Value
    from .candidate import Candidate
    from .patterns import Entry

_WIDTH = 100


def pipeline_text(
    entries: Sequence[Entry], registry: Mapping[str, str], schema: str, pushed: str
) -> str:
    """Return the text of `pipeline.toml`.

    `schema` is the path of its schema, or nothing; `pushed` is where one of the images is pushed.
    """
    values = [_value(entry) for entry in entries]
    line = toml_line("images", values)
    if len(line) > _WIDTH:
        parts = [toml_line("x", value).removeprefix("x = ").rstrip("\n") for value in values]
        line = "".join(["images = [\n", *(f"  {part},\n" for part in parts), "]\n"])
    head = f"#:schema {schema}\n" if schema else ""
    tail = "".join(toml_line(key, value) for key, value in registry.items())
    return head + line + (f"\n[registry]  # {pushed}\n{tail}" if tail else "")


def _value(entry: Entry) -> Value:
    table = {"path": entry.path, "name": entry.name, "context": entry.context}
    said = {key: value for key, value in table.items() if value}
    return entry.path if len(said) == 1 else said


def image_text(one: Candidate) -> str:
    """Return the text of an `image.toml`; empty if it has nothing to say."""
    text = "".join(toml_line(key, value) for key, value in one.keys.items())
    for name, table in one.tables.items():
        lines = "".join(toml_line(key, value) for key, value in table.items())
        text += f"{chr(10) if text else ''}[{name}]\n{lines}"
    return text
