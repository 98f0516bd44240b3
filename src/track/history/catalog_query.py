"""Queries in SQL, as far as that is simple: a condition that every match fulfils, and hardly anything else.

It narrows what is read; `model.query.holds` has the last word on each of those. So nothing has to be exact here but one
thing: whatever holds must not be left out. What cannot be said is left open.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from track.errors import UsageError
from track.model.digest import Digest
from track.model.document import OF_METRICS
from track.model.names import artifact_pointer, text_of
from track.model.query import And, Element, In, Not, Or, Order, Path, Query

_SLACK_S = 1e-3
"""Times in the catalog are floating-point numbers of seconds."""
_MOST_TESTS, _MOST_VALUES, _MOST_ORIGINS = 300, 20_000, 100
"""SQLite takes conditions 1,000 deep, 32,766 values, and 500 questions put together."""


class Narrowing(NamedTuple):
    """A condition over `s` (in scope), `v` (version), `c` (content), `p` (path), `r` (run), `e` (entry), and its
    values.

    Where it is empty, all hold. `each` says the same in another way for what stands: that is few among all versions,
    so each of it is looked up, where a set of all that were ever so would be made.
    """

    sql: str = ""
    values: tuple[Any, ...] = ()
    each: tuple[str, tuple[Any, ...]] | None = None

    def over(self, source: str) -> tuple[str, tuple[Any, ...]]:
        """The condition for the rows of a table, to be put behind others, and its values."""
        sql, values = (self.sql, self.values) if source == "version" or self.each is None else self.each
        return f"AND ({sql})" if sql else "", values


ALL = Narrowing()
Column: TypeAlias = tuple[str, str]
"""An expression, and what is in it: text, time, digest or id (of a version)."""
_LOOKED_UP = {
    "p.shown": "s.path IN (SELECT id FROM path WHERE shown IN ({marks}))",
    "c.digest": "c.id IN (SELECT id FROM content WHERE digest IN ({marks}))",
    "c.run": "c.id IN (SELECT id FROM content WHERE run IN ({marks}))",
    "v.id": "s.content IN (SELECT content FROM version WHERE id IN ({marks}))",
    "e.name": "e.content IN (SELECT content FROM entry WHERE path IS NULL AND name IN ({marks}))",
    "e.id": "e.content IN (SELECT content FROM entry WHERE path IS NULL AND id IN ({marks}))",
    "r.id": "r.content IN (SELECT content FROM run WHERE id IN ({marks}))",
    "r.name": "r.content IN (SELECT content FROM run WHERE name IN ({marks}))",
}
"""What is said of some columns instead, so that the database goes by their index."""
_APART = "UNION ALL SELECT value FROM json_each(?)"
_ODD = "SELECT id FROM content WHERE is_whole = 0"
_FACT = "FROM fact f WHERE f.field = (SELECT id FROM field WHERE name = ?) AND {condition}"


class Target(NamedTuple):
    """What can be said of one kind of thing: columns by field, and fields whose facts are its own or those of its run.

    `unset` is true of what has no value in the columns of `v` yet; for all others it is not asked, as it would keep
    the database from looking only at what an index names. `apart` are the ids of runs that no record here is of, which
    may have made some, as JSON: what is asked of runs is left open for what they made.
    """

    columns: Mapping[str, Column]
    facts: tuple[str, ...] = ()
    run_facts: tuple[str, ...] = ()
    unset: str = ""
    apart: str = "[]"


POINTERS = Target(
    {
        "created": ("v.created", "time"),
        "id": ("v.id", "id"),
        "user": ("v.user", "text"),
        "name": ("p.shown", "text"),
        "digest": ("c.digest", "digest"),
        "run": ("c.run", "text"),
    },
    ("labels", "tags", "partitions"),
    ("metrics", "params"),
    "v.path IS NULL",
)
RUNS = Target(
    {
        "started": ("r.started", "time"),
        "user": ("r.user", "text"),
        "name": ("r.name", "text"),
        "status": ("r.status", "text"),
        "id": ("r.id", "text"),
    },
    ("tags", "params", "metadata", "metrics"),
)
SAVED = Target(
    {
        "created": ("COALESCE(r.ended, r.started)", "time"),
        "id": ("e.id", "id"),
        "user": ("r.user", "text"),
        "name": ("e.name", "text"),
        "digest": ("e.digest", "digest"),
        "category": ("e.category", "text"),
        "run": ("r.id", "text"),
    },
    (),
    ("metrics", "params"),
)


def narrowed(query: Query | None, target: Target) -> Narrowing:
    """The condition that whatever is like `query` fulfils; where that is too long for the database, it is left open."""
    if query is None or sum(1 for _ in _tests(query)) > _MOST_TESTS:
        return ALL
    found = _said(query, target) or ALL
    longest = max(len(found.values), 0 if found.each is None else len(found.each[1]))
    return found if longest <= _MOST_VALUES else ALL


def asked_fields(query: Query | None) -> set[str]:
    """The first parts of all paths in a query."""
    paths = () if query is None else (getattr(one, "path", None) for one in _tests(query))
    return {path[0] for path in paths if path}


def _tests(query: Query) -> Iterator[Query]:
    """A query and all that is inside of it."""
    yield query
    for inner in (*getattr(query, "parts", ()), *((query.inner,) if isinstance(query, Not | Element) else ())):
        yield from _tests(inner)


def _said(query: Query, target: Target) -> Narrowing | None:
    match query:
        case And(parts):
            return _joined(" AND ", [one for part in parts if (one := _said(part, target)) is not None])
        case Or(parts):
            said = [_said(part, target) for part in parts]
            if any(one is None for one in said):
                return None
            return _joined(" OR ", [one for one in said if one is not None])
        case In(path, values):
            return _among(path, values, target)
        case Order(path, sign, value):
            return _ordered(path, sign, value, target)
    return None


def _joined(word: str, said: list[Narrowing]) -> Narrowing | None:
    if not said:
        return None
    each = [(one.sql, one.values) if one.each is None else one.each for one in said]
    ever = _together(word, [(one.sql, one.values) for one in said])
    return Narrowing(*ever, None if all(one.each is None for one in said) else _together(word, each))


def _together(word: str, said: Iterable[tuple[str, tuple[Any, ...]]]) -> tuple[str, tuple[Any, ...]]:
    parts = list(said)
    return word.join(f"({sql})" for sql, _ in parts), tuple(value for _, values in parts for value in values)


def _among(path: Path, values: tuple[Any, ...], target: Target) -> Narrowing | None:
    if len(path) == 1 and path[0] in target.columns:
        column, kind = target.columns[path[0]]
        texts = [value for value in values if isinstance(value, str)]
        rest = [value for value in values if not isinstance(value, str | int | float)]  # no number equals a text
        return None if kind == "time" or rest else _in_column(column, kind, texts, target)
    if path == ("based_on",):
        return _based_on(values, target)
    if not values or not all(_is_fact(value) for value in values):
        return None
    return _by_facts(path, f"f.value IN ({_marks(values)})", values, target)


def _in_column(column: str, kind: str, texts: list[str], target: Target) -> Narrowing:
    found = tuple({"digest": _digests, "id": _ids}.get(kind, iter)(texts))
    if column not in _LOOKED_UP:
        return _with_unset(column, f"IN ({_marks(found)})", found, target)
    looked_up = Narrowing(_LOOKED_UP[column].format(marks=_marks(found)), found)
    if column != "v.id":
        return looked_up
    # What no commit has yet has no id in the catalog, and is never in the table of versions.
    return looked_up._replace(each=_with_unset(column, f"IN ({_marks(found)})", found, target)[:2])


def _ordered(path: Path, sign: str, value: Any, target: Target) -> Narrowing | None:
    if len(path) == 1 and path[0] in target.columns:
        column, kind = target.columns[path[0]]
        if kind != "time" or not isinstance(value, datetime):
            return None
        limit = _seconds(value)
        return _with_unset(column, f"{sign} ?", [limit + (_SLACK_S if sign[0] == "<" else -_SLACK_S)], target)
    return _by_facts(path, f"f.value {sign} ?", (value,), target) if _is_fact(value) else None


def _by_facts(path: Path, condition: str, values: Iterable[Any], target: Target) -> Narrowing | None:
    """What has such a fact, and what has facts that are not written down."""
    if len(path) == 1 and path[0] != "tags":
        return None
    name = ".".join(path)
    if any(part.isdecimal() for part in path[1:]) or (path[0] == "metrics" and name.endswith(OF_METRICS)):
        return None
    if path[0] == "labels" and target is SAVED:
        return Narrowing("e.content IN (SELECT content FROM entry WHERE path IS NULL AND metadata IS NOT NULL)")
    fact = _FACT.format(condition=condition)
    having = f"SELECT f.content {fact} UNION ALL {_ODD}"
    given = (name, *values)
    if path[0] in target.facts:
        found = Narrowing(f"c.id IN ({having})", given)
        if target is RUNS or not condition.startswith("f.value IN"):
            return found
        return found._replace(
            each=(f"EXISTS (SELECT 1 {fact} AND f.content = s.content) OR s.content IN ({_ODD})", given)
        )
    if path[0] in target.run_facts:
        return _of_runs(f"SELECT k.id FROM run k WHERE k.content IN ({having})", given, target)
    return None


def _of_runs(runs: str, values: tuple[Any, ...], target: Target) -> Narrowing:
    """What is of one of the runs whose ids a query gives."""
    if target is SAVED:
        return Narrowing(f"r.content IN (SELECT content FROM run WHERE id IN ({runs}))", values)
    runs, values = f"{runs} {_APART}", (*values, target.apart)
    made = f"c.id IN (SELECT id FROM content WHERE run IN ({runs}))"
    return Narrowing(made, values, (f"c.run IN ({runs})", values))


def _named_place(name: str) -> str | None:
    """Where the pointers of the named artifact are that may be called so, without `.track`; None for no such name."""
    try:
        return text_of(artifact_pointer(name)).removesuffix(".track")
    except UsageError:
        return None


def _based_on(values: tuple[Any, ...], target: Target) -> Narrowing | None:
    """What says that it was made from one of these, or whose run used it: a digest, a name or the id of a version."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values) or len(texts) > _MOST_ORIGINS or target is RUNS:
        return None
    places = [place for text in texts if (place := _named_place(text)) is not None]
    names = (*texts, *(f"{place}.track" for place in places))
    digests, ids = tuple(_digests(texts)), tuple(_ids(texts))
    made, said = _naming("origin x WHERE", names, places, digests, ids)
    taken, used = _naming("entry x WHERE x.category = 'input' AND", names, places, digests, ids)
    users = f"SELECT k.id FROM run k WHERE k.content IN ({taken})"
    if target is SAVED:
        return _of_runs(users, used, target)
    users, used = f"{users} {_APART}", (*used, target.apart)
    return Narrowing(
        f"c.id IN ({made} UNION ALL SELECT id FROM content WHERE run IN ({users}))",
        said + used,
        (f"c.id IN ({made}) OR c.run IN ({users})", said + used),
    )


def _naming(
    table: str, names: Sequence[str], places: Sequence[str], digests: Sequence[bytes], ids: Sequence[bytes]
) -> tuple[str, tuple[Any, ...]]:
    """The contents whose row in a table has such a name, lies below such a place, or has such a digest, or that of a
    version with such an id; each is found by an index, so they are asked one after the other.
    """
    of_ids = (
        f"SELECT i.digest FROM version w JOIN content i ON i.id = w.content WHERE w.id IN ({_marks(ids)}) "
        f"UNION ALL SELECT digest FROM entry WHERE path IS NULL AND id IN ({_marks(ids)})"
    )
    said: list[tuple[str, tuple[Any, ...]]] = [(f"x.name IN ({_marks(names)})", tuple(names))]
    said += [("x.name >= ? AND x.name < ?", (f"{place}/", f"{place}0")) for place in places]  # `0` is next to `/`
    said += [(f"x.digest IN ({_marks(digests)})", tuple(digests))] if digests else []
    said += [(f"x.digest IN ({of_ids})", (*ids, *ids))] if ids else []
    sql = " UNION ALL ".join(f"SELECT x.content FROM {table} {condition}" for condition, _ in said)
    return sql, tuple(value for _, values in said for value in values)


def _with_unset(column: str, condition: str, values: Iterable[Any], target: Target) -> Narrowing:
    unset = f" OR {target.unset}" if target.unset and column.startswith("v.") else ""
    return Narrowing(f"{column} {condition}{unset}", tuple(values))


def _is_fact(value: Any) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, str | float)


def _ids(texts: Iterable[str]) -> Iterator[bytes]:
    return (bytes.fromhex(text) for text in texts if len(text) == 16 and set(text) <= set("0123456789abcdef"))


def _digests(texts: Iterable[str]) -> Iterator[bytes]:
    for text in texts:
        try:
            yield bytes(Digest.parse(text))
        except ValueError:
            continue


def _seconds(when: datetime) -> float:
    return (when if when.utcoffset() is not None else when.replace(tzinfo=UTC)).timestamp()


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
