"""What every version of the history needs, looked for here or at a remote; what versions share is read once."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeAlias

from track.errors import MissingObject
from track.flows.findings import Findings
from track.flows.hurt import Past, hurt_versions, past_versions
from track.flows.needed import descend
from track.model.names import display
from track.progress import Progress
from track.project import Project
from track.store.dropped import dropped_in
from track.store.holders import read_holders
from track.store.marks import Marks, Root
from track.store.nodes_there import read_there
from track.store.purge_notes import missing
from track.store.purged import purged_in
from track.store.remote import Remote
from track.store.tombstones import read_tombstones, together

_Nodes: TypeAlias = Iterator[tuple[bytes, bytes | None]]
_Absent: TypeAlias = Callable[[Collection[bytes]], Collection[bytes]]


def absent_of_history(project: Project, found: Findings, progress: Progress) -> set[bytes]:
    """What versions of the history need and the store does not have, but what was given up by a policy or purged.

    Of a directory without its manifest it is that.
    """
    rooms = project.store.rooms
    given_up = dropped_in(rooms)
    past = [one for one in _past(project, found) if bytes(one.pointer.digest) not in given_up]
    with Marks() as marks:
        _mark(marks, past)
        descend(project.store, marks, progress)
        return _absent_of(marks, project.store.absent) - purged_in(rooms).keys()


def look_in_history(
    project: Project, remote: Remote, found: Findings, *, but: Collection[bytes], reads: bool, progress: Progress
) -> None:  # fmt: skip
    """Has the remote everything below the versions of the history that it says it has whole?

    What is absent is noted, unless it was noted as lost already, and a repair sends it. What was removed
    for good, or given up by a policy of a clone, is not missed. Manifests that are not here are read there, without
    being kept, or, unless it `reads`, their versions are counted, `but` those that were looked at before.
    """
    place = remote.place
    said = remote.known.roots_in() - read_holders(place).dropped().keys()
    past = [one for one in _past(project, found) if bytes(one.pointer.digest) in said]
    purged = {*purged_in(project.store.rooms), *together(read_tombstones(place)).purged}
    with Marks() as marks:
        _mark(marks, past)
        descend(project.store, marks, progress, elsewhere=_reading(remote) if reads else None)
        absent = _absent_of(marks, remote.absent) - remote.known.lost() - purged - found.named
        unread = set() if reads else {one.root for one in marks.lost()}.difference(but)
    found.unread_count += len(unread)
    remote.known.note_bad((one, None) for one in absent)  # so that a repair sends it
    for one in hurt_versions(project, absent, _one_of(project, remote)):
        what = f"{display(remote.name)} says that it has this version whole, and lacks an object of it, {one.version}"
        found.named.add(one.digest)
        found.add("missing", one.path, what, one.digest, f"track repair --remote {display(remote.name)}")


def _past(project: Project, found: Findings) -> Iterator[Past]:
    """Every version of the history that is here; what is not is noted."""
    found.is_cut = project.git.run("rev-parse", "--is-shallow-repository").strip() == b"true"
    return past_versions(project, found.absent)


def _mark(marks: Marks, past: Iterable[Past]) -> None:
    marks.add_roots(
        Root(bytes(one.pointer.digest), one.pointer.kind == "directory", True, display(one.path)) for one in past
    )


def _absent_of(marks: Marks, absent: _Absent) -> set[bytes]:
    return {one for part in marks.every() for one in absent(part)}


def _reading(remote: Remote) -> Callable[[Iterable[bytes]], _Nodes]:
    """Reads nodes at a remote; what cannot be read was told as damaged already, and stops nothing."""

    def read(digests: Iterable[bytes]) -> _Nodes:
        every = sorted(digests)
        try:
            yield from list(read_there(remote.place, remote.known, every))
        except MissingObject:
            for digest in every:
                try:
                    yield from list(read_there(remote.place, remote.known, [digest]))
                except MissingObject:
                    yield digest, None

    return read


def _one_of(project: Project, remote: Remote) -> Callable[[bytes], bytes]:
    """Reads one node, here or there. It raises MissingObject where it is in neither."""
    nodes: dict[bytes, bytes] = {}

    def read(digest: bytes) -> bytes:
        if not project.store.absent([digest]):
            return project.store.read(digest)
        if digest not in nodes:
            for one, data in read_there(remote.place, remote.known, [digest]):
                if data is None:
                    raise missing(one, project.store.path)
                nodes[digest] = data
        return nodes[digest]

    return read
