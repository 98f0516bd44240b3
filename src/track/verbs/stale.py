"""Stale: which artifacts were made from something that is another by now."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from track.errors import TrackError, UnknownPath
from track.flows.pointers import readable_pointers
from track.flows.run_find import every_run
from track.model.digest import Digest
from track.model.names import data_path, display, is_pointer_path
from track.model.pointer import Pointer
from track.model.record import Record
from track.model.staleness import Stale
from track.model.staleness import stale as stale_among
from track.project import Project


class Staleness(NamedTuple):
    """The stale artifacts, what others came from first; how many artifacts runs made; and what cannot be read."""

    artifacts: tuple[Stale, ...]
    made_count: int
    refused: tuple[TrackError, ...]


def stale(project: Project, paths: Sequence[str] = ()) -> Staleness:
    """Tell which artifacts came out of a run that used something else than is there now, by the pointers here.

    An artifact that came from a stale one is stale, too. `paths` limit the answer to some artifacts. No history is
    walked, no data is read, nothing is written.

    Raises:
        UnknownPath: nothing is tracked at one of `paths`.
    """
    pointers, refused = readable_pointers(project)
    runs = every_run(project)
    makers = _makers(pointers, [found.record for found in runs.found if found.record.has_ended])
    found = stale_among(makers, {path: pointer.digest for path, pointer in pointers.items()})
    if paths:
        asked = [_asked(project, pointers, path) for path in paths]
        found = [one for one in found if any(_is_in(one.path, path) for path in asked)]
        makers = {path: run for path, run in makers.items() if any(_is_in(path, one) for one in asked)}
    return Staleness(tuple(found), len(makers), (*runs.refused, *refused))


def _makers(pointers: Mapping[bytes, Pointer], runs: Iterable[Record]) -> dict[bytes, Record]:
    """The run that made what each path holds: the one that its pointer names, else the latest that made it there."""
    by_output: dict[tuple[bytes, Digest], Record] = {}
    by_id: dict[tuple[bytes, Digest, str], Record] = {}
    for run in sorted(runs, key=lambda run: (run.ended or run.started, run.id)):
        for used in run.of("output"):
            if used.path is not None:
                by_output[used.path, used.digest] = run
                by_id[used.path, used.digest, run.id] = run
    found = {}
    for path, pointer in pointers.items():
        named = by_id.get((path, pointer.digest, pointer.run)) if pointer.run is not None else None
        if (maker := named or by_output.get((path, pointer.digest))) is not None:
            found[path] = maker
    return found


def _asked(project: Project, pointers: Mapping[bytes, Pointer], path: str) -> bytes:
    given = project.relative(path)
    asked = data_path(given) if is_pointer_path(given) else given
    if any(_is_in(each, asked) for each in pointers):
        return asked
    raise UnknownPath(f"nothing is tracked at `{display(asked)}`", hint="see what is tracked: track ls")


def _is_in(path: bytes, folder: bytes) -> bool:
    return not folder or path == folder or path.startswith(folder + b"/")
