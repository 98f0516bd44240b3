"""Deps: what came from something, over all the runs after it."""

from collections.abc import Sequence

from track.flows.lineage_of import Traced, Wanted, trace
from track.project import Project


def deps(
    project: Project,
    item: str,
    *,
    depth: int | None = None,
    kinds: Sequence[str] = (),
    rev: str | None = None,
    every: bool = False,
) -> Traced:
    """Follow `item` forward: the runs that used it, what they made, the runs that used that, and so on.

    `item`, `depth`, `kinds`, `rev` and `every` are as for `lineage`. Nothing is written, no data is read.

    Raises:
        UnknownPath: nothing is called so; the nearest names are listed.
        UnknownRun: several runs are called so; they are listed.
        UnknownRevision: there is no such commit.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """
    return trace(project, item, Wanted(depth, tuple(kinds), rev, every), downstream=True)
