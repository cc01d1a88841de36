"""Random changes of a project, each with a name."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.proof.tree import IMAGE, Node
from tests.random_builds import trees

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.proof.tree import Tree

    Mutation = Callable[[Random, Tree], Tree]


def mutated(chance: Random, before: Tree) -> tuple[str, Tree]:
    """Return the name of a change and the project after it."""
    kinds = list(MUTATIONS)
    weights = [weight for _, weight in MUTATIONS.values()]
    while True:
        kind = chance.choices(kinds, weights)[0]
        with suppress(IndexError):  # there is nothing to choose from
            after = MUTATIONS[kind][0](chance, before)
            if after != before and _is_sound(after):
                return kind, after


def _content(chance: Random, before: Tree) -> Tree:
    path = _one(chance, before, lambda node: not node.link and not node.folder)
    return _put(before, path, replace(before.nodes[path], content=trees.content(chance)))


def _executable(chance: Random, before: Tree) -> Tree:
    path = _one(chance, before, lambda node: not node.link and not node.folder)
    return _put(before, path, replace(before.nodes[path], mode=before.nodes[path].mode ^ 0o111))


def _other_bits(chance: Random, before: Tree) -> Tree:
    path = _one(chance, before, lambda node: not node.link and not node.folder)
    bit = chance.choice((0o020, 0o004, 0o040))
    return _put(before, path, replace(before.nodes[path], mode=before.nodes[path].mode ^ bit))


def _time(chance: Random, before: Tree) -> Tree:
    path = _one(chance, before, lambda node: not node.folder)
    return before.change(path, mtime=before.nodes[path].mtime + chance.randint(1, 9999))


def _target(chance: Random, before: Tree) -> Tree:
    path = _one(chance, before, lambda node: bool(node.link))
    return _put(before, path, _link(chance, before, path))


def _gone(chance: Random, before: Tree) -> Tree:
    path = _one(chance, before, lambda _: True)
    return before.with_node(path, None)


def _folder_gone(chance: Random, before: Tree) -> Tree:
    path = _folder(chance, before)
    left = {k: v for k, v in before.nodes.items() if k != path and not k.startswith(f"{path}/")}
    return replace(before, nodes=left)


def _new(chance: Random, before: Tree) -> Tree:
    path = _free(chance, before)
    sorts = (trees.file(chance), Node(folder=True), _link(chance, before, path))
    return _put(before, path, chance.choices(sorts, (6, 2, 2))[0])


def _move(chance: Random, before: Tree) -> Tree:
    path = _one(chance, before, lambda _: True)
    node, left = before.nodes[path], before.with_node(path, None)
    return left.with_node(_free(chance, left), node)


def _rename_folder(chance: Random, before: Tree) -> Tree:
    path = _folder(chance, before)
    to = f"{path.rpartition('/')[0]}/{trees.name(chance)}".lstrip("/")
    if any(known == to or known.startswith(f"{to}/") for known in before.nodes):
        return before
    inside = f"{path}/"
    nodes = {
        to + known[len(path) :] if known == path or known.startswith(inside) else known: node
        for known, node in before.nodes.items()
    }
    return replace(before, nodes=nodes)


def _another_sort(chance: Random, before: Tree) -> Tree:
    """Turn a file, a link or an empty folder into another of the three, or into a full folder."""
    path = _one(chance, before, lambda _: True)
    sorts = (trees.file(chance), Node(folder=True), _link(chance, before, path))
    if chance.random() < 0.3:
        left = before.with_node(path, None)
        return left.with_node(f"{path}/{trees.name(chance)}", before.nodes[path])
    return _put(before, path, chance.choice(sorts))


def _moved_behind_a_link(chance: Random, before: Tree) -> Tree:
    """Move a folder away, and put a link to it in its place."""
    path = _folder(chance, before)
    away = f"{path.rpartition('/')[0]}/away".lstrip("/")
    if any(known.startswith(away) for known in before.nodes):
        return before
    inside = f"{path}/"
    nodes = {
        away + known[len(path) :] if known == path or known.startswith(inside) else known: node
        for known, node in before.nodes.items()
    }
    return replace(before, nodes=nodes | {path: trees.dated(path, Node(link="away"))})


def _rules(chance: Random, before: Tree) -> Tree:
    """Add, remove or change a rule of an ignore file."""
    known = [path for path in before.nodes if path.endswith(".dockerignore")]
    known = [path for path in known if not before.nodes[path].link]
    path = chance.choice(known) if known else f"{_context(before)}.dockerignore"
    lines = before.text(path).split("\n") if known else []
    more = trees.ignore_rules(chance, _inside(before)).strip("\ufeff").split("\n")[:1]
    at = chance.randrange(len(lines) + 1)
    lines[at : at + chance.choice((0, 0, 1))] = chance.choice((more, more, []))
    return _put(before, path, Node("\n".join(lines).encode()))


def _value(chance: Random, before: Tree) -> Tree:
    known = chance.choice(re.findall(r"(?m)^ARG (\w+)", _text(before)))
    value = chance.choice((*trees.USUAL, "", "*"))
    return before.with_toml("args", f'{{ {known} = "{value}" }}')


def _remark(chance: Random, before: Tree) -> Tree:
    at = chance.choice(_dockerfiles(before))
    return _put(before, at, Node(before.nodes[at].content + b"\n# a remark\n"))


def _line(chance: Random, before: Tree) -> Tree:
    """Remove a line of a Dockerfile, or swap two."""
    at = chance.choice(_dockerfiles(before))
    lines = before.text(at).split("\n")
    places = [n for n, text in enumerate(lines) if text.startswith(("COPY", "ADD", "ARG", "ENV"))]
    if len(places) < 2 or "<<" in before.text(at) or "\\\n" in before.text(at):
        return before
    one, other = chance.sample(places, 2)
    if chance.random() < 0.5:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        del lines[one]
    return _put(before, at, Node("\n".join(lines).encode()))


def _stage(chance: Random, before: Tree) -> Tree:
    return before.with_toml("target", f'"{chance.choice(("s0", "s1"))}"')


MUTATIONS: dict[str, tuple[Mutation, int]] = {
    "content": (_content, 14),
    "executable": (_executable, 4),
    "other mode bits": (_other_bits, 2),
    "time": (_time, 2),
    "link target": (_target, 9),
    "gone": (_gone, 6),
    "folder gone": (_folder_gone, 3),
    "new": (_new, 12),
    "move": (_move, 8),
    "folder renamed": (_rename_folder, 4),
    "another sort": (_another_sort, 9),
    "behind a link": (_moved_behind_a_link, 4),
    "ignore rules": (_rules, 12),
    "argument": (_value, 3),
    "comment": (_remark, 1),
    "line": (_line, 2),
    "target": (_stage, 1),
}
"""The kinds of change, each with how often it is tried."""


def _is_sound(after: Tree) -> bool:
    """Return whether nothing is inside a file or a link."""
    solid = {f"{path}/" for path, node in after.nodes.items() if not node.folder}
    return not any(path[: n + 1] in solid for path in after.nodes for n in _slashes(path))


def _slashes(path: str) -> list[int]:
    return [n for n, letter in enumerate(path) if letter == "/"]


def _context(before: Tree) -> str:
    """Return the beginning of paths of the context."""
    return "" if "context" in before.toml else f"{IMAGE}/"


def _inside(before: Tree) -> dict[str, Node]:
    """Return the files of the context, by their paths in it."""
    start = _context(before)
    return {
        path.removeprefix(start): node
        for path, node in before.nodes.items()
        if path.startswith(start) and not _is_special(path)
    }


def _is_special(path: str) -> bool:
    return path.endswith(("Dockerfile", ".dockerignore"))


def _dockerfiles(before: Tree) -> list[str]:
    return [path for path in before.nodes if path.endswith("Dockerfile")]


def _text(before: Tree) -> str:
    return before.text(f"{IMAGE}/Dockerfile")


def _one(chance: Random, before: Tree, fits: Callable[[Node], bool]) -> str:
    """Return a path whose node fits."""
    return chance.choice([p for p, n in before.nodes.items() if not _is_special(p) and fits(n)])


def _folder(chance: Random, before: Tree) -> str:
    """Return a folder below a context."""
    kept = ("images", IMAGE, "images/base", "libs")
    nodes = {path: node for path, node in before.nodes.items() if not _is_special(path)}
    return chance.choice([path for path in trees.folders(nodes) if path not in kept])


def _free(chance: Random, before: Tree) -> str:
    """Return a free path in one of the contexts."""
    starts = {path.split("/")[0] for path in before.nodes} & {"libs"}
    start = chance.choices([_context(before), *(f"{s}/" for s in starts)], [4, *[1] * len(starts)])[
        0
    ]
    inside = {p.removeprefix(start): n for p, n in before.nodes.items() if p.startswith(start)}
    return start + trees.fresh(chance, inside)


def _link(chance: Random, before: Tree, path: str) -> Node:
    start = _context(before)
    return trees.link(chance, path.removeprefix(start), sorted(_inside(before)))


def _put(before: Tree, path: str, node: Node) -> Tree:
    return before.with_node(path, trees.dated(path, node))
