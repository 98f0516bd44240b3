"""Marking: labels and tags of artifacts, read and changed in their pointers; no byte of data is looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from track import publish
from track.errors import TrackError, UsageError
from track.flows import sides, view
from track.history import gitrepo
from track.model.names import display, is_named_pointer, typed
from track.model.pointer import POINTER_LIMIT, Pointer
from track.model.segments import edit
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


def is_artifact(project: Project, word: str) -> bool:
    """Whether a word names an artifact of the working tree, or a folder with artifacts in it."""
    try:
        return bool(_chosen(sides.side_here(project), [project.relative(word)]))
    except TrackError:
        return False


def read_marks(project: Project, paths: Sequence[str]) -> tuple[Marked, ...]:
    """Labels and tags of the artifacts at `paths` (none: all there are), sorted by path; nothing is written.

    Raises:
        UnknownPath, UsageError: no artifact is there, or a path is inside one.
        MalformedPointer, NewerFormat: a pointer breaks the rules of its format.
    """
    side = sides.side_here(project)
    chosen = _chosen(side, [project.relative(path) for path in paths]) if paths else side.pointers()
    return tuple(_marked(path, pointer, False) for path, pointer in sorted(chosen.items()))


def mark(
    project: Project, paths: Sequence[str], change: Callable[[Pointer], Marks], *, stage: bool, dry_run: bool
) -> tuple[Marked, ...]:
    """Give the artifacts at `paths` the labels and tags that `change` says; all of them, or none.

    The rest of each pointer stays byte for byte. Interrupted, some pointers are changed; the same call finishes.

    Raises:
        UnknownPath, UsageError: no artifact is there, a path is inside one, or the marks cannot be.
        MalformedPointer, NewerFormat: a pointer breaks the rules of its format.
        Locked, GitFailed, DiskFull, StoreUnwritable: the pointers could not be written or staged.
    """
    with project.lock():
        side = sides.side_here(project)
        chosen = _chosen(side, [project.relative(path) for path in paths])
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
                with project.gate.parent(pointer_path, own=is_named_pointer(pointer_path)) as (folder, name):
                    publish.publish_bytes(name, content, dir_fd=folder)
            if stage:
                gitrepo.stage(project.git, sorted(sides.pointer_of(path) for path in chosen))
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
    return Marked(path, sides.pointer_of(path), view.name_of(path), pointer.kind, labels, tags, is_changed)


def _chosen(side: sides.Side, paths: Sequence[bytes]) -> dict[bytes, Pointer]:
    """The artifacts that paths name: each one, or all below a folder.

    Pointers that were not asked for are not parsed: a broken one elsewhere stands in nobody's way.
    """
    found: dict[bytes, Pointer] = {}
    for path in paths:
        below = [artifact for artifact in side.contents if not path or artifact.startswith(path + b"/")]
        pointers = {artifact: side.pointer(artifact) for artifact in below}
        inside = {artifact: pointer for artifact, pointer in pointers.items() if pointer is not None}
        if inside and path not in side.contents:
            found |= inside
            continue
        located = view.locate(side, path)
        if located.inner:
            artifact = display(located.artifact)
            raise UsageError(
                f"`{display(path)}` lies in the artifact `{artifact}`; labels and tags belong to the whole of it",
                hint=f"name the artifact instead: {typed(located.artifact)}",
            )
        found[located.artifact] = located.pointer
    return found
