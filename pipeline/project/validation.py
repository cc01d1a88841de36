"""Check a settings file, and describe each mistake to its author, with its location."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args, get_origin

from msgspec.structs import replace

from ..errors import Problem, first_problems, quoted_list
from ..spelling import did_you_mean
from .tables import Expected, Table, keys_of, read_table, unwrapped
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..errors import KeyPath
    from .document import Document
    from .tables import Mistake, T


def check(document: Document, table: type[Table]) -> tuple[Problem, ...]:
    """Return all that is wrong with a file's data, each problem with its location."""
    return read_checked(document, table)[1]


def read_checked(document: Document, table: type[T]) -> tuple[T, tuple[Problem, ...]]:
    """Return a file's data as a table, and what `check` returns: it is valid without any."""
    read, mistakes = read_table(table, document.data)
    return read, tuple(first_problems(mistakes, lambda one: _problem(document, table, one)))


def without_mistakes(document: Document, table: type[Table]) -> tuple[Document, frozenset[str]]:
    """Return a file without what is wrong in it, and the keys at its top that lack something now.

    What is left is valid, and shows what is wrong in other files.
    """
    data, gone = document.data, set[str]()
    while mistakes := read_table(table, data)[1]:
        for mistake in mistakes:
            path = mistake.path[:-1] if mistake.kind == "missing" else mistake.path
            names = tuple(_until_element(path))
            data = _without(data, names)
            gone.update(names[:1] or data)
    return replace(document, data=data), frozenset(gone)


def _until_element(path: KeyPath) -> Iterator[str]:
    """Yield the keys of a path as far as the first list in it."""
    for part in path:
        if not isinstance(part, str):
            return
        yield part


def _without(data: Mapping[str, object], path: Sequence[str]) -> dict[str, object]:
    """Return data without the value at a path; without all of it for an empty path."""
    if not path:
        return {}
    left = dict(data)
    inner = left.get(path[0])
    if len(path) > 1 and isinstance(inner, dict):
        left[path[0]] = _without(inner, path[1:])
    else:
        left.pop(path[0], None)
    return left


def _problem(document: Document, table: type[Table], mistake: Mistake) -> Problem:
    kind, key = mistake.kind, mistake.path
    if kind == "unknown":
        return _unknown_key(document, table, key)
    if kind == "missing":
        return _missing(document, table, key)
    if kind == "key":
        return Problem(document.locate_key(*key), *_refused(mistake))
    return Problem(document.locate(*key), *_of_value(table, mistake))


def _unknown_key(document: Document, table: type[Table], key: KeyPath) -> Problem:
    *outer, word = _names(key)
    owner = _table_at(table, key[:-1]) or table
    where = f"`[{'.'.join(outer)}]`" if outer else f"`{document.file.rpartition('/')[2]}`"
    known = list(keys_of(owner))
    hint = (
        did_you_mean(word, known) or _elsewhere(table, word) or f"its keys are {quoted_list(known)}"
    )
    return Problem(document.locate_key(*key), f"`{word}` is not a key of {where}", hint)


def _elsewhere(table: type[Table], word: str) -> str:
    owners = [
        f"[{name}]"
        for name, annotation in keys_of(table).items()
        if (inner := _table_in(annotation)) and word in keys_of(inner)
    ]
    return f"it belongs to {quoted_list(owners)}" if owners else ""


def _missing(document: Document, table: type[Table], key: KeyPath) -> Problem:
    wants, _ = _wanted(table, key)
    where = ".".join(_names(key[:-1]))
    hint = f"`{key[-1]}` is {wants}" if wants else ""
    return Problem(document.locate_key(*key[:-1]), f"`[{where}]` lacks `{key[-1]}`", hint)


def _of_value(table: type[Table], mistake: Mistake) -> tuple[str, str]:
    kind, key, value = mistake.kind, mistake.path, mistake.value
    if kind == "refused":
        return _refused(mistake)
    wants, rest = _wanted(table, key)
    name = _shown(key[: len(key) - len(rest)])
    if kind == "empty":
        return f"{name} is empty", f"leave it out, or give {wants}"
    if kind == "small":
        return f"{name} must be a number {mistake.because}, not {value}", ""
    if kind == "infinite":
        return f"{name} must be {wants}, not {value}", ""
    if kind == "table" and not wants:
        return f"{name} must be a table, not {_kind_of(value)}", "write its keys below it"
    within = f", and {_element(rest)} is {_kind_of(value)}" if rest else f", not {_kind_of(value)}"
    return f"{name} must be {wants}{within}", _quoted(kind, value)


def _refused(mistake: Mistake) -> tuple[str, str]:
    error = mistake.because
    return str(error), error.hint if isinstance(error, WrongValueError) else ""


def _wanted(table: type[Table], key: KeyPath) -> tuple[Expected | None, KeyPath]:
    """Return what the innermost known key wants, and the part of `key` inside its value."""
    for end in range(len(key), 0, -1):
        owner = _table_at(table, key[: end - 1])
        annotation = keys_of(owner).get(str(key[end - 1])) if owner else None
        if annotation:
            wants = (one for one in unwrapped(annotation)[1] if isinstance(one, Expected))
            return next(wants, None), () if _is_entry(annotation, key[end:]) else key[end:]
    return None, ()


def _is_entry(annotation: Any, rest: KeyPath) -> bool:
    """Return whether `rest` is a table of a table of tables, such as the profile `local`."""
    return bool(rest) and _is_mapping(annotation) and _table_in(annotation) is not None


def _table_at(table: type[Table], key: KeyPath) -> type[Table] | None:
    owner: type[Table] | None = table
    parts = iter(_names(key))
    for part in parts:
        annotation = keys_of(owner).get(part) if owner else None
        owner = _table_in(annotation)
        if annotation and _is_mapping(annotation):
            next(parts, None)
    return owner


def _is_mapping(annotation: Any) -> bool:
    return get_origin(unwrapped(annotation)[0]) is Mapping


def _table_in(annotation: Any) -> type[Table] | None:
    return next(_tables_in(annotation), None)


def _tables_in(annotation: Any) -> Iterator[type[Table]]:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for inner in get_args(annotation):
        yield from _tables_in(inner)


def _names(key: KeyPath) -> list[str]:
    """Return a path without the numbers of elements."""
    return [part for part in key if isinstance(part, str)]


def _shown(key: KeyPath) -> str:
    return f"`{'.'.join(str(part) for part in key)}`"


def _element(rest: KeyPath) -> str:
    return f"its element {rest[0] + 1}" if isinstance(rest[0], int) else f"its `{rest[0]}`"


def _kind_of(value: object) -> str:
    kinds = {
        bool: f"{str(value).lower()}",
        str: "a string",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
        dt.datetime: "a date",
        dt.date: "a date",
        dt.time: "a time",
    }
    return kinds.get(type(value), type(value).__name__)


def _quoted(kind: str, value: object) -> str:
    """Suggest how to write a bare value where a string is expected."""
    if kind == "str" and isinstance(value, (bool, int, float)):
        return f'write it in quotes: "{str(value).lower()}"'
    if kind == "list" and isinstance(value, str):
        return f'write it in brackets: ["{value}"]'
    return ""
