"""Words of queries: what fields of versions and runs hold, and keys that are asked for without their field."""

from functools import partial

from track.history import catalog_words
from track.model.query_doubts import Kinds
from track.model.query_text import Fields
from track.model.run_words import CATEGORIES, ENDED, HOWS, LIVING
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


def with_keys(project: Project, fields: Fields) -> Fields:
    """The same fields, which know keys of labels and the like by what the catalog has."""
    return fields._replace(inside=partial(_path_of, project, fields))


def _path_of(project: Project, fields: Fields, name: str) -> str | None:
    for field, word in _KEYS.items():
        if field in fields.known:
            keys = catalog_words.keys(project.state / "catalog.db", field, name)
            if any(key == name or key.startswith(f"{name}.") for key in keys):
                return f"{word}.{name}"
    return None
