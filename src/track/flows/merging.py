"""Merging: three texts of a pointer -> the merged one with its new manifest, or the conflicts; no network, ever."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from track.errors import (
    ConflictedPointer,
    MalformedManifest,
    MissingObject,
    TrackError,
)
from track.model.digest import Digest
from track.model.manifest import Read, Root, compare, parse_node, update
from track.model.manifest_merge import PathConflict, agreed, merge_manifests, settled
from track.model.marks import marked, sides
from track.model.merge import FactConflict, MergedPointer, Side, content_of, merge_pointers
from track.model.names import parse_alias_pointer
from track.model.pointer import Pointer, dump_pointer, parse_pointer


@dataclass(frozen=True, slots=True)
class Choices:
    """How somebody settles conflicts: the side for labels and the like, and for paths inside (empty: all of them).

    `whole` takes the artifact as that side has it, without merging.
    """

    facts: Side | None = None
    paths: Mapping[bytes, Side] = field(default_factory=dict)
    whole: Side | None = None

    def of(self, conflict: PathConflict) -> Side | None:
        """The side chosen for a path, by the longest name that means it."""
        found = [path for path in self.paths if conflict.is_at(path)]
        return self.paths[max(found, key=len)] if found else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a merge.

    `pointer` is the merged one, in which open conflicts stand as ours; `facts` and `paths` are those, none when the
    merge is clean; `chosen_count` were settled by choices. `nodes` are new manifest nodes, which the store has to
    have before the pointer is written. `trouble` says why directories could not be merged by path. `text` is what
    goes into the pointer's file: with both sides between marks when there are conflicts.
    """

    pointer: Pointer
    facts: tuple[FactConflict, ...]
    paths: tuple[PathConflict, ...]
    chosen_count: int
    nodes: Mapping[Digest, bytes]
    trouble: TrackError | None
    theirs: Pointer

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to settle."""
        return not (self.facts or self.paths or self.trouble)

    def text(self, ours: bytes, theirs: bytes, size: int = 7) -> bytes:
        """The pointer's file: merged, or with both sides between marks of `size` signs; `ours`, `theirs`: the texts."""
        if self.is_clean:
            return dump_pointer(self.pointer)
        mine, other = dump_pointer(self.pointer), dump_pointer(self.theirs)
        return marked(mine, other, size) if mine != other else marked(ours, theirs, size)


def merge_texts(
    read: Read, texts: tuple[bytes | None, bytes, bytes], name: bytes | str, choices: Choices | None = None
) -> Outcome:
    """Merge pointer files: the common one (none: there is none), ours and theirs; `name` is for messages.

    A common version that is itself a conflict, as when histories crossed, counts as each of its sides: what comes to
    the same with both is merged, all else is a conflict. An alias that both sides moved names the version of one of
    them, or is in conflict. Nothing is written.

    Raises:
        NotAPointer, MalformedPointer, NewerFormat: one of the texts, the common one in conflict apart.
        MalformedManifest, DamagedObject: a manifest of one of the sides.
    """
    base, ours, theirs = texts
    mine, other = parse_pointer(ours, name), parse_pointer(theirs, name)
    choices = choices or Choices()
    if choices.whole is not None:
        taken = mine if choices.whole == "ours" else other
        return Outcome(taken, (), (), 1, {}, None, taken)
    bases = _common(base, name)
    if parse_alias_pointer(os.fsencode(name)) is not None and _both_moved(bases, mine, other):
        return _one_of(mine, other, choices.facts)
    return _merged(read, bases, mine, other, choices)


def _both_moved(bases: list[Pointer | None], ours: Pointer, theirs: Pointer) -> bool:
    """Whether both sides have an alias name another version than before, and not the same."""
    before = [None if base is None else _version(base) for base in bases]
    return _version(ours) != _version(theirs) and not any(set(before) == {_version(side)} for side in (ours, theirs))


def _version(pointer: Pointer) -> tuple[object, ...]:
    return pointer.kind, pointer.digest, tuple(sorted(pointer.partitions.items()))


def _one_of(ours: Pointer, theirs: Pointer, take: Side | None) -> Outcome:
    """An alias names one side's version or the other's, and never a mixture of them that nobody has put."""
    if take is not None:
        taken = ours if take == "ours" else theirs
        return Outcome(taken, (), (), 1, {}, None, taken)
    apart = [FactConflict("content", ours.digest, theirs.digest)]
    for key in sorted({*ours.partitions, *theirs.partitions}):
        mine, other = ours.partitions.get(key), theirs.partitions.get(key)
        if mine != other:
            apart.append(FactConflict(f"partition {key}", mine, other))
    return Outcome(ours, tuple(apart), (), 0, {}, None, theirs)


def changes_for_us(
    read: Read, ours: Pointer | None, merged: Pointer, nodes: Mapping[Digest, bytes]
) -> tuple[int, int, int]:
    """How many files the merged version, whose new nodes are `nodes`, adds to ours, changes in it and removes."""
    if ours is None or ours.kind != "directory" or merged.kind != "directory":
        same = ours is not None and (ours.kind, ours.digest) == (merged.kind, merged.digest)
        return (0, 0, 0) if same else (int(ours is None), int(ours is not None), 0)
    try:
        pairs = list(compare(_reading(read, nodes), ours.digest, merged.digest))
    except MissingObject:
        return 0, 0, 0
    held = [(old is not None and old.mode != "d", new is not None and new.mode != "d") for old, new in pairs]
    return held.count((False, True)), held.count((True, True)), held.count((True, False))


def _common(base: bytes | None, name: bytes | str) -> list[Pointer | None]:
    """What the two sides have in common: one version, or both of one in conflict."""
    if base is None or not base.strip():
        return [None]
    try:
        return [parse_pointer(base, name)]
    except ConflictedPointer:
        both = sides(base)
        if both is None:
            raise
        return [parse_pointer(one, name) for one in both]


def _merged(read: Read, bases: list[Pointer | None], ours: Pointer, theirs: Pointer, choices: Choices) -> Outcome:
    base = bases[0] if len({repr(merge_pointers(one, ours, theirs)) for one in bases}) == 1 else None
    if content_of(base, ours, theirs) != "apart" or not ours.kind == theirs.kind == "directory":
        found = merge_pointers(base, ours, theirs, take=choices.facts or "ours")
        return _outcome(base, ours, theirs, found, choices)
    nodes: dict[Digest, bytes] = {}
    try:
        for one in (ours, theirs):
            _refuse_lie(read, one)
        roots = [one.digest if one is not None and one.kind == "directory" else None for one in bases]
        merges = [merge_manifests(read, root, ours.digest, theirs.digest) for root in roots]
        merge = merges[0] if len(merges) == 1 else agreed(read, ours.digest, theirs.digest, merges)
        chosen = {one.path: side for one in merge.conflicts if (side := choices.of(one)) is not None}
        changes = settled(read, (ours.digest, theirs.digest), merge, chosen)
        content = update(_reading(read, nodes), ours.digest, changes, nodes.__setitem__)
    except MissingObject as error:
        return replace(_open(base, ours, theirs), trouble=error)
    rest = tuple(one for one in merge.conflicts if one.path not in chosen)
    return _with_paths(base, ours, theirs, choices, (content, nodes, rest, len(chosen)))


def _with_paths(
    base: Pointer | None,
    ours: Pointer,
    theirs: Pointer,
    choices: Choices,
    made: tuple[Root, dict[Digest, bytes], tuple[PathConflict, ...], int],
) -> Outcome:
    content, nodes, rest, chosen_count = made
    found = merge_pointers(base, ours, theirs, content=content, take=choices.facts or "ours")
    outcome = _outcome(base, ours, theirs, found, choices)
    outcome = replace(outcome, paths=rest, chosen_count=outcome.chosen_count + chosen_count, nodes=nodes)
    if not rest:
        return outcome
    apart = _open(base, ours, theirs)
    return replace(outcome, pointer=apart.pointer, theirs=apart.theirs)


def _reading(read: Read, nodes: Mapping[Digest, bytes]) -> Read:
    """Reads nodes that were just made, and all others with `read`."""

    def read_any(digest: bytes) -> bytes:
        made = nodes.get(Digest(digest))
        return read(digest) if made is None else made

    return read_any


def _outcome(base: Pointer | None, ours: Pointer, theirs: Pointer, found: MergedPointer, choices: Choices) -> Outcome:
    if choices.facts is not None or not found.conflicts:
        return Outcome(found.pointer, (), (), len(found.conflicts), {}, None, found.pointer)
    other = merge_pointers(base, ours, theirs, take="theirs").pointer
    return Outcome(found.pointer, found.conflicts, (), 0, {}, None, other)


def _open(base: Pointer | None, ours: Pointer, theirs: Pointer) -> Outcome:
    """An outcome in which the content is open; `facts` are the other conflicts."""
    found = merge_pointers(base, ours, theirs)
    other = merge_pointers(base, ours, theirs, take="theirs")
    facts = tuple(one for one in found.conflicts if one.what != "content")
    return Outcome(found.pointer, facts, (), 0, {}, None, other.pointer)


def _refuse_lie(read: Read, pointer: Pointer) -> None:
    """A pointer that says something else of its manifest than the manifest itself is not merged into anything."""
    node = parse_node(read(pointer.digest))
    if (node.files, node.size) != (pointer.files, pointer.size):
        raise MalformedManifest(
            "a pointer says something else than its manifest",
            details=(
                f"the pointer: {pointer.files} files, {pointer.size} bytes",
                f"the manifest: {node.files} files, {node.size} bytes",
            ),
        )
