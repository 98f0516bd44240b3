"""Graph: nodes and edges of a lineage, and what can be asked of them: a part, a way between two, one kind alone."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from track.model.digest import Digest
from track.model.record import Record

KINDS = ("run", "artifact", "code")


class Node(NamedTuple):
    """A node: `kind` is artifact, run or code, and `id` is unique among all.

    An artifact that a run made is of that run; one that no known run made is of its content. `digest` and `size` (in
    bytes) are of artifacts and code, `record` is of runs. `also` are the ids of other runs that made the same content,
    `also_named` their names, the latest first and at most twenty of them; `also_count` is how many there are.
    """

    id: str
    kind: str
    name: str
    digest: Digest | None = None
    size: int = 0
    record: Record | None = None
    run: str | None = None
    also: tuple[str, ...] = ()
    also_named: tuple[str, ...] = ()
    also_count: int = 0


class Edge(NamedTuple):
    """What `target` came from: the ids of two nodes, and how that is known."""

    source: str
    target: str
    how: str


class Graph(NamedTuple):
    """Nodes, nearest to the `start` first, and edges between them; `cut` are nodes behind which more is left out."""

    start: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: frozenset[str] = frozenset()

    def joined(self, *, downstream: bool) -> dict[str, list[str]]:
        """What each node is joined to, away from the start: what came from it, or what it came from."""
        found: dict[str, list[str]] = {}
        for edge in self.edges:
            near, far = (edge.source, edge.target) if downstream else (edge.target, edge.source)
            found.setdefault(near, []).append(far)
        return found


def walk(
    start: Node,
    neighbours: Callable[[Node], Iterable[tuple[Node, str]]],
    depth: int | None,
    *,
    downstream: bool,
) -> Graph:
    """What is reached from `start` over at most `depth` edges; `neighbours` gives nodes and how they are joined."""
    found = {start.id: start}
    edges: dict[tuple[str, str], Edge] = {}
    cut: set[str] = set()
    waiting = deque([(start, 0)])
    while waiting:
        node, far = waiting.popleft()
        for other, how in neighbours(node):
            if depth is not None and far >= depth:
                cut.add(node.id)
                break
            one = Edge(node.id, other.id, how) if downstream else Edge(other.id, node.id, how)
            edges.setdefault((one.source, one.target), one)
            if other.id not in found:
                found[other.id] = other
                waiting.append((other, far + 1))
    return Graph(start.id, tuple(found.values()), tuple(edges.values()), frozenset(cut))


def only(graph: Graph, kinds: Collection[str], depth: int | None = None, *, downstream: bool) -> Graph:
    """The nodes of some kinds alone, joined where a way leads from one to the next over others; the start stays.

    `depth` counts the edges that are left.
    """
    nodes = {node.id: node for node in graph.nodes}
    kept = {id for id, node in nodes.items() if node.kind in kinds or id == graph.start}
    joined = graph.joined(downstream=downstream)
    hows = {(edge.source, edge.target): edge.how for edge in graph.edges}

    def neighbours(node: Node) -> Iterator[tuple[Node, str]]:
        for other in _next_kept(node.id, joined, kept):
            way = (node.id, other) if downstream else (other, node.id)
            yield nodes[other], hows.get(way, "through")

    return walk(nodes[graph.start], neighbours, depth, downstream=downstream)


def _next_kept(start: str, joined: Mapping[str, list[str]], kept: Collection[str]) -> Iterator[str]:
    """The nodes to keep that are reached without another one in between, each once."""
    seen = {start}
    waiting = deque(joined.get(start, ()))
    while waiting:
        id = waiting.popleft()
        if id in seen:
            continue
        seen.add(id)
        if id in kept:
            yield id
        else:
            waiting += joined.get(id, ())


def between(upstream: Graph, sources: Collection[str], *, shortest: bool) -> Graph:
    """The part of what the start came from that lies on a way from any of `sources`; with `shortest`, on one as short
    as the shortest. It has no nodes when there is no way.
    """
    backward, forward = upstream.joined(downstream=False), upstream.joined(downstream=True)
    far_from = _distances(sources, forward)
    far_to = _distances([upstream.start], backward)
    least = far_from.get(upstream.start)
    if least is None:
        return Graph(upstream.start, (), ())

    def is_on_a_way(edge: Edge) -> bool:
        if edge.source not in far_from or edge.target not in far_to:
            return False
        return not shortest or far_from[edge.source] + 1 + far_to[edge.target] == least

    edges = tuple(edge for edge in upstream.edges if is_on_a_way(edge))
    touched = {upstream.start, *(id for edge in edges for id in (edge.source, edge.target))}
    return Graph(upstream.start, tuple(node for node in upstream.nodes if node.id in touched), edges)


def _distances(starts: Collection[str], joined: Mapping[str, list[str]]) -> dict[str, int]:
    far = dict.fromkeys(starts, 0)
    waiting = deque(starts)
    while waiting:
        id = waiting.popleft()
        for other in joined.get(id, ()):
            if other not in far:
                far[other] = far[id] + 1
                waiting.append(other)
    return far
