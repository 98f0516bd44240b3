"""Figures of matplotlib, drawn as SVG: nothing but pickle keeps one as an object, so what comes back is the drawing."""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from track.formats.format import Format, bytes_of


def _write(obj: object) -> bytes:
    """The drawing; the same figure makes the same bytes, so neither its date nor random names stand in it."""
    assert isinstance(obj, Figure)
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "track"}):
        obj.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _read(content: bytes | Path) -> object:
    return bytes_of(content).decode("utf-8")


FORMATS = (Format("image/svg+xml", ".svg", lambda obj: isinstance(obj, Figure), _write, _read),)
