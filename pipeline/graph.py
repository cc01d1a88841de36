"""Order, cycles and reachability in a graph of names. Pure, and generic over the names' type."""

from __future__ import annotations

from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_CYCLES, _MOST_SHOWN = 10, 20

Node = TypeVar("Node", bound=str)


def levels(needs: Mapping[Node, Iterable[Node]]) -> tuple[tuple[Node, ...], ...]:
    """Group nodes so that each needs only nodes of earlier groups; a group is sorted by name.

    The same graph gives the same result, however it is written down. Needs that are not keys are
    left out. Raises `graphlib.CycleError`; call `cycles` first.

    >>> levels({"web": ["base"], "base": [], "api": ["base"]})
    (('base',), ('api', 'web'))
    """
    sorter = TopologicalSorter({n: [b for b in bases if b in needs] for n, bases in needs.items()})
    sorter.prepare()
    groups = []
    while sorter.is_active():
        group = tuple(sorted(sorter.get_ready()))
        groups.append(group)
        sorter.done(*group)
    return tuple(groups)


def order(needs: Mapping[Node, Iterable[Node]]) -> tuple[Node, ...]:
    """Return all nodes, needs first: the groups of `levels` one after the other."""
    return tuple(node for group in levels(needs) for node in group)


def cycles(needs: Mapping[Node, Iterable[Node]]) -> tuple[tuple[Node, ...], ...]:
    """Find cycles that share no node, each as a path from a node to its need and back to itself.

    Of many, the first ten.

    >>> cycles({"a": ["b"], "b": ["a"], "c": ["a"]})
    (('a', 'b', 'a'),)
    """
    left = {node: set(bases) for node, bases in needs.items()}
    found: list[tuple[Node, ...]] = []
    while len(found) < _MOST_CYCLES and (cycle := _one_cycle(left)):
        found.append(cycle)
        ring = set(cycle)
        left = {node: bases - ring for node, bases in left.items() if node not in ring}
    return tuple(sorted(found))


def closure(needs: Mapping[Node, Iterable[Node]], start: Iterable[Node]) -> frozenset[Node]:
    """Return `start` and all that can be reached from it."""
    seen: set[Node] = set()
    todo = list(start)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(needs.get(node, ()))
    return frozenset(seen)


def reverse(needs: Mapping[Node, Iterable[Node]]) -> Mapping[Node, Sequence[Node]]:
    """Return the nodes that need each node."""
    needed_by: defaultdict[Node, list[Node]] = defaultdict(list)
    for node, bases in needs.items():
        for base in dict.fromkeys(bases):
            needed_by[base].append(node)
    return needed_by


def _one_cycle(needs: Mapping[Node, Iterable[Node]]) -> tuple[Node, ...]:
    try:
        TopologicalSorter({node: sorted(bases) for node, bases in sorted(needs.items())}).prepare()
    except CycleError as error:
        return _from_smallest(error.args[1][:-1][::-1])
    return ()


def _from_smallest(ring: Sequence[Node]) -> tuple[Node, ...]:
    first = ring.index(min(ring))
    turned = (*ring[first:], *ring[:first])
    return (*turned, turned[0])


def shown(path: Sequence[str]) -> str:
    """Write a cycle into a sentence; of a long one, its ends.

    >>> shown(["a", "b", "a"])
    'a -> b -> a'
    """
    if len(path) <= _MOST_SHOWN:
        return " -> ".join(path)
    half = _MOST_SHOWN // 2
    left = len(path) - 2 * half
    return f"{' -> '.join(path[:half])} -> ({left:,} more) -> {' -> '.join(path[-half:])}"
