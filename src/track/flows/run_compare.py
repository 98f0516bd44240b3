"""Comparing outputs: what a run made, beside what its command made again."""

import os
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject
from track.flows.view import reader
from track.formats.equivalence import meaning
from track.formats.media import type_of
from track.model import manifest
from track.model.digest import Digest
from track.model.names import display
from track.project import Project

LARGEST = 1 << 30
"""Contents of more bytes are compared by their digests alone."""
_NAMED = 3


class Verdict(NamedTuple):
    """What became of an output: `same` bytes, `equivalent` by its format, `different`, or `missing`; and why we say so.

    `recorded` is the digest that the run made, `now` the one of this time.
    """

    path: bytes
    kind: str
    recorded: Digest
    now: Digest | None
    why: str

    @property
    def is_good(self) -> bool:
        """Whether the output came again."""
        return self.kind in ("same", "equivalent")


class Side(NamedTuple):
    """A content: kind (file or directory), digest and size in bytes."""

    kind: str
    digest: Digest
    size: int


def verdict(project: Project, path: bytes, recorded: Side, now: Side) -> Verdict:
    """Compare two contents of an output; both are in the store, or it is said that they are not."""
    if (recorded.kind, recorded.digest) == (now.kind, now.digest):
        return Verdict(path, "same", recorded.digest, now.digest, "the same bytes")
    if recorded.kind != now.kind:
        why = f"it was a {recorded.kind}, and is a {now.kind}"
        return Verdict(path, "different", recorded.digest, now.digest, why)
    try:
        if recorded.kind == "directory":
            kind, why = _directories(project, recorded.digest, now.digest)
        else:
            kind, why = _files(project, path, recorded, now)
    except (MissingObject, DamagedObject):
        kind, why = "different", "other bytes; what the run made is not here to look closer: --fetch"
    return Verdict(path, kind, recorded.digest, now.digest, why)


def _files(project: Project, path: bytes, recorded: Side, now: Side) -> tuple[str, str]:
    if max(recorded.size, now.size) > LARGEST:
        return "different", "other bytes"
    found = meaning(_content(project, recorded.digest), _content(project, now.digest), type_of(path))
    return ("equivalent", found) if found is not None else ("different", "other bytes")


def _content(project: Project, digest: bytes) -> bytes:
    if project.store.whole(digest) is None:
        return project.store.read(digest)
    with open(project.store.open_verified(digest), "rb") as file:
        return file.read(os.fstat(file.fileno()).st_size)


def _directories(project: Project, recorded: Digest, now: Digest) -> tuple[str, str]:
    """Equivalent when the same files are there, and each that differs is equivalent."""
    differing = []
    equivalent = 0
    for before, after in manifest.compare(reader(project), recorded, now):
        entry = after or before
        if before is None or after is None or before.mode != after.mode:
            differing.append(entry.path if entry is not None else b"")
            continue
        sides = [Side("file", Digest(each.digest), each.size) for each in (before, after)]
        if before.mode != "l" and _files(project, after.path, *sides)[0] == "equivalent":
            equivalent += 1
        else:
            differing.append(after.path)
    if not differing:
        return "equivalent", f"{equivalent:,} of its files have other bytes and mean the same"
    names = ", ".join(display(path) for path in differing[:_NAMED])
    more = f" and {len(differing) - _NAMED:,} more" if len(differing) > _NAMED else ""
    return "different", f"other files: {names}{more}"
