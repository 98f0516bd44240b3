"""Hurt: which version of an artifact, of whatever commit, needs bytes that are damaged or lost.

History is looked through only when something is wrong, the newest commit first, and no further than until everything
has a name. Manifest nodes that versions share are read once.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from track.errors import TrackError
from track.flows.findings import Findings
from track.flows.reach import children_of, known_at_remotes
from track.history import log
from track.history.present import present_blobs
from track.model.manifest import walk
from track.model.names import data_path, display, is_named_pointer
from track.model.node import LEVEL_LIMIT
from track.model.pointer import Pointer, parse_pointer
from track.project import Project
from track.store.lost import note_lost, read_lost
from track.store.purged import purged_in


class Past(NamedTuple):
    """A version of the history, and the newest commit that brought it; `path` is the data's, or its name's pointer."""

    path: bytes
    pointer: Pointer
    commit: str


class Hurt(NamedTuple):
    """A file that needs what is lost, in a version that a commit brought. `path` is the artifact's, or goes inside it.

    With `is_manifest` it is a part of the artifact's manifest.
    """

    path: bytes
    pointer: Pointer
    digest: bytes
    commit: str
    is_manifest: bool = False

    @property
    def version(self) -> str:
        """The version in words, to stand behind what is wrong with it."""
        return f"in the version of commit {self.commit[:8]}"

    @property
    def line(self) -> str:
        """One line for a list of what was lost."""
        return f"{display(self.path)} {self.version}  (object {self.digest.hex()[:8]})"


def hurt_versions(
    project: Project, digests: Collection[bytes], read: Callable[[bytes], bytes] | None = None
) -> tuple[Hurt, ...]:
    """The files that need some of these objects, each object by the newest version that has it; sorted by path.

    What no pointer in the history of any ref needs is left out. `read` gives a manifest node; without, the store does.
    """
    read = read or project.store.read
    found = [one for past, hit in having(project, digests, read) for one in _files(read, past, hit)]
    return tuple(sorted(found, key=lambda one: (one.path, one.digest)))


def having(
    project: Project, digests: Collection[bytes], read: Callable[[bytes], bytes] | None = None
) -> Iterator[tuple[Past, Collection[bytes]]]:
    """The versions that have some of these objects, with those that no newer one has; the newest first."""
    left = set(digests)
    below = _Below(read or project.store.read, frozenset(left))
    for past in past_versions(project) if left else ():
        if hit := below.of(past.pointer) & left:
            yield past, hit
            left -= hit
            if not left:
                return


def past_versions(project: Project, absent: set[str] | None = None) -> Iterator[Past]:
    """Every version that commits of any ref brought, with the newest of these; the newest first, values left out.

    `absent` takes the ids of pointers that a partial clone lacks.
    """
    events = [one for one in log.history(project.git, None, every_side=True) if one.blob is not None]
    contents = present_blobs(project.git, (one.blob for one in events if one.blob is not None))
    if absent is not None:
        absent.update(one.blob for one in events if one.blob is not None and one.blob not in contents)
    seen: set[tuple[bytes, bytes]] = set()
    for event in events:
        name = event.path
        with suppress(TrackError):  # what is no pointer of ours, or cannot be read, needs nothing that is known
            pointer = parse_pointer(contents.get(event.blob or "", b""), name)
            path = name if is_named_pointer(name) else data_path(name)
            if pointer.kind != "value" and (path, bytes(pointer.digest)) not in seen:
                seen.add((path, bytes(pointer.digest)))
                yield Past(path, pointer, event.commit.oid)


class _Below:
    """Which of the objects that are looked for lie below a version; what was read of manifests is remembered."""

    def __init__(self, read: Callable[[bytes], bytes], digests: frozenset[bytes]) -> None:
        self._read, self._digests = read, digests
        self._known: dict[bytes, frozenset[bytes]] = {}

    def of(self, pointer: Pointer) -> frozenset[bytes]:
        root = bytes(pointer.digest)
        return self._below(root) if pointer.kind == "directory" else self._digests & {root}

    def _below(self, node: bytes, under: int = LEVEL_LIMIT + 1) -> frozenset[bytes]:
        """What a node has; only nodes of a level less than that of the one above it are looked into."""
        if (found := self._known.get(node)) is None:
            hit = self._digests & {node}
            with suppress(TrackError):  # a node that is lost, too, or none that may stand there
                data = self._read(node)
                nodes, contents = children_of(data)
                if (level := _level(data)) < under:
                    below = partial(self._below, under=level)
                    hit = hit.union(self._digests.intersection(contents), *map(below, nodes))
            found = self._known[node] = hit
        return found


def _level(node: bytes) -> int:
    """What the first line of a node says, whose children were read."""
    return int(node[: node.index(b"\n")].rpartition(b" ")[2])


def _files(read: Callable[[bytes], bytes], past: Past, hit: Collection[bytes]) -> Iterator[Hurt]:
    """The files of a version that need these; its manifest for those that are no content of a file."""
    path, pointer, commit = past
    told: set[bytes] = set()
    if pointer.kind == "file":
        yield Hurt(path, pointer, bytes(pointer.digest), commit)
        return
    with suppress(TrackError):
        for entry in walk(read, pointer.digest):
            if entry.digest in hit:
                told.add(bytes(entry.digest))
                yield Hurt(path + b"/" + entry.path, pointer, bytes(entry.digest), commit)
    for digest in sorted(set(hit) - told):
        yield Hurt(path, pointer, digest, commit, is_manifest=True)


def lost_before(project: Project) -> set[bytes]:
    """What the store is known to have lost: what was put aside, and what was in packs that are gone.

    Asked before the store is looked through, which forgets those packs.
    """
    store = project.store
    return read_lost(store.rooms) | (store.index.vanished() if store.keeps_index else set())


def note_hurt(project: Project, lost: Collection[bytes], found: Findings, never: Collection[bytes] = ()) -> None:
    """Name what is damaged, and what of `lost` is not here, by older versions, where no version looked at needs it.

    So is what is not here and `never` was, as far as is known; a repair does not look for that.
    """
    store = project.store
    gone = {*lost, *store.index.cut, *store.index.broken()} - found.bad.keys() - purged_in(store.rooms).keys()
    gone = store.absent(gone - found.named - found.fetchable - found.unasked)
    besides = set(never) - gone - found.named - found.fetchable - found.unasked
    hurt = hurt_versions(project, (found.bad.keys() - found.named) | gone | besides)
    at_remotes = known_at_remotes(project, {one.pointer.digest for one in hurt})
    for one in hurt:
        what = "part of its manifest" if one.is_manifest else "its content"
        found.named.add(one.digest)
        if one.digest in found.bad:
            what = f"{what} is damaged in the store, {one.version}"
            found.add("damaged", one.path, what, one.digest, "track repair")
        elif one.pointer.digest in at_remotes:
            found.fetchable.add(one.digest)
            found.old.add(one.digest)
        elif one.digest in besides and project.config.is_on("checkout.shallow"):
            found.unasked.add(one.digest)
        else:
            what = f"{what} is not in the store, nor known to be at a remote, {one.version}"
            found.add("missing", one.path, what, one.digest, "track repair")
    note_lost(store.rooms, gone)  # a repair looks for what versions need of it, as soon as it has their manifests
