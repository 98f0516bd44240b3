"""The end of a run: what it logged is sealed into the store, and its record in the journal."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from track.errors import TrackError
from track.flows.run_journal import journal_of
from track.flows.run_place import Placed, not_placed, place
from track.model.moments import micros
from track.model.record import Record, Series
from track.model.said import Said
from track.model.series import dump_events, dump_points
from track.project import Project
from track.runs.journal import Living
from track.runs.spool import said_by

Change = Callable[[Record], Record]


def end(project: Project, living: Living, facts: Mapping[str, object], change: Change = lambda draft: draft) -> Record:
    """End a living run: seal what it logged into the store, and keep the record with these facts in the journal.

    Nobody can add to it meanwhile. Killed in between, or out of space, it goes on living, with all that it logged.

    Raises:
        UsageError: it has ended meanwhile.
        DiskFull, StoreUnwritable: it cannot be kept; ending it again finishes.
    """

    def sealed(draft: Record) -> Record:
        return replace(change(with_said(project, draft, said_by(living))), **facts)  # type: ignore[arg-type]  # by name

    return journal_of(project).end(living, sealed)


def put_away(project: Project, record: Record, *, branch: str | None) -> Placed:
    """Put the record of an ended run that made no pointers into the working tree, unless `runs.keep` says otherwise."""
    wanted = project.config.text("runs.keep") or "all"
    if wanted == "none" or (wanted == "outputs" and not record.of("output")):
        return Placed((), "it was not to be kept in the working tree")
    try:
        with project.lock():
            return place(project, record, (), branch=branch)
    except TrackError as error:
        return not_placed(error)


def with_said(project: Project, draft: Record, said: Said) -> Record:
    """The draft with what was said: the series as objects in the store, durably, and their summaries."""
    points = events = None
    with project.store.writer() as writer:
        if said.metrics or said.dropped_points:
            count = sum(map(len, said.metrics.values()))
            content = dump_points(said.metrics, micros(draft.started))
            points = Series(count, writer.add_content(content), said.dropped_points)
        if said.events or said.dropped_events:
            events = Series(len(said.events), writer.add_content(dump_events(said.events)), said.dropped_events)
        writer.commit()
    summaries = {name: metric.summary for name, metric in said.metrics.items()}
    return replace(draft, metrics={**draft.metrics, **summaries}, points=points, events=events)
