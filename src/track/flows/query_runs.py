"""Runs in questions about versions: a pointer has the id of its run, and people say its name or the short id that is
shown.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain

from track.errors import TrackError
from track.flows.run_journal import journal_of
from track.history.catalog_view import View
from track.model.names import display
from track.model.query import And, In, Not, Or, Query
from track.model.run_words import is_run_id
from track.project import Project

_RUN = ("run",)


def with_runs(project: Project, view: View, query: Query | None) -> tuple[Query | None, tuple[str, ...]]:
    """(the query, a sentence for each name of several runs): where it says what a run is equal to by a name or a short
    id, the ids of all runs that are called so are among the values.
    """
    words = set(_words(query)) if query is not None else set()
    if query is None or not words:
        return query, ()
    heads = view.heads()
    ids = {word: set(heads.called(word)) for word in words}
    for id, name in _only_here(project):
        for word in words & {name, id[-8:]}:
            ids[word].add(id)
    told = tuple(
        f"`{display(word)}` names {len(found):,} runs, and all of them are meant: run = {max(found)[-8:]} is the latest"
        for word, found in sorted(ids.items())
        if len(found) > 1
    )
    return _replaced(query, ids), told


def _only_here(project: Project) -> Iterator[tuple[str, str]]:
    """The id and name of each run that is in the journal, or lives."""
    journal = journal_of(project)
    for run in journal.ended_ids():
        with suppress(TrackError):  # what cannot be read is said by `runs list` and `doctor`
            if (record := journal.find_ended(run)) is not None:
                yield run, record.name
    for living in journal.living():
        with suppress(TrackError):  # it ended meanwhile
            record = living.record()
            yield record.id, record.name


def _words(query: Query) -> Iterator[str]:
    match query:
        case And(parts) | Or(parts):
            yield from chain.from_iterable(map(_words, parts))
        case Not(inner):
            yield from _words(inner)
        case In(path, values) if path == _RUN:
            yield from (value for value in values if isinstance(value, str) and not is_run_id(value))


def _replaced(query: Query, ids: Mapping[str, set[str]]) -> Query:
    match query:
        case And(parts):
            return And(tuple(_replaced(part, ids) for part in parts))
        case Or(parts):
            return Or(tuple(_replaced(part, ids) for part in parts))
        case Not(inner):
            return Not(_replaced(inner, ids))
        case In(path, values) if path == _RUN:
            found = {id for value in values if isinstance(value, str) for id in ids.get(value, ())}
            return In(path, (*values, *sorted(found)))
    return query
