"""Finding: versions of artifacts, and runs, that are like a query says, among what the catalog and this clone know.

A version is what a pointer says at some commit or in the working tree, or what a run saved to itself alone. Each is
looked at as a document of VERSION_FIELDS, whatever it is; what the catalog can tell in SQL only narrows what is looked
at.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from track.errors import TrackError
from track.flows.catalogued import catalog_of
from track.flows.giving import Taker
from track.flows.query_runs import with_runs
from track.flows.run_find import Found
from track.flows.run_journal import journal_of
from track.flows.run_query import FIELDS as RUN_FIELDS
from track.flows.run_query import document_of, in_order, key_of
from track.history.catalog import Scope
from track.history.catalog_file import POINTER, RECORD
from track.history.catalog_picks import Place
from track.history.catalog_query import ALL, POINTERS, RUNS, SAVED, asked_fields, narrowed
from track.history.catalog_rows import saved_id
from track.history.catalog_view import Unreadable, Version, View
from track.model import reading
from track.model.digest import Digest
from track.model.document import name_in
from track.model.names import is_named_pointer, path_of, shown_name, text_of
from track.model.query import Path, Query, found, holds
from track.model.query_text import Fields
from track.project import Project

TYPE_CHECKING = False
if TYPE_CHECKING:  # what no question needs that reads none
    from track.model.record import Record

VERSION_FIELDS = Fields(
    (
        *("id", "name", "path", "kind", "digest", "size", "rows", "files", "executable", "type", "run", "created"),
        *("user", "commit", "tags", "labels", "partitions", "schema", "value", "based_on", "category", "how"),
        *("metrics", "params"),
    ),
    {
        "artifact_id": "id",
        "column": "schema",
        "creation_time": "created",
        "file": "name",
        "file_relpaths": "name",
        "label": "labels",
        "meta": "labels",
        "metadata": "labels",
        "metric": "metrics",
        "param": "params",
        "partition": "partitions",
        "tag": "tags",
        "username": "user",
    },
    texts=("run",),  # of a hundred short ids four are digits, or have an `e` among them
)
"""What can be asked of a version, and other words for some of it."""

_MEASURED = {"metrics", "params"}
_OF_RUNS = _MEASURED | {"based_on"}
"""What is known of a version by the run that made it."""
_KEPT = 4_000
"""So many runs, and versions of contents, are kept in memory: neighbours in time ask for the same."""

__all__ = [
    "RUN_FIELDS",
    "VERSION_FIELDS",
    "Item",
    "Looked",
    "Order",
    "find_runs",
    "find_versions",
    "only_here",
    "saved_by",
]


class Item(NamedTuple):
    """A version or a run that was found.

    `id` is 16 hex digits of a version, the same in every clone, or the id of a run. `created` is an aware time in UTC:
    of a run, when it began. `path` is that of the pointer or record; None for what was saved to a run alone, and for
    runs that are in the journal. `document` has every one of VERSION_FIELDS, or of `run_query.FIELDS`; None stands for
    what there is not. `is_committed` is false for what only the working tree or the journal has.
    """

    id: str
    name: str
    created: datetime
    user: str
    path: bytes | None
    document: Mapping[str, Any]
    is_committed: bool


class Looked(NamedTuple):
    """What matched, in order and at most as many as asked; how many matched, and among how many.

    `unreadable` are pointers and records that break their format; `is_cut` says that history is missing here,
    `absent_count` how many pointers and records of it are not here, as in a partial clone. `unclear`: see `with_runs`.
    """

    items: tuple[Item, ...]
    matching_count: int
    known_count: int
    unreadable: tuple[Unreadable, ...]
    is_cut: bool
    absent_count: int
    unclear: tuple[str, ...] = ()


class Order(NamedTuple):
    """In which order: by the first value of a field, greatest first if `falling`; those without it come last."""

    path: Path
    falling: bool

    def key(self, item: Item) -> tuple[Any, ...]:
        """What to sort it by."""
        return key_of(next(found(item.document, self.path), None))


class _Pick(NamedTuple):
    """Something that matches, in little: what it is ordered by, and where it is found again, or itself."""

    created: datetime
    id: str
    rank: tuple[Any, ...]
    found: Place | Version | Item


Give: TypeAlias = Callable[[Item], None]
"""Takes each item that was found, in order."""


def find_versions(
    project: Project,
    scope: Scope,
    query: Query | None,
    limit: int | None,
    now: datetime,
    *,
    order: Order | None = None,
    give: Give | None = None,
    before: Give | None = None,
) -> Looked:
    """Look for versions of artifacts. What no commit has yet is as old as `now`, and of Git's user.

    With `give`, each is given when it is read, and none is kept; with `before`, all are given to that first.

    Raises:
        UnknownRevision: there is no such commit.
        Conflict: the catalog was found damaged after some were given.
    """
    at_most = limit if query is None and order is None else None
    taker = Taker(give, before)

    def look(view: View) -> Looked:
        taker.begin()
        meant, unclear = with_runs(project, view, query)
        asked = asked_fields(query) | ({order.path[0]} if order is not None else set())
        teller = _Teller(project, view, now, asked)
        waiting = [version for run in only_here(project, scope, view) for version in saved_by(run.record)]
        is_bare = query is None and order is None
        known_count = view.count(POINTER) + view.saved_count() + len(waiting)

        def picked(place: Place | Version, version: Version) -> _Pick | None:
            return _picked(place, teller.item(version), meant, order)

        candidates: Iterable[tuple[Place | Version, Version]]
        if at_most is not None:
            few = (*view.pointers(ALL, at_most), *view.saved(ALL, at_most))
            candidates, again = [(version, version) for version in few], []
        else:
            target = POINTERS._replace(apart=json.dumps(_without_record(project, view) if asked & _OF_RUNS else []))
            candidates = view.pick(POINTER, narrowed(meant, target), bare=is_bare)
            # Of a record that was written again the earlier end counts.
            saved = view.pick_saved(narrowed(meant, SAVED))
            again = _each_once(saved, picked, lambda _, one: one.id, lambda one: one.created or 0.0)
        picks = [picked(*each) for each in candidates]
        picks += [*again, *(picked(version, version) for version in waiting)]

        def told(found: Place | Version | Item) -> Item:
            version = view.picked(POINTER, found) if not isinstance(found, Version | Item) else found
            return version if isinstance(version, Item) else teller.whole(teller.item(version), version)

        chosen = [pick for pick in picks if pick is not None]
        ordered = _in_order(chosen, order, limit)
        items = taker.take(lambda: (told(pick.found) for pick in ordered))
        looked = _looked(view, items, known_count if query is None else len(chosen), known_count)
        return looked._replace(unclear=unclear)

    return catalog_of(project).ask(scope, look)


def find_runs(
    project: Project,
    scope: Scope,
    query: Query | None,
    limit: int | None,
    *,
    order: Order | None = None,
    give: Give | None = None,
    before: Give | None = None,
) -> Looked:
    """Look for runs: those whose records the scope has, and without a revision those of this clone's journal.

    With `give`, each is given when it is read, and none is kept; with `before`, all are given to that first.

    Raises:
        UnknownRevision: there is no such commit.
        Conflict: the catalog was found damaged after some were given.
    """
    at_most = limit if query is None and order is None else None
    place = {"place": "tree" if scope == Scope() else "history"}
    taker = Taker(give, before)

    def look(view: View) -> Looked:
        taker.begin()
        waiting = [
            _item_of(run.record.id, run.record.name, document_of(run)) for run in only_here(project, scope, view)
        ]
        known_count = view.runs_count() + len(waiting)

        def told(found: Place | Version | Item) -> Item:
            version = view.picked(RECORD, found) if not isinstance(found, Version | Item) else found
            if isinstance(version, Item):
                return version
            return _item_of(version.document["id"], version.document["name"], version.document | place, version)

        def picked(found: Place | Version, version: Version) -> _Pick | None:
            return _picked(found, told(version), query, order)

        if at_most is not None:
            picks = [picked(version, version) for version in view.runs(ALL, at_most)]
        else:  # a record may lie at several paths
            records = view.pick(RECORD, narrowed(query, RUNS))
            picks = _each_once(records, picked, lambda place, _: place[1], lambda one: (one.commit is None, one.path))
        picks += [_picked(item, item, query, order) for item in waiting]
        chosen = [pick for pick in picks if pick is not None]
        ordered = _in_order(chosen, order, limit)
        items = taker.take(lambda: (told(pick.found) for pick in ordered))
        return _looked(view, items, known_count if query is None else len(chosen), known_count)

    return catalog_of(project).ask(scope, look)


def _picked(found: Place | Version | Item, item: Item, query: Query | None, order: Order | None) -> _Pick | None:
    """What is kept of a candidate; None where it is not like the query."""
    if query is not None and not holds(query, item.document):
        return None
    return _Pick(item.created, item.id, () if order is None else order.key(item), found)


def _each_once(
    candidates: Iterable[tuple[Place, Version]],
    picked: Callable[[Place, Version], _Pick | None],
    key: Callable[[Place, Version], Any],
    rank: Callable[[Version], Any],
) -> list[_Pick | None]:
    """Of candidates with the same key, the one of the least rank."""
    found: dict[Any, tuple[Any, _Pick | None]] = {}
    for place, version in candidates:
        which, order = key(place, version), rank(version)
        if which not in found or order <= found[which][0]:
            found[which] = order, picked(place, version)
    return [pick for _, pick in found.values()]


def _in_order(chosen: list[_Pick], order: Order | None, limit: int | None) -> list[_Pick]:
    chosen.sort(key=lambda pick: (pick.created, pick.id), reverse=True)
    ordered = chosen if order is None else in_order(chosen, lambda pick: pick.rank, falling=order.falling)
    return ordered[:limit]


def _looked(view: View, items: tuple[Item, ...], matching_count: int, known_count: int) -> Looked:
    return Looked(items, matching_count, known_count, tuple(view.unreadable()), view.is_cut(), view.absent_count())


class _Teller:
    """Makes documents of versions; what costs a further question is asked when the query names it, or at the end."""

    def __init__(self, project: Project, view: View, now: datetime, asked: set[str]) -> None:
        self._project, self._view, self._now, self._asked = project, view, now, asked
        self._runs: dict[str, Mapping[str, Any]] = {}
        self._ids: dict[str, list[str]] = {}
        self._user: str | None = None

    def item(self, version: Version) -> Item:
        """The version with what the query asks for, and only what there is."""
        user = version.user if version.user is not None else self._own_user()
        created = self._now if version.created is None else datetime.fromtimestamp(version.created, UTC)
        document = {name: fact for name, fact in version.document.items() if fact is not None and name != "based_on"}
        document |= {"id": version.id, "name": version.name, "created": created, "user": user}
        if version.commit is not None:
            document["commit"] = version.commit
        if version.path is not None:
            document["path"] = text_of(version.path) if is_named_pointer(version.path) else version.name
        if "based_on" in self._asked:
            origins = self._origins(version)
            document["based_on"] = [*origins, *(word for one in origins for word in _words(one))]
        if self._asked & _MEASURED:
            document |= self._of_run(version)
        return Item(version.id, version.name, created, user, version.path, document, version.commit is not None)

    def whole(self, item: Item, version: Version) -> Item:
        """The same with every field; None stands for what there is not."""
        document = {**item.document, **self._of_run(version), "based_on": self._origins(version)}
        return item._replace(document={name: document.get(name) for name in VERSION_FIELDS.known})

    def _origins(self, version: Version) -> list[dict[str, Any]]:
        """What it came from, by its pointer, else by its run: name, digest, and the ids of such versions."""
        origins = list(version.document.get("based_on") or ())
        if run := version.document.get("run"):
            used = [one for one in self._run(run).get("artifacts", ()) if one["category"] == "input"]
            known = {one["digest"] for one in origins}
            origins += [{"name": one["name"], "digest": one["digest"]} for one in used if one["digest"] not in known]
        return [{**one, "ids": self._ids_of(one["digest"])} for one in origins]

    def _of_run(self, version: Version) -> dict[str, Any]:
        run = version.document.get("run")
        found = self._run(run) if run else {}
        return {name: found[name] for name in ("metrics", "params") if name in found}

    def _run(self, run: str) -> Mapping[str, Any]:
        if run not in self._runs:
            if len(self._runs) >= _KEPT:
                self._runs.clear()
            found = self._view.run(run)
            if found is None:
                with suppress(TrackError):  # one that cannot be read tells nothing
                    record = journal_of(self._project).find_ended(run)
                    found = None if record is None else reading.record_document(record)
            self._runs[run] = found or {}
        return self._runs[run]

    def _ids_of(self, digest: str) -> list[str]:
        if digest not in self._ids:
            if len(self._ids) >= _KEPT:
                self._ids.clear()
            self._ids[digest] = self._view.ids_of(Digest.parse(digest))
        return self._ids[digest]

    def _own_user(self) -> str:
        if self._user is None:
            self._user = self._project.git.config("user.name") or ""
        return self._user


def _words(origin: Mapping[str, Any]) -> list[str]:
    """What an origin may be called in a query."""
    names = [origin["name"]]
    with suppress(ValueError):  # what a run saved to itself alone may be called anything
        if is_named_pointer(path := path_of(origin["name"])):
            names.append(shown_name(path))
    return [origin["digest"], *names, *origin["ids"]]


def _item_of(id: str, name: str, document: dict[str, Any], version: Version | None = None) -> Item:
    path = None if version is None else version.path
    is_committed = version is not None and version.commit is not None
    return Item(id, name, document["started"], document["user"], path, document, is_committed)


def saved_by(record: "Record") -> Iterable[Version]:
    """What a run that is in the journal alone saved to itself, as the catalog would have it."""
    created = (record.ended or record.started).timestamp()
    for used in record.artifacts:
        if used.name is not None:
            facts = {
                "kind": used.kind, "digest": str(used.digest), "size": used.size, "type": used.type, "run": record.id,
                "how": used.how, "category": used.category, "labels": dict(used.metadata),
            }  # fmt: skip
            yield Version(saved_id(record.id, used).hex(), None, used.name, created, name_in(record.by), None, facts)


def _without_record(project: Project, view: View) -> list[str]:
    """The runs of this clone's journal that the scope has no record of: what they made is known by the journal."""
    return [run for run in journal_of(project).ended_ids() if not view.has_run(run)]


def only_here(project: Project, scope: Scope, view: View) -> Iterator[Found]:
    """The runs of this clone whose records the scope has not; none when a revision was asked."""
    if scope.rev is not None:
        return
    journal = journal_of(project)
    for run in journal.ended_ids():
        if not view.has_run(run):
            with suppress(TrackError):  # what cannot be read is said by `runs list` and `doctor`
                if (record := journal.find_ended(run)) is not None:
                    yield Found(record, "journal")
    for living in journal.living():
        with suppress(TrackError):  # it ended meanwhile, or began with a later version
            yield Found(living.record(), "living", is_lost=living.is_lost())
