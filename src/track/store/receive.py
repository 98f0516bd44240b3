"""Receiving: what the local store lacks comes from a remote, and every byte is hashed before it is placed.

A pack of which most is needed comes whole and is adopted after each of its objects was verified; of others only the
pieces that are needed come, those next to each other in one request. Large objects that are there in chunks are put
together at the end, or cut as they come where the store keeps chunks, too. What is missing or damaged in one place is
looked for in the others that the index names.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat, TrackError
from track.model.digest import digest_of
from track.progress import Progress, Share, silent
from track.publish import remove
from track.store.assembly import Assembly
from track.store.cutting import local_chunking, writing
from track.store.description import Chunking
from track.store.intake import Intake
from track.store.known import Known
from track.store.large import PART, OnlyWhole, fetch_large, partials
from track.store.layout import object_key, pack_key
from track.store.objects import Store
from track.store.pack import MAX_EXPANDED, RAW, SMALL, PackEntry, SealedPack, expand_entry, read_table
from track.store.place import NoSuchKey, Place, Staged
from track.store.purge_notes import purged_at
from track.store.ranges import Piece, ranges
from track.store.recipe import RECIPE
from track.store.segment import Held
from track.store.tables import Tables, tables_beside
from track.store.writer import Writer

COMMIT_EVERY_BYTES = 16 << 20
"""What came is final once it is so much, so that whoever goes on asks again for little more than was on its way."""
WHOLE_PACK_LIMIT = 64 << 20
"""Larger packs are never fetched whole."""

EXPANDED_LIMIT = 1 << 30
"""A pack whose objects are more bytes than this is not taken whole: only what is needed of it is expanded."""

_RECORD_SIZE = 92  # of an object in a pack's table
_GAP = 64 << 10
_RANGE_LIMIT = 8 << 20
_IN_FLIGHT = 4
_SMALL_IN_FLIGHT = 16
"""Requests at a time while the pieces asked for are small: then what counts is how long a server thinks."""
_SMALL_PIECE = 1 << 20
_TRIES = 5  # what was altered on its way comes whole another time; what is damaged there, never
_REPORT_S = 0.1


class Fetched(NamedTuple):
    """What was fetched, and what could not be: objects that are nowhere, and objects damaged wherever they are."""

    objects_count: int
    fetched_bytes: int
    missing: frozenset[bytes]
    damaged: frozenset[bytes]


class _Job(NamedTuple):
    """One request: a whole pack, a piece of one (offset, length), or a whole object (pack None)."""

    held: tuple[Held, ...]
    pack: bytes | None
    offset: int
    length: int
    is_whole: bool
    recipe: Held | None = None
    """Of a large object that can come in parts."""
    tries: int = 0
    """How often it came, and was not what it should be."""


class _Answer(NamedTuple):
    """What came: a staged file (a whole pack or object), or bytes."""

    staged: Staged | None
    data: bytes


def fetch(
    place: Place,
    known: Known,
    store: Store,
    digests: Iterable[bytes],
    chunking: Chunking,
    *,
    progress: Progress = silent,
) -> Fetched:
    """Fetch those of the objects that the store lacks, but for what was purged.

    What failed is in the result; the rest is placed and durable.

    `chunking` is how the remote cuts.

    Interrupted, what was committed stays, and the next fetch asks for the rest.

    Raises:
        RemoteError: the remote does not answer.
        DiskFull, StoreUnwritable: the local store cannot take it.
    """
    lacking = store.absent(digests)
    purged = purged_at(store.path)
    count, size = known.want(lacking - purged.keys())
    progress.begin("fetching", size_bytes=size, count=count)
    try:
        with writing(store) as writer, partials(store.rooms) as folder:
            fetching = _Fetching(place, known, store, writer, progress)
            fetching.partials = folder
            fetching.is_cut_alike = chunking == local_chunking(store)
            fetching.purged = purged.keys()
            fetching.run()
            writer.commit()
    finally:
        progress.end()
    missing = lacking - fetching.fetched - fetching.damaged
    return Fetched(fetching.count, fetching.size, frozenset(missing), frozenset(fetching.damaged))


class _Fetching:
    """One fetch under way."""

    def __init__(self, place: Place, known: Known, store: Store, writer: Writer, progress: Progress) -> None:
        self._place, self._known, self._store = place, known, store
        self._writer, self._progress = writer, progress
        self.partials: Path | None = None
        """Where large objects are collected, part by part; None: they come as a whole."""
        self.is_cut_alike = True
        """Whether the remote cuts as the store does, where that cuts."""
        self.purged: Set[bytes] = frozenset()
        """What is not taken, though it lies in a pack with what is wanted."""
        self._uncommitted = 0
        self._failed: list[tuple[Held, bool]] = []
        self.fetched: set[bytes] = set()
        self.damaged: set[bytes] = set()
        self.count = 0
        self.size = 0

    def run(self) -> None:
        """Fetch each object that is wanted from its first place; what fails from its next one, until it has none."""
        taken: set[bytes] = set()
        plain, chunked = self._known.grouped(in_chunks=False), self._known.grouped(in_chunks=True)
        self._round(self._jobs((size, _untaken(held, taken)) for size, held in plain))
        self._assemble(_untaken(held, taken) for _, held in chunked)
        tried: dict[bytes, set[tuple[bytes | None, int]]] = {}
        while self._failed:
            failed, self._failed = self._failed, []
            self._known.note_bad((held.digest, held.pack) for held, _ in failed)
            for held, is_damaged in failed:
                tried.setdefault(held.digest, set()).add((held.pack, held.offset))
                if is_damaged:
                    self.damaged.add(held.digest)
            groups = list(self._elsewhere({held.digest for held, _ in failed} - self.fetched, tried))
            self._round(self._jobs((size, [one for one in held if one.form != RECIPE]) for size, held in groups))
            self._assemble([one for one in held if one.form == RECIPE] for _, held in groups)
        self.damaged -= self.fetched

    def _assemble(self, groups: Iterable[list[Held]]) -> None:
        """Put together what is there in chunks; the groups are of a pack of recipes each."""
        some = (group for group in groups if group)
        if (first := next(some, None)) is None:
            return
        with Tables(tables_beside(self._known.path)) as tables:
            assembly: Assembly | Intake = (
                Intake(self._place, self._store, self._writer, tables, self._progress, is_cut_alike=self.is_cut_alike)
                if self._writer.cuts
                else Assembly(self._place, self._store, tables, self.partials, self._progress)
            )
            for held, staged, is_damaged, bad_packs, is_placed in assembly.run(chain([first], some)):
                if staged is not None:
                    self._writer.adopt_whole(staged.path, staged.digest, staged.size)
                if staged is not None or is_placed:
                    self._placed([held], 0)
                    self._commit_at_times(held.length)
                    continue
                self._failed.append((held, is_damaged))
                self._known.note_bad((held.digest, pack) for pack in bad_packs)
            self.size += assembly.received_bytes

    def _elsewhere(
        self, digests: set[bytes], tried: dict[bytes, set[tuple[bytes | None, int]]]
    ) -> Iterator[tuple[int, list[Held]]]:
        """The next place of each object that was not tried yet, by pack."""
        by_pack: dict[bytes | None, list[Held]] = {}
        for digest, places in self._known.locate(digests).items():
            left = [held for held in places if (held.pack, held.offset) not in tried[digest]]
            for held in left[:1]:
                by_pack.setdefault(held.pack, []).append(held)
        sizes = self._known.packs(pack for pack in by_pack if pack is not None)
        for pack, held_all in by_pack.items():
            if pack is None:
                yield from ((0, [held]) for held in held_all)
            else:
                yield sizes[pack].size, held_all

    def _jobs(self, groups: Iterable[tuple[int, list[Held]]]) -> Iterator[_Job]:
        for size, held in groups:
            possible = [one for one in held if one.stored_length <= MAX_EXPANDED]
            self._failed += [(one, True) for one in held if one.stored_length > MAX_EXPANDED]  # the index lies
            if not possible:
                continue
            pack = possible[0].pack
            needed = sum(one.stored_length for one in possible)
            if pack is None:
                yield _Job(tuple(possible), None, 0, possible[0].length, True, self._recipe(possible[0]))
            elif size <= WHOLE_PACK_LIMIT and 2 * (needed + _RECORD_SIZE * len(possible)) >= size:
                yield _Job(tuple(possible), pack, 0, size, True)
            else:
                yield from _ranges(pack, possible)

    def _recipe(self, held: Held) -> Held | None:
        if self.partials is None or held.length <= PART or not self._place.comes_in_parts:
            return None
        return self._known.recipe(held.digest)

    def _round(self, jobs: Iterator[_Job]) -> None:
        flying: dict[Future[_Answer], tuple[_Job, Share]] = {}
        waiting: list[_Job] = []
        with ThreadPoolExecutor(_SMALL_IN_FLIGHT) as threads:
            try:
                while True:
                    while len(flying) < _IN_FLIGHT or (
                        len(flying) < _SMALL_IN_FLIGHT and all(job.length <= _SMALL_PIECE for job, _ in flying.values())
                    ):
                        job = waiting.pop() if waiting else next(jobs, None)
                        if job is None:
                            break
                        share = Share(0 if job.tries else sum(one.length for one in job.held))
                        flying[threads.submit(self._request, job, share)] = job, share
                    if not flying:
                        return
                    while not (done := wait(flying, timeout=_REPORT_S, return_when=FIRST_COMPLETED).done):
                        self._progress.advance(size_bytes=sum(share.take() for _, share in flying.values()))
                    for future in done:
                        waiting += self._take(*flying.pop(future), future)
            except BaseException:
                for _, share in flying.values():
                    share.stop()
                wait(flying)
                for future in flying:
                    if not future.exception():
                        _drop(future.result().staged)
                raise

    def _request(self, job: _Job, share: Share) -> _Answer:
        """Runs in a thread: bytes, or a file in the staging of the local store, hashed."""
        if not job.is_whole:
            assert job.pack is not None
            return _Answer(None, bytes(self._place.get_range(pack_key(job.pack), job.offset, job.length)))
        if job.recipe is not None and self.partials is not None:
            with suppress(OnlyWhole):
                return _Answer(fetch_large(self._place, job.held[0], job.recipe, self.partials, moved=share.moved), b"")
        key = object_key(job.held[0].digest) if job.pack is None else pack_key(job.pack)
        return _Answer(self._place.get_file(key, self._store.rooms.staging, limit=job.length, moved=share.moved), b"")

    def _take(self, job: _Job, share: Share, future: Future[_Answer]) -> list[_Job]:
        """Verify and place what came; further jobs for what has to be asked for in another way."""
        try:
            answer = future.result()
        except NoSuchKey:
            self._failed += [(held, False) for held in job.held]
            return []
        except DamagedObject:  # in a part of a large object, or larger than the index says
            return self._again(job, job.held)
        finally:
            self._progress.advance(size_bytes=share.rest())
        more: list[_Job] = []
        if answer.staged is None:
            more = self._again(job, self._take_range(job, answer.data))
        elif job.pack is None:
            more = self._again(job, self._take_object(job.held[0], answer.staged))
        elif answer.staged.digest != job.pack and job.tries + 1 < _TRIES:
            _drop(answer.staged)
            more = [job._replace(tries=job.tries + 1)]
        elif not self._adopt_pack(job, answer.staged):
            more = list(_ranges(job.pack, job.held))
        self._commit_at_times(0)
        return more

    def _commit_at_times(self, size: int) -> None:
        self._uncommitted += size
        if self._uncommitted >= COMMIT_EVERY_BYTES:
            self._writer.commit()
            self._uncommitted = 0

    def _again(self, job: _Job, damaged: Sequence[Held]) -> list[_Job]:
        """What is to be asked for once more, after it was not what it should be; at last it counts as damaged."""
        if not damaged:
            return []
        if job.tries + 1 == _TRIES:
            self._failed += [(held, True) for held in damaged]
            return []
        if job.is_whole:
            return [job._replace(tries=job.tries + 1)]
        assert job.pack is not None
        return [one._replace(tries=job.tries + 1) for one in _ranges(job.pack, damaged)]

    def _take_object(self, held: Held, staged: Staged) -> list[Held]:
        """Place an object; it, when it is not what it should be."""
        if staged.digest != held.digest:
            _drop(staged)
            return [held]
        if staged.size >= SMALL:
            self._writer.adopt_whole(staged.path, staged.digest, staged.size)
        else:
            self._writer.add_known(held.digest, staged.path.read_bytes())
            _drop(staged)
        self._placed([held], staged.size)
        return []

    def _adopt_pack(self, job: _Job, staged: Staged) -> bool:
        """Whether every object of a pack was what it should be, and none purged, so that the pack is taken as it is."""
        entries = _verified_entries(staged.path) if staged.digest == job.pack else None
        wanted = {held.digest for held in job.held}
        inside = {entry.digest for entry in entries or ()}
        if entries is None or not wanted <= inside or not inside.isdisjoint(self.purged):
            _drop(staged)
            return False
        self._writer.adopt(SealedPack(staged.path, staged.digest, staged.size, entries))
        self._placed(job.held, staged.size)
        return True

    def _take_range(self, job: _Job, piece: bytes) -> list[Held]:
        """Place the objects of a piece of a pack; those that are not what they should be."""
        good, damaged = [], []
        for held in job.held:
            at = held.offset - job.offset
            entry = PackEntry(held.digest, held.form, held.flags, held.offset, held.stored_length, held.length, b"")
            try:
                data = _expanded(entry, piece[at : at + held.stored_length])
            except DamagedObject:
                damaged.append(held)
                continue
            self._writer.add_known(held.digest, data)
            good.append(held)
        self._placed(good, len(piece))
        return damaged

    def _placed(self, held: Iterable[Held], size: int) -> None:
        placed = list(held)
        self.fetched.update(one.digest for one in placed)
        self.count += len(placed)
        self.size += size
        self._uncommitted += size
        self._progress.advance(count=len(placed))


def _untaken(held: Iterable[Held], taken: set[bytes]) -> list[Held]:
    """Those of which no other place was taken before; they are taken now."""
    left = [one for one in held if one.digest not in taken]
    taken.update(one.digest for one in left)
    return left


def _ranges(pack: bytes, held: Iterable[Held]) -> Iterator[_Job]:
    """Requests for pieces of a pack; pieces with only a little between them are one request."""
    pieces = (Piece(one.offset, one.stored_length, one) for one in held)
    for request in ranges(pieces, gap=_GAP, limit=_RANGE_LIMIT):
        yield _Job(tuple(piece.what for piece in request.pieces), pack, request.offset, request.length, False)


def _verified_entries(path: Path) -> list[PackEntry] | None:
    """The table of a staged pack, when every object in it is what the table says; else None."""
    try:
        entries = read_table(path)
        if sum(entry.length for entry in entries) > EXPANDED_LIMIT:
            return None
        with open(path, "rb") as file:
            content = memoryview(file.read())
        for entry in entries:
            expand_entry(entry, content[entry.offset : entry.offset + entry.stored_length], "pack")
    except (DamagedObject, NewerFormat):
        return None
    return entries


def _expanded(entry: PackEntry, stored: bytes) -> bytes:
    """The object, verified. The index does not have the digest of a compressed form; the object's own decides."""
    if entry.form != RAW:
        entry = entry._replace(stored_digest=digest_of(stored))
    return expand_entry(entry, stored, "the remote")


def _drop(staged: Staged | None) -> None:
    if staged is not None:
        with suppress(OSError, TrackError):
            remove(staged.path)
