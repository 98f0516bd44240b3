"""Asking runs: a run as the document that queries look at, and the runs that are like a query says, in an order."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from track.flows.run_find import Found
from track.model.document import record_document
from track.model.query import Path, found, holds, moment
from track.model.query_dictionary import parse_query
from track.model.query_text import Fields, parse_field

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
    return record_document(run.record) | {"status": run.status, "place": run.place}


def chosen(
    runs: Iterable[Found], where: str | Mapping[str, Any] | None = None, sort: str | None = None
) -> Sequence[Found]:
    """The runs that are like `where` says, in their order or in that of the field `sort` (`-FIELD`: greatest first).

    Runs without the field come last, and after each other runs that are equal in it keep their order.

    Raises:
        UsageError: the query or the field is wrong; the place and the nearest valid word are named.
    """
    if where is not None:
        query = parse_query(where, datetime.now(UTC), FIELDS)
        runs = [run for run in runs if holds(query, document_of(run))]
    if sort is None:
        return tuple(runs)
    path = parse_field(sort.removeprefix("-"), FIELDS)
    keyed = [(_key(value_of(run, path)), run) for run in runs]
    there = sorted((each for each in keyed if each[0]), key=lambda each: each[0], reverse=sort.startswith("-"))
    return (*(run for _, run in there), *(run for key, run in keyed if not key))


def value_of(run: Found, path: Path) -> Any:
    """The first value of a field of a run; None where it has none."""
    return next(found(document_of(run), path), None)


def _key(value: Any) -> tuple[Any, ...]:
    """What to sort a value by: numbers, then text, then times; empty for what has no order."""
    if isinstance(value, int | float):
        return (0, float(value)) if not math.isnan(value) else ()
    if isinstance(value, datetime):
        return 2, moment(value)
    return (1, value) if isinstance(value, str) else ()
