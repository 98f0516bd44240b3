"""What was found, as programs want it: a sequence, dictionaries, and tables of pandas and polars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from track.flows.finding import RUN_FIELDS, VERSION_FIELDS, Item
from track.formats.known import table_of
from track.model.query_text import Fields
from track.model.tables import JSON, RUNS, TEXT, VERSIONS, Table
from track.verbs import find as finding

_TABLES = frozenset({"alerts", "environment", "labels", "metadata", "metrics", "params", "partitions", "schema"})
"""Fields that have a column for each path in them and none of their own."""
_OTHERS = {"category": TEXT, "how": TEXT}


@dataclass(frozen=True, slots=True, repr=False)
class Found(finding.Found):
    """A sequence of what was found, in order: at most as many as asked of `matching_count`, among `known_count`.

    `unreadable` are pointers and records there that break their format; `is_cut` says that history before some
    commits is not here, as in a shallow clone; `absent_count` pointers and records are not, as in a partial clone.
    `unclear` says which names of runs in the query mean several, all of which are meant.
    Where nothing was found, `doubts` say what of the query nothing can ever be like. Runs were asked for where it
    `is_of_runs`, else versions.
    """

    @classmethod
    def of(cls, found: finding.Found) -> Found:
        """What the verb found."""
        return cls(*(getattr(found, each.name) for each in fields(found)))

    def __len__(self) -> int:
        """How many are in it."""
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        """Each of them, in order."""
        return iter(self.items)

    def __getitem__(self, number: int) -> Item:
        """The one at a place in the order. Raises IndexError."""
        return self.items[number]

    def to_dicts(self) -> list[dict[str, Any]]:
        """What is known of each, by field; what has several in it, such as `labels`, is a dictionary."""
        return [dict(item.document) for item in self.items]

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each, and a column for each field and for each path in one, such as
        `labels.stage`; columns of fields are there where nothing was found, too.

        Raises:
            NoFormat: pandas is not installed.
        """
        return self._table("pandas")

    def to_polars(self) -> Any:
        """A `polars.DataFrame` like that of `to_pandas`; what differs in kind within a column is text there.

        Raises:
            NoFormat: polars is not installed.
        """
        return self._table("polars")

    def _table(self, library: str) -> Any:
        kinds = _kinds(RUN_FIELDS if self.is_of_runs else VERSION_FIELDS, RUNS if self.is_of_runs else VERSIONS)
        facts = ({name: fact for name, fact in item.document.items() if name in kinds or fact} for item in self.items)
        return table_of(facts, library, kinds)


def _kinds(asked: Fields, table: Table) -> dict[str, str]:
    """What is in the columns that a frame has in any case: each field that is not itself a table."""
    known = {column.name: column.kind for column in table.columns}
    return {name: known.get(name, _OTHERS.get(name, JSON)) for name in asked.known if name not in _TABLES}
