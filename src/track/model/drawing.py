"""Lineage graphs as a picture, one element of SVG; and a node of one in a line."""

from collections.abc import Iterator, Sequence
from html import escape

from track.model.amounts import size_text
from track.model.graph import Graph, Node
from track.model.layout import layers
from track.model.names import display

_ACROSS, _DOWN, _WIDTH, _HEIGHT, _MARGIN = 260, 34, 190, 24, 24
_ROOM = (_WIDTH - 22) / 13
"""What a name has in a box, in heights of its letters."""
_WIDTHS = (("ijl.,:;'|!` ", 0.4), ("frt()[]-/\\I", 0.5), ("mwMW@%…", 1.05))
_CAPITAL, _LETTER, _BROAD = 0.82, 0.67, 1.1
_NAMED = 3
_TALL = 40
_LEGEND = (("code", "Codes"), ("artifact", "Artifacts"), ("run", "Runs"))
_STYLE = """
.lineage { font: 13px system-ui, sans-serif; background: var(--paper); }
.lineage { --ink: #1b1f24; --paper: #ffffff; --line: #8c959f; }
.lineage text { fill: var(--ink); }
.lineage .edge { fill: none; stroke: var(--line); stroke-width: 1.2; }
.lineage .artifact .box { fill: #ddf4ff; stroke: #0969da; }
.lineage .run .box { fill: #dafbe1; stroke: #1a7f37; }
.lineage .code .box { fill: #fff8c5; stroke: #9a6700; }
.lineage .start .box { stroke-width: 3; }
.lineage .cut .box { stroke-dasharray: 5 3; }
@media (prefers-color-scheme: dark) {
  .lineage { --ink: #e6edf3; --paper: #0d1117; --line: #6e7681; }
  .lineage .artifact .box { fill: #0c2d6b; stroke: #58a6ff; }
  .lineage .run .box { fill: #0f3d1f; stroke: #3fb950; }
  .lineage .code .box { fill: #4b3a00; stroke: #d29922; }
}
""".strip()


def svg(graph: Graph) -> Iterator[str]:
    """The graph as one SVG element, from left to right; each node has its name as a title, which hovering shows."""
    order = layers([node.id for node in graph.nodes], [(edge.source, edge.target) for edge in graph.edges])
    columns = list(_columns(order))
    tallest = max((len(column) for column in columns), default=0)
    places = {
        id: (_MARGIN + rank * _ACROSS, 2 * _MARGIN + (number + (tallest - len(column)) / 2) * _DOWN)
        for rank, column in enumerate(columns)
        for number, id in enumerate(column)
    }
    width = 2 * _MARGIN + max(len(columns) - 1, 1) * _ACROSS + _WIDTH
    height = 3 * _MARGIN + tallest * _DOWN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" role="img" width="{width}" height="{height:.0f}" '
        f'viewBox="0 0 {width} {height:.0f}">'
    )
    yield f"<style>{_STYLE}</style>"
    yield from _legend()
    yield '<g class="edges">'
    for edge in graph.edges:
        yield _curve(places[edge.source], places[edge.target])
    yield "</g>"
    for number, node in enumerate(graph.nodes):
        yield _box(graph, number, node, places[node.id])
    yield "</svg>"


def _columns(order: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    """The layers; a layer that is much taller than the picture would be wide stands in several columns."""
    count = sum(map(len, order))
    limit = max(_TALL, int((count * _ACROSS / _DOWN / 1.6) ** 0.5))
    for layer in order:
        columns = -(-len(layer) // limit)
        each = -(-len(layer) // columns)
        yield from (layer[at : at + each] for at in range(0, len(layer), each))


def _legend() -> Iterator[str]:
    yield '<g class="legend">'
    for number, (kind, title) in enumerate(_LEGEND):
        at = _MARGIN + number * 110
        yield f'<g class="{kind}" transform="translate({at} 8)">{_shape(kind, 22, 14)}'
        yield f'<text x="28" y="12">{title}</text></g>'
    yield "</g>"


def _curve(source: tuple[float, float], target: tuple[float, float]) -> str:
    x, y = source[0] + _WIDTH, source[1] + _HEIGHT / 2
    to_x, to_y = target[0], target[1] + _HEIGHT / 2
    bend = max((to_x - x) / 2, 30)
    lift = 2 * _HEIGHT if to_x - x > _ACROSS else 0  # over what lies between
    way = f"M{x:.0f} {y:.0f}C{x + bend:.0f} {y - lift:.0f} {to_x - bend:.0f} {to_y - lift:.0f} {to_x:.0f} {to_y:.0f}"
    return f'<path class="edge" d="{way}"/>'


def _box(graph: Graph, number: int, node: Node, place: tuple[float, float]) -> str:
    name = display(node.name)
    short = _shortened(name)
    marks = " start" * (node.id == graph.start) + " cut" * (node.id in graph.cut)
    return (
        f'<g id="n{number}" class="node {node.kind}{marks}" transform="translate({place[0]:.0f} {place[1]:.0f})">'
        f"<title>{escape(name)}&#10;{escape(line(node))}</title>{_shape(node.kind, _WIDTH, _HEIGHT)}"
        f'<text x="10" y="{_HEIGHT - 7}">{escape(short)}</text></g>'
    )


def _shortened(name: str) -> str:
    """The end of a name, as much as fits into a box in the broadest letters that are usual."""
    room = _ROOM
    for place in range(len(name) - 1, -1, -1):
        room -= _width(name[place])
        if room < (0 if place == 0 else _width("…")):
            return "…" + name[place + 1 :]
    return name


def _width(letter: str) -> float:
    for letters, width in _WIDTHS:
        if letter in letters:
            return width
    if not letter.isascii():
        return _BROAD
    return _CAPITAL if letter.isupper() else _LETTER


def _shape(kind: str, width: int, height: int) -> str:
    if kind == "code":
        half = height / 2
        points = f"0,{half} 6,0 {width - 6},0 {width},{half} {width - 6},{height} 6,{height}"
        return f'<polygon class="box" points="{points}"/>'
    rounding = height / 2 if kind == "run" else 3
    return f'<rect class="box" width="{width}" height="{height}" rx="{rounding:g}"/>'


def line(node: Node) -> str:
    """A node in a line."""
    if node.record is not None:
        record = node.record
        how = "" if record.status == "completed" else f"  {record.status}"
        return f"run {display(record.name)} ({record.short})  {record.started:%Y-%m-%d %H:%M} UTC{how}"
    assert node.digest is not None
    facts = f"{display(node.name)}  {node.digest.short}" + (f"  {size_text(node.size)}" if node.size else "")
    others = f"  (also produced by {_also(node)})" if node.also else ""
    is_said = node.kind != "code" or node.name.startswith("code")
    return ("" if is_said else "code ") + facts + others


def _also(node: Node) -> str:
    named = ", ".join(map(display, node.also_named[:_NAMED]))
    return named + (f" and {node.also_count - _NAMED:,} more" if node.also_count > _NAMED else "")
