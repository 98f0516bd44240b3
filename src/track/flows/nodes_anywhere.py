"""Nodes anywhere: manifest nodes are read here, and what is not sound here at whichever remote has it sound."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from track.errors import DamagedObject, MissingObject, RemoteError, TrackError
from track.store.nodes_there import try_there
from track.store.objects import Store
from track.store.remote import Remote


def read_here(store: Store, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
    """(digest, bytes) of each; None for what turns out to be damaged or gone."""
    waiting = set(digests)
    try:
        for digest, data in store.read_many(digests):
            waiting.discard(digest)
            yield digest, data
    except (DamagedObject, MissingObject):
        for digest in sorted(waiting):
            try:
                yield digest, store.read(digest)
            except TrackError:
                yield digest, None


def read_at_any(there: Iterable[Remote], digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
    """(digest, bytes) of each, from whichever remote gives it; None for what is at none. One that fails is passed over.

    Raises:
        MissingObject: one is at a remote, and none gives it: nobody knows what is below it.
    """
    for digest, data in _try_at_any(there, digests):
        if isinstance(data, MissingObject):
            raise data
        yield digest, data


def read_as_far_as_possible(there: Iterable[Remote], digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
    """The same, with None also for what no remote gives though it is there: of such a version nobody knows more."""
    for digest, data in _try_at_any(there, digests):
        yield digest, None if isinstance(data, MissingObject) else data


def _try_at_any(
    there: Iterable[Remote], digests: Iterable[bytes]
) -> Iterator[tuple[bytes, bytes | MissingObject | None]]:
    waiting = set(digests)
    unreadable: dict[bytes, MissingObject] = {}
    for remote in there:
        with suppress(RemoteError):
            for digest, data in try_there(remote.place, remote.known, sorted(waiting)):
                if isinstance(data, MissingObject):
                    unreadable.setdefault(digest, data)
                elif data is not None:
                    waiting.discard(digest)
                    yield digest, data
        if not waiting:
            return
    yield from ((digest, unreadable.get(digest)) for digest in sorted(waiting))
