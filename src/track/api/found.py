"""What was found, as programs want it: a sequence, dictionaries, and tables of pandas and polars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from track.flows.finding import Item
from track.formats.known import table_of
from track.verbs import find as finding


@dataclass(frozen=True, slots=True, repr=False)
class Found(finding.Found):
    """A sequence of what was found, in order: at most as many as asked of `matching_count`, among `known_count`.

    `unreadable` are pointers and records there that break their format; `is_cut` says that history before some
    commits is not here, as in a shallow clone; `absent_count` pointers and records are not, as in a partial clone.
    Where nothing was found, `doubts` say what of the query nothing can ever be like.
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
        `labels.stage`.

        Raises:
            NoFormat: pandas is not installed.
        """
        return table_of([item.document for item in self.items], "pandas")

    def to_polars(self) -> Any:
        """A `polars.DataFrame` like that of `to_pandas`; what differs in kind within a column is text there.

        Raises:
            NoFormat: polars is not installed.
        """
        return table_of([item.document for item in self.items], "polars")
