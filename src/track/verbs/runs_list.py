"""Runs list: the runs that this clone knows, newest first."""

from collections.abc import Sequence
from typing import NamedTuple

from track.errors import TrackError
from track.flows.run_find import Found, every_run
from track.project import Project


class Listed(NamedTuple):
    """The runs that were asked for, newest first; `known_count` are all there are. `refused` says what is no record."""

    runs: tuple[Found, ...]
    known_count: int
    refused: tuple[TrackError, ...]


def runs_list(
    project: Project,
    *,
    status: str | None = None,
    folder: str | None = None,
    tags: Sequence[str] = (),
    place: str | None = None,
    limit: int | None = None,
) -> Listed:
    """List runs: with this status, in this folder or below it, with all these tags, and at this place.

    `place` is `tree`, `journal` or `living`. Nothing is written, and no data is read.
    """
    runs, refused = every_run(project)
    found = [
        run
        for run in runs
        if (status is None or run.status == status)
        and (folder is None or _is_below(run.record.folder, folder))
        and set(tags) <= set(run.record.tags)
        and (place is None or run.place == place)
    ]
    return Listed(tuple(found[:limit]), len(runs), refused)


def _is_below(folder: str, above: str) -> bool:
    return above == "/" or folder == above or folder.startswith(above.rstrip("/") + "/")
