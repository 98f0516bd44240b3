"""Copies: which objects remotes verifiably hold, asked there and now; nothing is believed that a record says.

Who means to let go of the copy here says so at the remote first, as a push does, so that no collection takes the other
one meanwhile, and afterwards needs it there.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

from track.errors import TrackError
from track.flows.passed import Passed
from track.flows.ranking import below_here
from track.flows.remotes import Named, all_named, clone_id, connected, is_read_only
from track.model.digest import Digest
from track.progress import Progress, silent
from track.project import Project
from track.store.known import recorded
from track.store.needing import objects_needing
from track.store.record import Stale
from track.store.remote import Remote
from track.store.roots import RootsEntry
from track.store.tombstones import read_tombstones, together

Roots = Mapping[str, tuple[Digest, ...]]
"""Versions by what names them, as a roots entry has them."""


class Copies(NamedTuple):
    """What remotes hold of what was asked about: for each object how many, and which remotes could not be asked."""

    counts: Mapping[bytes, int]
    asked: tuple[str, ...]
    passed: tuple[Passed, ...]

    def held(self, least: int) -> set[bytes]:
        """The objects that at least so many remotes hold."""
        return {digest for digest, count in self.counts.items() if count >= least}


def count_copies(
    project: Project,
    objects: Collection[bytes],
    *,
    relying: Roots | None = None,
    without: Remote | None = None,
    quick: bool = False,
    progress: Progress = silent,
) -> Copies:
    """Ask every remote which of these objects it has: in its index, in files that are there in their size.

    What a collection has condemned there does not count, and a store that two remotes name counts once; that of the
    remote `without` does not. `relying` are versions that this clone will have only there. `quick`, a remote is asked
    only when its record says that it has some.
    """
    stores: dict[str, set[bytes]] = {}
    asked: list[str] = []
    passed: list[Passed] = []
    for named in all_named(project) if objects else ():
        if (quick and not _may_hold(project, named, objects)) or (without is not None and named.name == without.name):
            continue
        try:
            store_id, held = _held_at(project, named, objects, relying or {}, progress)
        except TrackError as error:
            passed.append(Passed(named.name, named.url, error.message, error.hint))
            continue
        if without is not None and store_id == without.store_id:
            continue
        asked.append(named.name)
        stores.setdefault(store_id, set()).update(held)
    counts = Counter(digest for held in stores.values() for digest in held)
    return Copies(counts, tuple(asked), tuple(passed))


def _may_hold(project: Project, named: Named, objects: Collection[bytes]) -> bool:
    with suppress(sqlite3.Error, Stale), recorded(project.state / "remotes" / f"{named.name}.db") as known:
        return bool(known.present(objects))
    return False


def _held_at(
    project: Project, named: Named, objects: Collection[bytes], relying: Roots, progress: Progress
) -> tuple[str, set[bytes]]:
    """The id of the store that a remote is, and which of the objects are there for this clone to rely on."""
    if is_read_only(project, named):
        relying = {}  # nothing can be said there: whoever collects it is asked by others
    with connected(project, named, sending=bool(relying)) as remote:
        patience_s = project.config.seconds("lock.timeout")
        there = held_there(remote, objects, relying, writer=clone_id(project), patience_s=patience_s, progress=progress)
    for root in there.unsaid:  # nobody says that all of it is there, so a collection may take what is
        there.held.difference_update(below_here(project.store, root, None, set()))
    return remote.store_id, there.held


class There(NamedTuple):
    """What one remote holds; and the versions of which it may not hold all, so that this clone did not say there that
    it needs them."""

    held: set[bytes]
    unsaid: tuple[Digest, ...]


def held_there(
    remote: Remote, objects: Collection[bytes], relying: Roots, *, writer: str, patience_s: float,
    progress: Progress = silent,
) -> There:  # fmt: skip
    """Ask one remote, of which the record was just brought up to date; claim the versions first, need them afterwards.

    Raises:
        Locked: a collection is deleting there for longer than `patience_s`.
        RemoteError: the remote does not answer.
    """
    wanted = {one for digests in relying.values() for one in digests}
    said = remote.complete(wanted, writer)
    new = {ref: tuple(one for one in digests if one not in said) for ref, digests in relying.items()}
    new = {ref: digests for ref, digests in new.items() if digests}
    if not new:
        shun_condemned(remote)
        return There(_held(remote, objects, progress), ())
    claim = remote.claim(writer, new, patience_s=patience_s)
    held = _held(remote, objects, progress)
    whole = remote.complete(wanted)
    needed = {ref: tuple(one for one in digests if one in whole) for ref, digests in new.items()}
    needed = {ref: digests for ref, digests in needed.items() if digests}
    claim.keep()
    if needed and not claim.has_lapsed:
        claim.complete(RootsEntry(writer, True, needed, remote.keep))
        return There(held, tuple(sorted(wanted - whole)))
    claim.withdraw()
    return There(held, tuple(sorted(one for digests in new.values() for one in digests)))


def _held(remote: Remote, objects: Collection[bytes], progress: Progress) -> set[bytes]:
    remote.verify(read_all=False, progress=progress)
    return set(objects) - remote.absent(objects)


def shun_condemned(remote: Remote) -> None:
    """Have what a collection is about to delete, or has deleted, count as absent."""
    condemned = together(read_tombstones(remote.place))
    doomed = objects_needing(remote.place, remote.known, condemned.packs)
    remote.known.shun(condemned._replace(objects=condemned.objects | doomed.keys()))
