"""Asking runs: a run as the document that queries look at, what can be asked of it, and what it is sorted by."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from track.flows.run_find import Found
from track.model import reading
from track.model.query import Path, Query, found, moment
from track.model.query_dictionary import parse_query
from track.model.query_text import Fields

Item = TypeVar("Item")
FIELDS = Fields(
    (
        *("id", "name", "folder", "status", "place", "started", "ended", "seconds", "by", "user", "command", "cwd"),
        *("exit", "task", "parent", "tags", "description", "metadata", "params", "metrics", "environment", "alerts"),
        *("commit", "tree", "dirty", "artifacts", "inputs", "outputs"),
    ),
    {
        "alert": "alerts",
        "artifact": "artifacts",
        "created": "started",
        "env": "environment",
        "file": "artifacts.name",
        "input": "inputs",
        "meta": "metadata",
        "metric": "metrics",
        "output": "outputs",
        "param": "params",
        "tag": "tags",
    },
)
"""What can be asked of a run, and other words for some of it."""


def document_of(run: Found) -> dict[str, Any]:
    """A run as a document of FIELDS: what its record says, how it ended or is, and where its record lies."""
    return reading.record_document(run.record) | {"status": run.status, "place": run.place}


def wanted_runs(where: str | Mapping[str, Any] | None, fields: Fields = FIELDS) -> Query | None:
    """The query that `where` spells. Raises UsageError when it is wrong: the place and the nearest word are named."""
    return None if where is None else parse_query(where, datetime.now(UTC), fields)


def value_of(run: Found, path: Path) -> Any:
    """The first value of a field of a run; None where it has none."""
    return next(found(document_of(run), path), None)


def key_of(value: Any) -> tuple[Any, ...]:
    """What to sort a value by: numbers, then text, then times; empty for what has no order."""
    if isinstance(value, int | float):
        return (0, float(value)) if not math.isnan(value) else ()
    if isinstance(value, datetime):
        return 2, moment(value)
    return (1, value) if isinstance(value, str) else ()


def in_order(items: Iterable[Item], key: Callable[[Item], tuple[Any, ...]], *, falling: bool) -> list[Item]:
    """By what `key` says, greatest first if `falling`; those without one come last, and equals keep their order."""
    keyed = [(key(item), item) for item in items]
    there = sorted((each for each in keyed if each[0]), key=lambda each: each[0], reverse=falling)
    return [*(item for _, item in there), *(item for found, item in keyed if not found)]
