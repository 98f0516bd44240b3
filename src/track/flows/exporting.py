"""Exporting: everything that the catalog and this clone's journal know, as rows of the tables of `model.tables`.

All is read in one pass of one view, so that the tables agree with each other; no more of it is in memory than who takes
the rows keeps.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from track.flows.finding import only_here, saved_by
from track.flows.run_query import document_of
from track.history.catalog import Scope
from track.history.catalog_file import POINTER, RECORD
from track.history.catalog_rows import saved_id
from track.history.catalog_view import Version, View
from track.model.digest import Digest
from track.model.document import OF_METRICS, plain
from track.model.names import is_named_pointer, text_of
from track.model.record import Record, Summary, Used
from track.model.tables import EDGES, JSON, METRICS, RUNS, TEXTS, VERSIONS, Table
from track.project import Project

EVERYTHING = Scope(every=True, history=True)
"""What is exported: all that any ref reaches, and what stands in the working tree."""
_EMPTY: Mapping[str, Any] = {"labels": {}, "partitions": {}, "schema": {}}


class Sink(Protocol):
    """What takes the rows of a table."""

    def add(self, row: tuple[Any, ...]) -> None:
        """Take a row: a cell for each column."""


def pour(project: Project, view: View, repository: str, sinks: Mapping[str, Sink], now: datetime) -> None:
    """Give every row of each table to its sink, by the table's name.

    What no commit has yet is as old as `now`, and of Git's user.
    """
    user = project.git.config("user.name") or ""

    def give(table: Table, facts: Iterable[Mapping[str, Any]]) -> None:
        add = sinks[table.name].add
        for each in facts:
            add(_row(table, {**each, "repository": repository}))

    give(VERSIONS, (_version(one, user, now) for one in view.walk(POINTER)))
    give(VERSIONS, (_version(one, user, now) for one in view.walk_saved()))
    give(EDGES, (_edge(run, id, used) for run, id, used in view.walk_used()))
    give(EDGES, (_origin(*origin) for origin in view.walk_origins()))
    for version in view.walk(RECORD):
        give(RUNS, [_run(version.document | {"place": "history"}, version)])
        give(METRICS, _metrics(view, version.document))
    for found in only_here(project, EVERYTHING, view):
        record = found.record
        give(RUNS, [_run(document_of(found))])
        give(METRICS, (_metric(record.id, name, one) for name, one in record.metrics.items()))
        give(VERSIONS, (_version(one, user, now) for one in saved_by(record)))
        give(EDGES, (_edge(record.id, saved_id(record.id, used), used) for used in record.artifacts))


def _row(table: Table, facts: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(_cell(column.kind, facts.get(column.name)) for column in table.columns)


def _cell(kind: str, fact: Any) -> Any:
    if kind == JSON:
        return None if fact is None else json.dumps(plain(fact), ensure_ascii=False, separators=(",", ":"))
    return list(fact or ()) if kind == TEXTS else fact


def _version(version: Version, user: str, now: datetime) -> dict[str, Any]:
    path = version.path
    is_named = path is not None and is_named_pointer(path)
    return {
        **_EMPTY,
        **version.document,
        "id": version.id,
        "name": version.name,
        "path": None if path is None else text_of(path) if is_named else version.name,
        "created": now if version.created is None else datetime.fromtimestamp(version.created, UTC),
        "user": user if version.user is None else version.user,
        "commit": version.commit,
    }


def _run(document: Mapping[str, Any], version: Version | None = None) -> dict[str, Any]:
    path = None if version is None or version.path is None else text_of(version.path)
    return {**document, "path": path, "recorded": None if version is None else version.commit}


def _edge(run: str, id: bytes, used: Used) -> dict[str, Any]:
    is_made = used.category == "output"
    digest = str(used.digest)
    return {
        "kind": used.category,
        "source": run if is_made else digest,
        "target": digest if is_made else run,
        "run": run,
        "version": id.hex() if used.path is None else None,
        "name": used.shown,
        "path": None if used.path is None else text_of(used.path),
        "digest": digest,
        "size": used.size,
        "artifact": used.kind,
        "type": used.type,
        "how": used.how,
        "address": dict(used.address) or None,
        "metadata": dict(used.metadata) or None,
    }


def _origin(version: str, name: str, origin: Digest, digest: Digest) -> dict[str, Any]:
    return {
        "kind": "based_on",
        "source": str(origin),
        "target": str(digest),
        "version": version,
        "name": name,
        "digest": str(origin),
    }


def _metrics(view: View, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The metrics of a run, out of what queries look at; out of its record, where names there mean two things."""
    said = document["metrics"]
    names = [name for name in said if all(name + each in said for each in OF_METRICS)]
    if any(name + each in names for name in names for each in OF_METRICS):
        record: Record | None = view.record(document["id"])
        for name, one in record.metrics.items() if record is not None else ():
            yield _metric(document["id"], name, one)
        return
    for name in names:
        yield _metric(document["id"], name, Summary(*(said[name + each] for each in OF_METRICS)))


def _metric(run: str, name: str, one: Summary) -> dict[str, Any]:
    numbers = {which: getattr(one, which) for which in ("last", "min", "max", "mean", "count")}
    return {"run": run, "name": name, **numbers}
