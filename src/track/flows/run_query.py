"""Asking runs: a run as the document that queries look at, and the runs that are like a query says, in an order."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from track.flows.run_find import Found
from track.model.query import Path, found, holds, moment
from track.model.query_dictionary import parse_query
from track.model.query_text import Fields, parse_field
from track.model.record import Record, Used

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
    """A run as a document of FIELDS. A metric is its last value; `metrics.NAME.max` and the like are the others.

    Artifacts have name, category, digest, size, type, kind, how and metadata; `user` is the name in `by`.
    """
    record = run.record
    revision = record.revision
    artifacts = [_artifact(used) for used in record.artifacts]
    return {
        "id": record.id,
        "name": record.name,
        "folder": record.folder,
        "status": run.status,
        "place": run.place,
        "started": record.started,
        "ended": record.ended,
        "seconds": record.seconds,
        "by": record.by,
        "user": record.by.partition(" <")[0],
        "command": " ".join(record.command),
        "cwd": record.cwd,
        "exit": record.exit,
        "task": record.task,
        "parent": record.parent,
        "tags": record.tags,
        "description": record.description,
        "metadata": record.metadata,
        "params": record.params,
        "metrics": _metrics(record),
        "environment": record.environment,
        "alerts": record.alerts,
        "commit": revision.commit if revision is not None else None,
        "tree": revision.tree if revision is not None else None,
        "dirty": revision.dirty if revision is not None else None,
        "artifacts": artifacts,
        "inputs": [each for each in artifacts if each["category"] == "input"],
        "outputs": [each for each in artifacts if each["category"] == "output"],
    }


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


def _metrics(record: Record) -> dict[str, float]:
    facts: dict[str, float] = {}
    for name, one in record.metrics.items():
        facts |= {f"{name}.{which}": getattr(one, which) for which in ("last", "min", "max", "mean", "count")}
    return facts | {name: one.last for name, one in record.metrics.items()}


def _artifact(used: Used) -> dict[str, Any]:
    return {
        "category": used.category,
        "name": used.shown,
        "digest": str(used.digest),
        "size": used.size,
        "type": used.type,
        "kind": used.kind,
        "how": used.how,
        "metadata": dict(used.metadata),
    }
