"""What `track lineage` and `track deps` print: one graph, in the form that was asked for."""

from collections.abc import Callable

from track.cli import drawing, graphs
from track.cli.session import emit, emit_json, note, opened, refuse
from track.flows.lineage_of import Traced

FORMATS = ("tree", "json", "dot", "mermaid", "svg", "html")


def show(verb: Callable[..., Traced], item: str, form: str, *, depth: int | None, rev: str | None, every: bool) -> None:
    """Call the verb, and print its graph."""
    name = verb.__name__
    with opened() as project:
        traced = verb(project, item, depth=depth, rev=rev, every=every)
    if form == "json":
        emit_json(name, graphs.document(traced.graph))
    elif form == "tree":
        for line in graphs.tree(traced.graph, downstream=name == "deps"):
            emit(line)
        if len(traced.graph.nodes) == 1 and not traced.graph.cut:
            note("no run is known that used it" if name == "deps" else "no run is known that made it")
    elif form == "html":
        emit(drawing.html(traced.graph, f"{name} of {traced.start.name}"))
    else:
        for line in {"dot": graphs.dot, "mermaid": graphs.mermaid, "svg": drawing.svg}[form](traced.graph):
            emit(line)
    refuse(traced.refused)
