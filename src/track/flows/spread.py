"""Spread: many small files are read, hashed and packed by several processes at once."""

import os
import struct
from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

from track import work
from track.model.digest import Digest
from track.project import Project
from track.store.objects import Store
from track.store.pack import SMALL, PackWriter, SealedPack, read_table
from track.store.writer import Writer
from track.worktree.gathering import small_contents, small_numbers
from track.worktree.paths import Gate
from track.worktree.scan import Folder, Scan

WORTH_SPREADING = 20_000
"""So many files take about as long as starting processes, finding their folders again and taking over their packs."""

_ASKED_AT_ONCE = 4096
_PACK = struct.Struct("<32sQH")


def spread_out(project: Project, seen: Scan, writer: Writer, staging: Path) -> None:
    """Settle every small file that differs from its row, and hand the packs that hold them to `writer`.

    `staging` is a folder of this process on the store's filesystem: the packs of a process that has ended lie in it
    until the writer commits, and are not taken for leftovers.

    Files of SMALL bytes or more stay pending. What two processes both found is stored twice, which a store allows.

    Raises:
        ChangedWhileAdding, Unreadable, DiskFull, StoreUnwritable: as reading and packing do; nothing is kept then.
    """
    shares = shares_of(seen.folders, work.cores())

    def one(number: int) -> bytes:
        with project.open_store() as store:
            return _Share(project.gate, store, staging, seen).run(shares[number])

    for share, answer in zip(shares, work.spread(one, len(shares)), strict=True):
        _take_over(share, answer, writer)


def shares_of(found: Sequence[Folder], count: int) -> list[list[Folder]]:
    """The folders with something to read, in `count` runs of about as many files."""
    folders = [folder for folder in found if len(folder.pending)]
    total = sum(len(folder.pending) for folder in folders)
    shares: list[list[Folder]] = [[] for _ in range(count)]
    reached = 0
    for folder in folders:
        shares[min(reached * count // max(total, 1), count - 1)].append(folder)
        reached += len(folder.pending)
    return [share for share in shares if share]


class _Share:
    """The work of one process: folders to read, packs to write, and an answer in bytes.

    The answer is the number of packs, each pack's name, size and path, and then the digests of all small files in
    the order in which the folders list them.
    """

    def __init__(self, gate: Gate, store: Store, staging: Path, seen: Scan) -> None:
        self._gate = gate
        self._seen = seen
        self._store = store
        self._staging = staging
        self._known: set[bytes] = set()
        self._waiting: dict[bytes, bytes] = {}
        self._pack = self._new_pack()
        self._sealed: list[SealedPack] = []

    def run(self, folders: Sequence[Folder]) -> bytes:
        digests = bytearray()
        for folder in folders:
            place = self._seen.place(folder)
            with self._gate.directory(place) as fd:
                for data in small_contents(fd, folder, place, SMALL):
                    digests += self._add(data)
        self._write_waiting()
        self._seal()
        packs = b"".join(
            _PACK.pack(sealed.name, sealed.size, len(os.fsencode(sealed.path))) + os.fsencode(sealed.path)
            for sealed in self._sealed
        )
        return struct.pack("<I", len(self._sealed)) + packs + digests

    def _add(self, data: bytes) -> bytes:
        digest = blake3(data).digest()
        if digest not in self._known:
            self._known.add(digest)
            self._waiting[digest] = data
            if len(self._waiting) >= _ASKED_AT_ONCE:
                self._write_waiting()
        return digest

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        absent = self._store.absent(waiting)
        for digest, data in waiting.items():
            if digest in absent:
                self._pack.add(digest, data)
                if self._pack.is_full:
                    self._seal()

    def _seal(self) -> None:
        sealed = self._pack.seal()
        if sealed is not None:
            self._sealed.append(sealed)
            self._pack = self._new_pack()

    def _new_pack(self) -> PackWriter:
        return PackWriter(self._staging, threads=1)


def _take_over(folders: Sequence[Folder], answer: bytes, writer: Writer) -> None:
    place = 4
    for _ in range(struct.unpack_from("<I", answer)[0]):
        name, size, length = _PACK.unpack_from(answer, place)
        place += _PACK.size
        path = Path(os.fsdecode(answer[place : place + length]))
        place += length
        sealed = SealedPack(path, Digest(name), size, read_table(path))
        writer.refuse_purged(entry.digest for entry in sealed.entries)
        writer.adopt(sealed)
    for folder in folders:
        place = take_digests(folder, answer, place)


def take_digests(folder: Folder, answer: bytes, place: int) -> int:
    """Give a folder its digests from `answer`; where its last one ends."""
    small = small_numbers(folder, SMALL)
    end = place + 32 * len(small)
    if len(small) == len(folder.pending):
        folder.settle_all(answer[place:end])
        return end
    for offset, index in zip(range(place, end, 32), small, strict=True):
        folder.settle(index, Digest(answer[offset : offset + 32]))
    return end
