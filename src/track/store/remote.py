"""Remote: a store reached by URL, and the record of what is known of it. One folder or bucket, many clones.

The order of writing: a claim, then objects and packs, then the index that names them, then the roots entry that says
an artifact is complete. Whoever is killed in between leaves what nothing names yet, and the next push goes on.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from track.errors import DamagedObject, Locked, NotAStore, RemoteError
from track.model.digest import Digest
from track.model.policy import ALL
from track.progress import Progress, silent
from track.store.abilities import respects_conditions, sums_of
from track.store.address import Access, Address, Folder, parse_address
from track.store.around import bare
from track.store.backends.keys import new_encryption, open_sealed
from track.store.backends.opening import is_empty_folder, is_folder, make_place, open_place
from track.store.checking import Checked, check
from track.store.chunking import chunker_of
from track.store.claim import Claim
from track.store.clock import now_at, pause, since_boot
from track.store.description import CHOSEN, Abilities, Description, dump_description, parse_description
from track.store.holders import say_kept
from track.store.known import Known
from track.store.large import read_part
from track.store.layout import DESCRIPTION, PROBES, claim_name, roots_name
from track.store.letting_go import let_go
from track.store.listing import publish_listing
from track.store.needing import objects_needing
from track.store.objects import Store
from track.store.place import NoSuchKey, Place, Summing
from track.store.readback import packs_before, read_back
from track.store.receive import Fetched, fetch
from track.store.resume import ResumedPlace
from track.store.roots import RootsEntry, parse_roots
from track.store.survey import Hear, Surveyed, merge_levels, remove_replaced, survey, unheard
from track.store.tables import Tables, tables_beside
from track.store.tombstones import Found, read_tombstones, together
from track.store.transfer import Cutting, Sent, send
from track.store.verified import Round

LEASE_S = 3600.0
"""A collection deletes for at most half as long after it said that it does; then it has to say so again."""
PATIENCE_S = 60.0
"""How long a push waits for a collection that is deleting."""
POLL_S = 2.0


class Remote:
    """A store elsewhere; opened by `open_remote`, closed by `close` or a `with` block. Used in one thread."""

    def __init__(self, name: str, place: Place, known: Known, description: Description) -> None:
        """For `open_remote` and tests."""
        self.name = name
        self.place = place
        self.known = known
        self.store_id = description.id
        self.chunking = description.chunking
        self.abilities = description.abilities
        self.key_id = None if description.encryption is None else description.encryption.key_id
        self.surveyed = Surveyed((), (), frozenset())
        self.hear: Hear = unheard
        """Who is told what was purged there, when that may be new; before the record of what is there knows of it."""
        self.keep = ALL
        """Which versions of the history this clone keeps: its pushes say so."""
        known.be_about(self.store_id)

    def __enter__(self) -> Self:
        """The remote itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the record."""
        self.known.close()

    def refresh(self) -> Surveyed:
        """Read what changed in its index and roots into the record, with one listing of each.

        Raises:
            RemoteError: it does not answer.
            NewerFormat: something there was written by a later version.
        """
        self.surveyed = survey(self.place, self.known, self.hear)
        self.known.note_confirmed(time.time())
        return self.surveyed

    def complete(self, digests: Iterable[bytes], writer: str = "") -> set[bytes]:
        """Those of the root digests of which it has everything below, as of the last refresh.

        With a `writer`, only those that this clone said it needs, so that no collection takes them.
        """
        return self.known.complete(digests, writer)

    def absent(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of the objects that it does not have, as of the last refresh."""
        wanted = set(digests)
        return wanted - self.known.present(wanted)

    def claim(self, writer: str, roots: Mapping[str, tuple[Digest, ...]], *, patience_s: float = PATIENCE_S) -> Claim:
        """Say what this clone is about to send, by ref; from now on what a collection condemned counts as absent.

        While a collection is deleting, its end is waited for. `writer` is the id of this clone, 32 hex digits.

        Raises:
            Locked: a collection is still deleting after `patience_s`.
            DamagedObject, NewerFormat: a tombstone cannot be read, so that nobody knows what is about to go.
        """
        deadline = since_boot() + patience_s
        while True:
            claim = Claim(self.place, self.known, RootsEntry(writer, False, roots, self.keep), self.surveyed.claims)
            found = read_tombstones(self.place)
            if not self._is_deleting(found):
                condemned = together(found)
                doomed = objects_needing(self.place, self.known, condemned.packs)
                self.known.shun(condemned._replace(objects=condemned.objects | doomed.keys()))
                return claim
            claim.withdraw()  # so that the collection need not wait for it; it is made anew afterwards
            while self._is_deleting(found):
                if since_boot() > deadline:
                    raise Locked(
                        f"a collection is deleting at {self.place.url} right now",
                        hint="run the same command again in some minutes; nothing is lost by it",
                    )
                pause(POLL_S)
                found = read_tombstones(self.place)
            self.refresh()

    def _is_deleting(self, found: Iterable[Found]) -> bool:
        """Whether a collection is deleting; one that was killed an hour ago, by the remote's clock, deletes no more."""
        marks = [one for one in found if one.tombstone.kind == "deleting"]
        return bool(marks) and max(one.modified_s for one in marks) >= now_at(self.place) - LEASE_S

    def send(
        self,
        store: Store,
        digests: Iterable[bytes],
        *,
        writer: str,
        roots: Mapping[str, tuple[Digest, ...]],
        claim: Claim | None = None,
        verify: bool = False,
        progress: Progress = silent,
    ) -> Sent:
        """Send what it lacks of `digests`, then say that everything below `roots` (by ref) is complete there.

        `digests` are all objects below the roots that are not known to be there already; what is found so before a
        `claim` is made is not known. One push of a clone to a remote runs at a time. Interrupted, the next one goes on.
        With `verify`, what was sent is read back and hashed first.

        Raises:
            MissingObject, DamagedObject: the local store cannot give an object that the remote lacks.
            ReadsOtherwise: what was sent is not what is there now; the next push sends it again.
            RemoteError, DiskFull, StoreUnwritable: the remote cannot take it.
            Locked: a collection is deleting there for too long.
        """
        claim = claim or self.claim(writer, roots)
        sent = Sent(0, 0, 0)
        if lacking := self.absent(digests):
            before = packs_before(self.known) if verify else set()
            place = ResumedPlace(self.place) if self._was_broken_off(writer) else self.place
            with self._cutting() as cutting:
                sent = send(place, self.known, store, lacking, cutting=cutting, keep=claim.keep, progress=progress)
            if verify:
                read_back(self.place, self.known, before, lacking, progress=progress)
        claim.keep()
        if claim.has_lapsed:
            claim.withdraw()
            raise RemoteError(
                f"this push to {self.place.url} stood still for days, and a collection may have come between",
                hint="run the same command again: it goes on with what is left",
            )
        claim.complete(RootsEntry(writer, True, roots, self.keep))
        merge_levels(self.place, self.known)
        remove_replaced(self.place, self.known, self.surveyed.settled)
        self.publish_again()
        self.place.tidy()
        return sent

    def publish_again(self) -> None:
        """Make the list for those who cannot ask the place anew, where one is kept; after every change of the index."""
        if self.abilities.listing:
            publish_listing(self.place)

    @contextmanager
    def _cutting(self) -> Iterator[Cutting | None]:
        """How large objects are cut; None when they are not."""
        if (chunker := chunker_of(self.chunking)) is None:
            yield None
            return
        with Tables(tables_beside(self.known.path)) as tables:
            yield Cutting(chunker, tables)

    def _was_broken_off(self, writer: str) -> bool:
        """Whether a push of this clone left its claim behind; a folder looks at what it has by itself, and closer."""
        behind, _ = bare(self.place)
        names = map(claim_name, self.surveyed.claims)
        return not is_folder(behind) and any(name and name.writer == writer for name in names)

    def drop_claims(self, writer: str) -> None:
        """Remove what pushes of this clone that were killed had claimed; none runs, and nothing is to be sent."""
        names = {key: claim_name(key) for key in self.surveyed.claims}
        let_go(self.place, [key for key, name in names.items() if name is not None and name.writer == writer])
        self.place.tidy()

    def say_keep(self, writer: str) -> None:
        """Say what this clone keeps of the history by now, where its latest entry says something else."""
        own = [name for key in self.known.entries if (name := roots_name(key)) and name.writer == writer]
        for name in own:
            if name.number == max(one.number for one in own):
                with suppress(NoSuchKey, DamagedObject):
                    entry = parse_roots(self.place.get(str(name)), str(name))
                    if entry.keep != self.keep:
                        say_kept(self.place, writer, self.keep, None)
                        return

    def fetch(self, store: Store, digests: Iterable[bytes], *, progress: Progress = silent) -> Fetched:
        """Fetch what the store lacks of `digests`; what could not be had is in the result, the rest is placed.

        Raises:
            RemoteError: it does not answer.
            DiskFull, StoreUnwritable: the local store cannot take it.
        """
        first = fetch(self.place, self.known, store, digests, self.chunking, progress=progress)
        if not first.missing:
            return first
        before = self.known.segments
        self.refresh()
        if self.known.segments == before:
            return first
        # The listing was an old one.
        second = fetch(self.place, self.known, store, first.missing, self.chunking, progress=progress)
        return Fetched(
            first.objects_count + second.objects_count,
            first.fetched_bytes + second.fetched_bytes,
            second.missing,
            first.damaged | second.damaged,
        )

    def read_part(self, digest: bytes, offset: int, length: int) -> bytes:
        """So many bytes at an offset of a large object, checked against its recipe; fewer where it ends sooner.

        Raises:
            MissingObject: it does not have the object, or no recipe of it.
            DamagedObject: what it has there is not what the recipe says.
            RemoteError: it does not answer.
        """
        return read_part(self.place, self.known, digest, offset, length)

    def verify(
        self,
        *,
        read_all: bool = True,
        deep: bool = False,
        turn: Round | None = None,
        progress: Progress = silent,
    ) -> Checked:
        """Check every index segment, pack and object; without `read_all`, packs and objects only for being there.

        `deep` expands and hashes every entry of every pack; `turn` says in which order, and how long. What is bad is
        remembered, so that the next push from a clone that has it sends it again.

        Raises:
            RemoteError: it does not answer.
        """
        return check(self.place, self.known, read_all=read_all, deep=deep, turn=turn, progress=progress)


def open_remote(
    url: str, *, name: str, base: Path, record: Path, access: Access | None = None, kept: bool = True
) -> Remote:
    """The remote at a URL; a relative path is below `base`. `record` is the file of what is known of it.

    Not `kept`, nothing is written into that file.

    Raises:
        UsageError: an address of a kind that this version does not reach.
        RemoteUnreachable: nothing is there.
        NotAStore: something is there, and it is no store of track.
        NewerFormat: it was written by a later version.
        RemoteError: nothing says who we are there, or we may not read it.
        BadCredentials: it is encrypted, and no identity of the person here opens it.
        IntegrityError: it is not encrypted with the key that it has to be.
    """
    way = access or Access()
    way = way._replace(staging=way.staging or record.parent / "sealing")
    place = open_place(parse_address(url, base=base), way)
    description = _description_of(place, name)
    if isinstance(place, Summing):
        place.use_sums(description.abilities.sums)
    return Remote(name, open_sealed(place, description, way), Known(record, kept=kept), description)


def _description_of(place: Place, name: str) -> Description:
    try:
        return parse_description(place.get(DESCRIPTION), place.url)
    except NoSuchKey:
        if "://" in place.url:
            hint = f"is it the right place?   to make a store in it: track remote add {name} {place.url}"
        else:
            hint = f"is it the right folder, and mounted?   to make a store: track remote add {name} EMPTY-FOLDER"
        raise NotAStore(f"{place.url} is there, but it is not a store of track", hint=hint) from None


def create_remote(
    address: Address, access: Access | None = None, *, create: bool = True, recipients: Sequence[str] = ()
) -> bool:
    """Make a store at an address where nothing is; False when a store is there already.

    A folder may be absent when its parent exists; a bucket has to be there. With `recipients`, what will be in it is
    encrypted for them, of whom the person here has to be one.

    Raises:
        RemoteUnreachable: the folder (without `create`), its parent, the bucket or the server is absent.
        NotAStore: something else is there.
        StoreUnwritable, DiskFull, RemoteError: it cannot be made.
        NewerFormat: the store there was written by a later version.
        UsageError: a recipient is none.
        BadCredentials: no identity of the person here is one of the recipients.
    """
    store_id = os.urandom(16).hex()
    sealing = new_encryption(str(address), store_id, recipients, access or Access()) if recipients else None
    if create:
        make_place(address, access or Access())
    place = open_place(address, access or Access())
    try:
        parse_description(place.get(DESCRIPTION), place.url)
    except NoSuchKey:
        if not create or not _is_empty(address, place):
            raise _not_ours(place.url, create) from None
        conditions = None if isinstance(address, Folder) else respects_conditions(place)
        abilities = Abilities(conditions, sums=sums_of(place) or "")
        made = Description(store_id, chunking=CHOSEN, abilities=abilities, encryption=sealing)
        is_ours = place.create(DESCRIPTION, dump_description(made))
        return is_ours and (conditions is not False or _description_of(place, "NAME").id == made.id)
    return False


def _is_empty(address: Address, place: Place) -> bool:
    if isinstance(address, Folder):
        return is_empty_folder(address.path)
    return all(one.key.startswith(PROBES) for one in place.list(""))


def description_of(address: Address, access: Access | None = None) -> Description:
    """What the store at an address says of itself; if it is encrypted, we can open it. Raises as `open_remote` does."""
    way = access or Access()
    place = open_place(address, way)
    description = _description_of(place, "NAME")
    open_sealed(place, description, way)
    return description


def _not_ours(url: str, create: bool) -> RemoteError:
    if create:
        what = "a place of its own" if "://" in url else "an empty folder, or one that does not exist yet"
        return NotAStore(
            f"{url} has files in it and is not a store of track; nothing was changed",
            hint=f"name {what}, such as {url}/track",
        )
    hint = "without --no-create, track makes one in an empty place"
    if url.startswith("http"):
        hint = "is it the right address? it has to be that of the folder in which store.toml is"
    return NotAStore(f"{url} is not a store of track", hint=hint)
