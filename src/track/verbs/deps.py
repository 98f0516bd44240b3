"""Deps: what came from something, over all the runs after it."""

from track.flows.lineage_of import Traced, trace
from track.project import Project


def deps(
    project: Project, item: str, *, depth: int | None = None, rev: str | None = None, every: bool = False
) -> Traced:
    """Follow `item` forward: the runs that used it, what they made, the runs that used that, and so on.

    `item`, `depth`, `rev` and `every` are as for `lineage`. Nothing is written, no data is read.

    Raises:
        UnknownPath: nothing is called so; the nearest names are listed.
        UnknownRun: several runs are called so; they are listed.
        UnknownRevision: there is no such commit.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """
    return trace(project, item, downstream=True, depth=depth, rev=rev, every=every)
