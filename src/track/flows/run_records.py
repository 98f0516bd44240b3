"""Records of runs that are known: of the working tree, of the journal, of those that live, and shared; each once."""

from collections.abc import Container, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from track.errors import MalformedRecord, NewerFormat, TrackError, UsageError
from track.flows.run_journal import journal_of
from track.history import log
from track.model import reading
from track.model.names import display
from track.project import Project
from track.runs.shelf import latest, shelves

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Found(NamedTuple):
    """A run, and where its record is: `tree` (the working tree, at `path`), `journal`, `living` or `shared`; or in
    a `commit` alone.

    `is_lost` says of a living one that it has been silent for too long. `seen` says of a shared one that had not ended
    when its clone last knew that it lives, and `remote` through which remote it is shared.
    """

    record: "reading.Record"
    place: str
    path: bytes | None = None
    is_lost: bool = False
    seen: datetime | None = None
    remote: str | None = None

    @property
    def status(self) -> str:
        """Its status, as far as anybody can tell."""
        return "lost" if self.is_lost else self.record.status


class Runs(NamedTuple):
    """Runs, newest first, and why other records cannot be read."""

    found: tuple[Found, ...]
    refused: tuple[TrackError, ...]


def every_run(project: Project) -> Runs:
    """Every run that this clone knows: the working tree's, its journal, those that live, and what others shared."""
    return runs_of(project, log.records_here(project.git), runs_besides(project))


def runs_of(project: Project, records: Iterable[tuple[bytes, bytes]], besides: Runs) -> Runs:
    """The runs of these records of the working tree (path, content), and those that are known besides."""
    by_id: dict[str, list[Found]] = {}
    refused: list[TrackError] = []
    for path, content in records:
        try:
            record = reading.parse_record(content, path)
        except (MalformedRecord, NewerFormat) as error:
            refused.append(error)
            continue
        _take(by_id, Found(record, "tree", path))
    for found in besides.found:
        if found.place == "journal":
            _take(by_id, found)
        else:
            by_id.setdefault(found.record.id, [found])
    refused += besides.refused
    refused += [contradiction(several) for several in by_id.values() if len(several) > 1]
    every = [found for several in by_id.values() for found in several]
    ordered = sorted(every, key=lambda found: (found.record.started, found.record.id), reverse=True)
    return Runs(tuple(ordered), tuple(refused))


def runs_besides(project: Project, but: Container[str] = ()) -> Runs:
    """The runs that are not in the working tree, in the order in which they are believed: the journal's, those that
    live, and what others shared; those of the journal with the ids `but` are left out.
    """
    refused: list[TrackError] = []
    journal = journal_of(project)
    every = [Found(record, "journal") for record in journal.ended(but)]
    for path_broken in journal.broken(but):
        with suppress(FileNotFoundError):
            refused.append(
                MalformedRecord(f"{display(str(path_broken))} is not the record of a run", hint="it is left alone")
            )
    for run in journal.living():
        try:
            every.append(Found(run.record(), "living", is_lost=run.is_lost()))
        except (MalformedRecord, NewerFormat) as error:
            refused.append(error)
        except UsageError:
            continue  # it ended meanwhile
    for shelf in shelves(project.state):
        for shared, record in latest(shelf, shelf.names(), refused).values():
            seen = None if record.has_ended else _EPOCH + timedelta(microseconds=shared.seen)
            every.append(Found(record, "shared", seen=seen, remote=shelf.folder.name))
    return Runs(tuple(every), tuple(refused))


def _take(by_id: dict[str, list[Found]], found: Found) -> None:
    """Take a record, unless one that says the same was taken; of those that tell of one run otherwise, each stands."""
    several = by_id.setdefault(found.record.id, [])
    if not any(say_the_same(other.record, found.record) for other in several):
        several.append(found)


def say_the_same(one: "reading.Record", other: "reading.Record") -> bool:
    """Whether two records say the same; a number that is none (NaN) is not equal to itself, but written alike."""
    return one == other or reading.dump_record(one) == reading.dump_record(other)


def contradiction(several: list[Found]) -> MalformedRecord:
    """What to say of records that tell of one run otherwise."""
    places = [display(found.path) if found.path is not None else "the journal of this clone" for found in several]
    run, ways = several[0].record.id, "git rm"
    if any(found.path is None for found in several):
        ways += f", or, where the commit is right, track runs drop {run}"
    return MalformedRecord(
        f"{' and '.join(places)} do not say the same of run {run}",
        hint=f"see who wrote it: git log -- .track/runs   and remove what is wrong: {ways}",
    )
