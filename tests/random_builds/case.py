"""A random project, and the random changes of it, both made from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.proof.tree import IMAGE, Node, Tree
from tests.random_builds import trees
from tests.random_builds.dockerfiles import Written, dockerfile
from tests.random_builds.mutations import mutated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.random_builds.trees import Variety

CHANGES = 4
"""How many changes of each project are tried."""

_NEAR = {"context": '"../.."'}


@dataclass(frozen=True, slots=True)
class Changed:
    """A project after changes, and what these are."""

    kinds: tuple[str, ...]
    tree: Tree


@dataclass(frozen=True, slots=True)
class Case:
    """A project, first as it was, then after each of its changes."""

    seed: int
    versions: tuple[Changed, ...]


def case_of(seed: int, variety: Variety) -> Case:
    """Return the case of a seed."""
    chance = Random(seed)  # noqa: S311 - it is to come again
    before = _project(chance, variety)
    return Case(seed, (Changed((), before), *(_changed(chance, before) for _ in range(CHANGES))))


def _changed(chance: Random, before: Tree) -> Changed:
    kinds: list[str] = []
    after = before
    for _ in range(chance.choices((1, 2), (4, 1))[0]):
        kind, after = mutated(chance, after)
        kinds.append(kind)
    return Changed(tuple(kinds), after)


def _project(chance: Random, variety: Variety) -> Tree:
    toml = _NEAR if chance.random() < 0.08 else {}
    start = "" if toml else f"{IMAGE}/"
    inside = trees.tree(chance)
    libs = trees.tree(chance) if chance.random() < 0.15 else {}
    base = chance.random() < 0.2
    text = dockerfile(Written(chance, variety, inside, libs, base))
    nodes = {f"{start}{path}": node for path, node in inside.items()}
    if libs:
        toml = {**toml, "contexts": '{ libs = "../../libs" }'}
        nodes |= {f"libs/{path}": node for path, node in libs.items()}
    if base:
        nodes |= _base(chance, variety, inside)
    nodes |= _ignore_files(chance, start, inside)
    if libs and chance.random() < 0.3:
        nodes["libs/.dockerignore"] = Node(trees.ignore_rules(chance, libs).encode())
    nodes[f"{IMAGE}/Dockerfile"] = Node(text.encode())
    return Tree({path: trees.dated(path, node) for path, node in nodes.items()}, toml)


def _base(chance: Random, variety: Variety, inside: Mapping[str, Node]) -> dict[str, Node]:
    """Return an image `base`, some with triggers that read files of the app."""
    own = trees.tree(chance)
    text = dockerfile(Written(chance, variety, own, {}, base=False))
    if chance.random() < 0.3:
        trigger = trees.source(chance, inside).replace('"', "")
        text = f'{text.rstrip()}\nONBUILD COPY ["{trigger}", "/t/"]\n'.replace("\\", "\\\\")
    found = {f"images/base/{path}": node for path, node in own.items()}
    return found | {"images/base/Dockerfile": Node(text.encode())}


def _ignore_files(chance: Random, start: str, inside: Mapping[str, Node]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    if chance.random() < 0.45:
        rules = Node(trees.ignore_rules(chance, inside).encode())
        if chance.random() < 0.06:
            found = {f"{start}rules": rules, f"{start}.dockerignore": Node(link="rules")}
        else:
            found = {f"{start}.dockerignore": rules}
    if chance.random() < 0.08:
        rules = Node(trees.ignore_rules(chance, inside).encode())
        found[f"{IMAGE}/Dockerfile.dockerignore"] = rules
    return found
