"""Finding runs: in the working tree, in the journal, and those that live, each once; and one by what it is called."""

import re
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from track.errors import MalformedRecord, NewerFormat, TrackError, UnknownRun, UsageError
from track.flows.run_journal import journal_of
from track.history import log
from track.model.names import display, is_record_path, typed
from track.model.record import Record, is_run_id
from track.model.record_file import dump_record, parse_record
from track.project import Project
from track.runs.shelf import latest, shelves

_PART = re.compile("[0-9a-f-]{4,36}")
_LISTED = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Found(NamedTuple):
    """A run, and where its record is: `tree` (the working tree, at `path`), `journal`, `living` or `shared`.

    `is_lost` says of a living one that it has been silent for too long. `seen` says of a shared one that had not ended
    when its clone last knew that it lives, and `remote` through which remote it is shared.
    """

    record: Record
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
            record = parse_record(content, path)
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
    refused += [_contradiction(several) for several in by_id.values() if len(several) > 1]
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


def say_the_same(one: Record, other: Record) -> bool:
    """Whether two records say the same; a number that is none (NaN) is not equal to itself, but written alike."""
    return one == other or dump_record(one) == dump_record(other)


def _contradiction(several: list[Found]) -> MalformedRecord:
    places = [display(found.path) if found.path is not None else "the journal of this clone" for found in several]
    return MalformedRecord(
        f"{' and '.join(places)} do not say the same of run {several[0].record.id}",
        hint="see who wrote it: git log -- .track/runs   and remove what is wrong: git rm",
    )


def may_mean(id: str, name: str, asked: str) -> bool:
    """Whether a person who types `asked` may mean the run of this id and name."""
    if asked in (id, name):
        return True
    return _PART.fullmatch(asked) is not None and _is_part(id, asked)


def find_run(project: Project, name: str, among: Runs | None = None) -> Found:
    """The run that a person means: by id, by four digits or more of its beginning or end, by name, or by a commit.

    A commit means the run whose record it adds. `among` are the runs that may be meant, for who has them already.

    Raises:
        UnknownRun: no run is called so, or several are; they are listed.
    """
    runs = (among or every_run(project)).found
    matching = _called(runs, name)
    if not matching:
        matching = _added_by(project, runs, name)
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise UnknownRun(f"no run is called `{display(name)}`", hint="track runs list", details=_nearest(runs, name))
    if len({found.record.id for found in matching}) == 1:
        error = _contradiction(matching)
        raise UnknownRun(f"it is not clear which `{display(name)}` is: {error.message}", hint=error.hint)
    ambiguous = UnknownRun(
        f"{len(matching)} runs are called `{display(name)}`",
        hint=f"say which by its id, such as {matching[0].record.id}",
        details=tuple(line_of(found) for found in matching[:_LISTED]),
    )
    ambiguous.instead = name, matching[0].record.id
    raise ambiguous


def line_of(found: Found) -> str:
    """A run in a line: its short id, when it began, and its name."""
    record = found.record
    return f"{record.short}  {record.started:%Y-%m-%d %H:%M} UTC  {display(record.name)}"


def _called(runs: Iterable[Found], name: str) -> list[Found]:
    runs = list(runs)
    if is_run_id(name):
        return [found for found in runs if found.record.id == name]
    named = [found for found in runs if found.record.name == name]
    if named or _PART.fullmatch(name) is None:
        return named
    return [found for found in runs if _begins(found.record, name)]


def _begins(record: Record, digits: str) -> bool:
    """Whether the id begins or ends so, or the short form of it begins so."""
    return _is_part(record.id, digits)


def _is_part(id: str, digits: str) -> bool:
    return id.startswith(digits) or id.endswith(digits) or id[-8:].startswith(digits)


def _added_by(project: Project, runs: Iterable[Found], name: str) -> list[Found]:
    """The runs whose records a commit adds; none when the name is no commit."""
    try:
        commit = project.git.resolve(name.removeprefix("commit:"))
    except TrackError:
        return []
    shown = project.git.run(
        "diff-tree", "-r", "-z", "--root", "--name-only", "--no-commit-id", "--diff-filter=A", commit
    )
    added = {path for path in shown.split(b"\0") if is_record_path(path)}
    return [found for found in runs if found.path in added]


def _nearest(runs: Iterable[Found], name: str) -> tuple[str, ...]:
    """The names that begin alike, for an error's details."""
    start = name[:3].lower()
    close = {found.record.name for found in runs if start and found.record.name.lower().startswith(start)}
    return tuple(f"there is {typed(each)}" for each in sorted(close)[:_LISTED])


def producers(runs: Iterable[Found], digest: bytes) -> Iterator[Found]:
    """The runs that made content with this digest, in the order given; what a command said is not made."""
    for found in runs:
        if any(used.digest == digest and not used.is_log for used in found.record.of("output")):
            yield found
