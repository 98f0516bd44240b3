"""Results as text: sizes, counts, times and aligned tables. The same on a terminal and in a pipe, colour apart."""

from collections.abc import Iterable, Sequence
from unicodedata import east_asian_width

from track.model.amounts import count_text, size_text
from track.model.expressions import expression

__all__ = ["count_text", "duration_text", "size_text", "table"]

_ESCAPE = expression(r"\x1b\[[0-9;]*m")


def duration_text(elapsed_s: float) -> str:
    """`0.4 s`, `41 s`, `3 min 20 s`, `2 h 5 min`."""
    if elapsed_s < 9.95:
        return f"{elapsed_s:.1f} s"
    whole = round(elapsed_s)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def table(rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), gap: int = 2) -> str:
    """Rows of cells as aligned lines; columns in `right` are right-aligned, the last column is never padded."""
    kept = [[str(cell) for cell in row] for row in rows]
    columns = max((len(row) for row in kept), default=0)
    widths = [max((_width(row[i]) for row in kept if i < len(row)), default=0) for i in range(columns)]
    return "\n".join(_line(row, widths, right, " " * gap) for row in kept)


def _line(row: list[str], widths: list[int], right: Sequence[int], gap: str) -> str:
    cells = []
    for i, cell in enumerate(row):
        padding = " " * (widths[i] - _width(cell))
        cells.append(padding + cell if i in right else cell + padding)
    return gap.join(cells).rstrip()


def _width(text: str) -> int:
    plain = _ESCAPE.sub("", text)
    return len(plain) if plain.isascii() else sum(2 if east_asian_width(char) in "WF" else 1 for char in plain)
