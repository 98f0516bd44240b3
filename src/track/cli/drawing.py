"""Lineage graphs as one page of HTML that needs nothing else and asks nobody."""

from html import escape
from pathlib import Path

from track.cli.graphs import document
from track.cli.terminal import json_of
from track.model.drawing import line, svg
from track.model.graph import Graph
from track.model.names import display

__all__ = ["html", "svg"]


def html(graph: Graph, title: str) -> str:
    """One page with the picture, a search, and a table of the nodes for whoever reads and does not look.

    It has a policy that lets nothing be loaded from anywhere.
    """
    page = Path(__file__).with_name("lineage_page.html").read_text(encoding="utf-8")
    facts = json_of(document(graph)).replace("<", "\\u003c")
    rows = "\n".join(
        f'<tr><td>{node.kind}</td><td><a href="#n{number}">{escape(display(node.name))}</a></td>'
        f"<td>{escape(line(node))}</td></tr>"
        for number, node in enumerate(graph.nodes)
    )
    parts = {"title": escape(display(title)), "picture": "\n".join(svg(graph)), "rows": rows, "facts": facts}
    return "".join(parts.get(piece, piece) for piece in page.split("@@"))
