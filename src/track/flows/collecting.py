"""Collecting at a remote: what the clones need there is marked, and the rest goes in two phases, a day apart.

Needed is what the caller's own history names, what every other clone said it needs, and what a push that is under way
claims. What could not be read stops it: keeping too much is safe.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from track.errors import DamagedObject, HistoryIncomplete, MissingObject
from track.flows.needed import ReadNodes, descend
from track.model.policy import TIPS, Policy
from track.progress import Progress, silent
from track.store.claim import LIFE_S
from track.store.clock import now_at
from track.store.condemning import Said, condemn
from track.store.deleting import Deleted, Mark, delete_condemned, due, forget_deleted, settle_claims
from track.store.holders import Holders, Holding, narrow, read_holders
from track.store.marks import Lost, Marks, Root
from track.store.nodes_there import read_there
from track.store.objects import Store
from track.store.remote import PATIENCE_S, Remote
from track.store.survey import GRACE_S, remove_replaced
from track.store.tombstones import NOTHING, Found, read_tombstones, together
from track.store.verdict import Verdict, judge

_NOTHING_SAID = Said((), 0, 0)
_NOTHING_DELETED = Deleted(0, 0, 0)


class View(NamedTuple):
    """What the caller's own history said when it was marked.

    `lost` are manifests that are nowhere; `overruled` are versions that it knows and does not want to keep, so that
    they go although another clone pushed them once.
    """

    lost: tuple[Lost, ...]
    overruled: frozenset[bytes] = frozenset()


Viewing = Callable[[Marks, ReadNodes, Mapping[str, Policy]], View]
"""Marks what the caller's own history needs, given what reads manifests that are not here; others keep this much."""


class Held(NamedTuple):
    """Another clone: how many versions it needs that the caller does not, when it wrote last, and what it keeps."""

    writer: str
    versions_count: int
    modified_s: float
    policy: Policy


class Outcome(NamedTuple):
    """What a collection did at a remote, or would do. Times are in seconds since 1970, by the remote's clock.

    With something `lost` nothing was done. `waiting` are files that are condemned, of which the day is not over: the
    first of them may go at `next_s`.
    """

    now_s: float
    verdict: Verdict
    ripe: frozenset[bytes]
    """Files that may be deleted by now, unless they are needed again."""
    condemned: Said
    deleted: Deleted
    others: tuple[Held, ...]
    lost: tuple[Lost, ...]
    waiting_count: int
    next_s: float | None


class Collecting:
    """One collection at a remote; the push lock of this clone is held, and the record was just brought up to date."""

    def __init__(
        self,
        remote: Remote,
        store: Store,
        *,
        writer: str,
        forget: Collection[str] = (),
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] | None = None,
        progress: Progress = silent,
    ) -> None:
        """`writer` is this clone; what clones to `forget` said counts no more. `clock` is instead of the remote's."""
        self.remote, self.store = remote, store
        self._writer, self._forget = writer, frozenset(forget)
        self._patience_s, self._progress = patience_s, progress
        self._clock = clock or partial(now_at, remote.place)
        self._purged: Collection[bytes] = ()

    def run(self, marks: Marks, viewing: Viewing, *, dry_run: bool = False, force: bool = False) -> Outcome:
        """Delete what was condemned a day ago and is still not needed; then condemn what is not needed now.

        With `force` what lies below a manifest that is nowhere is given up. Interrupted, the same again goes on.

        Raises:
            HistoryIncomplete: what some clone needs cannot be read, or a part of the index.
            MissingObject: a manifest at the remote cannot be read.
            Locked: another collection or a push is under way.
            RemoteError: the remote does not answer.
        """
        remote, place = self.remote, self.remote.place
        remote.known.shun(NOTHING)  # what is condemned counts as absent for pushes alone
        if not dry_run:
            remote.drop_claims(self._writer)
        tombstones = read_tombstones(place)
        self._purged = together(tombstones).purged.keys()
        holders = read_holders(place)
        view = viewing(marks, self.read_nodes, self._policies(holders))
        remote.refresh()  # the index after the roots: what an entry names is in an index that is read later
        self._sound(holders)
        others = tuple(self._others(marks, holders))
        own = {bytes(each) for one in holders.entries if one.writer == self._writer for each in one.entry.digests}
        own &= marks.kept(list(own))  # before what others need is marked: two clones would keep it for each other
        lost = self._missed((*view.lost, *self._mark_entries(marks, holders, view.overruled)))
        now = self._clock()
        if lost and not force:
            return self._outcome(now, tombstones, Verdict((), 0, 0, 0, 0, 0), others=others, lost=lost)
        deleted, said = _NOTHING_DELETED, _NOTHING_SAID
        ripe = due(tombstones, now)
        if ripe and not dry_run:
            holders, deleted = self._delete(marks, ripe, viewing, own, force=force)
            tombstones = read_tombstones(place)
        self._mark_claims(marks, holders)
        verdict = judge(
            place, remote.known, marks, before_s=now - GRACE_S,
            condemned=together(tombstones).packs, progress=self._progress,
        )  # fmt: skip
        if not dry_run:
            self._narrow(marks, holders, own)
            said = condemn(
                place, remote.known, self.store, marks, verdict,
                writer=self._writer, before=tombstones, progress=self._progress,
            )  # fmt: skip
            self._tidy(holders, tombstones, now)
            tombstones = read_tombstones(place)
        return self._outcome(now, tombstones, verdict, condemned=said, deleted=deleted, others=others, lost=lost)

    def read_nodes(self, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
        """Manifest nodes from the remote; nothing of them is kept here."""
        return read_there(self.remote.place, self.remote.known, digests)

    def _mark_entries(self, marks: Marks, holders: Holders, overruled: frozenset[bytes]) -> list[Lost]:
        """Mark what other clones need; what of it is nowhere, so that nobody knows what is below."""
        found: dict[bytes, str] = {}
        for one in holders.entries:
            if self._counts(one):
                named = {bytes(each) for each in one.entry.digests} - overruled - set(self._purged)
                found |= dict.fromkeys(named, f"clone {one.writer[:8]}")
        marks.add_roots(Root(each, None, False, name) for each, name in sorted(found.items()))
        descend(self.store, marks, self._progress, elsewhere=self.read_nodes)
        nowhere = self.remote.absent(found)
        nowhere &= self.store.absent(nowhere)
        return [*(Lost(each, each, found[each]) for each in sorted(nowhere)), *marks.lost()]

    def _missed(self, lost: tuple[Lost, ...]) -> tuple[Lost, ...]:
        """Those that were not removed there for good with what was below them, by a purge that began meanwhile, too."""
        if lost:
            self._purged = together(read_tombstones(self.remote.place)).purged.keys()
        return tuple(one for one in lost if one.digest not in self._purged)

    def _mark_claims(self, marks: Marks, holders: Holders) -> None:
        """Mark what pushes claim, as far as it is there: it may be on its way."""
        claimed = {bytes(each) for one in holders.claims if self._counts(one) for each in one.entry.digests}
        marks.add_roots(Root(each, None, False, "a push") for each in sorted(claimed - set(self._purged)))
        descend(self.store, marks, self._progress, elsewhere=self.read_nodes)

    def _policies(self, holders: Holders) -> Mapping[str, Policy]:
        """What other clones keep of the history: this one may know more of it than they ever pushed."""
        return {writer: policy for writer, policy in holders.policies().items() if self._is_other(writer)}

    def _is_other(self, writer: str) -> bool:
        return writer != self._writer and writer not in self._forget

    def _counts(self, one: Holding) -> bool:
        return self._is_other(one.writer)

    def _sound(self, holders: Holders) -> Holders:
        """Raises HistoryIncomplete when a part of the index or of the roots cannot be read."""
        damaged = (*self.remote.surveyed.damaged, *holders.damaged)
        if damaged:
            raise HistoryIncomplete(
                f"{damaged[0]} at {self.remote.place.url} cannot be read, so nobody knows what is needed there",
                hint="in the clones that pushed it: track push      writes it again; then remove the damaged file",
                details=damaged[1:6],
            )
        return holders

    def _others(self, marks: Marks, holders: Holders) -> Iterator[Held]:
        """Other clones, and how much only they need, before it is marked."""
        times: Mapping[str, float] = holders.writers
        said = self._policies(holders)
        for writer in sorted(times):
            if writer != self._writer:
                named = {bytes(each) for one in holders.entries if one.writer == writer for each in one.entry.digests}
                alone = named - marks.kept(list(named))
                yield Held(writer, len(alone), times[writer], said.get(writer, TIPS))

    def _delete(
        self, marks: Marks, ripe: list[Found], viewing: Viewing, own: set[bytes], *, force: bool
    ) -> tuple[Holders, Deleted]:
        """Delete what is ripe, unless it is needed now; who needs what by now, and what went."""
        place = self.remote.place
        with Mark(place, self._writer) as mark:
            self.remote.refresh()
            holders = self._sound(self._settled(mark))
            self.remote.refresh()
            view = viewing(marks, self.read_nodes, self._policies(holders))
            lost = self._missed((*view.lost, *self._mark_entries(marks, holders, view.overruled)))
            if lost and not force:
                raise MissingObject(
                    f"what {lost[0].name} needs at {place.url} cannot be read; nothing was deleted",
                    hint="run the same command again",
                )
            self._mark_claims(marks, holders)
            self._narrow(marks, holders, own)  # before anything goes: nothing may say that it is complete then
            return holders, delete_condemned(place, self.remote.known, marks, mark, ripe, progress=self._progress)

    def _settled(self, mark: Mark) -> Holders:
        remote = self.remote
        return settle_claims(remote.place, mark, self._writer, self._is_settled, self._patience_s, remote=remote.name)

    def _is_settled(self, claim: Holding) -> bool:
        return claim.writer in self._forget or is_whole(self.remote, self.store, claim)

    def _narrow(self, marks: Marks, holders: Holders, own: set[bytes]) -> None:
        """Have the entries that were marked name no more than is needed: what they name is complete, and stays so."""
        for one in holders.entries:
            if one.writer in self._forget:
                kept: set[bytes] = set()
            elif one.writer == self._writer:
                kept = own
            else:
                kept = marks.kept([bytes(each) for each in one.entry.digests])
            narrow(self.remote.place, one, kept, is_forgotten=one.writer in self._forget)

    def _tidy(self, holders: Holders, tombstones: list[Found], now_s: float) -> None:
        place, known = self.remote.place, self.remote.known
        forget_deleted(place, known, tombstones, now_s)
        remove_replaced(place, known, self.remote.refresh().settled)
        for one in holders.claims:
            if one.modified_s < now_s - LIFE_S or one.writer in self._forget:
                place.delete(one.key)
        place.tidy()

    def _outcome(
        self, now_s: float, tombstones: list[Found], verdict: Verdict, *, others: tuple[Held, ...],
        lost: tuple[Lost, ...], condemned: Said = _NOTHING_SAID, deleted: Deleted = _NOTHING_DELETED,
    ) -> Outcome:  # fmt: skip
        waiting = [one for one in tombstones if one.tombstone.kind == "condemned"]
        return Outcome(
            now_s=now_s,
            verdict=verdict,
            ripe=frozenset(each for one in due(waiting, now_s) for each in one.tombstone.packs | one.tombstone.wholes),
            condemned=condemned,
            deleted=deleted,
            others=others,
            lost=lost,
            waiting_count=sum(len(one.tombstone.packs) + len(one.tombstone.wholes) for one in waiting),
            next_s=min((one.modified_s + GRACE_S for one in waiting), default=None),
        )


def is_whole(remote: Remote, store: Store, claim: Holding) -> bool:
    """Whether everything that a claim names is at the remote by now."""
    remote.refresh()
    roots = {bytes(each) for each in claim.entry.digests}
    if remote.absent(roots):
        return False
    with Marks() as marks:
        marks.add_roots(Root(each, None, False, "a push") for each in roots)
        try:
            descend(store, marks, elsewhere=lambda digests: read_there(remote.place, remote.known, digests))
        except (MissingObject, DamagedObject):
            return False
        return not marks.lost() and not any(remote.absent(part) for part in marks.every())
