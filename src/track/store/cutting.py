"""Cutting: a local store that wants it keeps large objects in chunks, as remotes do: what they share is there once.

The chunks lie in packs of their own, whose entries say that they are chunks; a pack of recipes says what they make.
Which chunk is where is in SQLite beside the index, derived from the packs and made again when it is missing.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from track.errors import ChangedWhileAdding, DamagedObject, DiskFull, NewerFormat, StoreUnwritable, TrackError
from track.model.digest import Digest
from track.progress import Moved, unheard
from track.publish import name_of
from track.store.chunked import NeededPack
from track.store.chunking import Chunker, chunker_of
from track.store.description import CHOSEN, Chunking
from track.store.drafts import Drafted, Drafting
from track.store.index_rows import WHOLE
from track.store.objects import Store
from track.store.pack import CHUNK, FOOTER_LENGTH, PackWriter, SealedPack, dump_table, parse_footer, read_table
from track.store.slabs import Broken, Source
from track.store.tables import Tables, TablesUnusable
from track.store.writer import Take, Writer
from track.system import is_full, read_at, read_into, shown

_MOVED = 1032
"""What SQLite says of a file that is written to and is not at its path any more (SQLITE_READONLY_DBMOVED)."""


@contextmanager
def writing(store: Store, timeout_s: float = 10.0, *, takes_purged: bool = False) -> Iterator[Writer]:
    """A writer of a store, which cuts large objects into chunks where the store wants them so, and it can be done.

    It refuses what is known to have been purged, unless it `takes_purged`. Raises as `Store.writer` does.
    """
    chunker = local_chunker(store) if store.wants_chunks else None
    if chunker is None:
        with store.writer(timeout_s) as writer:
            if not takes_purged:
                writer.refuse_purges()
            yield writer
        return
    cutter = StoreCutter(store, chunker)
    try:
        with store.writer(timeout_s, cutter=cutter) as writer:
            if not takes_purged:
                writer.refuse_purges()
            yield writer
    finally:
        cutter.close()


def local_chunker(store: Store) -> Chunker | None:
    """What cuts for a local store: as its description says, or as stores that are made today do; None without it."""
    return chunker_of(local_chunking(store))


def local_chunking(store: Store) -> Chunking:
    """How a local store cuts: as its description says, or as stores that are made today do."""
    chunking = store.description.chunking
    return chunking if chunking.normalisation else chunking._replace(normalisation=CHOSEN.normalisation)


class StoreCutter:
    """Cuts for one writer of a store; nothing is opened before the first object. Close it."""

    def __init__(self, store: Store, chunker: Chunker) -> None:
        """For `writing`."""
        self._store, self._chunker = store, chunker
        self._tables: Tables | None = None
        self._drafting: Drafting[SealedPack] | None = None
        self._sizes: set[int] | None = None
        self._now = ""
        self._failure: BaseException | None = None
        """What was in the way of writing: what came before is not there, and nothing may be added or committed."""

    def may_be_whole(self, size: int) -> bool:
        """Whether an object of so many bytes may be here as a file of its own; they are looked at once."""
        if self._sizes is None:
            self._sizes = set()
            for _, path in self._store.wholes():
                with suppress(OSError):
                    self._sizes.add(path.lstat().st_size)
        return size in self._sizes

    def cut(self, fd: int, size: int, digest: bytes, take: Take, moved: Moved = unheard) -> Digest:
        """Cut an open file; what it is.

        Raises:
            ChangedWhileAdding: it became shorter.
            DamagedObject: it is not the object of this digest.
            DiskFull, StoreUnwritable: the packs could not be written.
        """
        told = 0
        found = digest
        content = _Open(fd)
        with self._remembered(content), self._named():
            drafting = self._begun()
            self._now = name_of(fd)
            for drafted in drafting.cut([Source(digest, content, size)]):
                length = min(size - told, _length(drafted))
                moved(length)
                told += length
                take(drafted.pack, drafted.recipes)
            found = drafting.last
        return Digest(found)

    def cut_coming(self, sources: Iterable[Source], take: Take) -> Iterator[bytes]:
        """Cut objects that come from elsewhere, one after another: the digest of each that is whole, b"" meanwhile.

        Raises:
            Broken, TablesUnusable: one cannot be had, or is another one. What was not told is to be cut again.
            DiskFull, StoreUnwritable: the packs could not be written.
        """
        with self._remembered(), self._named():
            drafting = self._begun()
            self._now, last = "", drafting.last
            for drafted in drafting.cut(sources):
                take(drafted.pack, drafted.recipes)
                ended, last = drafting.last != last, drafting.last
                yield last if ended else b""

    def learn(self) -> Tables | None:
        """Know what is in the store now, and nothing else; another connection to the record of chunks, None without.

        It may be used in another thread. Raises DiskFull, StoreUnwritable.
        """
        self._drop()
        with self._named():
            self._begun()
            if self._tables is None or self._tables.path is None:
                return None
            tables, sound = Tables(self._tables.path), _sound(self._store)
            tables.use(sound.intersection, forget=False)
            return tables

    def seal(self, take: Take) -> None:
        """Give the last pack, with every recipe that waits for it. Raises DiskFull, StoreUnwritable."""
        with self._remembered(), self._named():
            if self._drafting is not None:
                for drafted in self._drafting.seal():
                    take(drafted.pack, drafted.recipes)

    def abandon(self) -> None:
        """Drop the pack that is open."""
        self._failure = None
        self._drop()

    def _drop(self) -> None:
        if self._drafting is not None:
            self._drafting.abandon()
            self._drafting = None

    def close(self) -> None:
        """Let go of everything."""
        self.abandon()
        if self._tables is not None:
            self._tables.__exit__(None, None, None)
            self._tables = None

    def _begun(self) -> Drafting[SealedPack]:
        """The drafting, once the store's lock is held: what is there now stays."""
        if self._drafting is None:
            self._tables = self._tables or _opened(self._store.chunks_path)
            _learn(self._tables, self._store)
            staging = self._store.rooms.staging
            self._drafting = Drafting(
                self._tables, self._chunker, lambda: PackWriter(staging), damaged=self._refuse, flags=CHUNK
            )
        return self._drafting

    def _refuse(self, digest: bytes) -> None:
        if not self._now:
            raise Broken(digest, is_damaged=True)
        raise ChangedWhileAdding(f"{self._now} changed while it was being added")

    @contextmanager
    def _remembered(self, content: "_Open | None" = None) -> Iterator[None]:
        """A failure again, whatever is asked next; but one file that cannot be read, or changed, leaves the others."""
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except BaseException as error:
            if not isinstance(error, (ChangedWhileAdding, Broken, TablesUnusable, GeneratorExit)) and not (
                content is not None and content.is_unreadable
            ):
                self._failure = error
                self._drop()
            raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Errors of the record of chunks as ours."""
        try:
            yield
        except sqlite3.Error as error:
            path = self._store.chunks_path
            if path is not None and is_full(path.parent):
                hint = "free some space and run the same command again; what was stored is safe"
                raise DiskFull(f"no space left for the record of chunks at {shown(path)}", hint=hint) from error
            place = shown(path) if path is not None else "memory"
            if getattr(error, "sqlite_errorcode", 0) == _MOVED:
                hint = "run the same command again: what came is kept, and the record is made again from the packs"
                raise StoreUnwritable(f"the record of chunks at {place} was deleted meanwhile", hint=hint) from error
            hint = "delete it: it is made again from the packs"
            raise StoreUnwritable(f"the record of chunks at {place} cannot be used: {error}", hint=hint) from error


class _Open:
    """A file that somebody else opened, and closes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.is_unreadable = False

    def open(self) -> "_Open":
        return self

    def read_into(self, buffer: memoryview, offset: int) -> int:
        done = 0
        try:
            while done < len(buffer) and (length := read_into(self._fd, buffer[done:], offset + done)):
                done += length
        except OSError:
            self.is_unreadable = True
            raise
        return done

    def close(self) -> None:
        """The opener does."""


def _length(drafted: Drafted[SealedPack]) -> int:
    return drafted.reused_bytes + (sum(entry.length for entry in drafted.pack.entries) if drafted.pack else 0)


def _opened(path: Path | None) -> Tables:
    """The record of chunks, in memory where it cannot be kept."""
    if path is not None:
        with suppress(OSError, TrackError, sqlite3.OperationalError):
            return Tables(path)
    return Tables(None)


def forget_gone(store: Store) -> None:
    """Have the record of chunks know no pack that is gone; while nobody else writes to the store.

    Where that cannot be done, it knows more than it needs.
    """
    if store.chunks_path is not None and store.chunks_path.is_file():
        with suppress(OSError, TrackError, sqlite3.Error), Tables(store.chunks_path) as tables:
            tables.use(_sound(store).intersection)


def _learn(tables: Tables, store: Store) -> None:
    """Have the record know the store's sound packs of chunks, and no others."""
    sound = _sound(store)
    with tables.together():
        for name in tables.lacking(sound):
            with suppress(DamagedObject, NewerFormat, FileNotFoundError):
                tables.note_table(*_table(store.rooms.pack(name), name))
    tables.use(sound.intersection, forget=False)  # another writer may have noted what it is about to publish


def _sound(store: Store) -> set[bytes]:
    return {name for name, state in store.index.packs_of_chunks().items() if state == WHOLE}


def _table(path: Path, name: bytes) -> tuple[NeededPack, bytes]:
    entries = read_table(path)
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        footer = parse_footer(read_at(fd, FOOTER_LENGTH, size - FOOTER_LENGTH), size, shown(path))
    finally:
        os.close(fd)
    return NeededPack(name, footer.table_digest, footer.table_offset, len(entries)), dump_table(entries)
