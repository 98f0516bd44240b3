"""Page: what a notebook shows, as HTML. Every text of the repository's is escaped; nothing is loaded from anywhere."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from track.model.names import display

_STYLE = (
    ".track{font:13px system-ui,sans-serif;max-width:60em}"
    ".track table{border-collapse:collapse;margin:.4em 0}"
    ".track th,.track td{padding:.15em .8em .15em 0;text-align:left;vertical-align:top;border:0}"
    ".track th{font-weight:600;opacity:.7}.track td.number{text-align:right;font-variant-numeric:tabular-nums}"
    ".track .title{font-weight:600}.track .note{opacity:.7}"
    ".track pre{margin:.4em 0;max-height:20em;overflow:auto}.track img{max-width:320px;max-height:320px}"
)


def shown(text: object) -> str:
    """A text, safe in HTML: control characters escaped as in the terminal, then what HTML would read as more."""
    return escape(display(text if isinstance(text, bytes) else str(text)))


def block(*parts: str) -> str:
    """Parts in one element with the style of all."""
    return f'<div class="track"><style>{_STYLE}</style>{"".join(parts)}</div>'


def title(text: object, note: str = "") -> str:
    """A line that says what it is, and a note behind it."""
    behind = f' <span class="note">{shown(note)}</span>' if note else ""
    return f'<div class="title">{shown(text)}{behind}</div>'


def facts(rows: Mapping[str, object]) -> str:
    """Names and what they are, a row each; what is None or empty is left out."""
    cells = "".join(
        f"<tr><th>{shown(name)}</th><td>{shown(fact)}</td></tr>"
        for name, fact in rows.items()
        if fact not in (None, "")
    )
    return f"<table>{cells}</table>" if cells else ""


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = (), most: int = 50) -> str:
    """Rows below their heads, of which at most so many are shown; columns in `numbers` are set to the right."""
    kept = list(rows)
    heads = "".join(f"<th>{shown(name)}</th>" for name in head)
    body = "".join(f"<tr>{_cells(row, numbers)}</tr>" for row in kept[:most])
    more = f'<div class="note">and {len(kept) - most:,} more</div>' if len(kept) > most else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}"


def note(text: str) -> str:
    """A line in grey."""
    return f'<div class="note">{shown(text)}</div>'


def _cells(row: Sequence[object], numbers: Sequence[int]) -> str:
    return "".join(
        f'<td class="number">{shown(cell)}</td>' if at in numbers else f"<td>{shown(cell)}</td>"
        for at, cell in enumerate(row)
    )
