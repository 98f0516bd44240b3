"""Words of queries: what fields of versions and runs hold, and keys that are asked for without their field."""

from collections.abc import Mapping
from functools import partial

from track.history import catalog_words
from track.model.names import display
from track.model.query import Query
from track.model.query_doubts import Kinds, paths_of, texts_of
from track.model.query_hints import nearest
from track.model.query_text import Fields
from track.model.run_words import CATEGORIES, ENDED, HOWS, LIVING, is_run_id
from track.project import Project

OF_VERSIONS = Kinds(
    {"kind": ("file", "directory", "value"), "category": CATEGORIES, "how": HOWS},
    frozenset({"id", "name", "path", "digest", "type", "run", "user", "commit"}),
    frozenset({"size", "rows", "files"}),
    frozenset({"created"}),
    frozenset({"executable"}),
)
OF_RUNS = Kinds(
    {"status": (*LIVING, *ENDED)},
    frozenset({"id", "name", "folder", "by", "user", "command", "cwd", "task", "parent", "commit", "tree"}),
    frozenset({"seconds", "exit"}),
    frozenset({"started", "ended"}),
    frozenset({"dirty"}),
    {
        **dict.fromkeys(("finished", "done", "ok", "passed", "successful", "succeeded"), "completed"),
        **dict.fromkeys(("broken", "crashed", "error"), "failed"),
        **dict.fromkeys(("aborted", "canceled", "cancelled", "interrupted", "killed", "stopped"), "terminated"),
        **dict.fromkeys(("active", "alive", "living"), "running"),
    },
)
_KEYS = {"labels": "label", "metadata": "metadata", "metrics": "metric", "params": "param", "partitions": "partition"}
"""Fields whose keys people choose, and what they are called in a query."""

_ALIKE, _PERSON_ALIKE = 0.7, 0.6
_LATEST = 2_000


def with_keys(project: Project, fields: Fields) -> Fields:
    """The same fields, which know keys of labels and the like by what the catalog has."""
    return fields._replace(inside=partial(_path_of, project, fields))


def unlike_keys(project: Project, query: Query) -> tuple[str, ...]:
    """A sentence for each key in a query that the catalog does not know, and that is called nearly as one it knows."""
    asked = dict.fromkeys(path for path in paths_of(query) if path[0] in _KEYS and len(path) > 1)
    return tuple(said for path in asked if (said := _unlike(project, path[0], ".".join(path[1:]))) is not None)


def unlike_people(project: Project, query: Query) -> tuple[str, ...]:
    """A sentence for each person in a query who did nothing here, and who is called nearly as one who did."""
    asked = dict.fromkeys(texts_of(query, "user"))
    known = catalog_words.every_person(project.state / "catalog.db") if asked else {}
    own = project.git.config("user.name") or ""
    known |= {own: own} if asked and own else {}
    return tuple(
        f"nobody here is called `{display(each)}`; did you mean `{display(near)}`?"
        for each in asked
        if known.get(each) != each and (near := _person_like(each, known)) is not None
    )


def unlike_runs(project: Project, query: Query) -> tuple[str, ...]:
    """A sentence for each run in a query that is none, and that is called nearly as a late one."""
    asked = dict.fromkeys(each for each in texts_of(query, "run") if not is_run_id(each))
    known = catalog_words.latest_runs(project.state / "catalog.db", _LATEST) if asked else []
    near = {each: nearest(each, known, _ALIKE) for each in asked if each not in known}
    return tuple(
        f"no run is called `{display(each)}`; did you mean {display(name)}?"
        for each, name in near.items()
        if name is not None
    )


def _person_like(word: str, known: Mapping[str, str]) -> str | None:
    """Who has this address, is called so but for the case, or has a name that begins so or is most like it."""
    if word in known:
        return known[word]
    lower = {each.lower(): name for each, name in sorted(known.items())}
    folded = word.lower()
    begun = [name for each, name in lower.items() if len(folded) > 2 and each.startswith(folded)]
    if folded in lower or begun:
        return lower.get(folded) or begun[0]
    near = nearest(folded, lower, _PERSON_ALIKE)
    return None if near is None else lower[near]


def _unlike(project: Project, field: str, key: str) -> str | None:
    beginnings = ("", key.partition(".")[0])  # of many keys not all are told at once
    known = [each for begin in beginnings for each in catalog_words.keys(project.state / "catalog.db", field, begin)]
    if any(f"{each}.".startswith(f"{key}.") or f"{key}.".startswith(f"{each}.") for each in known):
        return None
    word, near = _KEYS[field], nearest(key, known, _ALIKE)
    return None if near is None else f"no `{word}.{display(key)}` is known; did you mean {word}.{display(near)}?"


def _path_of(project: Project, fields: Fields, name: str) -> str | None:
    for field, word in _KEYS.items():
        if field in fields.known:
            keys = catalog_words.keys(project.state / "catalog.db", field, name)
            if any(key == name or key.startswith(f"{name}.") for key in keys):
                return f"{word}.{name}"
    return None
