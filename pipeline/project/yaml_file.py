"""Parse a YAML file as flyctl does with Go's yaml.v3, and locate its keys and values.

ruamel.yaml parses it into nodes, which know their positions; the meaning of a scalar is YAML 1.2's
core schema, in which `yes` and `no` are texts, with `<<` for merges, as in yaml.v3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from .positions import ConfigTextError, Position, Positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..errors import KeyPath


_MOST_NODES = 20_000
"""More than any configuration has: aliases of aliases can make millions of a few lines."""
_DEEPEST = 100
_BRACKET = re.compile(r"[\[\]{}]")
_TAG = "tag:yaml.org,2002:"


class Yaml(Struct):
    """The data of a file, and the position of every key and value."""

    data: dict[str, object] = field(default_factory=dict)
    positions: Positions = field(default_factory=Positions)


def parse_yaml(text: str) -> Yaml:
    """Parse a file of one document, a mapping or nothing. Raises `ConfigTextError`."""
    _check_size(text)
    root = _composed(text)
    found = Yaml()
    if root is None:
        return found
    try:
        data = _Reader(found).value(root, (), frozenset())
    except RecursionError:
        raise ConfigTextError("nested too deeply") from None
    if not isinstance(data, dict):
        raise ConfigTextError("it must be a mapping of keys", 1, 1)
    found.data = data
    return found


def _check_size(text: str) -> None:
    """Refuse a text that ruamel.yaml would take minutes for."""
    if text.count(":") + text.count(",") + text.count("- ") > _MOST_NODES:
        raise ConfigTextError("it has more nodes than can be read")
    depth = deepest = 0
    for mark in _BRACKET.findall(text):
        depth = max(0, depth + (1 if mark in "[{" else -1))
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise ConfigTextError("nested too deeply")


def _composed(text: str) -> Any | None:
    from ruamel.yaml import YAML  # noqa: PLC0415 - only for who has such a file
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    reader = YAML(typ="safe", pure=True)
    reader.composer.warn_double_anchors = False  # YAML allows an anchor to be set again
    try:
        return reader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        message = str(error.problem or error.context or "it cannot be read")
        raise ConfigTextError(message, mark.line + 1, mark.column + 1) from None
    except YAMLError as error:
        before = text[: getattr(error, "position", 0)]
        position = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ConfigTextError(getattr(error, "reason", "it cannot be read"), *position) from None
    except RecursionError:
        raise ConfigTextError("nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - it fails assertions on `%YAML 1.22`, and the like
        raise ConfigTextError(f"it cannot be read ({type(error).__name__})") from None


class _Reader(Struct):
    found: Yaml
    count: int = 0

    def value(self, node: Any, path: KeyPath, above: frozenset[int]) -> object:
        """Convert a node into data, and record its position; `above` are the nodes around it."""
        self.count += 1
        if self.count > _MOST_NODES:
            raise _wrong(node, "it has more nodes than can be read")
        if id(node) in above:
            raise _wrong(node, "an anchor refers to itself")
        self.found.positions.values[path] = _position(node)
        kind = str(node.tag).removeprefix(_TAG)
        if kind == "map":
            return self._mapping(node, path, above | {id(node)})
        if kind == "seq":
            within = above | {id(node)}
            return [self.value(n, (*path, i), within) for i, n in enumerate(node.value)]
        return _scalar(node, kind)

    def _mapping(self, node: Any, path: KeyPath, above: frozenset[int]) -> dict[str, object]:
        own: dict[str, object] = {}
        merged: dict[str, object] = {}
        parts = [part for key, value in node.value if _is_merge(key) for part in _merged(value)]
        for part in parts:
            inner = self.value(part, path, above)
            merged = {**(inner if isinstance(inner, dict) else {}), **merged}
        self.found.positions.values[path] = _position(node)
        for key, value in node.value:
            if _is_merge(key):
                continue
            name = key.value
            if str(key.tag) != f"{_TAG}str":
                raise _wrong(key, "a key must be a text: write it in quotes")
            if name in own:
                raise _wrong(key, f"the key `{name}` is there twice")
            self.found.positions.keys[(*path, name)] = _position(key)
            own[name] = self.value(value, (*path, name), above)
        return {**merged, **own}


def _is_merge(key: Any) -> bool:
    return str(key.tag) == f"{_TAG}merge"


def _merged(value: Any) -> Iterator[Any]:
    several = str(value.tag) == f"{_TAG}seq"
    for node in value.value if several else [value]:
        if str(node.tag) != f"{_TAG}map":
            raise _wrong(node, "`<<` takes a mapping, or a list of such")
        yield node


def _scalar(node: Any, kind: str) -> object:
    text: str = node.value
    if kind in {"str", "timestamp"}:
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    try:
        if kind == "int":
            return _integer(text.replace("_", ""))
        if kind == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text
    raise _wrong(node, f"the tag `{node.tag}` has no meaning here")


def _integer(text: str) -> int:
    """Parse a number as Go does: one that begins with 0 is octal."""
    octal = text.lstrip("+-").startswith("0") and text.lstrip("+-").isdigit()
    return int(text, 8) if octal else int(text, 0)


def _wrong(node: Any, message: str) -> ConfigTextError:
    return ConfigTextError(message, *_position(node))


def _position(node: Any) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)
