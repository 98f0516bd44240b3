"""Lineage: what something came from, over all the runs before it."""

from collections.abc import Sequence

from track.flows.lineage_of import Traced, Wanted, trace
from track.project import Project


def lineage(
    project: Project,
    item: str,
    *,
    depth: int | None = None,
    kinds: Sequence[str] = (),
    rev: str | None = None,
    every: bool = False,
) -> Traced:
    """Follow `item` back: the run that made it, its code, what it used, the runs that made that, and so on.

    `item` is the path of an artifact (in the working tree, or at `rev`), `RUN:NAME`, a run, a digest, the id of
    a version as `find` has it, or the name of code or of something else that a run saved.
    At most `depth` edges are followed; with `every`, runs that only other
    refs have count as well. `kinds` (run, artifact, code) leave only such nodes, joined where a way leads from one to
    the next. Nothing is written, no data is read.

    Raises:
        UnknownPath: nothing is called so; the nearest names are listed.
        UnknownRun: several runs are called so; they are listed.
        UnknownRevision: there is no such commit.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """
    return trace(project, item, Wanted(depth, tuple(kinds), rev, every), downstream=False)
