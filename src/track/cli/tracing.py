"""What `track lineage` and `track deps` print: one graph, in the form that was asked for."""

from collections.abc import Callable
from typing import Any

import click

from track.cli import drawing, graphs
from track.cli.session import emit, emit_json, note, opened, refuse
from track.flows.lineage_of import Traced

FORMATS = ("tree", "json", "dot", "mermaid", "svg", "html")


_OPTIONS = (
    click.argument("item", metavar="ITEM", type=click.UNPROCESSED),
    click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Follow at most so many edges."),
    click.option("--rev", metavar="REV", help="The artifact as it is at this revision."),
    click.option("--all", "every", is_flag=True, help="Also runs that only other branches and tags have."),
    click.option(
        "--format", "form", type=click.Choice(FORMATS), default="tree", show_default=True, help="How to print it."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
)


def traces(command: Callable[..., None]) -> Callable[..., None]:
    """The command with what both of them take: what `show` is asked for."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def show(verb: Callable[..., Traced], *, item: str, form: str, as_json: bool, **asked: Any) -> None:
    """Call the verb, and print its graph."""
    name = verb.__name__
    with opened() as project:
        traced = verb(project, item, **asked)
    if as_json or form == "json":
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
