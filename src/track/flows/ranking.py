"""Ranking: the versions that a history names, by when they were last what it says; and what of each is here."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from track.errors import MalformedManifest, TrackError
from track.flows.reach import children_of
from track.history.naming import Repository
from track.history.past import changes, named_at, standing_tips
from track.model.names import display, is_pointer_path
from track.model.pointer import parse_pointer
from track.store.footprint import Weights
from track.store.objects import Store

_LATEST = float("inf")
_NEVER_YOUNG = float("inf")
"""No reflog entry is young enough to count as a tip here."""


class Ranked(NamedTuple):
    """A version: its digest, whether it is a directory, a commit that names it, or `HEAD` for a tip, and as what."""

    digest: bytes
    is_directory: bool
    named_by: str
    pointer: bytes


def newest_first(users: Iterable[Repository]) -> list[Ranked]:
    """Every version of these histories: those at a tip, then those that were replaced last."""
    found: dict[bytes, tuple[float, Ranked]] = {}
    for user in users:
        for named in named_at(user, standing_tips(user, _NEVER_YOUNG)):
            _note(found, _LATEST, named.path, named.content, "HEAD")
        made = list(changes(user))
        contents = dict(user.git.blobs(sorted({oid for one in made for oid in (one.after, one.before) if oid})))
        for change in made:
            for oid in (change.after, change.before):
                if oid is not None:
                    _note(found, change.committed, change.path, contents[oid], change.commit)
    order = {digest: number for number, digest in enumerate(found)}  # of the same second, as Git tells them
    return sorted((one for _, one in found.values()), key=lambda one: (-found[one.digest][0], order[one.digest]))


def _note(found: dict[bytes, tuple[float, Ranked]], when_s: float, path: bytes, content: bytes, by: str) -> None:
    if not is_pointer_path(path):
        return
    with suppress(TrackError):  # whoever needs it will say why it cannot be read
        pointer = parse_pointer(content, display(path))
        if pointer.kind != "value":
            digest = bytes(pointer.digest)
            before = found.get(digest)
            if before is None or before[0] < when_s:
                found[digest] = (when_s, Ranked(digest, pointer.kind == "directory", by, path))


def below_here(
    store: Store, root: bytes, is_directory: bool | None, without: set[bytes], weights: Weights | None = None
) -> dict[bytes, int]:
    """The objects of a version that are in the store, with their bytes as stored; not those in `without`.

    Chunks that `weights` counted before do not count again.
    What lies below a node that is in `without`, or not here, is not looked at.
    """
    found: dict[bytes, int] = {}
    weights = weights or Weights(store)
    waiting = {root}
    while waiting:
        here = weights.sizes(waiting - without - found.keys())
        found |= here
        waiting = set()
        for nodes, files in _children(store, here) if is_directory is not False else ():
            waiting.update(nodes)
            found |= weights.sizes(set(files) - without - found.keys())
    return found


def _children(store: Store, nodes: Iterable[bytes]) -> Iterator[tuple[list[bytes], list[bytes]]]:
    asked = set(nodes)
    for digest in sorted(asked - store.are_large(asked)):
        with suppress(TrackError, MalformedManifest):
            yield children_of(store.read(digest))
