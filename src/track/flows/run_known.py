"""Known runs: what the catalog tells of the records of the working tree, and all else that is known laid over it.

What the catalog may not know is read at once: records whose files are not as in Git's index, runs of the journal, those
that live, and what others shared.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from track.errors import TrackError
from track.flows.catalogued import catalog_of
from track.flows.run_journal import journal_of
from track.flows.run_records import Found, Runs, runs_besides, runs_of
from track.history import log
from track.history.catalog import Scope
from track.history.catalog_here import records_differing
from track.history.catalog_runs import Head, Heads
from track.history.catalog_view import View
from track.model.digest import Digest
from track.model.names import is_record_path
from track.project import Project


def known_runs(
    project: Project, is_meant: Callable[[str, str], bool], paths: Collection[bytes] = ()
) -> tuple[tuple[Found, ...], set[str]]:
    """(runs, names): those that `is_meant` by their id and name, or whose record is at one of `paths`, newest first.

    Others may be among them. What the journal calls a run whose record says otherwise is
    not known here. The names are those of every run that is known.
    """
    apart = frozenset(records_differing(project.git))

    def look(view: View) -> tuple[list[Head], dict[int, bytes], Runs, set[str]]:
        heads = view.heads()
        settled, over = settled_runs(project, view, heads, apart)
        names, numbers = heads.names(), heads.numbers_of(paths)
        meant = [head for head in settled if head[2] in numbers or is_meant(head[1], names[head[3]])]
        every = {names[head[3]] for head in settled} | {found.record.name for found in over.found}
        return meant, heads.paths_of(head[2] for head in meant), over, every

    meant, places, over, names = catalog_of(project).ask(Scope(), look)
    return _with_settled(project, meant, places, over).found, names


def runs_making(project: Project, digest: Digest) -> Runs:
    """The runs that made this content, newest first; others, whose records had to be read anyway, may be among them."""
    apart = frozenset(records_differing(project.git))

    def look(view: View) -> tuple[list[Head], dict[int, bytes], Runs]:
        heads = view.heads()
        settled, over = settled_runs(project, view, heads, apart)
        makers = heads.makers_of(digest)
        made = [head for head in settled if head[3] in makers]
        return made, heads.paths_of(head[2] for head in made), over

    return _with_settled(project, *catalog_of(project).ask(Scope(), look))


def _with_settled(project: Project, heads: Iterable[Head], places: Mapping[int, bytes], over: Runs) -> Runs:
    """The runs of these records, with what the journal says of them otherwise, and all others, newest first."""
    journal = journal_of(project)
    ended = []
    for _, id, _, _ in heads:
        with suppress(TrackError):  # what cannot be read says nothing against the record
            record = journal.find_ended(id)
            ended += [Found(record, "journal")] if record is not None else []
    read = runs_of(project, contents(project, places.values()), Runs(tuple(ended), ()))
    found = sorted((*read.found, *over.found), key=lambda run: (run.record.started, run.record.id), reverse=True)
    return Runs(tuple(found), (*read.refused, *over.refused))


def settled_runs(project: Project, view: View, heads: Heads, apart: frozenset[bytes]) -> tuple[list[Head], Runs]:
    """The records of which all that is known stands in the catalog, and all other runs, read."""
    every = heads.all()
    broken = {one.path for one in view.unreadable() if is_record_path(one.path)}
    while True:
        passed = heads.numbers_of(apart)
        settled = [head for head in every if head[2] not in passed] if passed else every
        ids = {head[1] for head in settled}
        if len(ids) < len(settled):
            again = {id for id, count in Counter(head[1] for head in settled).items() if count > 1}
        else:
            over = runs_of(project, contents(project, apart | broken), runs_besides(project, ids))
            again = {run.record.id for run in over.found if run.place == "tree"} & ids
            if not again:
                others = tuple(run for run in over.found if run.record.id not in ids)
                return settled, Runs(others, over.refused)
        apart = apart | set(heads.paths_of(head[2] for head in settled if head[1] in again).values())


def contents(project: Project, paths: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """(path, content) of the records at these paths of the working tree, sorted, then of those that a sparse checkout
    leaves out, as Git's index has them; what is none is passed over.
    """
    top = os.fsencode(project.git.top)
    absent: set[bytes] = set()
    for path in sorted(set(paths)):
        content = log.read_start(top, path, log.MAX_RECORD)
        if content is not None:
            yield path, content
        else:
            absent.add(path)
    yield from log.records_left_out(project.git, absent)
