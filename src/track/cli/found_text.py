"""How what was found is shown: in a line of a table, and as CSV."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from importlib import import_module
from typing import Any

from track.cli import late
from track.cli.render import duration_text, size_text
from track.model.digest import Digest
from track.model.document import flat, told
from track.model.names import display

_VERSION_HEAD = ("id", "name", "path", "kind", "digest", "size", "type", "run", "created", "user", "commit", "tags")
_RUN_HEAD = ("id", "name", "folder", "status", "started", "ended", "seconds", "user", "exit", "tags", "commit")
_VERSION_TABLES = ("labels", "partitions", "metrics", "params")
_RUN_TABLES = ("params", "metrics", "metadata")
_MOST_LABELS = 4


def row(item: "late.finding.Item") -> tuple[str, ...]:
    """A version: id, when, size, who, name and labels. A run: id, when, how it ended, how long it took, name, tags."""
    said = item.document
    when = f"{item.created:%Y-%m-%d %H:%M}"
    if "status" in said:
        took = duration_text(said["seconds"]) if said["seconds"] is not None else ""
        return item.id[-8:], when, said["status"], took, display(item.name), display(" ".join(said["tags"]))
    size = display(str(said["value"])[:20]) if said["kind"] == "value" else size_text(said["size"])
    name = display(item.name) + ("/" if said["kind"] == "directory" else "")
    pairs = [f"{key}={value}" for key, value in flat(said["labels"] or {})]
    pairs += [f"{key}={value}" for key, value in (said["partitions"] or {}).items()]
    more = [f"+{len(pairs) - _MOST_LABELS}"] if len(pairs) > _MOST_LABELS else []
    uncommitted = [] if item.is_committed else ["(not committed)"]
    words = [*(display(pair) for pair in pairs[:_MOST_LABELS]), *more, *uncommitted]
    return item.id[:8], when, size, display(item.user), Digest.parse(said["digest"]).short, name, " ".join(words)


class Csv:
    """The lines of a CSV (RFC 4180) with a head: facts of each, then what stands in its tables, sorted, by path.

    Which columns there are is known when every item was looked at: each is `seen` before the first is `given`.
    """

    def __init__(self, emit: Callable[[str], None], *, runs: bool) -> None:
        """Each line goes to `emit`."""
        self._emit = emit
        self._head: tuple[str, ...] = _RUN_HEAD if runs else _VERSION_HEAD
        self._tables = _RUN_TABLES if runs else _VERSION_TABLES
        self._inner: set[str] = set()
        self._columns: list[str] = []
        self.count = 0

    def see(self, item: "late.finding.Item") -> None:
        """Note which columns it needs."""
        self._inner.update(name for name, _ in self._facts(item))

    def give(self, item: "late.finding.Item") -> None:
        """The line of it, below the head."""
        if not self.count:
            self.begin()
        self.count += 1
        facts = dict(self._facts(item))
        cells = [*(item.document.get(name) for name in self._head), *(facts.get(name) for name in self._columns)]
        self._emit(_line([_cell(cell) for cell in cells]))

    def begin(self) -> None:
        """The head."""
        self._columns = sorted(self._inner)
        self._emit(_line([*self._head, *self._columns]))

    def _facts(self, item: "late.finding.Item") -> Iterator[tuple[str, Any]]:
        for table in self._tables:
            for key, value in flat(item.document.get(table) or {}):
                yield f"{table}.{key}", value


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        is_simple = all(isinstance(each, str | int | float) for each in value)
        return " ".join(map(str, value)) if is_simple else told(value)
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)


def _line(cells: Sequence[str]) -> str:
    line: str = import_module("track.cli.csv_line").csv_line(cells)
    return line
