"""Stale paths: which artifacts were made from something that is another by now, read from one tree."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from track.errors import TrackError, UnknownPath
from track.flows.pointers import readable_pointers
from track.flows.run_find import every_run
from track.model.digest import Digest
from track.model.names import data_path, display, is_pointer_path
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


def standing_now(project: Project) -> Standing:
    """Read the pointers and records that are here; no history is walked, no data is read."""
    pointers, refused = readable_pointers(project)
    runs = every_run(project)
    return Standing(pointers, tuple(found.record for found in runs.found), (*runs.refused, *refused))


def standing_after(project: Project, before: Standing, run: Record) -> Standing:
    """How things stand after one more run."""
    pointers, _ = readable_pointers(project)
    return Standing(pointers, (*before.runs, run), before.refused)


def below(project: Project, standing: Standing, path: str) -> frozenset[bytes]:
    """The tracked paths that are at or below what a person typed. Raises UnknownPath when there are none."""
    given = project.relative(path)
    asked = data_path(given) if is_pointer_path(given) else given
    found = frozenset(each for each in standing.pointers if is_in(each, asked))
    if not found:
        raise UnknownPath(f"nothing is tracked at `{display(asked)}`", hint="see what is tracked: track ls")
    return found


def below_any(project: Project, standing: Standing, paths: Sequence[str]) -> frozenset[bytes] | None:
    """The tracked paths that are at or below any of `paths`; None, which means all, where none was typed."""
    return frozenset().union(*(below(project, standing, path) for path in paths)) if paths else None


def is_in(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return not folder or path == folder or path.startswith(folder + b"/")
