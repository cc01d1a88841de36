"""Topological order, cycles and reachability."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.graph import closure, cycles, levels, order, reverse

NAMES = st.sampled_from([f"n{i}" for i in range(8)])
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=3))


def test_levels_need_only_earlier_ones() -> None:
    """A node is in a later group than everything it needs, and each group is sorted."""
    needs = {"web": ["python"], "python": ["os"], "api": ["python"], "os": [], "site": ["os"]}

    assert levels(needs) == (("os",), ("python", "site"), ("api", "web"))


def test_order_does_not_depend_on_the_input() -> None:
    """The order of the input does not matter."""
    one = {"b": ["a"], "c": ["a"], "a": []}
    other = {"a": [], "c": ["a"], "b": ["a"]}

    assert order(one) == order(other) == ("a", "b", "c")


def test_a_need_outside_the_graph_is_left_out() -> None:
    """Only keys are ordered."""
    assert order({"web": ["elsewhere"]}) == ("web",)


def test_a_cycle_is_a_path_from_a_node_to_what_it_needs() -> None:
    """The path means: a needs b, b needs c, c needs a."""
    assert cycles({"c": ["a"], "a": ["b"], "b": ["c"]}) == (("a", "b", "c", "a"),)


def test_a_node_may_be_its_own_cycle() -> None:
    """An image that is its own base is such a cycle."""
    assert cycles({"a": ["a"], "b": ["a"]}) == (("a", "a"),)


def test_every_separate_cycle_is_found() -> None:
    """All cycles are found at once."""
    needs = {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"], "e": ["a"]}

    assert cycles(needs) == (("a", "b", "a"), ("c", "d", "c"))


def test_closure_reaches_through() -> None:
    """Indirect needs count, and cycles terminate."""
    assert closure({"a": ["b"], "b": ["c"], "c": ["a"], "d": []}, ["a"]) == {"a", "b", "c"}


def test_reverse_has_the_dependents() -> None:
    """The dependents of a base."""
    assert reverse({"web": ["base"], "api": ["base", "base"]})["base"] == ["web", "api"]


@given(GRAPHS)
def test_a_graph_has_an_order_or_a_cycle(needs: dict[str, list[str]]) -> None:
    """Exactly one of both; in an order, every need comes first."""
    if found := cycles(needs):
        for path in found:
            assert path[0] == path[-1]
            assert all(b in needs[a] for a, b in pairwise(path))
        return
    place = {node: i for i, node in enumerate(order(needs))}

    assert set(place) == set(needs)
    assert all(place[b] < place[n] for n, bases in needs.items() for b in bases if b in needs)
