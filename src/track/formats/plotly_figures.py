"""Figures of plotly, as its own JSON."""

from pathlib import Path

import plotly.graph_objects as go
import plotly.io

from track.formats.format import Format, bytes_of


def _write(obj: object) -> bytes:
    text: str = plotly.io.to_json(obj, validate=False, engine="json")
    return text.encode("utf-8")


def _read(content: bytes | Path) -> object:
    return plotly.io.from_json(bytes_of(content).decode("utf-8"), output_type="Figure")


FORMATS = (
    Format("application/vnd.plotly.v1+json", ".plotly.json", lambda obj: isinstance(obj, go.Figure), _write, _read),
)
