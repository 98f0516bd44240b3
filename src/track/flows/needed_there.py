"""Needed there: what other clones said at a remote that they need, also where no history here names it."""

from collections.abc import Collection

from track.errors import HistoryIncomplete
from track.flows.needed import ReadNodes, descend
from track.progress import Progress, silent
from track.store.holders import read_holders
from track.store.marks import Marks, Root
from track.store.nodes_there import read_there
from track.store.objects import Store
from track.store.remote import Remote
from track.store.tombstones import read_tombstones, together


def mark_needed_there(
    remote: Remote, store: Store, marks: Marks, *, but: str, without: Collection[bytes],
    elsewhere: ReadNodes | None = None, progress: Progress = silent,
) -> None:  # fmt: skip
    """Mark what other clones than `but` need at a remote, apart from the versions in `without`.

    Manifests that are not here are read there, or with `elsewhere`.

    What was purged there is needed by nobody. The claims of pushes count, as far as what they name is there.

    Raises:
        HistoryIncomplete: what one of them needs cannot be read there, so that nobody knows what is in it.
        DamagedObject, NewerFormat: a tombstone cannot be read.
        RemoteError: the remote does not answer.
    """
    place = remote.place
    holders = read_holders(place)
    if holders.damaged:
        raise _unreadable(remote, holders.damaged[0], "track repair --remote NAME      mends what says what is needed")
    let_go = {*without, *together(read_tombstones(place)).purged}
    read = elsewhere or (lambda digests: read_there(place, remote.known, digests))
    remote.refresh()  # the index after the entries: what one names is in an index that is read later
    for entries, is_complete in ((holders.entries, True), (holders.claims, False)):
        named = {bytes(each): one.writer for one in entries if one.writer != but for each in one.entry.digests}
        named = {digest: writer for digest, writer in named.items() if digest not in let_go}
        marks.add_roots(Root(each, None, False, f"clone {writer[:8]}") for each, writer in sorted(named.items()))
        descend(store, marks, progress, elsewhere=read)
        if not is_complete:
            continue  # it may be on its way
        lost = {one.root for one in marks.lost()} & named.keys()
        lost |= store.absent(remote.absent(named))
        if lost:
            raise _unreadable(
                remote,
                f"what clone {named[min(lost)][:8]} needs",
                "track repair --remote NAME      brings it back; to leave them without it: track purge --shared",
            )


def _unreadable(remote: Remote, what: str, hint: str) -> HistoryIncomplete:
    return HistoryIncomplete(
        f"{what} at {remote.place.url} cannot be read, so nobody knows what is needed there",
        hint=hint.replace("NAME", remote.name),
    )
