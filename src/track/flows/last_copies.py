"""Last copies: what a keep policy gives up at a remote stays there while too few other places hold it.

Other places are the other remotes, which are asked now, and the local store. A version stays whole or goes whole: what
a remote calls complete is that. A collection asks twice, a day apart, and what another one condemned counts as absent,
so that two of them never count on each other.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from track.errors import TrackError
from track.flows.copies import count_copies
from track.flows.needed import ReadNodes, descend
from track.flows.passed import Passed
from track.history.naming import Gone
from track.model.names import display
from track.model.pointer import parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.marks import Marks, Root, Waiting
from track.store.objects import Store
from track.store.remote import Remote


class LastCopies(NamedTuple):
    """How many versions stay for want of other copies, and which remotes could not be asked for them."""

    versions_count: int = 0
    passed: tuple[Passed, ...] = ()


def keep_last_copies_there(
    project: Project, remote: Remote, marks: Marks, given_up: Iterable[Gone], least: int,
    *, read: ReadNodes, progress: Progress = silent,
) -> LastCopies:  # fmt: skip
    """Mark those of the `given_up` versions of which fewer than `least` other places hold something that is there.

    `read` gives manifests that are not here. What is below a manifest that is nowhere is not looked at.
    """
    passed: list[Passed] = []

    def count(objects: set[bytes]) -> Mapping[bytes, int]:
        copies = count_copies(project, objects, without=remote, progress=progress)
        passed.extend(copies.passed)
        return copies.counts

    roots = _roots(given_up, marks) if least else {}
    staying = hold_back(project.store, remote, marks, roots, least, count=count, read=read)
    return LastCopies(len(staying), tuple(passed))


def hold_back(
    store: Store, remote: Remote, marks: Marks, roots: Mapping[bytes, bool], least: int,
    *, count: Callable[[set[bytes]], Mapping[bytes, int]], read: ReadNodes,
) -> frozenset[bytes]:  # fmt: skip
    """Mark all of those of the roots (by digest, whether each is a directory) that are to stay there; which they are.

    `count` says of objects how many other remotes have each.
    """
    if not roots:
        return frozenset()
    objects = _below(store, roots, read)
    objects -= remote.absent(objects)
    counts, absent_here = count(objects), store.absent(objects)
    lacking = {one for one in objects if counts.get(one, 0) + (one not in absent_here) < least}
    staying = reaching(store, roots, read, lacking) if lacking else frozenset()
    if staying:
        marks.keep(_below(store, {root: roots[root] for root in staying}, read))
    return staying


def _roots(given_up: Iterable[Gone], marks: Marks) -> dict[bytes, bool]:
    """The versions by digest, with whether each is a directory; apart from what is needed anyway."""
    found: dict[bytes, bool] = {}
    for one in given_up:
        with suppress(TrackError):
            pointer = parse_pointer(one.content, display(one.path))
            if pointer.kind != "value":
                found[bytes(pointer.digest)] = pointer.kind == "directory"
    needed = marks.kept(sorted(found))
    return {digest: is_directory for digest, is_directory in found.items() if digest not in needed}


def _below(store: Store, roots: Mapping[bytes, bool | None], read: ReadNodes) -> set[bytes]:
    with Marks() as found:
        _descend(store, found, roots, read)
        return {digest for part in found.every() for digest in part}


def _descend(store: Store, found: Marks, roots: Mapping[bytes, bool | None], read: ReadNodes) -> None:
    found.add_roots(Root(digest, is_directory, False, "") for digest, is_directory in roots.items())
    descend(store, found, elsewhere=read)


class _Traced(Marks):
    """Marks that note which nodes name each node, and which ones name something of `wanted`."""

    def __init__(self, wanted: set[bytes]) -> None:
        super().__init__()
        self._wanted = wanted
        self.naming: set[bytes] = set()
        self.above: dict[bytes, set[bytes]] = {}

    def settle(
        self, node: Waiting, nodes: Iterable[bytes], files: Iterable[bytes], *, is_certain: bool = False
    ) -> None:
        nodes, files = list(nodes), list(files)
        for each in nodes:
            self.above.setdefault(each, set()).add(node.digest)
        if not self._wanted.isdisjoint((node.digest, *nodes, *files)):
            self.naming.add(node.digest)
        super().settle(node, nodes, files, is_certain=is_certain)


def reaching(
    store: Store, roots: Mapping[bytes, bool] | Mapping[bytes, None], read: ReadNodes, wanted: Collection[bytes]
) -> frozenset[bytes]:
    """Those of the roots that are, or have below them, something that is wanted."""
    with _Traced(set(wanted)) as traced:
        _descend(store, traced, roots, read)
        found, waiting = set(wanted), traced.naming
        while waiting:
            found |= waiting
            waiting = {node for each in waiting for node in traced.above.get(each, ())} - found
    return frozenset(roots.keys() & found)
