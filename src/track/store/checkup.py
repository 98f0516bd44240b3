"""Checkup: every byte of a local store read and hashed, and its index compared with what the packs say.

A file whose bytes have the digest that names it is whole, and what is in it with it; a deep checkup expands and hashes
every entry of every pack, too. What is bad is put aside or forgotten, so that the store no longer says that it has it
and a fetch brings it again.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from track import work
from track.errors import TrackError
from track.model.digest import Digest
from track.progress import Progress, Share, silent
from track.store.chunk_collecting import is_named, objects_hit, rescue_chunks
from track.store.hashing import hash_one_of_many
from track.store.lost import note_lost
from track.store.objects import Store
from track.store.pack import READ_FLAGS, PackWriter, read_table
from track.store.pack_check import CheckedPack, check_pack, check_packs, pass_over, sums_of
from track.store.verified import Round, unlimited
from track.store.whole import open_whole, set_aside
from track.system import reading, shown

_BATCH = 16 << 20
"""Bytes of small files that one thread takes at a time."""
_PATIENCE_S = 1.0
_DEEP_ROUND = 64
"""Packs between two words of progress of a deep checkup."""
_REPORT_S = 0.1


class Bad(NamedTuple):
    """Something bad in a store: where, what is wrong, and the objects lost by it; `file` is its own digest."""

    place: str
    what: str
    digests: tuple[bytes, ...] = ()
    file: bytes = b""


class CheckedStore(NamedTuple):
    """What was read, and what is bad, sorted. With `has_remade_index`, the index was wrong and is not any more."""

    objects_count: int
    packs_count: int
    read_bytes: int
    bad: tuple[Bad, ...]
    has_remade_index: bool


class _File(NamedTuple):
    """A file of the store: a pack, or a whole object, named by its digest."""

    digest: bytes
    path: Path
    size: int
    is_pack: bool

    @property
    def name(self) -> bytes:
        """What the record of what was verified calls it."""
        return (b"p" if self.is_pack else b"o") + self.digest


class _Seen(NamedTuple):
    """A file that was read: what a pack turned out to be, or why a whole object is bad ("" when it is whole)."""

    file: _File
    pack: CheckedPack | None
    what: str = ""

    @property
    def is_bad(self) -> bool:
        return bool(self.what or (self.pack and self.pack.what))


def check_store(
    store: Store,
    *,
    deep: bool = False,
    settles: bool = True,
    turn: Round | None = None,
    progress: Progress = silent,
) -> CheckedStore:
    """Read and hash the files of a store, in the order and as far as `turn` says; without, all of them.

    With `settles` false nothing is put aside or forgotten: what is bad is only told.

    Raises:
        TrackError: what is not damage: a store that cannot be read, a compressed object without a zstd library.
    """
    turn = turn or unlimited()
    told = len(store.damage)
    store.index.refresh()
    bad = [Bad(shown(store.rooms.packs), line) for line in store.damage[told:]]
    files = list(_files(store))
    of_chunks = store.index.packs_of_chunks()
    files = [files[number] for number in turn.ordered([file.name for file in files])]
    turn.forget_others()
    progress.begin("verifying the store", size_bytes=sum(file.size for file in files), count=len(files))
    sound: list[CheckedPack] = []
    wholes = packs = size = 0
    try:
        for seen in _deep(files, turn, progress) if deep else _passing(files, turn, progress):
            packs, size = packs + seen.file.is_pack, size + seen.file.size
            wholes += not seen.file.is_pack
            if seen.is_bad:
                turn.note_bad(seen.file.name)
                bad.append(_told(store, seen, settles))
                continue
            turn.note(seen.file.name)
            if seen.pack is not None and seen.pack.objects_count and seen.file.digest not in of_chunks:
                sound.append(seen.pack)
    finally:
        progress.end()
    count = sum(pack.objects_count for pack in sound) + wholes
    has_remade = not turn.left_count and settles and _heal_index(store, sound)
    return CheckedStore(count, packs, size, tuple(sorted(bad)), has_remade)


def _files(store: Store) -> Iterator[_File]:
    for is_pack, listed in ((True, store.packs()), (False, store.wholes())):
        for digest, path in listed:
            try:
                yield _File(digest, path, path.stat().st_size, is_pack)
            except OSError:  # it cannot be reached, or a collection was faster: reading it tells which
                yield _File(digest, path, 0, is_pack)


def _passing(files: Sequence[_File], turn: Round, progress: Progress) -> Iterator[_Seen]:
    """Hash file after file, several at a time, each as a whole."""
    batches = _batches(files, turn)
    flying: dict[Future[list[_Seen]], tuple[Share, int]] = {}
    with ThreadPoolExecutor(work.cores()) as threads:
        try:
            while True:
                while len(flying) <= work.cores() and (batch := next(batches, None)):
                    share = Share(sum(file.size for file in batch))
                    flying[threads.submit(_hashed, batch, share)] = share, len(batch)
                if not flying:
                    return
                while not (done := wait(flying, timeout=_REPORT_S, return_when=FIRST_COMPLETED).done):
                    progress.advance(size_bytes=sum(share.take() for share, _ in flying.values()))
                for future in done:
                    share, count = flying.pop(future)
                    yield from future.result()
                    progress.advance(size_bytes=share.rest(), count=count)
        finally:
            for share, _ in flying.values():
                share.stop()


def _batches(files: Sequence[_File], turn: Round) -> Iterator[list[_File]]:
    """The files in their order, small ones together, until the time is over."""
    batch: list[_File] = []
    size = 0
    for number, file in enumerate(files):
        if turn.is_over():
            for left in files[number:]:
                turn.leave(left.name, left.size)
            break
        batch.append(file)
        size += file.size
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hashed(batch: Sequence[_File], share: Share) -> list[_Seen]:
    """Runs in a thread. A pack that is not what its name says is looked at entry by entry."""
    seen = []
    for file in batch:
        if file.is_pack:
            pack = pass_over(file.digest, file.path, share.moved) or check_pack(file.digest, file.path)
            seen.append(_Seen(file, pack))
        else:
            seen.append(_Seen(file, None, _wrong_with(file, share)))
    return seen


def _wrong_with(file: _File, share: Share) -> str:
    """Why a whole object is not what its name says; "" when it is, or is gone."""
    shown_digest = f"object {Digest(file.digest)}"
    try:
        fd = open_whole(file.path)
    except FileNotFoundError:
        return f"{shown_digest} is not a file" if os.path.lexists(file.path) else ""
    except TrackError as error:
        return error.message
    try:
        with reading(file.path):
            is_whole = hash_one_of_many(fd, share.moved) == file.digest
    except TrackError as error:
        return f"{shown_digest} cannot be read: {error.message}"
    finally:
        os.close(fd)
    return "" if is_whole else f"{shown_digest} is damaged at {shown(file.path)}"


def _deep(files: Sequence[_File], turn: Round, progress: Progress) -> Iterator[_Seen]:
    """Expand and hash every entry of every pack, in rounds; whole objects as ever."""
    rest = iter(files)
    done = 0
    while part := list(islice(rest, _DEEP_ROUND)):
        if turn.is_over():
            for left in (*part, *rest):
                turn.leave(left.name, left.size)
            return
        done += len(part)
        by_name = {file.digest: file for file in part if file.is_pack}
        for pack in check_packs([(file.digest, file.path) for file in by_name.values()]):
            yield _Seen(by_name[pack.name], pack)
        for file in (file for file in part if not file.is_pack):
            yield _Seen(file, None, _wrong_with(file, Share(file.size)))
        progress.advance(size_bytes=sum(file.size for file in part), count=len(part))


def _told(store: Store, seen: _Seen, settles: bool) -> Bad:
    """What is bad about a file, which is put aside when told to."""
    if seen.pack is not None:
        return _settled(store, seen.pack) if settles else _bad_pack(store, seen.pack, seen.file.path)
    aside = set_aside(seen.file.path, store.rooms.quarantine) if settles else None
    if settles:
        note_lost(store.rooms, [seen.file.digest])
    if aside is not None:
        store.damage.append(f"{seen.what}; it is now {shown(aside)}")
    return Bad(shown(aside or seen.file.path), seen.what, (seen.file.digest,), seen.file.digest)


def _bad_pack(store: Store, pack: CheckedPack, place: Path) -> Bad:
    if pack.name in store.index.packs_of_chunks():
        return Bad(shown(place), pack.what, objects_hit(store, pack.name, pack.lost or None), pack.name)
    lost = pack.lost if pack.objects_count else tuple(store.index.inside(pack.name))
    return Bad(shown(place), pack.what, lost, pack.name)


def _settled(store: Store, pack: CheckedPack) -> Bad:
    """Have the store no longer offer what is bad in a pack: what is sound goes into a new one, the old one aside.

    Where the store cannot be written, the bad objects are only forgotten.
    """
    path = store.rooms.pack(pack.name)
    if pack.name in store.index.packs_of_chunks():
        return _chunks_settled(store, pack, path)
    lost = pack.lost if pack.objects_count else tuple(store.index.inside(pack.name))
    note_lost(store.rooms, lost)
    if pack.objects_count and not _rescued(store, path, frozenset(pack.lost)):
        for held in list(store.index.held(pack.lost)):
            if store.index.pack_name(held.pack) == pack.name:
                store.index.forget(held)
        return Bad(shown(path), pack.what, lost, pack.name)
    return _put_aside(store, pack, path, lost)


def _chunks_settled(store: Store, pack: CheckedPack, path: Path) -> Bad:
    """The same of a pack of chunks, which stays while somebody writes: who began before may rely on what is sound."""
    lost = rescue_chunks(store, pack.name, pack.lost or None)
    note_lost(store.rooms, lost)
    store.index.note_damaged(pack.name)  # who begins from now on does not
    with suppress(TrackError), store.lock().exclusive(_PATIENCE_S):
        if not is_named(store, pack.name):
            return _put_aside(store, pack, path, lost)
    return Bad(shown(path), pack.what, lost, pack.name)


def _put_aside(store: Store, pack: CheckedPack, path: Path, lost: tuple[bytes, ...]) -> Bad:
    aside = set_aside(path, store.rooms.quarantine)
    if aside is not None:
        store.index.forget_pack(pack.name)
    return Bad(shown(aside or path), pack.what, lost, pack.name)


def _rescued(store: Store, path: Path, lost: frozenset[bytes]) -> bool:
    """Write the sound objects of a damaged pack into a new one, durably; False where that cannot be done."""
    try:
        with store.writer() as writer:
            rescue = PackWriter(store.rooms.staging)
            fd = os.open(path, READ_FLAGS)
            try:
                for entry in read_table(fd):
                    if entry.digest not in lost:
                        rescue.add_entry(entry, os.pread(fd, entry.stored_length, entry.offset))
                if (sealed := rescue.seal()) is not None:
                    writer.adopt(sealed)
                    writer.commit()
            finally:
                os.close(fd)
                rescue.abandon()
    except (OSError, TrackError):
        return False
    return True


def _heal_index(store: Store, sound: Sequence[CheckedPack]) -> bool:
    """Compare the index with the tables of sound packs, and make it anew where it differs; whether it did.

    The tables are read only when the index has another number of objects, or when a deep checkup has read them anyway.
    """
    if all(pack.offsets < 0 for pack in sound) and store.index.rows_count() == sum(one.objects_count for one in sound):
        return False
    sums = store.index.sums()
    for pack in sound:
        exact = sums_of(pack, store.rooms.pack(pack.name))
        if exact.objects_count and sums.get(pack.name) != (exact.objects_count, exact.offsets, exact.lengths):
            store.index.rebuild()
            return True
    return False
