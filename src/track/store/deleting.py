"""Deleting: the second phase of a collection at a remote, a day after the first at the earliest.

A mark says that it is going on. Whoever claims and sees it takes the claim back and waits for its end, so that claims
that are there were made before it; their end is waited for. Then what is needed is looked at again, the index is
written without the rest, and only then files go.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import Locked, RemoteError
from track.model.names import display
from track.progress import Progress, silent
from track.store.claim import LIFE_S
from track.store.clock import pause, since_boot, try_deleting
from track.store.holders import Holders, Holding, read_holders
from track.store.known import Known
from track.store.layout import OBJECTS, PACKS, object_key, pack_key
from track.store.marks import Marks
from track.store.place import Listed, Place
from track.store.reindex import drop_from_index
from track.store.remote import LEASE_S, POLL_S
from track.store.sparing import needed_among
from track.store.survey import GRACE_S, in_threads, survey
from track.store.tombstones import Found, Tombstone, dump_tombstone, read_tombstones, write_tombstone

_AT_ONCE = 64


class Deleted(NamedTuple):
    """What went for good: files, and their bytes; and how many condemned files are needed again."""

    files_count: int
    file_bytes: int
    spared_count: int


class Mark:
    """The mark of a collection that is deleting; made for a `with` block, and taken away at its end."""

    def __init__(self, place: Place, writer: str) -> None:
        """Write it, unless another collection is deleting.

        Raises:
            Locked: another one is.
            RemoteError: we may not delete there: the mark would stay, and no push could go on.
        """
        try_deleting(place)
        self._place, self._tombstone = place, Tombstone("deleting", writer)
        before = _marks_at(place)
        for one in before:
            if one.tombstone.writer == writer:  # this clone's own, which was killed: it has the lock now
                place.delete(one.key)
        found = read_tombstones(place)
        self._written_s = since_boot()  # before: it may take long until it is there
        self.key = write_tombstone(place, self._tombstone, found)
        try:
            self._refuse_others()
        except BaseException:
            self.take_away()
            raise

    def __enter__(self) -> "Mark":
        """The mark itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self.take_away()

    def take_away(self) -> None:
        """Nothing is being deleted any more."""
        self._place.delete(self.key)

    def _refuse_others(self) -> None:
        found = _marks_at(self._place)
        own = next((one for one in found if one.key == self.key), None)
        if own is None:
            raise Locked(f"{self._place.url} does not list what was written a moment ago", hint="try again")
        self.modified_s = own.modified_s
        if any(one.key != self.key and one.modified_s > own.modified_s - LEASE_S for one in found):
            raise Locked(
                f"another collection is deleting at {self._place.url}",
                hint="run the same command again when it is done",
            )

    def keep(self) -> None:
        """Say again that it is going on, when that is due; call it right before anything is written or deleted.

        Raises:
            Locked: it was silent for so long, as on a machine that slept, that others may not believe it any more.
        """
        self._refuse_silence()
        if (now := since_boot()) - self._written_s > LEASE_S / 8:
            self._place.put(self.key, dump_tombstone(self._tombstone))
            self._refuse_silence()
            self._written_s = now

    def _refuse_silence(self) -> None:
        if since_boot() - self._written_s > LEASE_S / 2:
            raise Locked(
                f"this collection at {self._place.url} stood still for too long", hint="run the same command again"
            )


def _marks_at(place: Place) -> list[Found]:
    return [one for one in read_tombstones(place) if one.tombstone.kind == "deleting"]


def due(found: Iterable[Found], now_s: float, kind: str = "condemned") -> list[Found]:
    """The tombstones of a kind whose day is over, at a time of the remote's clock."""
    return [one for one in found if one.tombstone.kind == kind and one.modified_s <= now_s - GRACE_S]


def settle_claims(
    place: Place, mark: Mark, writer: str, is_whole: Callable[[Holding], bool], patience_s: float, *, remote: str
) -> Holders:
    """Wait until no push is under way, for whoever comes sees the mark; what everybody needs then.

    One of which all that it claims is there by now, `is_whole`, is not waited for, nor one that was killed a week ago:
    whoever is alive says it again long before. `remote` is what people call it here, for the message.

    Raises:
        Locked: one is still under way after `patience_s`.
    """
    deadline = since_boot() + patience_s
    while True:
        holders = read_holders(place)
        open_claims = [
            one
            for one in holders.claims
            if one.writer != writer and one.modified_s > mark.modified_s - LIFE_S and not is_whole(one)
        ]
        if not open_claims:
            return holders
        if since_boot() > deadline:
            raise _blocked(open_claims, mark, place.url, remote)
        mark.keep()
        pause(POLL_S)


def _blocked(claims: Sequence[Holding], mark: Mark, url: str, remote: str) -> Locked:
    """The error that says whose pushes are in the way, since when, for how long still, and how to end that."""
    lines = []
    for one in claims:
        age_s = max(0.0, mark.modified_s - one.modified_s)
        ends = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(one.modified_s + LIFE_S))
        count = len(one.entry.digests)
        lines.append(
            f"clone {one.writer[:8]} claimed {count:,} version{'s' if count != 1 else ''} {_ago(age_s)}; "
            f"if it was killed, this counts until {ends} ({one.key})"
        )
    first = claims[0].writer[:8]
    return Locked(
        f"a push to {url} is under way, or was killed: nothing was deleted",
        hint="if it is under way, run the same command again when it is done; if it was killed, `track push` in that "
        f"clone ends it\ntrack gc --remote {display(remote)} --forget {first}      if that clone is gone for good",
        details=tuple(lines),
    )


def _ago(age_s: float) -> str:
    for unit_s, name in ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if age_s >= unit_s:
            count = int(age_s // unit_s)
            return f"{count} {name}{'s' if count != 1 else ''} ago"
    return "just now"


def delete_condemned(
    place: Place, known: Known, marks: Marks, mark: Mark, tombstones: list[Found], *, progress: Progress = silent
) -> Deleted:
    """Delete what these tombstones condemn and nothing needs by now; they say from now on that it is deleted.

    Everything that is needed is marked, as of after the `mark`. Interrupted, the same again goes on.

    Raises:
        Locked: it takes so long that others may not believe the mark any more.
        RemoteError: the remote does not answer.
    """
    survey(place, known)
    packs = {pack for one in tombstones for pack in one.tombstone.packs}
    wholes = {whole for one in tombstones for whole in one.tombstone.wholes}
    listed = {one.key: one for prefix in (PACKS, OBJECTS) for one in place.list(prefix)}
    for one in tombstones:  # what was written again since it was condemned
        packs -= {pack for pack in one.tombstone.packs if _is_younger(listed.get(pack_key(pack)), one)}
        wholes -= {whole for whole in one.tombstone.wholes if _is_younger(listed.get(object_key(whole)), one)}
    packs -= needed_among(place, known, marks, packs, listed)
    wholes -= marks.kept(list(wholes))
    drop_from_index(place, known, frozenset(packs), frozenset(wholes), keep=mark.keep)
    keys = [pack_key(pack) for pack in sorted(packs)] + [object_key(whole) for whole in sorted(wholes)]
    there = [key for key in keys if key in listed]

    def delete(key: str) -> None:
        mark.keep()
        place.delete(key)

    progress.begin("deleting", count=len(there))
    try:
        for at in range(0, len(there), _AT_ONCE):
            in_threads(delete, there[at : at + _AT_ONCE])
            progress.advance(count=len(there[at : at + _AT_ONCE]))
    finally:
        progress.end()
    spared = 0
    for one in tombstones:
        gone = one.tombstone.packs & packs, one.tombstone.wholes & wholes
        mark.keep()
        spared += len(one.tombstone.packs) + len(one.tombstone.wholes) - len(gone[0]) - len(gone[1])
        if any(gone):
            said = one.tombstone._replace(kind="deleted", packs=frozenset(gone[0]), wholes=frozenset(gone[1]))
            place.put(one.key, dump_tombstone(said))
        else:
            place.delete(one.key)
    return Deleted(len(there), sum(listed[key].size for key in there), spared)


def _is_younger(listed: Listed | None, tombstone: Found) -> bool:
    return listed is not None and listed.modified_s > tombstone.modified_s


def forget_deleted(place: Place, known: Known, found: Iterable[Found], now_s: float) -> int:
    """Drop tombstones of what was deleted a day ago, once no segment names it; how many went.

    A segment that somebody merged meanwhile may name it; then it is written anew, and the day begins anew.
    """
    tombstones = list(found)
    for one in tombstones:
        if one.tombstone.kind == "deleting" and one.modified_s < now_s - LEASE_S:  # of a collection that was killed
            place.delete(one.key)
    count = 0
    for one in due(tombstones, now_s, "deleted"):
        packs = frozenset(one.tombstone.packs)
        if drop_from_index(place, known, packs, frozenset()):
            with suppress(RemoteError):
                place.put(one.key, dump_tombstone(one.tombstone))
            continue
        place.delete(one.key)
        count += 1
    return count
