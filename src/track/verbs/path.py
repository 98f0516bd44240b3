"""Path: how one thing came from another, over the runs between them."""

from collections.abc import Sequence

from track.flows.lineage_of import Traced, Wanted, trace_way
from track.project import Project


def path(
    project: Project,
    source: str,
    target: str,
    *,
    longer: bool = False,
    kinds: Sequence[str] = (),
    rev: str | None = None,
    every: bool = False,
) -> Traced:
    """Find how `target` came from `source`: every way that is as short as the shortest; with `longer`, every way.

    Both are named as for `lineage`; content that several runs made means what any of them did, unless a run is named
    with it. Without a way between them the graph has no nodes. Nothing is written, no data is read.

    Raises:
        UnknownPath: nothing is called so; the nearest names are listed.
        UnknownRun: several runs are called so; they are listed.
        UnknownRevision: there is no such commit.
        MalformedPointer, NewerFormat: a pointer cannot be read.
    """
    return trace_way(project, source, target, Wanted(None, tuple(kinds), rev, every), shortest=not longer)
