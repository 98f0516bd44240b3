"""Lineage: what something came from, over all the runs before it."""

from track.flows.lineage_of import Traced, trace
from track.project import Project


def lineage(
    project: Project, item: str, *, depth: int | None = None, rev: str | None = None, every: bool = False
) -> Traced:
    """Follow `item` back: the run that made it, its code, what it used, the runs that made that, and so on.

    `item` is the path of an artifact (in the working tree, or at `rev`), `RUN:NAME`, a run, a digest, or the name of
    code or of something else that a run saved. At most `depth` edges are followed; with `every`, runs that only other
    refs have count as well. Nothing is written, no data is read.

    Raises:
        UnknownPath: nothing is called so; the nearest names are listed.
        UnknownRun: several runs are called so; they are listed.
        UnknownRevision: there is no such commit.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """
    return trace(project, item, downstream=False, depth=depth, rev=rev, every=every)
