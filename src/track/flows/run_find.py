"""Finding a run by what it is called: its id or some digits of it, its name, or the commit that adds its record."""

from collections.abc import Iterable, Iterator, Sequence

from track.errors import TrackError, UnknownRun
from track.flows.run_known import known_runs
from track.flows.run_records import (
    Found,
    Runs,
    contradiction,
    every_run,
    runs_besides,
    runs_of,
    say_the_same,
)
from track.model.expressions import expression
from track.model.names import display, is_record_path, typed
from track.model.run_words import is_run_id, is_run_name
from track.project import Project

TYPE_CHECKING = False
if TYPE_CHECKING:  # what no question needs that reads none
    from track.model.record import Record

__all__ = [
    "Found", "Runs", "every_run", "find_run", "known_runs", "line_of", "may_mean", "producers", "runs_besides",
    "runs_called", "runs_of", "runs_with_digits", "say_the_same", "unclear_run",
]  # fmt: skip

_PART = expression("[0-9a-f-]{4,36}")
_LISTED = 10


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
    if among is not None:
        runs, names = among.found, {found.record.name for found in among.found}
    else:
        runs, names = known_runs(project, lambda id, called: may_mean(id, called, name))
    matching = _called(runs, name)
    if not matching and (added := _added_by(project, name)):
        runs = runs if among is not None else known_runs(project, lambda id, called: False, added)[0]
        matching = [found for found in runs if found.path in added]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise UnknownRun(f"no run is called `{display(name)}`", hint="track runs list", details=_nearest(names, name))
    if (unclear := unclear_run(name, matching)) is not None:
        raise unclear
    ambiguous = UnknownRun(
        f"{len(matching)} runs are called `{display(name)}`",
        hint=f"say which by its id, such as {matching[0].record.id}",
        details=tuple(line_of(found) for found in matching[:_LISTED]),
    )
    ambiguous.instead = name, matching[0].record.id
    raise ambiguous


def unclear_run(name: str, found: Sequence[Found]) -> UnknownRun | None:
    """What to say where several records tell of one run otherwise, and it is all that `name` means; else None."""
    if len(found) < 2 or len({one.record.id for one in found}) > 1:
        return None
    error = contradiction(list(found))
    return UnknownRun(f"it is not clear which `{display(name)}` is: {error.message}", hint=error.hint)


def runs_called(project: Project, name: str) -> list[Found]:
    """The runs of exactly this name or id, newest first."""
    if not is_run_name(name):
        return []
    found, _ = known_runs(project, lambda id, called: name in (id, called))
    return [one for one in found if name in (one.record.id, one.record.name)]


def runs_with_digits(project: Project, digits: str) -> list[Found]:
    """The runs whose id begins or ends with these digits, newest first."""
    if _PART.fullmatch(digits) is None:
        return []
    found, _ = known_runs(project, lambda id, called: _is_part(id, digits))
    return [one for one in found if _begins(one.record, digits)]


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


def _begins(record: "Record", digits: str) -> bool:
    """Whether the id begins or ends so, or the short form of it begins so."""
    return _is_part(record.id, digits)


def _is_part(id: str, digits: str) -> bool:
    return id.startswith(digits) or id.endswith(digits) or id[-8:].startswith(digits)


def _added_by(project: Project, name: str) -> set[bytes]:
    """The records that a commit adds; none when the name is no commit."""
    try:
        commit = project.git.resolve(name.removeprefix("commit:"))
    except TrackError:
        return set()
    shown = project.git.run(
        "diff-tree", "-r", "-z", "--root", "--name-only", "--no-commit-id", "--diff-filter=A", commit
    )
    return {path for path in shown.split(b"\0") if is_record_path(path)}


def _nearest(names: Iterable[str], name: str) -> tuple[str, ...]:
    """The names that begin alike, for an error's details."""
    start = name[:3].lower()
    close = {each for each in names if start and each.lower().startswith(start)}
    return tuple(f"there is {typed(each)}" for each in sorted(close)[:_LISTED])


def producers(runs: Iterable[Found], digest: bytes) -> Iterator[Found]:
    """The runs that made content with this digest, in the order given; what a command said is not made."""
    for found in runs:
        if any(used.digest == digest and not used.is_log for used in found.record.of("output")):
            yield found
