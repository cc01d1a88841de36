"""Random files of a context, and random patterns that match some of their paths."""

from __future__ import annotations

import io
import tarfile
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.proof.tree import LONG_AGO, Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

USUAL = ("a", "b", "c", "ab", "a.txt", "b.txt", "c.txt", "c.md", "d.md", "x", "y")
UNUSUAL = ("A", ".h", "a b", "\u00e4", "[a]", "a*", "#a", "!a", "$a", "~", "a'b", "-a", "a?", "\\a")
DEPTH = 3


@dataclass(frozen=True, slots=True)
class Variety:
    """What the BuildKit at hand can build: flags that are newer than 0.12, and steps that run."""

    newer: bool = True
    shell: str = "debian:bookworm-slim"
    """An image with a shell, for steps that run; none if empty."""
    git: str = ""
    """The address of a repository with a commit, which only a new BuildKit adds; none if empty."""


def name(chance: Random) -> str:
    """Return a name of a file or folder."""
    return chance.choice(USUAL if chance.random() < 0.85 else UNUSUAL)


def dated(path: str, node: Node) -> Node:
    """Return a node whose time depends on all of it.

    BuildKit does not read a file again if it has seen its size and time under its path before.
    """
    seen = zlib.crc32(repr((path, node.content, node.mode, node.link)).encode())
    return replace(node, mtime=LONG_AGO + seen % 10**8)


def content(chance: Random) -> bytes:
    """Return a few bytes; sometimes none."""
    return b"" if chance.random() < 0.05 else b"%08x" % chance.getrandbits(32)


def file(chance: Random) -> Node:
    """Return a file; some are executable."""
    return Node(content(chance), 0o755 if chance.random() < 0.15 else 0o644)


def archive(chance: Random) -> Node:
    """Return a tar archive of a few files."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for path in chance.sample(("p", "q/r", "q/s"), 2):
            data = content(chance)
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return Node(written.getvalue())


def link(chance: Random, path: str, known: Sequence[str]) -> Node:
    """Return a link at `path`: to a known path in most cases, absolute or relative, or nowhere."""
    target = chance.choice(known) if known and chance.random() < 0.8 else name(chance)
    up = "../" * path.count("/")
    forms = (f"{up}{target}", f"/{target}", f"./{up}{target}", target, "..", ".", f"../{target}")
    return Node(link=chance.choices(forms, (8, 3, 1, 2, 1, 1, 1))[0])


def tree(chance: Random) -> dict[str, Node]:
    """Return the files, folders and links of a context by their paths."""
    nodes: dict[str, Node] = {}
    _fill(chance, "", DEPTH, nodes)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        path = fresh(chance, nodes)
        nodes[path] = link(chance, path, sorted(nodes))
    if chance.random() < 0.1:
        nodes["t.tar"] = archive(chance)
    return {path: dated(path, node) for path, node in nodes.items()}


def _fill(chance: Random, folder: str, depth: int, nodes: dict[str, Node]) -> None:
    for _ in range(chance.randint(1, 4 if depth == DEPTH else 3)):
        path = folder + name(chance)
        if path in nodes or any(known.startswith(f"{path}/") for known in nodes):
            continue
        if depth > 1 and chance.random() < 0.35:
            _fill(chance, f"{path}/", depth - 1, nodes)
        else:
            nodes[path] = Node(folder=True) if chance.random() < 0.1 else file(chance)


def fresh(chance: Random, nodes: Mapping[str, Node]) -> str:
    """Return a path that is free, in the context or in one of its folders."""
    within = chance.choice(["", *(f"{folder}/" for folder in folders(nodes))])
    while True:
        path = within + name(chance)
        if not any(known == path or known.startswith(f"{path}/") for known in nodes):
            return path
        within = f"{within}{chance.choice('uvwz')}"


def folders(nodes: Mapping[str, Node]) -> list[str]:
    """Return the paths of all folders, also of those that only contain something."""
    found = {path for path, node in nodes.items() if node.folder}
    for path in nodes:
        while path := path.rpartition("/")[0]:
            found.add(path)
    return sorted(found)


def source(chance: Random, nodes: Mapping[str, Node]) -> str:
    """Return a source of COPY: in most cases the path of something that is there."""
    path = chance.choice([*nodes, *folders(nodes), *nodes] or ["a"])
    sort = chance.random()
    if sort < 0.45:
        return path
    if sort < 0.8:
        return wildcard(chance, path)
    if sort < 0.88:
        return "."
    forms = (f"./{path}", f"/{path}", f"{path}/", f"x/../{path}", f"../{path}", f"{path}/.", "*")
    return chance.choice(forms)


def wildcard(chance: Random, path: str) -> str:
    """Return a pattern that matches `path` in most cases: some of its components are wild."""
    parts = path.split("/")
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(parts))
        parts[at] = _wild(chance, parts[at])
    return "/".join(parts)


def _wild(chance: Random, part: str) -> str:
    stem, dot, end = part.partition(".")
    first = part[:1]
    if first in "[\\":
        return chance.choice(("*", f"\\{part}", f"?{part[1:]}"))
    forms = ["*", f"{first}*", "?" * len(part), f"*{dot}{end}" if dot else f"*{part[-1:]}"]
    if first.isascii() and first.isalpha():
        forms += [f"[a-c]{part[1:]}", f"[^{first}]*", f"[{first}z]{part[1:]}", f"\\{part}"]
    return chance.choice(forms) if stem or dot else "*"


def ignore_rules(chance: Random, nodes: Mapping[str, Node]) -> str:
    """Return the lines of an ignore file."""
    lines = [_rule(chance, nodes) for _ in range(chance.randint(0, 5))]
    text = "\n".join(lines) + chance.choice(("\n", "\n", ""))
    return ("\ufeff" if chance.random() < 0.03 else "") + text


def _rule(chance: Random, nodes: Mapping[str, Node]) -> str:
    path = chance.choice([*nodes, *folders(nodes)] or ["a"])
    sort = chance.random()
    if sort < 0.4:
        rule = path
    elif sort < 0.7:
        rule = wildcard(chance, path)
    elif sort < 0.85:
        tail = path.rpartition("/")[2]
        rule = chance.choice((f"**/{tail}", f"{path}/**", "**/*.md", "**", f"**/{tail[:1]}*"))
    else:
        forms = (
            "*",
            f"/{path}",
            f"./{path}",
            f"{path}/",
            "# remark",
            "",
            f"x/../{path}",
            "Dockerfile",
        )
        rule = chance.choice(forms)
    spaced = f"  {rule}\t" if chance.random() < 0.05 else rule
    return f"!{spaced}" if chance.random() < 0.35 else spaced
