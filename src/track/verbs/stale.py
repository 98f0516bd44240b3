"""Stale: which artifacts were made from something that is another by now."""

from collections.abc import Sequence
from typing import NamedTuple

from track.errors import TrackError
from track.flows.stale_paths import below_any, standing_now
from track.history.left_out import is_sparse
from track.history.pointers_here import pointers_here
from track.model.staleness import Stale
from track.project import Project


class Staleness(NamedTuple):
    """The stale artifacts, what others came from first; how many artifacts runs made; and what cannot be read.

    `absent_count` pointers were not looked at: a sparse checkout leaves them out, and a partial clone lacks them.
    """

    artifacts: tuple[Stale, ...]
    made_count: int
    refused: tuple[TrackError, ...]
    absent_count: int = 0


def stale(project: Project, paths: Sequence[str] = ()) -> Staleness:
    """Tell which artifacts came out of a run that used something else than is there now, by the pointers here.

    An artifact that came from a stale one is stale, too. `paths` limit the answer to some artifacts. No history is
    walked, no data is read, nothing is written.

    Raises:
        UnknownPath: nothing is tracked at one of `paths`.
    """
    standing = standing_now(project)
    asked = below_any(project, standing, paths)
    found = [one for one in standing.stale() if asked is None or one.path in asked]
    made_count = sum(asked is None or path in asked for path in standing.makers)
    absent_count = pointers_here(project.git).lacking_count if is_sparse(project.git) else 0
    return Staleness(tuple(found), made_count, standing.refused, absent_count)
