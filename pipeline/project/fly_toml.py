"""Read what is needed of a `fly.toml` before a deploy. All else in it is Fly's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import Location, Problem
from . import value_checks
from .document import read_document
from .result import Result
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path, PurePosixPath

    from .document import Document


class FlyToml(Struct, frozen=True):
    """An app's configuration: its file, relative to the root, and the app that it names."""

    file: PurePosixPath
    document: Document
    app: str | None = None


def read_fly_toml(root: Path, file: PurePosixPath) -> Result[FlyToml]:
    """Read a configuration of the project; `file` is relative to `root`.

    Unknown keys are Fly's. A missing file is a problem.
    """
    document, problems = read_document(root, file)
    if document is None:
        return Result(None, problems)
    if not document.exists:
        return Result(None, (Problem(Location(str(file)), f"there is no `{file}`"),))
    app, app_problems = _app(document)
    return Result(FlyToml(file, document, app), app_problems)


def written_key(table: Mapping[str, object], key: str) -> str:
    """Return the key as the file writes it; an exact match before one in another case.

    All three formats pass through Go's JSON reader (`mapToConfig` in flyctl's `patches.go`), which
    finds a key in any case.
    """
    if key in table:
        return key
    return next((name for name in table if name.casefold() == key), key)


def respelt(table: Mapping[str, object], keys: Container[str]) -> tuple[str, ...]:
    """Return keys that Go's JSON reader takes for one of `keys` despite another case.

    >>> respelt({"Files": [], "files": [], "env": {}}, {"files"})
    ('Files',)
    """
    return tuple(name for name in table if name not in keys and name.casefold() in keys)


def _app(document: Document) -> Result[str]:
    key = written_key(document.data, "app")
    app = document.data.get(key)
    if app is None or app == "":
        return Result(None)
    if not isinstance(app, str):
        problem = Problem(document.locate(key), "`app` must be a string, the name of the app")
        return Result(None, (problem,))
    try:
        return Result(value_checks.app_name(app))
    except WrongValueError as error:
        return Result(None, (Problem(document.locate(key), error.message, error.hint),))
