"""Find: versions of artifacts, or runs, that are like a query says, in everything that Git ever knew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from track.errors import UsageError
from track.flows.finding import RUN_FIELDS, VERSION_FIELDS, Give, Item, find_runs, find_versions
from track.flows.finding import Order as By
from track.flows.query_words import OF_RUNS, OF_VERSIONS, unlike_keys, unlike_people, unlike_runs, with_keys
from track.flows.sides import naming_nearest
from track.history.catalog import Scope
from track.history.catalog_view import Unreadable
from track.model.names import display
from track.model.query import And, In, Match, Order, Query
from track.model.query_dictionary import parse_query
from track.model.query_doubts import doubts_of
from track.model.query_pattern import Pattern, of_glob
from track.model.query_text import check_text, constant_of, moment_of, parse_field
from track.project import Project


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, in order: at most as many as asked of `matching_count`, among `known_count`.

    `unreadable` are pointers and records there that break their format; `is_cut` says that history before some
    commits is not here, as in a shallow clone; `absent_count` pointers and records are not, as in a partial clone.
    `unclear` says which names of runs in the query mean several, all of which are meant.
    Where nothing was found, `doubts` say what of the query nothing can ever be like. Runs were asked for where it
    `is_of_runs`, else versions.
    """

    items: tuple[Item, ...]
    matching_count: int
    known_count: int
    unreadable: tuple[Unreadable, ...]
    is_cut: bool
    absent_count: int
    unclear: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    is_of_runs: bool = False


def find(
    project: Project,
    query: str | Mapping[str, Any] | None = None,
    *,
    runs: bool = False,
    rev: str | None = None,
    every: bool = False,
    history: bool = False,
    sort: str | None = None,
    limit: int | None = None,
    labels: Sequence[tuple[str, str]] = (),
    user: str | None = None,
    since: str | datetime | None = None,
    name: str | None = None,
    give: Give | None = None,
    before: Give | None = None,
) -> Found:
    """Find what is like `query` says, in either spelling, and like all the others ask.

    It is looked for in the working tree, at `rev`, or with `every` at every ref; with `history` also in all that these
    reach. `labels` are path and text; of runs, they are metadata. `since` is a time, or a date or age as queries
    have them; `name` may have `*`, `?` and `[…]`. The newest come first, or they are in the order of the field `sort`
    (`-FIELD`: greatest first; what has no such field comes last). Nothing but the catalog is written, and no data is
    read. With `give`, each item is given in order when it is read, and none is in the result, however many there are;
    with `before`, each of the same is given to that first, before `give` gets any.

    Raises:
        Conflict: the catalog was found damaged after some were given.
        UsageError: the query, the field or an option is wrong; the place in it and the nearest valid word are named.
        UnknownRevision: there is no such commit.
    """
    if rev is not None and every:
        raise UsageError("a revision and every ref exclude each other", hint="leave out one of --rev and --all")
    now = datetime.now(UTC)
    fields = with_keys(project, RUN_FIELDS if runs else VERSION_FIELDS)
    parts = [parse_query(query, now, fields)] if query is not None else []
    parts += [_labelled(path, text, "metadata" if runs else "labels") for path, text in labels]
    if user is not None:
        parts.append(In(("user",), (check_text(user, "the user"),)))
    if since is not None:
        parts.append(Order(("started" if runs else "created",), ">=", _time(since, now)))
    if name is not None:
        parts.append(_named(name))
    whole: Query | None = parts[0] if len(parts) == 1 else And(tuple(parts)) if parts else None
    scope = Scope(rev, every, history)
    order = None if sort is None else By(parse_field(sort.removeprefix("-"), fields), sort.startswith("-"))
    with naming_nearest(project):
        if runs:
            looked = find_runs(project, scope, whole, limit, order=order, give=give, before=before)
        else:
            looked = find_versions(project, scope, whole, limit, now, order=order, give=give, before=before)
    if whole is None or looked.matching_count:
        return Found(*looked, is_of_runs=runs)
    doubts = doubts_of(whole, OF_RUNS if runs else OF_VERSIONS)
    doubts += (*unlike_keys(project, whole), *unlike_people(project, whole))
    return Found(*looked, doubts if runs else (*doubts, *unlike_runs(project, whole)), runs)


def _labelled(path: str, text: str, field: str) -> Query:
    """A label with this text, or with the number, truth value or time that the text says."""
    check_text(f"{path}={text}", "the label")
    values = (text,) if (value := constant_of(text)) is None else (text, value)
    return In((field, *path.split(".")), values)


def _named(name: str) -> Query:
    check_text(name, "the name")
    return Match(("name",), Pattern(of_glob(name))) if set(name) & set("*?[") else In(("name",), (name,))


def _time(since: str | datetime, now: datetime) -> datetime:
    if isinstance(since, datetime):
        return since if since.utcoffset() is not None else since.replace(tzinfo=UTC)
    found = moment_of(since, now)
    if found is None:
        raise UsageError(f"not a date or an age: `{display(since)}`", hint="2026-01-31, 2026-01-31T12:00 or 7d")
    return found
