"""Artifacts show: the versions of a named artifact, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from track.flows.catalogued import passed_over
from track.flows.named import Names, Versions, side_of
from track.flows.named_versions import NamedVersion, asked_of, candidates, choose, dated
from track.project import Project


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version, its aliases, and whether the store has its bytes (of a directory, its manifest)."""

    version: NamedVersion
    aliases: tuple[str, ...]
    is_here: bool


@dataclass(frozen=True, slots=True)
class ShownVersions:
    """Versions of a named artifact, newest first, of `count` that match.

    `absent_count` pointers and records of other commits were not looked at, for they are not here, as in a partial
    clone.
    """

    name: str
    versions: tuple[ShownVersion, ...]
    count: int
    absent_count: int


def artifacts_show(
    project: Project,
    words: str,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    *,
    every: bool = False,
    latest_per_partition: bool = False,
    limit: int | None = None,
) -> ShownVersions:
    """The versions of `[REV:]NAME[@VERSION]` that have these partitions, newest first: what each partition has now.

    With `every`, all that any ref's history has; with `latest_per_partition` the latest of those alone.

    Raises:
        UnknownPath, UnknownRevision: there is no such artifact, or no such version.
        UsageError: a partition was not declared, or the version may be several.
        MalformedPointer, NewerFormat: a pointer, or what was declared, cannot be read.
    """
    asked = asked_of(words, partitions, time, every=every)
    side = side_of(project, asked.rev)
    names = Names(side)
    if asked.version is not None:
        found = [choose(project, asked)]
    else:
        found = candidates(project, asked)
        if len(found) == 1 and not every:
            found = dated(project, found, side)
    found.sort(key=lambda one: (one.rank, one.path), reverse=True)
    if latest_per_partition:
        newest: dict[bytes, NamedVersion] = {}
        for one in found:
            newest.setdefault(one.path, one)
        found = list(newest.values())
    aliases = _aliases(names, asked.name)
    shown = found if limit is None else found[:limit]
    absent = project.store.absent([one.pointer.digest for one in shown if one.pointer.kind != "value"])
    versions = tuple(
        ShownVersion(
            one,
            tuple(sorted(alias for alias, means in aliases.items() if means == _identity(one))),
            one.pointer.digest not in absent,
        )
        for one in shown
    )
    return ShownVersions(asked.name, versions, len(found), passed_over(project).absent_count if every else 0)


def _identity(one: NamedVersion) -> tuple[bytes, frozenset[tuple[str, str]]]:
    return bytes(one.pointer.digest), frozenset(one.pointer.partitions.items())


def _aliases(names: Names, name: str) -> dict[str, tuple[bytes, frozenset[tuple[str, str]]]]:
    """What each alias means: a digest, and partitions."""
    found = {}
    for alias, path in names.found.get(name, Versions()).aliases.items():
        pointer = names.side.pointer(path)
        if pointer is not None:
            found[alias] = bytes(pointer.digest), frozenset(pointer.partitions.items())
    return found
