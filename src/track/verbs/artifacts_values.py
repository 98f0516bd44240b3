"""Artifacts values: which values the partition keys of a named artifact have, and how many versions each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from track.flows.named import Names, partitions_of, schema_of, side_of
from track.flows.named_versions import asked_of
from track.model.declaration import TIME
from track.project import Project


@dataclass(frozen=True, slots=True)
class PartitionValues:
    """For each key, in their order, its values, sorted, with how many partitions have each."""

    name: str
    values: Mapping[str, Mapping[str, int]]


def artifacts_values(project: Project, words: str, key: str | None = None) -> PartitionValues:
    """The values of the keys of `[REV:]NAME`, or of one key.

    Raises:
        UnknownPath, UnknownRevision: there is no such artifact or commit.
        UsageError: it has no such key.
        MalformedPointer, NewerFormat: what was declared cannot be read.
    """
    asked = asked_of(words)
    names = Names(side_of(project, asked.rev))
    places = names.of(asked.name).places
    schema = schema_of(project, names, asked.name)
    if key is not None:  # raises for a key that it does not have
        given: dict[str, object] = {} if key == TIME else {key: "x"}
        partitions_of(asked.name, schema, given, "2024-01-01" if key == TIME else None)
    keys = schema.declaration.order if key is None else (key,)
    found = {each: Counter(has[each] for has in places.values() if each in has) for each in keys}
    return PartitionValues(asked.name, {each: dict(sorted(counts.items())) for each, counts in found.items()})
