"""What pydantic found, in sentences for the person who wrote the file."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ValidationError

from ..errors import Problem, quoted_list, tell
from ..spelling import did_you_mean
from .pydantic_types import APP_NAME, APP_TABLE, Wants
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from .document import Document

Key = tuple[str | int, ...]
_TAGS = frozenset({APP_NAME, APP_TABLE})


def check(document: Document, model: type[BaseModel]) -> tuple[Problem, ...]:
    """All that is wrong with a file's data, each at its place."""
    try:
        model.model_validate(document.data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        return tuple(tell(found, lambda one: _problem(document, model, one)))
    return ()


def _problem(document: Document, model: type[BaseModel], error: ErrorDetails) -> Problem:
    kind, key = error["type"], tuple(part for part in error["loc"] if part not in _TAGS)
    if kind == "extra_forbidden":
        return _unknown_key(document, model, key)
    if kind == "missing":
        return _missing(document, model, key)
    if key[-1] == "[key]":
        message, hint = _from_check(error)
        return Problem(document.locate_key(*key[:-1]), message, hint)
    message, hint = _of_value(model, key, error)
    return Problem(document.locate(*key), message, hint)


def _unknown_key(document: Document, model: type[BaseModel], key: Key) -> Problem:
    *table, word = _names(key)
    owner = _model_at(model, key[:-1]) or model
    where = f"`[{'.'.join(table)}]`" if table else f"`{document.file.rpartition('/')[2]}`"
    known = list(owner.model_fields)
    hint = (
        did_you_mean(word, known) or _elsewhere(model, word) or f"its keys are {quoted_list(known)}"
    )
    return Problem(document.locate_key(*key), f"`{word}` is no key of {where}", hint)


def _elsewhere(model: type[BaseModel], word: str) -> str:
    owners = [
        f"[{name}]"
        for name, field in model.model_fields.items()
        if (table := _table_of(field)) and word in table.model_fields
    ]
    return f"it belongs into {quoted_list(owners)}" if owners else ""


def _missing(document: Document, model: type[BaseModel], key: Key) -> Problem:
    wants, _ = _wanted(model, key)
    table = ".".join(_names(key[:-1]))
    hint = f"`{key[-1]}` is {wants}" if wants else ""
    return Problem(document.locate_key(*key[:-1]), f"`[{table}]` lacks `{key[-1]}`", hint)


def _of_value(model: type[BaseModel], key: Key, error: ErrorDetails) -> tuple[str, str]:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    wants, rest = _wanted(model, key)
    name = _shown(key[: len(key) - len(rest)])
    if kind == "value_error":
        return _from_check(error)
    if kind in {"too_short", "string_too_short"}:
        return f"{name} is empty", f"leave it out, or give {wants}"
    if kind in {"greater_than_equal", "greater_than"}:
        bound = f"of at least {context['ge']}" if "ge" in context else f"above {context['gt']:g}"
        return f"{name} wants a number {bound}, not {value}", ""
    if kind == "finite_number":
        return f"{name} wants {wants}, not {value}", ""
    if kind in {"model_type", "model_attributes_type", "dict_type"} and not wants:
        return f"{name} wants a table, not {_kind_of(value)}", "write its keys below it"
    within = f", and {_element(rest)} is {_kind_of(value)}" if rest else f", not {_kind_of(value)}"
    return f"{name} wants {wants}{within}", _quoted(kind, value)


def _from_check(error: ErrorDetails) -> tuple[str, str]:
    raised = error.get("ctx", {}).get("error")
    if isinstance(raised, WrongValueError):
        return raised.message, raised.hint
    return str(raised), ""


def _wanted(model: type[BaseModel], key: Key) -> tuple[Wants | None, Key]:
    """What the innermost key that a model knows wants, and what of `key` lies inside its value."""
    for end in range(len(key), 0, -1):
        owner = _model_at(model, key[: end - 1])
        field = owner.model_fields.get(str(key[end - 1])) if owner else None
        if field:
            wants = (one for one in field.metadata if isinstance(one, Wants))
            return next(wants, None), () if _is_entry(field, key[end:]) else key[end:]
    return None, ()


def _is_entry(field: FieldInfo, rest: Key) -> bool:
    """Whether `rest` is a table of a table of tables, such as the profile `local`."""
    return bool(rest) and _is_table_of_tables(field) and _table_of(field) is not None


def _model_at(model: type[BaseModel], key: Key) -> type[BaseModel] | None:
    owner: type[BaseModel] | None = model
    parts = iter(_names(key))
    for part in parts:
        field = owner.model_fields.get(part) if owner else None
        owner = _table_of(field) if field else None
        if field and _is_table_of_tables(field):
            next(parts, None)
    return owner


def _is_table_of_tables(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is dict


def _table_of(field: FieldInfo) -> type[BaseModel] | None:
    return next(_models_in(field.annotation), None)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _names(key: Key) -> list[str]:
    """A path without the numbers of elements."""
    return [part for part in key if isinstance(part, str)]


def _shown(key: Key) -> str:
    return f"`{'.'.join(str(part) for part in key)}`"


def _element(rest: Key) -> str:
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
    """How to write a bare value where a string is wanted."""
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return f'write it in quotes: "{str(value).lower()}"'
    if kind == "list_type" and isinstance(value, str):
        return f'write it in brackets: ["{value}"]'
    return ""
