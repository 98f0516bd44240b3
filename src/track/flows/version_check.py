"""Versions against the store: does it have every object that pointers name, and is it what its digest says?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from track.errors import DamagedObject, MalformedManifest, MalformedPointer, MissingObject
from track.flows.findings import Findings
from track.flows.reach import known_at_remotes
from track.flows.shallow import is_away
from track.flows.totals import refuse_other_totals
from track.model.manifest import Entry, walk
from track.model.names import is_named_pointer, pointer_path, typed
from track.model.pointer import Pointer
from track.project import Project
from track.store.purge_notes import told
from track.store.purged import purged_in
from track.store.tombstones import Purge

_AT_ONCE = 4096


class _Elsewhere(NamedTuple):
    """What is known of objects that are not here: removed for good, or all of the version at a remote, or that nobody
    here ever asked for it; else `step`.
    """

    purged: Mapping[bytes, Purge]
    is_at_remote: bool
    is_away: bool
    step: str


def check_version(project: Project, path: bytes, pointer: Pointer, found: Findings, *, reads: bool) -> None:
    """The store must have every object of a version; with `reads` they are read, otherwise they were.

    The rows of data of which something is lost are forgotten, so that adding it again stores all of it. What was
    removed for good is told as that, whatever a remote said of the version before.
    """
    if pointer.kind == "value":
        return
    is_at_remote = bool(known_at_remotes(project, [pointer.digest]))
    is_in_place = (path, pointer.digest) in found.in_place
    step = f"track add {typed(path)}" if is_in_place else f"track fetch -- {typed(path)}"
    elsewhere = _Elsewhere(purged_in(project.store.rooms), is_at_remote, is_away(project, path), step)
    before = len(found.problems)
    asked = [bytes(pointer.digest)]

    def read(digest: bytes) -> bytes:
        asked[0] = digest
        return project.store.read(digest)

    if pointer.kind == "file":
        entries: Iterator[Entry] = iter([Entry(b"", "f", pointer.size or 0, pointer.digest)])
    else:
        entries = walk(read, pointer.digest)
    try:
        refuse_other_totals(project, path, pointer)
        while batch := [entry for _, entry in zip(range(_AT_ONCE), entries, strict=False)]:
            wanted = [entry for entry in batch if entry.mode != "d"]
            found.files_count += len(wanted)
            if reads:
                read_all(project, wanted, found)
            lost = project.store.absent(entry.digest for entry in wanted)
            for entry in wanted:
                if entry.digest in lost:
                    place = path + b"/" + entry.path if entry.path else path
                    _note_lost(place, entry.digest, found, elsewhere)
    except MissingObject:
        node = asked[0] if asked[0] in elsewhere.purged else pointer.digest
        _note_lost(path, node, found, elsewhere, what="part of its manifest")
    except (MalformedManifest, DamagedObject) as error:
        found.add("damaged", path, error.message, pointer.digest, step)
    except MalformedPointer as error:
        name = path if is_named_pointer(path) else pointer_path(path)
        found.add("damaged", name, error.message, pointer.digest, f"git log -p -- {typed(name)}")
    if len(found.problems) > before:
        project.stat_cache.forget(path)


def _note_lost(
    place: bytes, digest: bytes, found: Findings, elsewhere: _Elsewhere, *, what: str = "its content"
) -> None:
    found.named.add(digest)
    step = elsewhere.step
    if digest in found.bad:
        found.add("damaged", place, f"{what} is damaged in the store", digest, step)
    elif (purge := elsewhere.purged.get(digest)) is not None:
        found.add("missing", place, f"{what} {told(purge)}", digest, f"track log -- {typed(place)}")
    elif elsewhere.is_at_remote:
        found.fetchable.add(digest)
    elif elsewhere.is_away:
        found.unasked.add(digest)
    else:
        found.add("missing", place, f"{what} is not in the store, nor known to be at a remote", digest, step)


def read_all(project: Project, entries: Sequence[Entry], found: Findings) -> None:
    """Read every object that the store has; what is damaged is noted, and no longer there afterwards."""
    store = project.store
    waiting = {entry.digest for entry in entries} - store.absent({entry.digest for entry in entries})
    large = store.are_large(waiting)
    for digest in sorted(waiting):
        if digest not in large:
            continue
        waiting.discard(digest)
        with _noting(found, digest):
            found.read_bytes += store.check(digest)
            found.objects_count += 1
    try:
        for digest, content in store.read_many(sorted(waiting)):
            waiting.discard(digest)
            found.read_bytes += len(content)
            found.objects_count += 1
    except (DamagedObject, MissingObject):
        for digest in sorted(waiting):
            with _noting(found, digest):
                found.read_bytes += len(store.read(digest))
                found.objects_count += 1


@contextmanager
def _noting(found: Findings, digest: bytes) -> Iterator[None]:
    """Note an object that the store just had as bad when it cannot be read in the block."""
    try:
        yield
    except (DamagedObject, MissingObject) as error:
        found.bad[digest] = error.message
