"""Locate keys and values in TOML, for errors that are found after parsing.

The text is valid TOML: it has been parsed before. The grammar used here knows TOML 1.0; of what
only TOML 1.1 allows, it knows the position of the nearest table around it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .positions import Position, Positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from ..errors import KeyPath


def toml_positions(text: str) -> Positions:
    """Find the position of every key and value of a TOML text."""
    import tree_sitter_toml  # noqa: PLC0415 - only when there is an error to locate
    from tree_sitter import Language, Parser  # noqa: PLC0415

    source = text.encode()
    tree = Parser(Language(tree_sitter_toml.language())).parse(source)
    finder = _Finder(source.split(b"\n"))
    with suppress(RecursionError):  # what is nested too deeply is located at what is around it
        finder.document(tree.root_node)
    return finder.positions


class _Finder:
    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.positions = Positions()
        self.counts: dict[KeyPath, int] = {}
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
        path, position = (*path, _name(keys[-1])), self._position(keys[-1])
        if node.type == "table_array_element":
            self._first(path, position)
            self.counts[path] = self.counts.get(path, 0) + 1
            path = self._entered(path)
        self.positions.keys[path] = self.positions.values[path] = position
        self._pairs(node, path)

    def _header_path(self, keys: list[Node]) -> KeyPath:
        path: KeyPath = ()
        for key in keys:
            path = (*path, _name(key))
            self._first(path, self._position(key))
            path = self._entered(path)
        return path

    def _entered(self, path: KeyPath) -> KeyPath:
        """Add the index of the last element, if the path is an array of tables."""
        return (*path, self.counts[path] - 1) if path in self.counts else path

    def _pairs(self, node: Node, table: KeyPath) -> None:
        for child in node.named_children:
            if child.type == "pair":
                self._pair(child, table)
            elif child.type == "ERROR":
                self._pairs(child, table)

    def _pair(self, node: Node, table: KeyPath) -> None:
        children = [n for n in node.named_children if n.type not in {"comment", "ERROR"}]
        if len(children) != 2:
            return
        path = table
        for key in _leaves(children[0]):
            path = (*path, _name(key))
            self._first(path, self._position(key))
        self._value(children[1], path)

    def _value(self, node: Node, path: KeyPath) -> None:
        self.positions.values[path] = self._position(node)
        if node.type == "inline_table":
            self._pairs(node, path)
        elif node.type == "array":
            elements = (n for n in node.named_children if n.type not in {"comment", "ERROR"})
            for index, element in enumerate(elements):
                self._value(element, (*path, index))

    def _first(self, path: KeyPath, position: Position) -> None:
        self.positions.keys.setdefault(path, position)
        self.positions.values.setdefault(path, position)

    def _position(self, node: Node) -> Position:
        row, column = node.start_point
        # Nodes mostly come in order: on a long line, counting continues from the node before.
        before, start, characters = self.last
        if before != row or start > column:
            start = characters = 0
        characters += len(self.lines[row][start:column].decode(errors="replace"))
        self.last = row, column, characters
        return Position(row + 1, characters + 1)


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
    """Return the name that a key spells, with its quotes and escapes resolved."""
    text = (key.text or b"").decode()
    if key.type != "quoted_key":
        return text
    import tomli  # noqa: PLC0415

    return next(iter(tomli.loads(f"{text} = 0")))
