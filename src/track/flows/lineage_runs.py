"""Lineage runs: the runs that a lineage can lead over, found in the catalog so that only their records are read."""

import os
from collections.abc import Collection, Iterable, Sequence

from track.flows.catalogued import catalog_of
from track.flows.run_find import Runs, may_mean, runs_besides, runs_of
from track.history import log
from track.history.catalog import Scope
from track.history.catalog_view import View
from track.model.digest import Digest
from track.model.names import is_record_path
from track.project import Project


def related_runs(project: Project, items: Sequence[str], known: Collection[Digest], *, downstream: bool) -> Runs | None:
    """The runs on which the lineage of what was typed can depend, `known` being content that it is known to mean.

    None where the catalog does not tell what is meant.
    """

    def question(view: View) -> tuple[list[bytes], Runs] | None:
        related = view.lineage()
        names = related.run_names()
        ids = frozenset(id for id, _ in names)
        besides = runs_besides(project, ids)  # no commit has them, so what they used and made is looked for as well
        runs = sorted({id for item in items for part in _parts(item) for id, name in names if may_mean(id, name, part)})
        digests = {*known, *(used.digest for found in besides.found for used in found.record.artifacts)}
        for item in items:
            for part in (item, *(item[place + 1 :] for place, letter in enumerate(item) if letter == ":")):
                digests |= {Digest(digest) for digest in related.digests_called(part)}
        paths = related.paths(digests, runs, downstream=downstream)
        if not paths:
            return None
        broken = [one.path for one in view.unreadable() if is_record_path(one.path)]
        return paths + broken, besides

    answer = catalog_of(project).ask(Scope(), question)
    if answer is None:
        return None
    paths, besides = answer
    return runs_of(project, _contents(project, paths), besides)


def _parts(item: str) -> Iterable[str]:
    """What of it may be the name of a run: all, or what stands before a colon."""
    yield item
    yield from (item[:place] for place, letter in enumerate(item) if letter == ":")


def _contents(project: Project, paths: Iterable[bytes]) -> Iterable[tuple[bytes, bytes]]:
    top = os.fsencode(project.git.top)
    for path in sorted(set(paths)):
        content = log.read_start(top, path, log.MAX_RECORD)
        if content is not None:
            yield path, content
