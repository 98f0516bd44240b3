"""Lineage graphs as text: a tree for the terminal, a document, DOT for Graphviz, Mermaid for Markdown."""

from collections.abc import Iterator, Sequence

from track.model.drawing import line
from track.model.graph import Graph, Node
from track.model.names import display

_SHAPES = {"artifact": ("[", "]"), "run": ("([", "])"), "code": ("{{", "}}")}
_DOT_SHAPES = {"artifact": "box", "run": "oval", "code": "hexagon"}
_ABOVE = " (above)"


def tree(graph: Graph, *, downstream: bool) -> Iterator[str]:
    """The graph as an indented tree, a node a line; one that was shown already stands there without what is below."""
    nodes = {node.id: node for node in graph.nodes}
    below = graph.joined(downstream=downstream)
    shown: set[str] = set()
    waiting = [(graph.start, "", "")]
    while waiting:  # deep histories do not fit on Python's stack
        id, lead, indent = waiting.pop()
        children = below.get(id, [])
        again = id in shown and bool(children)
        yield lead + line(nodes[id]) + _ABOVE * again + " …" * (id in graph.cut and not again)
        if id in shown:
            continue
        shown.add(id)
        waiting += reversed(list(_branches(children, indent)))


def _branches(children: Sequence[str], indent: str) -> Iterator[tuple[str, str, str]]:
    for child in children:
        is_last = child is children[-1]
        yield child, indent + ("└─ " if is_last else "├─ "), indent + ("   " if is_last else "│  ")


def document(graph: Graph) -> dict[str, object]:
    """The graph as a document."""
    return {
        "start": graph.start,
        "nodes": [_fields(node) for node in graph.nodes],
        "edges": [{"from": edge.source, "to": edge.target, "how": edge.how} for edge in graph.edges],
        "cut": sorted(graph.cut),
    }


def _fields(node: Node) -> dict[str, object]:
    found: dict[str, object] = {"id": node.id, "kind": node.kind, "name": display(node.name)}
    if node.record is not None:
        record = node.record
        found |= {
            "run": record.id,
            "status": record.status,
            "started": record.started.isoformat(),
            "commit": record.revision.commit if record.revision is not None else None,
        }
    else:
        found |= {"digest": str(node.digest), "size": node.size}
        if node.kind == "artifact":
            found |= {"run": node.run, "also": list(node.also), "also_count": node.also_count}
    return found


def dot(graph: Graph) -> Iterator[str]:
    """The graph in the language of Graphviz, from left to right."""
    numbers = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    yield "digraph lineage {"
    yield "  rankdir = LR;"
    for node in graph.nodes:
        yield f'  {numbers[node.id]} [shape = {_DOT_SHAPES[node.kind]}, label = "{_dot_text(node.name)}"];'
    yield from (f"  {numbers[edge.source]} -> {numbers[edge.target]};" for edge in graph.edges)
    yield "}"


def _dot_text(name: str) -> str:
    return display(name).replace("\\", "\\\\").replace('"', '\\"')


def mermaid(graph: Graph) -> Iterator[str]:
    """The graph in the language of Mermaid, from left to right."""
    numbers = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    yield "flowchart LR"
    for node in graph.nodes:
        begin, end = _SHAPES[node.kind]
        yield f'  {numbers[node.id]}{begin}"{_mermaid_text(node.name)}"{end}'
    yield from (f"  {numbers[edge.source]} --> {numbers[edge.target]}" for edge in graph.edges)


def _mermaid_text(name: str) -> str:
    """Names are text: what Mermaid or a browser would read as more is written as its number."""
    return "".join(
        letter if letter.isalnum() or letter in " ._-/=:+@,%" else f"#{ord(letter)};" for letter in display(name)
    )
