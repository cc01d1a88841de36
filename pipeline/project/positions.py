"""Where the keys and values of a file stand, for errors that are found after parsing.

The file has been accepted before. The TOML grammar used here knows TOML 1.0; of what only
TOML 1.1 allows, the places of the nearest table around it are known.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .app_config import language
from .json_text import json_spots
from .yaml_text import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node

Path = tuple[str | int, ...]
"""A way to a value: `("profiles", "local", "images", 0)`."""


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A line and a column, both from 1; a column counts characters, not bytes."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Places:
    """The spots of all keys and of all values, by path. A table's value is its first header."""

    keys: dict[Path, Spot] = field(default_factory=dict)
    values: dict[Path, Spot] = field(default_factory=dict)

    def key(self, path: Path) -> Spot | None:
        """Where the key stands, or what is nearest around it; `None` for the whole file."""
        return self._nearest(self.keys, path)

    def value(self, path: Path) -> Spot | None:
        """Where the value stands, or what is nearest around it; `None` for the whole file."""
        return self._nearest(self.values, path)

    def _nearest(self, first: dict[Path, Spot], path: Path) -> Spot | None:
        if path in first:
            return first[path]
        for end in range(len(path), 0, -1):
            for spots in (self.values, self.keys):
                if path[:end] in spots:
                    return spots[path[:end]]
        return None


def find_places(text: str, name: str = "") -> Places:
    """Find the place of every key and value of the file of that name."""
    kind = language(name)
    if kind == "JSON":
        return _places(*json_spots(text))
    if kind == "YAML":
        found = read_yaml(text)
        return _places(found.keys, found.values)
    return _toml_places(text)


def _places(keys: Mapping[Path, tuple[int, int]], values: Mapping[Path, tuple[int, int]]) -> Places:
    return Places(
        {path: Spot(*spot) for path, spot in keys.items()},
        {path: Spot(*spot) for path, spot in values.items()},
    )


def _toml_places(text: str) -> Places:
    import tree_sitter_toml  # noqa: PLC0415 - only when there is something to place
    from tree_sitter import Language, Parser  # noqa: PLC0415

    source = text.encode()
    tree = Parser(Language(tree_sitter_toml.language())).parse(source)
    finder = _Finder(source.split(b"\n"))
    with suppress(RecursionError):  # what is nested so deeply has no place, but what is around it
        finder.document(tree.root_node)
    return finder.places


class _Finder:
    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.places = Places()
        self.counts: dict[Path, int] = {}
        self.last = 0, 0, 0

    def document(self, root: Node) -> None:
        """Walk the document's own pairs, then each table."""
        self._pairs(root, ())
        for node in root.named_children:
            if node.type in {"table", "table_array_element"}:
                self._table(node)

    def _table(self, node: Node) -> None:
        if not (keys := _header(node)):
            return
        path = self._header_path(keys[:-1])
        path, spot = (*path, _name(keys[-1])), self._spot(keys[-1])
        if node.type == "table_array_element":
            self._first(path, spot)
            self.counts[path] = self.counts.get(path, 0) + 1
            path = self._entered(path)
        self.places.keys[path] = self.places.values[path] = spot
        self._pairs(node, path)

    def _header_path(self, keys: list[Node]) -> Path:
        path: Path = ()
        for key in keys:
            path = (*path, _name(key))
            self._first(path, self._spot(key))
            path = self._entered(path)
        return path

    def _entered(self, path: Path) -> Path:
        """The last element, where the path is an array of tables."""
        return (*path, self.counts[path] - 1) if path in self.counts else path

    def _pairs(self, node: Node, table: Path) -> None:
        for child in node.named_children:
            if child.type == "pair":
                self._pair(child, table)
            elif child.type == "ERROR":
                self._pairs(child, table)

    def _pair(self, node: Node, table: Path) -> None:
        children = [n for n in node.named_children if n.type not in {"comment", "ERROR"}]
        if len(children) != 2:
            return
        path = table
        for key in _leaves(children[0]):
            path = (*path, _name(key))
            self._first(path, self._spot(key))
        self._value(children[1], path)

    def _value(self, node: Node, path: Path) -> None:
        self.places.values[path] = self._spot(node)
        if node.type == "inline_table":
            self._pairs(node, path)
        elif node.type == "array":
            elements = (n for n in node.named_children if n.type not in {"comment", "ERROR"})
            for index, element in enumerate(elements):
                self._value(element, (*path, index))

    def _first(self, path: Path, spot: Spot) -> None:
        self.places.keys.setdefault(path, spot)
        self.places.values.setdefault(path, spot)

    def _spot(self, node: Node) -> Spot:
        row, column = node.start_point
        # Nodes come in their order, mostly: a long line is counted on from the one before.
        before, start, characters = self.last
        if before != row or start > column:
            start = characters = 0
        characters += len(self.lines[row][start:column].decode(errors="replace"))
        self.last = row, column, characters
        return Spot(row + 1, characters + 1)


def _header(node: Node) -> list[Node]:
    found = (n for n in node.named_children if n.type in {"bare_key", "quoted_key", "dotted_key"})
    first = next(found, None)
    return list(_leaves(first)) if first else []


def _leaves(key: Node) -> Iterator[Node]:
    left = [key]
    while left:
        part = left.pop()
        if part.type == "dotted_key":
            left += reversed(part.named_children)
        else:
            yield part


def _name(key: Node) -> str:
    """The name that a key spells, with its quotes and escapes undone."""
    text = (key.text or b"").decode()
    if key.type != "quoted_key":
        return text
    import tomli  # noqa: PLC0415

    return next(iter(tomli.loads(f"{text} = 0")))
