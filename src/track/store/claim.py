"""Claim: what one push says at a remote before it looks at anything there, so that no collection takes it meanwhile."""

import os
from collections.abc import Iterable

from track.errors import DamagedObject, RemoteError
from track.store.clock import since_boot
from track.store.known import Known
from track.store.layout import CLAIM, RootsKey, claim_name, roots_name
from track.store.letting_go import let_go
from track.store.place import NoSuchKey, Place
from track.store.roots import RootsEntry, dump_roots, parse_roots, union
from track.store.survey import MERGE_ABOVE, in_threads

LIFE_S = 7 * 24 * 3600.0
"""A claim that is older by the remote's clock is that of a push that was killed."""
RENEW_S = 6 * 3600.0
"""A push that takes longer writes its claim again."""
LAPSED_S = LIFE_S / 2
"""A push that was silent for longer, as on a machine that slept, cannot know whether its claim was believed."""


class Claim:
    """One push at the remote: what it is about to send, so that a collection keeps it; complete at its end."""

    def __init__(self, place: Place, known: Known, entry: RootsEntry, claims: Iterable[str] = ()) -> None:
        """Write the claim. `claims` are keys of those that are there; this clone's are left from the dead."""
        self._place, self._known, self._entry = place, known, entry
        own = {key: name for key in known.entries if (name := roots_name(key)) and name.writer == entry.writer}
        number = 1 + max((name.number for name in own.values()), default=0)
        self._key = str(RootsKey(entry.writer, number, os.urandom(4).hex()))
        self._own = sorted(own)
        self._claims = [key for key in claims if (name := claim_name(key)) and name.writer == entry.writer]
        self._claims.append(self._key + CLAIM)
        self.refusal: RemoteError | None = None
        """What the place said, where it refused to delete what nobody needs any more."""
        self.has_lapsed = False
        """Whether it was silent for so long that what was there may not be."""
        self._write()

    @property
    def writer(self) -> str:
        """The clone whose push it is."""
        return self._entry.writer

    def _write(self) -> None:
        self._written_s = since_boot()  # before: it may take long until it is there
        self._place.put(self._key + CLAIM, dump_roots(self._entry))

    def keep(self) -> None:
        """Write it again when that is due; call it now and then in a long push, and right before its end."""
        before_s = self._written_s
        if since_boot() - before_s > RENEW_S:
            self._write()
        if since_boot() - before_s > LAPSED_S:
            self.has_lapsed = True

    def complete(self, entry: RootsEntry | None = None) -> None:
        """Say that everything below the digests, or of those of another entry, is there; many entries become one."""
        merged: dict[str, RootsEntry] = {}
        if len(self._own) >= MERGE_ABOVE:
            read = in_threads(self._read, self._own)
            merged = {key: found for key, found in read if found is not None}
        said = self._entry if entry is None else entry
        complete = union([said, *merged.values()])
        self._place.put(self._key, dump_roots(complete))
        self._known.learn_roots(self._key, complete.digests)
        self.refusal = let_go(self._place, (*self._claims, *merged))
        if self.refusal is None:
            self._known.forget_roots(merged)

    def withdraw(self) -> None:
        """Take it back: nothing below it was sent, or will be."""
        self.refusal = let_go(self._place, self._claims)

    def _read(self, key: str) -> tuple[str, RootsEntry | None]:
        """An entry of this clone; None for one that is damaged, is no such entry, or went meanwhile."""
        try:
            found = parse_roots(self._place.get(key), key)
        except (DamagedObject, NoSuchKey):
            return key, None
        return key, found if found.is_complete and found.writer == self._entry.writer else None
