"""Tables of a settings file as annotated classes, and the reader that checks data against them.

A key is a class attribute; its annotation says what it takes, and its default is the value of a
key that is not written:

    class FlyTable(Table):
        org: Annotated[Text, Expected("a string", '"acme"'), About("The organization.")] = ""

The reader knows `str`, `bool`, `int`, `float`, `tuple[X, ...]` for a list, `Mapping[K, V]` for a
table of any keys, another `Table`, and `X | None`. It converts no type to another, and collects
every mistake of a file, with its path; `validation` turns each into a sentence.
"""

# No `from __future__ import annotations` here: the reader needs the annotations at run time.

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from msgspec import Struct

from ..errors import KeyPath
from ..reference import ImageName, parse_image_name, parse_platform
from . import value_checks
from .value_checks import WrongValueError

T = TypeVar("T", bound="Table")

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""The default of a table of any keys."""
_KEYS: dict[type["Table"], Mapping[str, Any]] = {}
_REQUIRED: dict[type["Table"], tuple[str, ...]] = {}
_UNWRAPPED: dict[int, tuple[Any, Any, tuple[object, ...]]] = {}
"""By the identity of an annotation, which is kept: to hash one takes longer than to unwrap it."""
_MOST_PLATFORMS = 50


class Table:
    """A table of a file, whose keys are the attributes. Made by `read_table` alone."""

    def __init__(self, values: Mapping[str, object] = NOTHING) -> None:
        vars(self).update(values)


class Expected(Struct, frozen=True):
    """What a key takes, in words, with an example as written in TOML."""

    noun: str
    example: str

    def __str__(self) -> str:
        return f"{self.noun} such as {self.example}"


class About:
    """What an editor says of a key, and what its JSON Schema has beside, or `instead` of, its type.

    Hashed by identity, as `typing` needs it of what is in an annotation.
    """

    def __init__(
        self,
        text: str,
        schema: Mapping[str, object] = NOTHING,
        *,
        instead: Mapping[str, object] = NOTHING,
    ) -> None:
        self.text = text
        self.schema = schema
        self.instead = instead


class Check(Struct, frozen=True):
    """A check of a value that has the right type; it returns the value or raises `ValueError`."""

    function: Callable[[Any], object]


class Before(Struct, frozen=True):
    """A conversion of what is written, before its type is looked at."""

    function: Callable[[object], object]


class Choose(Struct, frozen=True):
    """The annotation that a value is checked against, chosen by the value."""

    function: Callable[[object], Any]


class AtLeast(Struct, frozen=True):
    """The smallest number, or the fewest elements of a list."""

    least: int


class Above(Struct, frozen=True):
    """A number that is finite, and greater than this one."""

    bound: float


class Mistake(Struct, frozen=True):
    """What is wrong with the value at a path, or with its last key.

    `kind` is `unknown` or `missing` for a key, `key` for one that a check refuses, `refused` for
    such a value, `empty`, `small` or `infinite`; else the type that was expected. `because` is the
    error of the check, or the bound.
    """

    kind: str
    path: KeyPath
    value: object = None
    because: object = None


def read_table(table: type[T], data: Mapping[str, object]) -> tuple[T, list[Mistake]]:
    """Read data as a table; its values are valid only if there is no mistake."""
    mistakes: list[Mistake] = []
    return _table(table, data, (), mistakes), mistakes


def keys_of(table: type[Table]) -> Mapping[str, Any]:
    """Return the annotations of a table's keys, in order; those of its base class come first."""
    if table not in _KEYS:
        layers = [one.__annotations__ for one in reversed(table.__mro__[:-1])]
        _KEYS[table] = {key: layer[key] for layer in layers for key in layer}
    return _KEYS[table]


def _required(table: type[Table]) -> tuple[str, ...]:
    """Return the keys of a table that have no default."""
    if table not in _REQUIRED:
        _REQUIRED[table] = tuple(key for key in keys_of(table) if not hasattr(table, key))
    return _REQUIRED[table]


def unwrapped(annotation: Any) -> tuple[Any, tuple[object, ...]]:
    """Return an annotation without `Annotated` and `None`, and the marks of all its layers."""
    known = _UNWRAPPED.get(id(annotation))
    if known is None:
        known = _UNWRAPPED[id(annotation)] = annotation, *_unwrap(annotation)
    return known[1:]


def _unwrap(annotation: Any) -> tuple[Any, tuple[object, ...]]:
    marks: tuple[object, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            marks = (*more, *marks)
        elif type(None) in get_args(annotation):
            rest = [one for one in get_args(annotation) if one is not type(None)]
            annotation = rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007
        else:
            return annotation, marks


def _table(table: type[T], data: Mapping[str, object], path: KeyPath, found: list[Mistake]) -> T:
    keys, values = keys_of(table), {}
    for key, annotation in keys.items():
        if key in data:
            values[key] = _value(annotation, data[key], (*path, key), found)
    found += [Mistake("missing", (*path, key)) for key in _required(table) if key not in data]
    found += [Mistake("unknown", (*path, key)) for key in data if key not in keys]
    return table(values)


def _value(annotation: Any, value: object, path: KeyPath, found: list[Mistake]) -> object:
    """Read one value; what is returned for a wrong one has no meaning."""
    bare, marks = unwrapped(annotation)
    for mark in marks:
        if isinstance(mark, Choose):
            return _value(mark.function(value), value, path, found)
        if isinstance(mark, Before):
            value = mark.function(value)
    before = len(found)
    made = _typed(bare, value, path, found)
    for mark in marks:
        if len(found) > before:
            break
        if isinstance(mark, Check):
            try:
                made = mark.function(made)
            except ValueError as error:
                found.append(Mistake("refused", path, value, error))
        elif isinstance(mark, AtLeast | Above):
            found += _out_of_bounds(mark, made, path, value)
    return made


def _typed(bare: Any, value: object, path: KeyPath, found: list[Mistake]) -> object:
    origin = get_origin(bare)
    if bare is object or origin in {Union, UnionType}:
        return value
    if origin is tuple:
        return _list(get_args(bare)[0], value, path, found)
    if origin is Mapping:
        of_keys, of_values = get_args(bare)
        return _mapping(of_keys, of_values, value, path, found)
    if issubclass(bare := getattr(bare, "__supertype__", bare), Table):
        if isinstance(value, dict):
            return _table(bare, value, path, found)
        found.append(Mistake("table", path, value))
    elif bare is float and type(value) is int:
        return float(value)
    elif type(value) is not bare:
        found.append(Mistake(bare.__name__, path, value))
    return value


def _list(
    annotation: Any, value: object, path: KeyPath, found: list[Mistake]
) -> tuple[object, ...]:
    if not isinstance(value, list):
        found.append(Mistake("list", path, value))
        return ()
    return tuple(_value(annotation, one, (*path, at), found) for at, one in enumerate(value))


def _mapping(
    of_keys: Any, of_values: Any, value: object, path: KeyPath, found: list[Mistake]
) -> Mapping[object, object]:
    if not isinstance(value, dict):
        found.append(Mistake("table", path, value))
        return NOTHING
    made = {}
    for key, one in value.items():
        wrong: list[Mistake] = []
        name = _value(of_keys, key, (*path, key), wrong)
        found += [Mistake("key", m.path, m.value, m.because) for m in wrong]
        made[name] = _value(of_values, one, (*path, key), found)
    return made


def _out_of_bounds(
    mark: AtLeast | Above, made: Any, path: KeyPath, value: object
) -> Iterator[Mistake]:
    if isinstance(mark, Above) and not math.isfinite(made):
        yield Mistake("infinite", path, value)
    elif isinstance(mark, Above) and made <= mark.bound:
        yield Mistake("small", path, value, f"above {mark.bound:g}")
    elif isinstance(mark, AtLeast) and isinstance(made, tuple) and len(made) < mark.least:
        yield Mistake("empty", path, value)
    elif isinstance(mark, AtLeast) and isinstance(made, int) and made < mark.least:
        yield Mistake("small", path, value, f"of at least {mark.least}")


def _platform(text: str) -> str:
    parse_platform(text)
    return text


def _few(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Limit the platforms: the whole Dockerfile is followed once for each."""
    if len(texts) > _MOST_PLATFORMS:
        raise WrongValueError(
            f"{len(texts):,} platforms are more than there are",
            hint=f"{_MOST_PLATFORMS} are the most",
        )
    return texts


Text = Annotated[str, Check(value_checks.filled)]
Name = Annotated[ImageName, Check(parse_image_name)]
ArgName = Annotated[str, Check(value_checks.arg_name)]
PlatformText = Annotated[str, Check(_platform)]
Platforms = Annotated[
    tuple[PlatformText, ...], Check(_few), Expected("a list of platforms", '["linux/amd64"]')
]
