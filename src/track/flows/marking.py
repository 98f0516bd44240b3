"""Marking: labels and tags of artifacts, read and changed in their pointers; no byte of data is looked at."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from track import publish
from track.errors import ForbiddenPath, OutsideRepository, UnknownPath, UnknownRevision, UsageError
from track.flows import sides, view
from track.flows.candidates import ambiguous, of_name, of_path
from track.flows.named import Names, Versions, matching, no_match, partitions_of, schema_of
from track.flows.named_versions import asked_of, choose, version_path
from track.history import index
from track.model.names import artifact_pointer, display, is_named_pointer, name_of, typed
from track.model.pointer import POINTER_LIMIT, Pointer
from track.model.segments import edit
from track.model.span import Wanted
from track.project import Project


@dataclass(frozen=True, slots=True)
class Marked:
    """Labels and tags of one artifact, as they are or as they were left.

    `path` is the data's from the top, `pointer` its pointer's; `name` is that of a named artifact. `is_changed` says
    that the pointer was written (or would be).
    """

    path: bytes
    pointer: bytes
    name: str | None
    kind: str
    labels: Mapping[str, Any]
    tags: tuple[str, ...]
    is_changed: bool


Marks = tuple[Mapping[str, Any], tuple[str, ...]]
"""Labels, and tags."""


class Targets(NamedTuple):
    """Whose marks are meant: words for paths, folders and names; with partitions always names."""

    words: Sequence[str]
    partitions: Mapping[str, object] = {}
    time: str | date | None = None


def is_artifact(project: Project, word: str) -> bool:
    """Whether a word names an artifact of the working tree, or a folder with artifacts in it."""
    try:
        return bool(_chosen(project, sides.side_here(project), Targets([word])))
    except (UnknownPath, UnknownRevision, OutsideRepository, ForbiddenPath):
        return False
    except UsageError:
        return True  # it names several things, or something inside one: whoever uses it is told


def read_marks(project: Project, targets: Targets) -> tuple[Marked, ...]:
    """Labels and tags of the artifacts that are meant (no words: all there are), sorted by path; nothing is written.

    Raises:
        UnknownPath, UsageError: no artifact is called so, several things are, or a path is inside one.
        MalformedPointer, NewerFormat: a pointer breaks the rules of its format.
    """
    side = sides.side_here(project)
    if not targets.words and (targets.partitions or targets.time is not None):
        raise UsageError("partitions of what?", hint="name the artifact: NAME --partition key=value")
    chosen = _chosen(project, side, targets) if targets.words else side.pointers()
    return tuple(_marked(path, pointer, False) for path, pointer in sorted(chosen.items()))


def mark(
    project: Project, targets: Targets, change: Callable[[Pointer], Marks], *, stage: bool, dry_run: bool
) -> tuple[Marked, ...]:
    """Give the artifacts that are meant the labels and tags that `change` says; all of them, or none.

    The rest of each pointer stays byte for byte. Interrupted, some pointers are changed; the same call finishes.

    Raises:
        UnknownPath, UsageError: no artifact is called so, several things are, a path is inside one, or the marks
            cannot be.
        MalformedPointer, NewerFormat: a pointer breaks the rules of its format.
        Locked, GitFailed, DiskFull, StoreUnwritable: the pointers could not be written or staged.
    """
    with project.lock():
        side = sides.side_here(project)
        chosen = _chosen(project, side, targets)
        written: dict[bytes, bytes] = {}
        done = []
        for path, pointer in sorted(chosen.items()):
            labels, tags = change(pointer)
            before = side.contents[path]
            after = _edited(path, before, pointer, (labels, tags))
            if after != before:
                written[sides.pointer_of(path)] = after
            done.append(_marked(path, pointer, after != before, (labels, tuple(sorted(set(tags))))))
        if not dry_run:
            for pointer_path, content in written.items():
                own = is_named_pointer(pointer_path)
                with project.gate.parent(pointer_path, create=True, own=own) as (folder, name):  # it may be left out
                    publish.publish_bytes(name, content, dir_fd=folder)
            if stage:
                index.stage(project.git, sorted(sides.pointer_of(path) for path in chosen))
    return tuple(done)


def _edited(path: bytes, before: bytes, pointer: Pointer, marks: Marks) -> bytes:
    try:
        after = edit(before, pointer, labels=marks[0], tags=marks[1])
    except ValueError as error:
        raise UsageError(f"`{display(path)}` cannot have these labels: {display(str(error))}") from error
    if len(after) > POINTER_LIMIT:
        raise UsageError(
            f"the pointer of `{display(path)}` would be larger than {POINTER_LIMIT >> 20} MiB",
            hint="labels are for what a reviewer reads; put the rest into a file and track that",
        )
    return after


def _marked(path: bytes, pointer: Pointer, is_changed: bool, marks: Marks | None = None) -> Marked:
    labels, tags = marks or (pointer.labels, pointer.tags)
    return Marked(path, sides.pointer_of(path), name_of(path), pointer.kind, labels, tags, is_changed)


def _chosen(project: Project, side: sides.Side, targets: Targets) -> dict[bytes, Pointer]:
    """The artifacts that are meant: each path, all below a folder, the partitions of a name, or one version of it.

    Pointers that were not asked for are not parsed: a broken one elsewhere stands in nobody's way.
    """
    names = Names(side)
    found: dict[bytes, Pointer] = {}
    for word in targets.words:
        is_name = bool(names.found.get(word, Versions()).places)
        if targets.partitions or targets.time is not None:
            found |= _of_name(project, names, word, targets)
            continue
        try:
            by_path = _at_path(side, project.relative(word))
        except (UnknownPath, OutsideRepository):
            if "@" not in word and not is_name:
                raise
            found |= _of_version(project, side, names, word) if "@" in word else _of_name(project, names, word, targets)
            continue
        if is_name and any(not is_named_pointer(path) for path in by_path):
            raise ambiguous(word, [of_path("", word), of_name(word)])
        found |= _of_name(project, names, word, targets) if is_name else by_path
    return found


def _at_path(side: sides.Side, path: bytes) -> dict[bytes, Pointer]:
    """What a path names: an artifact, or all below a folder."""
    below = [artifact for artifact in side.contents if not path or artifact.startswith(path + b"/")]
    pointers = {artifact: side.pointer(artifact) for artifact in below}
    inside = {artifact: pointer for artifact, pointer in pointers.items() if pointer is not None}
    if inside and path not in side.contents:
        return inside
    located = view.locate(side, path)
    if located.inner:
        artifact = display(located.artifact)
        raise UsageError(
            f"`{display(path)}` lies in the artifact `{artifact}`; labels and tags belong to the whole of it",
            hint=f"name the artifact instead: {typed(located.artifact)}",
        )
    return {located.artifact: located.pointer}


def _of_name(project: Project, names: Names, word: str, targets: Targets) -> dict[bytes, Pointer]:
    """The versions that stand of a name with these partitions; without any, the one that has none."""
    wanted = partitions_of(word, schema_of(project, names, word), targets.partitions, targets.time)
    places = names.of(word).places
    if not wanted and artifact_pointer(word) not in places:  # which of its partitions is not guessed
        raise view.unknown(os.fsencode(word), names.side.contents)
    if not wanted:
        places = {artifact_pointer(word): {}}
    found = {path: names.side.pointer(path) for path in matching(places, Wanted(wanted))}
    pointers = {path: pointer for path, pointer in found.items() if pointer is not None}
    if not pointers:
        raise no_match(word, wanted, places.values(), names.side.name)
    return pointers


def _of_version(project: Project, side: sides.Side, names: Names, word: str) -> dict[bytes, Pointer]:
    """The pointers that stand for the version `NAME@VERSION`: that of its partition, and of aliases of it."""
    one = choose(project, asked_of(word))
    places = {version_path(one.path, one.pointer), *names.of(one.name).aliases.values()}
    found = {path: side.pointer(path) for path in places if path in side.contents}
    same = {
        path: pointer
        for path, pointer in found.items()
        if pointer is not None and (pointer.digest, pointer.partitions) == (one.pointer.digest, one.pointer.partitions)
    }
    if not same:
        raise UsageError(
            f"`{display(word)}` is in the history alone, and no pointer of the working tree has its labels",
            hint=f"give it a word of its own first: track alias {typed(word)} WORD",
        )
    return same
