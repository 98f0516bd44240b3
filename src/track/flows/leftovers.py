"""Leftovers: which artifacts, and which commits, left behind what nothing needs any more."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from track.errors import TrackError
from track.flows.reach import children_of
from track.history.naming import Gone, Repository, everything_gone
from track.model.names import data_path, display, is_named_pointer
from track.model.pointer import parse_pointer
from track.store.marks import Marks

Read = Callable[[bytes], bytes]
"""Gives the bytes of a manifest node, verified. Raises TrackError."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an artifact, or nothing that is known, left behind: `path` is empty for the latter.

    `commit`, its time (seconds since 1970) and `subject` are of the last commit that named it; Git still has it,
    though no branch, tag or reflog reaches it; or something does, `is_reached`, and the policy does not keep it.
    """

    path: bytes
    versions_count: int
    objects_count: int
    object_bytes: int
    commit: str
    committed: int
    subject: str
    is_reached: bool = False


def explain(marks: Marks, users: Iterable[Repository], read: Read, passed: Iterable[Gone] = ()) -> tuple[Source, ...]:
    """What left behind what is noted as dead: by artifact, the largest first; what no commit explains comes last.

    `passed` are versions of the history that a policy passes over.
    """
    by_path: dict[bytes, Source] = {}
    gone = [*passed, *(one for user in users for one in everything_gone(user))]
    for one in sorted(gone, key=lambda one: -one.committed):
        count, size = _left_by(marks, one, read)
        if count:
            path = one.path if is_named_pointer(one.path) else data_path(one.path)
            before = by_path.get(path) or Source(path, 0, 0, 0, one.commit, one.committed, one.subject, one.is_reached)
            by_path[path] = Source(
                path, before.versions_count + 1, before.objects_count + count, before.object_bytes + size,
                before.commit, before.committed, before.subject, before.is_reached,
            )  # fmt: skip
    sources = sorted(by_path.values(), key=lambda source: (-source.object_bytes, source.path))
    count, size = marks.unexplained()
    return (*sources, Source(b"", 0, count, size, "", 0, "")) if count else tuple(sources)


def _left_by(marks: Marks, gone: Gone, read: Read) -> tuple[int, int]:
    """How many dead objects a pointer named that no newer one did, and their bytes."""
    try:
        pointer = parse_pointer(gone.content, display(gone.path))
    except TrackError:
        return 0, 0
    waiting = {bytes(pointer.digest)}
    count = size = 0
    while waiting:
        explained = marks.explain(waiting)
        count, size = count + len(explained), size + sum(explained.values())
        waiting = set()
        for node in sorted(explained) if pointer.kind == "directory" else ():
            with suppress(TrackError):
                nodes, files = children_of(read(node))
                waiting.update(nodes)
                below = marks.explain(files)
                count, size = count + len(below), size + sum(below.values())
    return count, size
