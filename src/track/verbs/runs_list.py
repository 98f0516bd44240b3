"""Runs list: the runs that this clone knows, newest first."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from track.errors import TrackError, UsageError
from track.flows.query_words import OF_RUNS, unlike_keys, unlike_people, with_keys
from track.flows.run_find import Found
from track.flows.run_listing import Asked, listing
from track.flows.run_query import FIELDS, wanted_runs
from track.model.query_doubts import doubts_of
from track.model.query_text import parse_field
from track.project import Project


class Listed(NamedTuple):
    """The runs that were asked for, `known_count` are all there are, `matching_count` those that match without a limit.

    `refused` says what is no record. Where nothing matches, `doubts` say what of the query no run can ever be like.
    """

    runs: tuple[Found, ...]
    known_count: int
    refused: tuple[TrackError, ...]
    matching_count: int
    doubts: tuple[str, ...] = ()


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
    first, or in the order of the field `sort` (`-FIELD`: greatest first). No data is read, and
    nothing is written but the catalog.

    Raises:
        UsageError: the query or the field is wrong; the place in it and the nearest valid word are named. Or `limit` is
            below 0.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"not a limit: {limit}", hint="how many runs at most, or None for all")
    path = None if sort is None else parse_field(sort.removeprefix("-"), FIELDS)
    asked = Asked(
        query=wanted_runs(where, with_keys(project, FIELDS)),
        status=status,
        folder=folder,
        tags=tuple(tags),
        place=place,
        sort=path,
        falling=sort is not None and sort.startswith("-"),
        limit=limit,
    )
    found = listing(project, asked)
    whole = asked.whole
    doubts: tuple[str, ...] = ()
    if whole is not None and not found.matching_count:
        doubts = (*doubts_of(whole, OF_RUNS), *unlike_keys(project, whole), *unlike_people(project, whole))
    return Listed(found.runs, found.known_count, found.refused, found.matching_count, doubts)
