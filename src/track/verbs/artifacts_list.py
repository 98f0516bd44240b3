"""Artifacts list: the named artifacts that there are, a line each."""

from dataclasses import dataclass

from track.errors import MalformedPointer, NewerFormat, TrackError, UnknownPath, Unreadable
from track.flows.named import Names, Versions, schema_of, side_of, unknown_name
from track.flows.sides import Side
from track.model.names import display
from track.model.pointer import Pointer
from track.project import Project


@dataclass(frozen=True, slots=True)
class NamedArtifact:
    """A named artifact: its keys in order, how many partitions have a version, and the sum of their sizes in bytes.

    `kinds` and `types` are those of its versions, sorted; `time` is the granularity of its time.
    """

    name: str
    keys: tuple[str, ...]
    time: str | None
    is_declared: bool
    partitions_count: int
    size: int
    kinds: tuple[str, ...]
    types: tuple[str, ...]
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedArtifacts:
    """Named artifacts at one place, sorted by name; and why others cannot be read."""

    where: str
    artifacts: tuple[NamedArtifact, ...]
    refused: tuple[TrackError, ...]


def artifacts_list(project: Project, search: str | None = None, *, rev: str | None = None) -> NamedArtifacts:
    """The named artifacts of the working tree, or at `rev`; those alone whose names have `search` in them.

    Raises:
        UnknownRevision: there is no such commit.
        UnknownPath: no name has `search` in it; the nearest ones are told.
    """
    side = side_of(project, rev)
    names = Names(side)
    refused = list(names.refused)
    wanted = [name for name, has in sorted(names.found.items()) if has.places and (search or "") in name]
    if search is not None and not wanted:
        raise _nothing_like(search, names)
    found = []
    for name in wanted:
        try:
            found.append(_artifact(project, side, names, name, refused))
        except (MalformedPointer, NewerFormat, Unreadable) as error:
            refused.append(error)
    return NamedArtifacts(side.name, tuple(found), tuple(refused))


def _artifact(project: Project, side: Side, names: Names, name: str, refused: list[TrackError]) -> NamedArtifact:
    has = names.found[name]
    schema = schema_of(project, names, name)
    pointers, broken = side.readable(has.places)
    refused += broken
    return NamedArtifact(
        name=name,
        keys=schema.declaration.keys,
        time=schema.declaration.time,
        is_declared=schema.is_declared,
        partitions_count=len(pointers),
        size=sum(pointer.size for pointer in pointers.values()),
        kinds=tuple(sorted({pointer.kind for pointer in pointers.values()})),
        types=_types(pointers),
        aliases=_aliases(has),
    )


def _types(pointers: dict[bytes, Pointer]) -> tuple[str, ...]:
    return tuple(sorted({pointer.type for pointer in pointers.values() if pointer.type is not None}))


def _aliases(has: Versions) -> tuple[str, ...]:
    return tuple(sorted(has.aliases))


def _nothing_like(search: str, names: Names) -> UnknownPath:
    error = unknown_name(search, names)
    error.message = f"no named artifact has `{display(search)}` in its name"
    return error
