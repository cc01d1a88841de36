"""A project as a value: files, links, folders and image settings; and writing it to disk."""

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
    """A file with its content; a link if `link` is set; a folder if `folder` is set."""

    content: bytes = b""
    mode: int = 0o644
    mtime: int = LONG_AGO
    owner: int = 0
    link: str = ""
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes by their path from the project's root, the lines of `image.toml`, and how to write it.

    `name` is the folder of the clone; `umask` the permissions of folders and files; `reverse`
    creates them in the opposite order.
    """

    nodes: Mapping[str, Node]
    toml: Mapping[str, str] = field(default_factory=dict)
    name: str = "clone"
    umask: int = 0o022
    reverse: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    def with_node(self, path: str, node: Node | None) -> Tree:
        """Return a copy with another node at `path`, or without one."""
        nodes = {known: value for known, value in self.nodes.items() if known != path}
        return replace(self, nodes=nodes | ({path: node} if node else {}))

    def with_toml(self, key: str, value: str) -> Tree:
        """Return a copy with another line in `image.toml`."""
        return replace(self, toml={**self.toml, key: value})

    def change(self, path: str, **fields: object) -> Tree:
        """Return a copy with a changed node."""
        return self.with_node(path, replace(self.nodes[path], **fields))  # type: ignore[arg-type]

    def text(self, path: str) -> str:
        """Return the content of a file."""
        return self.nodes[path].content.decode()


def tree(
    files: Mapping[str, str | Node], toml: Mapping[str, str] | None = None, *, mtime: int = LONG_AGO
) -> Tree:
    """Return a tree of files in the context of the image `app`.

    A path that begins with `/` is relative to the project's root.
    """
    nodes = {}
    for path, what in files.items():
        place = path[1:] if path.startswith("/") else f"{IMAGE}/{path}"
        node = what if isinstance(what, Node) else Node(what.encode())
        nodes[place] = replace(node, mtime=mtime)
    return Tree(nodes, toml or {})


def write(shape: Tree, parent: Path) -> Path:
    """Write a tree below `parent`, and return its root."""
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
