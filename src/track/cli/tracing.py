"""What `track lineage`, `track deps` and `track path` print: one graph, in the form that was asked for."""

from collections.abc import Callable
from typing import Any

import click

from track.cli import drawing, graphs, late
from track.cli.missing_text import say_what_is_missing
from track.cli.session import count_text, emit, emit_json, emit_told, hint, note, opened, refuse
from track.model.expressions import expression
from track.model.names import display, typed

FORMATS = ("tree", "json", "dot", "mermaid", "svg", "html")
KINDS = {"runs": "run", "artifacts": "artifact", "code": "code"}

_ID = expression(r"[0-9a-f]{4,16}")
_ONLY = click.option(
    "--only", "only", multiple=True, type=click.Choice(list(KINDS)), help="Nodes of this kind alone; may be repeated."
)
_REV = click.option("--rev", metavar="REV", help="The artifact as it is at this revision.")
_ALL = click.option("--all", "every", is_flag=True, help="Also runs that only other branches and tags have.")
_FORMAT = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="tree", show_default=True, help="How to print it."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_DEPTH = click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Follow at most so many edges.")
_LONGER = click.option("--longer", is_flag=True, help="Also ways that are longer than the shortest.")


def _argument(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.argument(name, metavar=name.upper(), type=click.UNPROCESSED)


def traces(command: Callable[..., None]) -> Callable[..., None]:
    """The command with what `lineage` and `deps` take: what `show` is asked for."""
    for option in reversed((_argument("item"), _DEPTH, _ONLY, _REV, _ALL, _FORMAT, _JSON)):
        command = option(command)
    return command


def finds_a_way(command: Callable[..., None]) -> Callable[..., None]:
    """The command with what `path` takes."""
    for option in reversed((_argument("source"), _argument("target"), _LONGER, _ONLY, _REV, _ALL, _FORMAT, _JSON)):
        command = option(command)
    return command


def show(
    verb: "Callable[..., late.lineage_of.Traced]",
    *items: str,
    form: str,
    as_json: bool,
    only: tuple[str, ...],
    **asked: Any,
) -> bool:
    """Call the verb, and print its graph; whether there is anything in it."""
    name = verb.__name__
    with opened() as project:
        traced = verb(project, *items, kinds=tuple(KINDS[each] for each in only), **asked)
    if as_json or form == "json":
        passed = {"absent": traced.absent_count, "unreadable": traced.unreadable_count}
        emit_json(name, {**graphs.document(traced.graph), **passed})
    elif not traced.graph.nodes:
        note(f"{_named(traced)} did not come from {display(items[0])}, as far as any run tells")
    elif form == "tree":
        for line in graphs.tree(traced.graph, downstream=name == "deps"):
            emit(line)
        if len(traced.graph.nodes) == 1 and not traced.graph.cut and name != "path":
            note("no run is known that used it" if name == "deps" else "no run is known that made it")
            if name == "deps" and traced.start.kind == "artifact":
                _hint_at_versions(items[0])
    elif form == "html":
        emit_told(drawing.html(traced.graph, _title(name, traced, items)))
    else:
        for line in {"dot": graphs.dot, "mermaid": graphs.mermaid, "svg": drawing.svg}[form](traced.graph):
            emit_told(line)
    say_what_is_missing(False, traced.absent_count)
    if traced.unreadable_count:
        note(f"passed over: {count_text(traced.unreadable_count, 'record')} that cannot be read")
        hint("track doctor")
    refuse(traced.refused)
    return bool(traced.graph.nodes)


def _hint_at_versions(item: str) -> None:
    """Runs may have used what stood there before; an id, or a revision, is of one version alone."""
    if ":" not in item and "@" not in item and _ID.fullmatch(item) is None:
        hint(f"track who-uses {typed(item)}      lists who used any of its versions")


def _title(name: str, traced: "late.lineage_of.Traced", items: tuple[str, ...]) -> str:
    return f"how {_named(traced)} came from {items[0]}" if name == "path" else f"{name} of {_named(traced)}"


def _named(traced: "late.lineage_of.Traced") -> str:
    return traced.start.name
