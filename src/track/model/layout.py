"""Layout of a graph in layers, from left to right: longest paths give the layers, barycentres the order in them.

After Sugiyama, Tagawa and Toda (1981), without dummy nodes: a long edge is a curve over what lies between. Every step
is linear in nodes and edges, a few times over, so that twenty thousand nodes take a fraction of a second.
"""

from collections.abc import Iterable, Mapping, Sequence

_SWEEPS = 6


def layers(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The nodes in layers: whatever an edge comes from is in an earlier layer than what it goes to.

    An edge that would close a circle does not count. In a layer, nodes stand near what they are joined to.
    """
    after: dict[str, list[str]] = {node: [] for node in nodes}
    before: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        if source != target:
            after[source].append(target)
            before[target].append(source)
    ranks = _ranks(nodes, after)
    found: list[list[str]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for node in nodes:
        found[ranks[node]].append(node)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        places = {node: place for layer in found for place, node in enumerate(layer)}
        for layer in found if forward else reversed(found):
            _sort(layer, before if forward else after, places)
    return found


def _sort(layer: list[str], joined: Mapping[str, Sequence[str]], places: dict[str, int]) -> None:
    """Put a layer in the order of the middles of what its nodes are joined to; who is joined to nothing stays."""
    middles = {
        node: sum(places[other] for other in joined[node]) / len(joined[node]) if joined[node] else float(places[node])
        for node in layer
    }
    layer.sort(key=lambda node: (middles[node], places[node]))
    for place, node in enumerate(layer):
        places[node] = place


def _ranks(nodes: Sequence[str], after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many edges the longest path to each node has; edges back to a node on the way there are left out."""
    order: list[str] = []
    forward: dict[str, list[str]] = {}
    state: dict[str, bool] = {}  # node -> whether it is finished; on the way until then
    for first in nodes:
        waiting = [first]
        while waiting:
            node = waiting[-1]
            if node not in state:
                state[node] = False
                forward[node] = [other for other in after[node] if state.get(other) is not False]
                waiting += [other for other in forward[node] if other not in state]
            else:
                waiting.pop()
                if not state[node]:
                    state[node] = True
                    order.append(node)
    ranks = dict.fromkeys(nodes, 0)
    done: set[str] = set()
    for node in reversed(order):
        done.add(node)
        for other in forward[node]:
            if other not in done:
                ranks[other] = max(ranks[other], ranks[node] + 1)
    return ranks
