"""Layers of a graph: every edge goes to the right, and circles do no harm."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from track.model.layout import layers


def ranks(found: list[list[str]]) -> dict[str, int]:
    return {node: rank for rank, layer in enumerate(found) for node in layer}


def test_a_chain_has_a_layer_for_each():
    assert layers("abc", [("a", "b"), ("b", "c"), ("a", "c")]) == [["a"], ["b"], ["c"]]


def test_what_is_joined_stands_side_by_side():
    found = layers("abxy", [("a", "y"), ("b", "x")])
    assert found in ([["a", "b"], ["y", "x"]], [["b", "a"], ["x", "y"]])


def test_nothing_has_no_layers_and_what_is_alone_has_one():
    assert layers("", []) == []
    assert layers("ab", []) == [["a", "b"]]


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_every_edge_of_a_graph_without_circles_goes_to_a_later_layer(graph: tuple[int, set[tuple[int, int]]]):
    count, pairs = graph
    nodes = [f"n{number}" for number in range(count)]
    edges = sorted((f"n{min(pair)}", f"n{max(pair)}") for pair in pairs if pair[0] != pair[1])
    placed = ranks(layers(nodes[::-1], edges))
    assert sorted(placed) == sorted(nodes)
    assert all(placed[source] < placed[target] for source, target in edges)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_a_graph_with_circles_has_every_node_once(graph: tuple[int, set[tuple[int, int]]]):
    count, pairs = graph
    nodes = [f"n{number}" for number in range(count)]
    found = layers(nodes, sorted((f"n{one}", f"n{other}") for one, other in pairs))
    assert sorted(node for layer in found for node in layer) == sorted(nodes)
    assert all(found)


def test_a_chain_of_ten_thousand_and_a_star_of_ten_thousand():
    chain = [f"{number}" for number in range(10_000)]
    assert len(layers(chain, list(pairwise(chain)))) == 10_000
    assert [len(layer) for layer in layers(chain, [("0", other) for other in chain[1:]])] == [1, 9_999]
