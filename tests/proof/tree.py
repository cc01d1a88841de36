"""A project as a value: files, links, folders, and the settings of its image; and onto the disk."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IMAGE = "images/app"
LONG_AGO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Node:
    """A file with its content; a link where `link` is set; a folder where `folder` is."""

    content: bytes = b""
    mode: int = 0o644
    mtime: int = LONG_AGO
    owner: int = 0
    link: str = ""
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Paths from the project's root, the lines of the image's `image.toml`, and how it all lies.

    `name` is the folder of the clone; `umask` what its folders and files were made with; `reverse`
    that they were made in the opposite order.
    """

    nodes: Mapping[str, Node]
    toml: Mapping[str, str] = field(default_factory=dict)
    name: str = "clone"
    umask: int = 0o022
    reverse: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    def with_node(self, path: str, node: Node | None) -> Tree:
        """The same with another node at `path`, or without one."""
        nodes = {known: value for known, value in self.nodes.items() if known != path}
        return replace(self, nodes=nodes | ({path: node} if node else {}))

    def with_toml(self, key: str, value: str) -> Tree:
        """The same with another line in `image.toml`."""
        return replace(self, toml={**self.toml, key: value})

    def change(self, path: str, **fields: object) -> Tree:
        """The same with a node altered."""
        return self.with_node(path, replace(self.nodes[path], **fields))  # type: ignore[arg-type]

    def text(self, path: str) -> str:
        """What a file holds."""
        return self.nodes[path].content.decode()


def tree(
    files: Mapping[str, str | Node], toml: Mapping[str, str] | None = None, *, mtime: int = LONG_AGO
) -> Tree:
    """A tree of files given by their text, in the context of the image `app`.

    A path that begins with `/` is from the project's root instead.
    """
    nodes = {}
    for path, what in files.items():
        place = path[1:] if path.startswith("/") else f"{IMAGE}/{path}"
        node = what if isinstance(what, Node) else Node(what.encode())
        nodes[place] = replace(node, mtime=mtime)
    return Tree(nodes, toml or {})


def write(shape: Tree, parent: Path) -> Path:
    """Lay a tree out below `parent`; its root, whose name is the tree's."""
    root = parent / shape.name
    before = os.umask(shape.umask)
    try:
        (root / IMAGE).mkdir(parents=True)
        for path in sorted(shape.nodes, reverse=shape.reverse):
            _put(root / path, shape.nodes[path], shape.umask)
        lines = "".join(f"{key} = {value}\n" for key, value in shape.toml.items())
        (root / IMAGE / "image.toml").write_text(lines)
        (root / "pipeline.toml").write_text("")
    finally:
        os.umask(before)
    _settle(root, shape)
    return root


def _put(path: Path, node: Node, umask: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if node.folder:
        path.mkdir(exist_ok=True)
    elif node.link:
        path.symlink_to(node.link)
    else:
        path.write_bytes(node.content)
        path.chmod(node.mode & ~umask)


def _settle(root: Path, shape: Tree) -> None:
    for path, node in shape.nodes.items():
        if node.owner:
            shutil.chown(root / path, node.owner, node.owner)
        if not node.folder:
            os.utime(root / path, (node.mtime, node.mtime), follow_symlinks=False)
