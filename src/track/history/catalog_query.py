"""Queries in SQL, as far as that is simple: a condition that every match fulfils, and hardly anything else.

It narrows what is read; `model.query.holds` has the last word on each of those. So nothing has to be exact here but one
thing: whatever holds must not be left out. What cannot be said is left open.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from track.errors import UsageError
from track.model.digest import Digest
from track.model.document import OF_METRICS
from track.model.names import artifact_pointer, text_of
from track.model.query import And, In, Or, Order, Path, Query

_SLACK_S = 1e-3
"""Times in the catalog are floating-point numbers of seconds."""


class Narrowing(NamedTuple):
    """A condition over `s` (in scope), `v` (version), `c` (content), `p` (path), `r` (run), `e` (entry), and its
    values.

    Where it is empty, all hold.
    """

    sql: str = ""
    values: tuple[Any, ...] = ()


ALL = Narrowing()
Column: TypeAlias = tuple[str, str]
"""An expression, and what is in it: text, time or digest."""
_LOOKED_UP = {
    "p.shown": "s.path IN (SELECT id FROM path WHERE shown IN ({marks}))",
    "e.name": "e.content IN (SELECT content FROM entry WHERE path IS NULL AND name IN ({marks}))",
}
"""What is said of some columns instead, so that the database goes by their index."""


class Target(NamedTuple):
    """What can be said of one kind of thing: columns by field, and fields whose facts are its own or those of its run.

    `unset` is true of what has no value in the columns of `v` yet; for all others it is not asked, as it would keep
    the database from looking only at what an index names.
    """

    columns: Mapping[str, Column]
    facts: tuple[str, ...] = ()
    run_facts: tuple[str, ...] = ()
    unset: str = ""


POINTERS = Target(
    {
        "created": ("v.created", "time"),
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
    """The condition that whatever is like `query` fulfils."""
    return (None if query is None else _said(query, target)) or ALL


def asked_fields(query: Query | None) -> set[str]:
    """The first parts of all paths in a query."""
    return {path[0] for path in _paths(query) if path}


def _paths(query: Query | None) -> Iterator[Path]:
    if query is None:
        return
    if (path := getattr(query, "path", None)) is not None:
        yield path
    for inner in (*getattr(query, "parts", ()), getattr(query, "inner", None)):
        yield from _paths(inner)


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
    return Narrowing(word.join(f"({one.sql})" for one in said), tuple(value for one in said for value in one.values))


def _among(path: Path, values: tuple[Any, ...], target: Target) -> Narrowing | None:
    if len(path) == 1 and path[0] in target.columns:
        column, kind = target.columns[path[0]]
        texts = [value for value in values if isinstance(value, str)]
        if kind == "time" or len(texts) < len(values):
            return None
        found = list(_digests(texts)) if kind == "digest" else texts
        if column in _LOOKED_UP:
            return Narrowing(_LOOKED_UP[column].format(marks=_marks(found)), tuple(found))
        return _with_unset(column, f"IN ({_marks(found)})", found, target)
    if path == ("based_on",):
        return _based_on(values, target)
    if not values or not all(_is_fact(value) for value in values):
        return None
    return _by_facts(path, f"f.value IN ({_marks(values)})", values, target)


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
    having = f"SELECT f.content FROM field d JOIN fact f ON f.field = d.id WHERE d.name = ? AND {condition}"
    given = (name, *values)
    if path[0] in target.facts:
        return Narrowing(f"c.id IN ({having} UNION ALL SELECT id FROM content WHERE is_whole = 0)", given)
    if path[0] in target.run_facts:
        run = "r.id" if "category" in target.columns else "c.run"
        return Narrowing(
            f"{run} IN (SELECT k.id FROM run k WHERE k.content IN "
            f"({having} UNION ALL SELECT id FROM content WHERE is_whole = 0))",
            given,
        )
    return None


def _named_place(name: str) -> str | None:
    """Where the pointers of the named artifact are that may be called so, without `.track`; None for no such name."""
    try:
        return text_of(artifact_pointer(name)).removesuffix(".track")
    except UsageError:
        return None


def _based_on(values: tuple[Any, ...], target: Target) -> Narrowing | None:
    """What says that it was made from one of these, or whose run used it: a digest, a name or the id of a version."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values) or target is RUNS:
        return None
    ids = [bytes.fromhex(text) for text in texts if len(text) == 16 and set(text) <= set("0123456789abcdef")]
    digests = list(_digests(texts))
    places = [place for text in texts if (place := _named_place(text)) is not None]
    names = [*texts, *(f"{place}.track" for place in places)]
    folders = [f"{place}/" for place in places]
    inside = " OR substr(x.name, 1, ?) = ?" * len(folders)
    wanted = (
        f"(x.name IN ({_marks(names)}){inside} OR x.digest IN ({_marks(digests)}) OR x.digest IN ("
        f"SELECT i.digest FROM version w JOIN content i ON i.id = w.content WHERE w.id IN ({_marks(ids)}) "
        f"UNION ALL SELECT digest FROM entry WHERE path IS NULL AND id IN ({_marks(ids)})))"
    )
    measured = [word for folder in folders for word in (len(folder), folder)]
    given = (*names, *measured, *digests, *ids, *ids)
    users = f"SELECT k.id FROM entry x JOIN run k ON k.content = x.content WHERE x.category = 'input' AND {wanted}"
    if target is SAVED:
        return Narrowing(f"r.id IN ({users})", given)
    return Narrowing(f"c.id IN (SELECT x.content FROM origin x WHERE {wanted}) OR c.run IN ({users})", given + given)


def _with_unset(column: str, condition: str, values: Iterable[Any], target: Target) -> Narrowing:
    unset = f" OR {target.unset}" if target.unset and column.startswith("v.") else ""
    return Narrowing(f"{column} {condition}{unset}", tuple(values))


def _is_fact(value: Any) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, str | float)


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
