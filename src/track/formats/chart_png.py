"""A chart of lines as PNG, drawn by matplotlib: the picture that `model.chart` draws as SVG."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from track.errors import UsageError
from track.model.chart import COLOURS, Line, thinned

_INCHES = 8.0, 4.8
_DOTS = 150
_FARTHEST = 1e150
_MANY = 30
"""Points of a line up to which each is marked."""


def draw(lines: Sequence[Line], x_name: str) -> bytes:
    """The picture, 1,200 by 720 dots. Only matplotlib's defaults count, whatever its settings are here.

    Raises:
        UsageError: values are so far apart that matplotlib cannot say how far.
    """
    if any(abs(value) > _FARTHEST for line in lines for value in (*line.xs, *line.ys)):
        raise UsageError("values beyond 1e150 cannot be drawn as PNG", hint="-o FILE.svg can")
    with mpl.rc_context():
        mpl.rcdefaults()
        figure = Figure(figsize=_INCHES, dpi=_DOTS, layout="tight")
        axes = figure.add_subplot()
        for number, line in enumerate(lines):
            points = list(thinned(line))
            axes.plot(
                [x for x, _ in points],
                [y for _, y in points],
                color=COLOURS[number % len(COLOURS)],
                linewidth=1.2,
                marker="o" if len(points) <= _MANY else "",
                markersize=3,
                label=_plain(line.name),
            )
        axes.set_xlabel(_plain(x_name))
        axes.grid(color="#dddddd")
        axes.legend(loc="best", frameon=False)
        stream = io.BytesIO()
        FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def _plain(text: str) -> str:
    """Text in which a dollar is a dollar, and no formula begins; nor is a name that begins with `_` left out."""
    shown = text.replace("\\", "\\\\").replace("$", r"\$") if "$" in text else text
    return "\u200b" + shown if shown.startswith("_") else shown
