"""Runs list: the runs that this clone knows, newest first."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from track.errors import TrackError, UsageError
from track.flows.run_find import Found, every_run
from track.flows.run_query import chosen
from track.project import Project


class Listed(NamedTuple):
    """The runs that were asked for, `known_count` are all there are, `matching_count` those that match without a limit.

    `refused` says what is no record.
    """

    runs: tuple[Found, ...]
    known_count: int
    refused: tuple[TrackError, ...]
    matching_count: int


def runs_list(
    project: Project,
    *,
    status: str | None = None,
    folder: str | None = None,
    tags: Sequence[str] = (),
    place: str | None = None,
    where: str | Mapping[str, Any] | None = None,
    sort: str | None = None,
    limit: int | None = None,
) -> Listed:
    """List runs: with this status, in this folder or below it, with all these tags, at this place, as `where` says.

    `place` is `tree`, `journal`, `living` or `shared`; `where` a query in either spelling. They come newest
    first, or in the order of the field `sort` (`-FIELD`: greatest first). Nothing is written, and no data is read.

    Raises:
        UsageError: the query or the field is wrong; the place in it and the nearest valid word are named. Or `limit` is
            below 0.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"not a limit: {limit}", hint="how many runs at most, or None for all")
    runs, refused = every_run(project)
    found = [
        run
        for run in runs
        if (status is None or run.status == status)
        and (folder is None or _is_below(run.record.folder, folder))
        and set(tags) <= set(run.record.tags)
        and (place is None or run.place == place)
    ]
    matching = chosen(found, where, sort)
    return Listed(tuple(matching[:limit]), len(runs), refused, len(matching))


def _is_below(folder: str, above: str) -> bool:
    return above == "/" or folder == above or folder.startswith(above.rstrip("/") + "/")
