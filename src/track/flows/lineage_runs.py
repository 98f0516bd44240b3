"""Lineage runs: the runs that a lineage can lead over, found in the catalog so that only their records are read."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from track.errors import MalformedRecord, NewerFormat, TrackError
from track.flows.catalogued import catalog_of
from track.flows.run_find import Runs, every_run, may_mean, runs_besides, runs_of
from track.flows.run_known import contents
from track.history import log
from track.history.catalog import Scope
from track.history.catalog_related import Way
from track.history.catalog_view import View
from track.history.present import present_blobs
from track.model.digest import Digest
from track.model.names import is_record_path, text_of
from track.model.query_text import stray_in
from track.model.record import Record
from track.model.record_file import parse_record
from track.project import Project


class Told(NamedTuple):
    """The runs of a lineage: those that are known here, and the `records` that any ref has, where they count.

    `names` are those of the names asked about by which any run calls something, whether it is among these or not.
    `refused` says which of the `records` cannot be read.
    """

    runs: Runs
    records: tuple[Record, ...] = ()
    refused: tuple[TrackError, ...] = ()
    names: frozenset[str] = frozenset()


class Asked(NamedTuple):
    """What a lineage is asked of: `items` as they were typed, content that they are `known` to mean, the way that it
    takes, whether the records that `every` ref has count, and `names` about which `Told` tells.
    """

    items: Sequence[str]
    known: Collection[Digest]
    way: Way
    every: bool = False
    names: Collection[str] = ()


class _Found(NamedTuple):
    """Where the records lie of what the catalog told, with Git's ids of their contents, and runs that no commit has."""

    paths: list[bytes]
    contents: dict[bytes, list[str]]
    besides: Runs
    names: frozenset[str]


def related_runs(project: Project, asked: Asked) -> Told | None:
    """The runs on which a lineage can depend; None where the catalog does not tell what is meant."""
    scope = Scope(every=asked.every, history=asked.every)
    found = catalog_of(project).ask(scope, lambda view: _found(project, view, asked))
    if found is None:
        return None
    runs = runs_of(project, contents(project, found.paths), found.besides)
    if not asked.every:
        return Told(runs, names=found.names)
    chosen = {path: oids[0] for path, oids in found.contents.items() if len(oids) == 1}
    several = {path: oids for path, oids in found.contents.items() if len(oids) > 1}
    if several:
        chosen |= log.records_everywhere(project.git, {*chain(*several.values())}, sorted(several))
    return Told(runs, *parsed_records(_present(project, chosen)), found.names)


def every_record(project: Project, *, every: bool) -> Told:
    """Every run that is known here, and with `every` the records that any ref has: of each the last one to be read."""
    if not every:
        return Told(every_run(project))
    scope = Scope(every=True, history=True)
    readable = catalog_of(project).ask(scope, lambda view: view.lineage().committed())
    return Told(every_run(project), *parsed_records(_present(project, log.records_everywhere(project.git, readable))))


def parsed_records(found: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[Record, ...], tuple[TrackError, ...]]:
    """The records in these files (path, content), and what is wrong with others."""
    records: list[Record] = []
    refused: list[TrackError] = []
    for path, content in found:
        try:
            records.append(parse_record(content, path))
        except (MalformedRecord, NewerFormat) as error:
            refused.append(error)
    return tuple(records), tuple(refused)


def _found(project: Project, view: View, asked: Asked) -> _Found | None:
    related = view.lineage()
    names = related.run_names()
    ids = frozenset(id for id, _ in names)
    besides = runs_besides(project, ids)  # no commit has them, so what they used and made is looked for as well
    items = asked.items
    runs = sorted({id for item in items for part in _parts(item) for id, name in names if may_mean(id, name, part)})
    digests = {*asked.known, *(used.digest for found in besides.found for used in found.record.artifacts)}
    for item in items:
        for part in (item, *(item[place + 1 :] for place, letter in enumerate(item) if letter == ":")):
            digests |= {Digest(digest) for digest in related.digests_called(spelled(part))}
    paths = related.paths(digests, runs, asked.way, map(spelled, items))
    if not paths:
        return None
    paths += [one.path for one in view.unreadable() if is_record_path(one.path)]
    at = related.committed_at(paths) if asked.every else {}
    return _Found(paths, at, besides, related.known_names(asked.names))


def spelled(name: str) -> str:
    """A name that was typed as records spell it: one with bytes that are no UTF-8 as `text_of` does."""
    return name if stray_in(name) is None else text_of(os.fsencode(name))


def _parts(item: str) -> Iterable[str]:
    """What of it may be the name of a run: all, or what stands before a colon."""
    yield item
    yield from (item[:place] for place, letter in enumerate(item) if letter == ":")


def _present(project: Project, records: Mapping[bytes, str]) -> list[tuple[bytes, bytes]]:
    """(path, content) of those records that are here, sorted: a partial clone lacks some."""
    contents = present_blobs(project.git, records.values())
    return [(path, contents[id]) for path, id in sorted(records.items()) if id in contents]
