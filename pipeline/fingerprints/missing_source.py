"""Explain a source that is not in the context: why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigError, Problem
from ..spelling import closest
from .disk import FileType

if TYPE_CHECKING:
    from ..dockerfile import Read
    from .context import Context


_MOST_COMPARED = 10_000
"""Names of a folder that are compared with the one that is missing, which is done once."""


def missing(context: Context, read: Read, shown: str) -> ConfigError:
    """Return the error for `shown`, a source of an instruction that a build does not find."""
    real = context.follow(shown)
    target = f", where it leads to `{real}`," if real not in {None, shown} else ""
    message = f"`{shown}`{target} is not in the context"
    if real is None:
        return ConfigError([Problem(read.location, f"`{shown}` is a link that leads to itself")])
    return ConfigError([Problem(read.location, message, _advice(context, real))])


def _advice(context: Context, real: str) -> str:
    """Return why nothing is at `real`: excluded, elsewhere, misspelt, or simply missing."""
    if context.disk.file_type(context.path(real)) is not None:
        excluding = context.ignore.reason(real)
        if not excluding:
            return f"`--parents` follows no link: name `{real}`"
        return f"it is there, but `{excluding}` excludes it"
    shown = _shown(context, context.path(""))
    above = _above(context, shown, real)
    if above:
        return f"it is in `{above}`, above the context `{shown}`: make that the `context`"
    folder, _, name = real.rpartition("/")
    if context.file_type(folder) is FileType.DIRECTORY:
        names = context.disk.folder(context.path(folder)).names
        near = closest(name, names, most=_MOST_COMPARED)
        if near:
            return f"did you mean `{folder}/{near}`?" if folder else f"did you mean `{near}`?"
    meant = _as_written(real)
    if meant != real:
        return f"BuildKit reads `{meant}` in a flag byte by byte, as `{real}`: give it another name"
    return f"paths are relative to the context, `{shown}`"


def _above(context: Context, shown: str, real: str) -> str:
    """Return the nearest folder of the project above the context that has `real`, else empty.

    In many monorepos one folder is the context of all images.
    """
    folder = context.path("").rstrip("/")
    for _ in shown.split("/") if shown != "." else ():
        folder = folder.rpartition("/")[0]
        if context.disk.file_type(f"{folder}/{real}") is not None:
            return _shown(context, f"{folder}/")
    return ""


def _shown(context: Context, folder: str) -> str:
    return context.disk.shown(folder).rstrip("/") or "."


def _as_written(path: str) -> str:
    """Return a path as the Dockerfile has it; BuildKit reads each byte of a flag as a character."""
    try:
        return path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return path
