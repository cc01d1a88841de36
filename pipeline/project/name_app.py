"""Write an app's name into a `fly.toml`, when the user asks for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import WorkError
from ..process.read_file import FileError, read_file
from ..process.write_file import write_file
from .file_format import app_line, language
from .toml_writer import toml_line

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

_EMPTY = re.compile(r"^app[ \t]*=[ \t]*(?:\"\"|'')", re.MULTILINE)
"""Matches before the first table only: an `app` of a table comes after its header."""


def name_app(root: Path, file: PurePosixPath, name: str) -> None:
    """Put `app = "NAME"` into a `fly.toml` that names no app; create the file if there is none.

    All else in it stays, byte for byte. Raises `WorkError` if it cannot be written, or is JSON or
    YAML.
    """
    if (kind := language(file.name)) != "TOML":
        hint = f"write `{app_line(file.name, name)}` into it yourself"
        raise WorkError(f"`{file}` is {kind}, and a name can be written into TOML only", hint=hint)
    try:
        before = read_file(root, file) or b""
        write_file(root, file, _named(before.decode(), name).encode())
    except (FileError, UnicodeDecodeError) as error:
        what = error.what if isinstance(error, FileError) else "is not UTF-8"
        hint = f"write `{app_line(file.name, name)}` into it"
        raise WorkError(f"`{file}` {what}", hint=hint) from None


def _named(text: str, name: str) -> str:
    line = toml_line("app", name).removesuffix("\n")
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(bom)
    head = re.split(r"^\[", body, maxsplit=1, flags=re.MULTILINE)[0]
    if _EMPTY.search(head):
        return bom + _EMPTY.sub(lambda _: line, body, count=1)
    end = "\r\n" if "\r\n" in body else "\n"
    return f"{bom}{line}{end}{body}"
