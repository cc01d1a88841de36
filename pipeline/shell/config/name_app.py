"""Write an app's name into a `fly.toml`, because the user asked for it."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.edge.app_config import language, naming
from pipeline.errors import WorkError
from pipeline.shell.places import real_path

if TYPE_CHECKING:
    from pathlib import PurePosixPath

_EMPTY = re.compile(r"^app[ \t]*=[ \t]*(?:\"\"|'')", re.MULTILINE)
"""At the top level: an `app` of a table would come after its header."""


def name_app(root: Path, file: PurePosixPath, name: str) -> None:
    """Put `app = "NAME"` into a `fly.toml` that names none, and make the file where there is none.

    All else in it stays, byte for byte. Raises `WorkError` where it cannot be written, or is JSON
    or YAML.
    """
    if (kind := language(file.name)) != "TOML":
        hint = f"write `{naming(file.name, name)}` into it yourself"
        raise WorkError(f"`{file}` is {kind}, and a name is written into TOML alone", hint=hint)
    # A link stays one: what it leads to is written.
    path = real_path(root / file)
    try:
        before = path.read_bytes() if path.exists() else b""
        _replace(path, _named(before.decode(), name).encode())
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        message = f"`{file}` cannot be written: {why.lower()}"
        raise WorkError(message, hint=f'write `app = "{name}"` into it') from error


def _named(text: str, name: str) -> str:
    line = f'app = "{name}"'
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(bom)
    head = re.split(r"^\[", body, maxsplit=1, flags=re.MULTILINE)[0]
    if _EMPTY.search(head):
        return bom + _EMPTY.sub(line, body, count=1)
    end = "\r\n" if "\r\n" in body else "\n"
    return f"{bom}{line}{end}{body}"


def _replace(path: Path, content: bytes) -> None:
    """All of it or nothing: a file that is written half is none."""
    number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
