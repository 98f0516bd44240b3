"""Stale paths: which artifacts were made from something that is another by now, read from one tree."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from track.errors import TrackError, UnknownPath
from track.flows.pointers import readable_pointers
from track.flows.run_find import Runs, every_run, runs_besides, runs_of
from track.flows.run_known import contents
from track.history import log
from track.history.catalog_settled import settled_records
from track.model.digest import Digest, digest_of
from track.model.names import data_path, display, is_named_pointer, is_pointer_path, name_of
from track.model.pointer import Pointer
from track.model.record import Record
from track.model.staleness import Stale, makers_of, stale
from track.project import Project


class Standing(NamedTuple):
    """How things stand: every pointer by the path of its data, every run, and what of them cannot be read."""

    pointers: Mapping[bytes, Pointer]
    runs: tuple[Record, ...]
    refused: tuple[TrackError, ...]

    @property
    def holds(self) -> dict[bytes, Digest]:
        """The digest of what each tracked path holds."""
        return {path: pointer.digest for path, pointer in self.pointers.items()}

    @property
    def makers(self) -> dict[bytes, Record]:
        """The run that made what each path holds, for those that a run made."""
        return makers_of(self.holds, self.runs)

    def stale(self) -> list[Stale]:
        """The stale artifacts, what others came from first."""
        return stale(self.makers, self.holds)


def standing_now(project: Project, *, past: bool = False) -> Standing:
    """Read the pointers that are here, and the records of the runs that made what they hold; with `past` every record.

    No history is walked, no data is read.
    """
    pointers, refused = readable_pointers(project)
    runs = every_run(project) if past else _makers_here(project, {pointer.digest for pointer in pointers.values()})
    return Standing(pointers, tuple(found.record for found in runs.found), (*runs.refused, *refused))


def _makers_here(project: Project, held: Collection[Digest]) -> Runs:
    """The runs that made any of these contents, and maybe others: what the catalog knows not to matter is left out.

    Records that tell of one run otherwise are all among them, as are those that cannot be read.
    """
    settled = settled_records(project.state / "catalog.db", held)
    read: list[tuple[bytes, bytes]] = []
    left: dict[str, list[tuple[bytes, bytes]]] = {}
    for path, content in log.records_here(project.git):
        sum = bytes(digest_of(content))
        run = settled.runs.get(sum)
        if run is None or sum in settled.makers:
            read.append((path, content))
        else:
            left.setdefault(run, []).append((path, sum))
    known = {run for run, several in left.items() if len({sum for _, sum in several}) == 1}
    runs = _with(project, read, [place for run, some in left.items() if run not in known for place, _ in some], known)
    if again := known & {found.record.id for found in runs.found}:
        places = [place for run, some in left.items() if run not in known or run in again for place, _ in some]
        runs = _with(project, read, places, known - again)
    return runs


def _with(project: Project, read: list[tuple[bytes, bytes]], others: list[bytes], but: Collection[str]) -> Runs:
    return runs_of(project, sorted((*read, *contents(project, others))), runs_besides(project, but))


def standing_after(project: Project, before: Standing, run: Record) -> Standing:
    """How things stand after one more run."""
    pointers, _ = readable_pointers(project)
    return Standing(pointers, (*before.runs, run), before.refused)


def below(project: Project, standing: Standing, path: str) -> frozenset[bytes]:
    """The tracked paths that are at or below what a person typed, and the named artifacts that are called so.

    Raises UnknownPath when there are none.
    """
    given = project.relative(path)
    asked = data_path(given) if is_pointer_path(given) and not is_named_pointer(given) else given
    found = frozenset(each for each in standing.pointers if is_in(each, asked) or _is_called(each, path))
    if not found:
        raise UnknownPath(f"nothing is tracked at `{display(asked)}`", hint="see what is tracked: track ls")
    return found


def _is_called(artifact: bytes, name: str) -> bool:
    """Whether it is a named artifact of this name, with its partitions or without them."""
    called = name_of(artifact)
    return called is not None and (called == name or called.startswith(f"{name} "))


def below_any(project: Project, standing: Standing, paths: Sequence[str]) -> frozenset[bytes] | None:
    """The tracked paths that are at or below any of `paths`; None, which means all, where none was typed."""
    return frozenset().union(*(below(project, standing, path) for path in paths)) if paths else None


def is_in(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return not folder or path == folder or path.startswith(folder + b"/")
