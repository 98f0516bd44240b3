"""What versions need, looked for at a remote: an object that no index there names is seen by nobody who reads packs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject
from track.flows.findings import Findings
from track.flows.reach import UNBELIEVABLE, Version, objects_below
from track.model.digest import Digest
from track.model.manifest import walk
from track.model.names import display, typed
from track.model.pointer import Pointer
from track.project import Project
from track.store.nodes_there import read_there
from track.store.purge_notes import told
from track.store.purged import purged_in
from track.store.remote import Remote
from track.store.tombstones import Purge, read_tombstones, together


class _Absent(Exception):
    """A manifest is not here, and nothing is to be read at the remote."""


class _There(NamedTuple):
    """What is known of a remote: what it says that it has whole, what is lost there, what was purged."""

    remote: Remote
    said: frozenset[bytes]
    lost: frozenset[bytes]
    purged: Mapping[bytes, Purge]
    reads: bool


def look_below(
    project: Project, remote: Remote, here: Mapping[tuple[bytes, Digest], Pointer], found: Findings,
    *, reads: bool, others: Iterable[Version] = (),
) -> None:  # fmt: skip
    """Walk the manifests of the versions `here`, by path and digest: has the remote everything below them?

    Of what it says that it has whole, whatever is absent is noted, unless that was noted as lost already, and the next
    push or repair sends it; what was removed for good is told as that; versions that were never all there are counted.
    Of `others`, those that the remote says it has whole are walked, too. Manifests that are not here are
    read there, without being kept, or, unless it `reads`, counted.
    """
    purged = dict(purged_in(project.store.rooms)) | dict(together(read_tombstones(remote.place)).purged)
    lost = frozenset(remote.known.lost())
    there = _There(remote, frozenset(remote.known.roots_in()), lost, purged, reads)
    for (path, _), pointer in sorted(here.items(), key=lambda one: one[0]):
        if pointer.kind != "value":
            _walk(project, there, Version(path, pointer, ()), found)
    for version in others:
        is_new = (version.path, version.pointer.digest) not in here
        if is_new and version.pointer.kind != "value" and remote.complete([version.pointer.digest]):
            _walk(project, there, version, found)


def _walk(project: Project, there: _There, version: Version, found: Findings) -> None:
    remote = there.remote
    asked: list[bytes] = []

    def read_many(nodes: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
        asked[:] = map(bytes, nodes)
        absent = project.store.absent(nodes)
        if absent and not there.reads and there.purged.keys().isdisjoint(absent):
            raise _Absent
        yield from project.store.read_many([one for one in nodes if one not in absent])
        for digest, data in read_there(remote.place, remote.known, absent):
            if data is None:
                raise MissingObject(f"part of its manifest, {Digest(digest)}, is not at {display(remote.name)}")
            yield digest, data

    step = f"track repair --remote {display(remote.name)}"
    digest = bytes(version.pointer.digest)
    try:
        lacking = remote.absent(objects_below(version, read_many))
    except _Absent:
        found.unread_count += 1
        return
    except (MissingObject, DamagedObject, *UNBELIEVABLE) as error:
        if gone := [one for one in asked if one in there.purged]:
            _tell(version.path, gone[0], there.purged[gone[0]], "part of its manifest", found)
        elif digest in there.said and there.lost.isdisjoint(asked):
            found.add("damaged", version.path, error.message, digest, step)
        elif digest not in there.said:
            found.unpushed_count += 1
        return
    gone = sorted(one for one in lacking if one in there.purged)
    if gone:
        _tell_parts(project, version, gone, there.purged, found)
    rest = lacking - there.lost - set(gone)
    if rest and digest not in there.said:
        found.unpushed_count += 0 if gone else 1
        return
    remote.known.note_bad((one, None) for one in rest)  # so that a push, or a repair, sends it
    for one in sorted(rest):
        what = f"{display(remote.name)} says that it has this version whole, and lacks an object of it"
        found.add("missing", version.path, what, one, step)


def _tell_parts(
    project: Project, version: Version, gone: Sequence[bytes], purged: Mapping[bytes, Purge], found: Findings
) -> None:
    """Tell what of a version was removed for good, by the files where the manifest is here."""
    waiting = set(gone)
    if version.pointer.kind == "directory" and not project.store.absent([version.pointer.digest]):
        try:
            for entry in walk(project.store.read, version.pointer.digest):
                if bytes(entry.digest) in waiting and entry.mode != "d":
                    place = version.path + b"/" + entry.path
                    _tell(place, bytes(entry.digest), purged[bytes(entry.digest)], "its content", found)
                    waiting.discard(bytes(entry.digest))
        except (MissingObject, DamagedObject, *UNBELIEVABLE):
            pass
    for digest in sorted(waiting):
        what = "its content" if digest == bytes(version.pointer.digest) else "part of it"
        _tell(version.path, digest, purged[digest], what, found)


def _tell(place: bytes, digest: bytes, purge: Purge, what: str, found: Findings) -> None:
    found.named.add(digest)
    found.add("missing", place, f"{what} {told(purge)}", digest, f"track log -- {typed(place)}")
