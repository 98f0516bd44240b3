"""What a notebook shows of a version: its facts, and a preview of a table, a picture, a text or a list of files."""

import base64
import csv
from collections.abc import Iterator
from html import escape
from itertools import islice

from track.api.page import block, facts, note, shown, table, title
from track.errors import TrackError
from track.flows.pinned import Pinned
from track.formats.media import type_of
from track.model.amounts import count_text, size_text
from track.model.names import text_of
from track.project import Project
from track.verbs.version_preview import Preview, version_preview

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/svg+xml")
_DELIMITERS = {"text/csv": ",", "text/tab-separated-values": "\t"}
_TEXTS = ("application/json", "application/jsonl", "application/toml", "application/yaml", "application/geo+json")
_ROWS, _COLUMNS, _LINES, _WIDTH = 8, 20, 20, 200


def page_of(project: Project, pinned: Pinned) -> str:
    """The page of a version; nothing is fetched for it."""
    pointer, digest = pinned.pointer, pinned.digest
    preview = version_preview(project, pinned)
    where = f"at {pinned.rev}" if pinned.rev is not None else ""
    known = {
        "digest": digest.short if digest is not None else None,
        "size": size_text(pinned.entry.size if pinned.entry is not None else pointer.size) if digest else None,
        "files": pointer.files if not pinned.inner else None,
        "type": pointer.type if not pinned.inner else type_of(pinned.inner),
        "rows": pointer.rows if not pinned.inner else None,
        "tags": ", ".join(pointer.tags),
    }
    known |= {f"label {name}": value for name, value in pointer.labels.items()}
    known |= {f"partition {name}": value for name, value in pointer.partitions.items()}
    return block(title(pinned.shown, where), facts(known), _preview(pinned, preview))


def _preview(pinned: Pinned, preview: Preview) -> str:
    if preview.files is not None:
        rows = [(text_of(entry.path), size_text(entry.size)) for entry in preview.files]
        more = (pinned.pointer.files or 0) - len(rows) if not pinned.inner else 0
        return table(("file", "size"), rows, numbers=(1,)) + (note(f"and {count_text(more, 'file')} more") * (more > 0))
    if preview.content is None:
        return note(preview.why_not or "")
    kind = (type_of(pinned.inner) if pinned.inner else pinned.pointer.type) or ""
    if kind in _PICTURES and preview.is_whole:
        data = base64.b64encode(preview.content).decode("ascii")
        return f'<img alt="{escape(pinned.shown)}" src="data:{kind};base64,{data}">'
    if kind.startswith("text/") or kind in _TEXTS or pinned.pointer.kind == "value":
        return _text(preview, _DELIMITERS.get(kind))
    return ""


def _text(preview: Preview, delimiter: str | None) -> str:
    assert preview.content is not None
    lines = preview.content.decode("utf-8", "replace").splitlines()
    if not preview.is_whole:
        lines = lines[:-1]  # the last one may be cut
    if delimiter is not None:
        try:
            rows = list(islice(_rows(lines, delimiter), _ROWS + 1))
        except (csv.Error, TrackError):
            rows = []
        if rows:
            rest = len(lines) > len(rows) or not preview.is_whole
            return table(rows[0], rows[1:]) + (note("and more rows") if rest else "")
    cut = "\n".join(line[:_WIDTH] for line in lines[:_LINES])
    rest = len(lines) > _LINES or not preview.is_whole
    return f"<pre>{shown_lines(cut)}</pre>" + (note("and more lines") if rest else "")


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    for row in csv.reader(lines, delimiter=delimiter):
        yield [cell[:_WIDTH] for cell in row[:_COLUMNS]]


def shown_lines(text: str) -> str:
    """Lines of a text, each safe in HTML."""
    return "\n".join(map(shown, text.split("\n")))
