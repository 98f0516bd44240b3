"""Chart: lines over an axis, drawn with the letters of a terminal or as SVG."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

MARKS = "*+ox#@%&"
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")
_KEPT = 2_000
_TICKS = 5


class Line(NamedTuple):
    """One line: what it is called, and its points; as many `xs` as `ys`, all finite, in the order of drawing."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]


class _Box(NamedTuple):
    """The values that a chart spans."""

    left: float
    right: float
    low: float
    high: float

    def x_share(self, x: float) -> float:
        """Where a value lies from left to right, 0 to 1."""
        return _share(self.left, self.right, x)

    def y_share(self, y: float) -> float:
        """Where a value lies from bottom to top, 0 to 1."""
        return _share(self.low, self.high, y)


def _share(low: float, high: float, value: float) -> float:
    """Halved first, for what lies further apart than a number can say."""
    return (value / 2 - low / 2) / (high / 2 - low / 2)


def text_chart(lines: Sequence[Line], x_name: str, *, width: int = 78, height: int = 16) -> list[str]:
    """The lines of text of a chart, of this width and with so many rows for values; nothing when there is no point."""
    box = _box(lines)
    if box is None:
        return []
    marks = [f"{number:.4g}" for number in _ticks(box.low, box.high, height)]
    gutter = max(map(len, marks))
    columns = max(10, width - gutter - 2)
    cells = [[" "] * columns for _ in range(height)]
    for number, line in enumerate(lines):
        mark = MARKS[number % len(MARKS)]
        for x, y in thinned(line):
            row = round((1 - box.y_share(y)) * (height - 1))
            cells[row][round(box.x_share(x) * (columns - 1))] = mark
    drawn = [f"{mark:>{gutter}} |{''.join(row).rstrip()}" for mark, row in zip(reversed(marks), cells, strict=True)]
    left, right = f"{box.left:.4g}", f"{box.right:.4g}"
    room = columns - len(left) - len(right)
    drawn.append(f"{'':>{gutter}} +{'-' * columns}")
    drawn.append(f"{'':>{gutter}}  {left}{x_name.center(room) if room > len(x_name) else ' ' * max(1, room)}{right}")
    return drawn + [f"{'':>{gutter}}  {MARKS[n % len(MARKS)]} {line.name}" for n, line in enumerate(lines)]


def svg_chart(lines: Sequence[Line], x_name: str, *, width: int = 800, height: int = 480) -> str:
    """The chart as an SVG document; without a point it says so."""
    box = _box(lines)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n'
    )
    if box is None:
        return f'{head}<text x="20" y="30">no points</text>\n</svg>\n'
    top, bottom, left, right = 20.0, height - 50.0, 70.0, width - 20.0
    parts = [head]
    for value in _ticks(box.low, box.high, _TICKS):
        y = bottom - box.y_share(value) * (bottom - top)
        parts.append(f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>\n')
        parts.append(f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>\n')
    for value in _ticks(box.left, box.right, _TICKS):
        x = left + box.x_share(value) * (right - left)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{value:.4g}</text>\n')
    axis = escape(x_name, quote=False)
    parts.append(f'<text x="{(left + right) / 2:.1f}" y="{bottom + 34:.1f}" text-anchor="middle">{axis}</text>\n')
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        places = " ".join(
            f"{left + box.x_share(x) * (right - left):.1f},{bottom - box.y_share(y) * (bottom - top):.1f}"
            for x, y in thinned(line)
        )
        name = escape(line.name, quote=False)
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}"><title>{name}</title></polyline>\n')
        parts.append(f'<text x="{right - 6:.1f}" y="{top + 14 * (number + 1):.1f}" text-anchor="end" fill="{colour}">')
        parts.append(f"{name}</text>\n")
    return "".join(parts) + "</svg>\n"


def _box(lines: Sequence[Line]) -> _Box | None:
    xs = [(min(line.xs), max(line.xs)) for line in lines if line.xs]
    ys = [(min(line.ys), max(line.ys)) for line in lines if line.ys]
    if not xs:
        return None
    left, right = _apart(min(low for low, _ in xs), max(high for _, high in xs))
    low, high = _apart(min(low for low, _ in ys), max(high for _, high in ys))
    return _Box(left, right, low, high)


def _apart(low: float, high: float) -> tuple[float, float]:
    """Limits that are not one value."""
    if high / 2 - low / 2 > 0:
        return low, high
    room = max(abs(low) / 10, 0.5)
    return (low - room, high + room) if math.isfinite(high + room) and math.isfinite(low - room) else (low / 2, high)


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Values from low to high, evenly apart."""
    return [low * (1 - place / (count - 1)) + high * (place / (count - 1)) for place in range(count)]


def thinned(line: Line) -> Iterator[tuple[float, float]]:
    """The points of a line; of very many, from each stretch the least and the greatest, in their order."""
    total = len(line.xs)
    if total <= _KEPT:
        yield from zip(line.xs, line.ys, strict=True)
        return
    stretches = _KEPT // 2
    for number in range(stretches):
        start, end = number * total // stretches, (number + 1) * total // stretches
        places = range(start, end)
        chosen = {min(places, key=line.ys.__getitem__), max(places, key=line.ys.__getitem__)}
        yield from ((line.xs[place], line.ys[place]) for place in sorted(chosen))
