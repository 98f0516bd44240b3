"""Listing runs: the catalog tells which are meant and in which order, and only their records are read.

What the catalog may not know is read at once and laid over it: records whose files are not as in Git's index, runs of
the journal, those that live, and what others shared. The answer is that of reading every record, but for one thing: a
record that says otherwise than the journal of this clone is found out where it is among what is listed.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from heapq import nlargest
from typing import Any, NamedTuple

from track.errors import TrackError
from track.flows.catalogued import catalog_of
from track.flows.run_find import Found, Runs, runs_of, say_the_same
from track.flows.run_journal import journal_of
from track.flows.run_known import contents, settled_runs
from track.flows.run_query import document_of, in_order, key_of
from track.history.catalog import Scope
from track.history.catalog_here import records_differing
from track.history.catalog_query import RUNS, narrowed
from track.history.catalog_runs import Head, Heads
from track.history.catalog_view import View
from track.model.query import And, In, Path, Query, found, holds
from track.project import Project

_TIMES = ("created", "started", "ended")


class Asked(NamedTuple):
    """What runs are wanted, and in which order: newest first, or by the field `sort`, greatest first if `falling`."""

    query: Query | None = None
    status: str | None = None
    folder: str | None = None
    tags: tuple[str, ...] = ()
    place: str | None = None
    sort: Path | None = None
    falling: bool = False
    limit: int | None = None

    @property
    def whole(self) -> Query | None:
        """The query, the status and the tags as one; None where any run is meant."""
        parts: list[Query] = [In(("tags",), (tag,)) for tag in self.tags]
        parts += [In(("status",), (self.status,))] if self.status is not None else []
        parts += [self.query] if self.query is not None else []
        return And(tuple(parts)) if parts else None

    def accepts(self, document: Mapping[str, Any]) -> bool:
        """Whether a run with this document is meant."""
        query = self.whole
        return (self.folder is None or _is_below(document["folder"], self.folder)) and (
            query is None or holds(query, document)
        )


class Listing(NamedTuple):
    """The runs that were asked for; how many are known, and match without the limit; and what is no record."""

    runs: tuple[Found, ...]
    known_count: int
    matching_count: int
    refused: tuple[TrackError, ...]


class _Candidate(NamedTuple):
    """A run that matches: when it began and its id, what to sort it by, and the run or the number of its path."""

    order: tuple[float, str]
    key: tuple[Any, ...]
    run: Found | None
    path: int


class _Picked(NamedTuple):
    candidates: list[_Candidate]
    paths: dict[int, bytes]
    known_count: int
    matching_count: int
    refused: tuple[TrackError, ...]


def listing(project: Project, asked: Asked) -> Listing:
    """List the runs that this clone knows and that are asked for. Nothing but the catalog is written."""
    apart = records_differing(project.git)
    while True:
        picked = catalog_of(project).ask(Scope(), partial(_pick, project, asked, frozenset(apart)))
        told = _read(project, picked)
        runs = tuple(candidate.run or told.get(candidate.path) for candidate in picked.candidates)
        if None not in runs:
            every = tuple(run for run in runs if run is not None)
            return Listing(every, picked.known_count, picked.matching_count, picked.refused)
        # What is otherwise than the catalog says, or than the journal says, is looked at as it is.
        apart = apart | {path for number, path in picked.paths.items() if number not in told}


def _pick(project: Project, asked: Asked, apart: frozenset[bytes], view: View) -> _Picked:
    heads = view.heads()
    settled, over = settled_runs(project, view, heads, apart)
    matching = [
        _Candidate((run.record.started.timestamp(), run.record.id), _key(document_of(run), asked.sort), run, 0)
        for run in over.found
        if asked.place in (None, run.place) and asked.accepts(document_of(run))
    ]
    matching_count = len(matching)
    if asked.place in (None, "tree"):
        meant, keys = _meant(heads, settled, asked)
        matching_count += len(meant)
        if asked.limit is not None and asked.sort is None:
            meant = nlargest(asked.limit, meant)
        matching += [_Candidate((began, id), keys.get(content, ()), None, path) for began, id, path, content in meant]
    matching.sort(key=lambda each: each.order, reverse=True)
    if asked.sort is not None:
        matching = in_order(matching, lambda each: each.key, falling=asked.falling)
    candidates = matching[: asked.limit]
    paths = heads.paths_of(each.path for each in candidates if each.run is None)
    return _Picked(candidates, paths, len(settled) + len(over.found), matching_count, over.refused)


def _meant(heads: Heads, settled: list[Head], asked: Asked) -> tuple[list[Head], Mapping[int, tuple[Any, ...]]]:
    """Those that are asked for, and what they are sorted by, by the number of the content."""
    query = asked.whole
    if query is None and asked.folder is None:
        return settled, {} if asked.sort is None else _keys(heads, asked.sort)
    keys = {
        number: _key(said, asked.sort)
        for number, told in heads.documents(narrowed(query, RUNS))
        if asked.accepts(said := told | {"place": "tree"})
    }
    return [head for head in settled if head[3] in keys], keys


def _keys(heads: Heads, sort: Path) -> dict[int, tuple[Any, ...]]:
    values = heads.values(sort)
    if values is None:
        return {number: _key(said | {"place": "tree"}, sort) for number, said in heads.documents()}
    if sort[0] in _TIMES:
        return {number: key_of(datetime.fromtimestamp(value, UTC)) for number, value in values.items()}
    return {number: key_of(value) for number, value in values.items()}


def _key(document: Mapping[str, Any], sort: Path | None) -> tuple[Any, ...]:
    return () if sort is None else key_of(next(found(document, sort), None))


def _read(project: Project, picked: _Picked) -> dict[int, Found]:
    """The runs whose records were picked, by the number of their path; those that are not clear are left out."""
    numbers = {path: number for number, path in picked.paths.items()}
    journal = journal_of(project)
    told: dict[int, Found] = {}
    for run in runs_of(project, contents(project, numbers), Runs((), ())).found:
        with suppress(TrackError):  # what the journal has cannot be read
            other = journal.find_ended(run.record.id)
            if run.path is not None and (other is None or say_the_same(run.record, other)):
                told[numbers[run.path]] = run
    return told


def _is_below(folder: str, above: str) -> bool:
    return above == "/" or folder == above or folder.startswith(above.rstrip("/") + "/")
