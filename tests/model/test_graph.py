"""Parts of a graph, compared with what looking at every single way finds."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from track.model.graph import KINDS, Edge, Graph, Node, between, only


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """What node 0 came from: every edge leads from a higher number to a lower one."""
    count = draw(st.integers(1, 8))
    nodes = [Node(str(number), draw(st.sampled_from(KINDS)), str(number)) for number in range(count)]
    pairs = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))))
    edges = [Edge(str(max(pair)), str(min(pair)), "made") for pair in sorted(pairs) if pair[0] != pair[1]]
    reached = {"0"}
    for number in range(1, count):
        reached |= {str(number)} if any(e.source == str(number) and e.target in reached for e in edges) else set()
    return Graph(
        "0",
        tuple(node for node in nodes if node.id in reached),
        tuple(dict.fromkeys(edge for edge in edges if {edge.source, edge.target} <= reached)),
    )


def ways(graph: Graph, source: str, target: str) -> list[list[str]]:
    """Every way from one node to another."""
    if source == target:
        return [[source]]
    return [
        [source, *rest] for edge in graph.edges if edge.source == source for rest in ways(graph, edge.target, target)
    ]


def steps(some: list[list[str]]) -> set[tuple[str, str]]:
    return {pair for way in some for pair in pairwise(way)}


@settings(max_examples=300, deadline=None)
@given(graphs(), st.integers(0, 7), st.booleans())
def test_what_lies_between_is_what_every_way_goes_over(graph: Graph, source: int, shortest: bool) -> None:
    found = between(graph, [str(source)] if str(source) in {node.id for node in graph.nodes} else [], shortest=shortest)
    every = ways(graph, str(source), "0")
    if shortest and every:
        least = min(map(len, every))
        every = [way for way in every if len(way) == least]
    assert {node.id for node in found.nodes} == {id for way in every for id in way}
    assert {(edge.source, edge.target) for edge in found.edges} == steps(every)


@settings(max_examples=300, deadline=None)
@given(graphs(), st.sets(st.sampled_from(KINDS)), st.integers(0, 4) | st.none())
def test_kinds_alone_are_joined_where_a_way_leads_over_others(graph: Graph, kinds: set[str], depth: int | None) -> None:
    kept = {node.id for node in graph.nodes if node.kind in kinds} | {"0"}
    joined = {
        (one, other)
        for one in kept
        for other in kept - {one}
        if any(kept.isdisjoint(way[1:-1]) for way in ways(graph, one, other))
    }
    far = {"0": 0}
    while depth is None or max(far.values()) < depth:
        more = {one: max(far.values()) + 1 for one, other in joined if other in far and one not in far}
        if not more:
            break
        far |= more
    found = only(graph, kinds, depth, downstream=False)
    assert {node.id for node in found.nodes} == set(far)
    expected = {pair for pair in joined if pair[1] in far and (depth is None or far[pair[1]] < depth)}
    assert {(edge.source, edge.target) for edge in found.edges} == expected
    assert (found.cut != frozenset()) == any(pair[1] in far and pair not in expected for pair in joined)
