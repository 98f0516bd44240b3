"""Version used by: the runs that used what a version holds, whoever made it for them."""

from track.flows.lineage_runs import Asked, related_runs
from track.flows.run_find import every_run
from track.history.catalog_related import Way
from track.model.digest import Digest
from track.model.lineage import History
from track.model.record import Record
from track.project import Project


def version_used_by(project: Project, digest: Digest) -> tuple[Record, ...]:
    """List the runs that used this content, or had it as code, in the order in which they began. No data is read."""
    told = related_runs(project, Asked((), [digest], Way(downstream=True, depth=0)))
    runs = every_run(project) if told is None else told.runs
    return History(found.record for found in runs.found).users(digest)
