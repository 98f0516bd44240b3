"""Store: the objects of a local store, read and written by their digests.

Every byte is hashed before it is handed out. What turns out bad is put aside, never deleted, and never given to
anybody; another copy is tried, and the error says where it was looked for.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3

from track.errors import DamagedObject, MissingObject, NotAStore, TrackError
from track.locks import Lock
from track.model.digest import Digest
from track.progress import Moved, unheard
from track.publish import make_directories, remove, sweep
from track.store.chunks_here import InChunks, hash_chunks, joined, put_together
from track.store.description import Description
from track.store.foundation import create_store, index_name, read_description, user_cache
from track.store.hashing import hash_fd
from track.store.index import Held, Index
from track.store.layout import OBJECTS, object_digest
from track.store.lost import note_lost
from track.store.pack import RAW, RECIPE, expand_entry, read_entry, read_table
from track.store.purge_notes import missing
from track.store.reading import OpenPacks
from track.store.recipes_here import RecipesHere
from track.store.rooms import Rooms
from track.store.trash import Trash
from track.store.whole import Whole, open_whole, set_aside
from track.store.writer import Cutter, Writer
from track.system import is_shared_filesystem, reading, shown
from track.work import hash_threads

_DAMAGED_HINT = "`track fetch` brings it again from a remote; `track verify` lists everything that is damaged"
_WINDOW = 1 << 16


class Store:
    """One local store; opened by `Store.open`, used in one thread, closed by `close` or a `with` block.

    `damage` collects what was found bad since it was opened, one sentence each.
    """

    def __init__(self, rooms: Rooms, description: Description, index_path: Path | None) -> None:
        """For `Store.open` alone."""
        self.path = rooms.path
        self.id = description.id
        self.description = description
        self.rooms = rooms
        self.damage: list[str] = []
        self.index = Index(index_path, rooms.packs, self._pack_is_broken)
        self._open_packs = OpenPacks(rooms)
        self.recipes = RecipesHere(rooms, self.index, self._open_packs, self._entry_is_damaged)
        self._has_remade_index = False
        self.keeps_index = index_path is not None and index_path.parent == rooms.path
        """Whether the index is in the store, and everybody who writes there keeps it up to date."""
        self.wants_chunks = False
        """Whether large objects shall be kept in chunks from now on; see `track.store.cutting`."""
        self.chunks_path = index_path and index_path.with_name(index_path.name.replace("index", "chunks", 1))
        """The record of where which chunk is, beside the index."""
        self.verified_path = index_path and index_path.with_name(index_path.name.replace("index", "verified", 1))
        """The record of when which file was last verified, beside the index."""

    @classmethod
    def open(cls, path: Path, *, create: bool, cache: Path | None = None, group: bool = False) -> "Store":
        """Open the store at `path`; with `create`, make it where there is none (for a `group`: its members may write).

        The index lies in `cache` (default: the user's) when others write to the store too, from here or elsewhere,
        or when we may not.

        Raises:
            NotAStore: there is none, or something else is there.
            NewerFormat: it was written by a later version of track.
            DiskFull, StoreUnwritable: it could not be made.
        """
        description = read_description(path)
        if description is None:
            if not create:
                raise NotAStore(f"there is no store at {shown(path)}", hint="check the path; `track init` makes one")
            description = create_store(path, group)
        status = path.stat()
        is_group = description.shared == "group"
        mode = status.st_mode & 0o444 or 0o400
        rooms = Rooms(path, mode, 0o2775 if is_group else None)
        shared = is_group or is_shared_filesystem(path) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid())
        own_index = not shared and os.access(path, os.W_OK)
        index_path = path / "index.db" if own_index else (cache or user_cache()) / index_name(path, description)
        return cls(rooms, description, index_path)

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close files and the index; once more is fine."""
        self._open_packs.close()
        self.index.close()

    def absent(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those that the store does not have, packed or whole; existence only, nothing is read."""
        if not self.index.is_reconciled:  # packs that somebody deleted are not "already here"
            self.index.refresh()
        lacking = self._not_whole(self.index.absent(digests))
        if lacking and self.index.is_stale() and self.index.refresh():
            lacking = self.index.absent(lacking)
        if lacking and self._revived(lacking):
            lacking = self._not_whole(self.index.absent(lacking))
        return lacking

    def sizes(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """The lengths in bytes of those that the store has."""
        asked = set(digests)
        found = {held.digest: held.length for held in self.index.held(asked)}
        for digest in asked - found.keys():
            if (path := self.whole(digest)) is not None:
                found[digest] = path.stat().st_size
        return found

    def whole(self, digest: bytes) -> Path | None:
        """The path of a whole object, unread; None when it is packed or absent."""
        return self.rooms.whole(digest)

    def large(self, digest: bytes) -> Whole | InChunks | None:
        """A large object, unread, as a file of its own or in chunks; None when it is neither."""
        if (path := self.whole(digest)) is not None:
            return Whole(path)
        return next((large for _, large in self.recipes.of(digest)), None)

    def are_large(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those that are here as files of their own or in chunks: nodes of manifests never are."""
        asked = set(digests)
        in_chunks = {held.digest for held in self.index.held(asked) if held.form == RECIPE}
        return in_chunks | {digest for digest in asked if self.whole(digest) is not None}

    def check(self, digest: bytes, moved: Moved = unheard) -> int:
        """Read and hash a large object, wherever it is; how many bytes it has. Raises as `open_verified`."""
        if self.whole(digest) is not None:
            return self.open_verified(digest, moved).stat().st_size
        return self.recipes.through(digest, lambda content: (content.size, hash_chunks(content, moved)))

    def copy_of_chunks(self, digest: bytes, staging: Path, moved: Moved = unheard) -> Path:
        """A new file in `staging` with an object that is here in chunks, verified. Raises as `open_verified`."""
        return self.recipes.through(digest, lambda content: put_together(content, staging, moved))

    @contextmanager
    def as_file(self, digest: bytes) -> Iterator[Path | None]:
        """A large object as a file, put together for the block when it is here in chunks; None when it is not large.

        Raises as `open_verified`, of what is in chunks.
        """
        large = self.large(digest)
        if not isinstance(large, InChunks):
            yield large and large.path
            return
        path = self.copy_of_chunks(digest, self.rooms.staging)
        try:
            yield path
        finally:
            with suppress(FileNotFoundError):
                remove(path)

    def is_own(self, path: Path) -> bool:
        """Whether a file of the store may be linked out: ours, so that no other user can change it afterwards."""
        status = path.lstat()
        return hasattr(os, "geteuid") and status.st_uid == os.geteuid() and not status.st_mode & 0o222

    def open_verified(self, digest: bytes, moved: Moved = unheard) -> Path:
        """The path of a whole object, after hashing it; `moved` is told how far that is.

        Raises:
            MissingObject: it is not there as a file of its own.
            DamagedObject: its bytes are others; it is in quarantine now.
        """
        path = self.rooms.object(digest)
        try:
            fd = open_whole(path)
        except FileNotFoundError:
            if self._revived([digest]) and self.whole(digest) is not None:
                return self.open_verified(digest, moved)
            raise missing(digest, self.path) from None
        try:
            with reading(path):
                found = hash_fd(fd, os.fstat(fd).st_size, moved)
        finally:
            os.close(fd)
        if found != digest:
            raise self._whole_is_damaged(digest, path)
        return path

    def read(self, digest: bytes) -> bytes:
        """An object, verified. Large ones come into memory whole: prefer `open_verified`.

        Raises:
            MissingObject: the store does not have it.
            DamagedObject: what the store had is not it; it is put aside, and not offered again.
        """
        damaged: list[DamagedObject] = []
        for _ in range(3):
            if (data := self._read_packed(digest, damaged)) is not None:
                return data
            with suppress(FileNotFoundError):
                return self._read_whole(digest)
            if not (self.index.refresh() or self._revived([digest])):
                break
        raise damaged[-1] if damaged else missing(digest, self.path)

    def _read_packed(self, digest: bytes, damaged: list[DamagedObject]) -> bytes | None:
        for held in sorted(self.index.held([digest])):
            if held.form == RECIPE:
                try:
                    return self.recipes.through(digest, joined)
                except DamagedObject as error:
                    damaged.append(error)
                except MissingObject:  # a pack of it went meanwhile
                    pass
                continue
            name = self.index.pack_name(held.pack)
            try:
                with reading(self.rooms.pack(name)):
                    return read_entry(self._open_packs.descriptor(name), held.entry)
            except FileNotFoundError:
                if self.index.forget_pack(name) or not self._remake_index():
                    continue
                return self._read_packed(digest, damaged)
            except DamagedObject as error:
                if self._open_packs.drop(name) or (self._is_index_wrong(held) and self._remake_index()):
                    return self._read_packed(digest, damaged)
                damaged.append(self._entry_is_damaged(held, error))
        return None

    def read_many(self, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """(digest, object) for each distinct one, verified, in whatever order is fast; meant for small objects.

        Raises MissingObject or DamagedObject at the first that cannot be had.
        """
        for at in range(0, len(digests), _WINDOW):
            yield from self._read_window(dict.fromkeys(digests[at : at + _WINDOW]))

    def _read_window(self, wanted: dict[bytes, None]) -> Iterator[tuple[bytes, bytes]]:
        for span, stored in self._open_packs.spans(self.index.places(wanted), self.index.pack_name):
            start = span[0].offset
            for place in span:
                pack, offset, stored_length, length, form, digest = place
                if digest not in wanted:
                    continue  # a second copy
                piece = stored[offset - start : offset - start + stored_length]
                del wanted[digest]
                if form == RECIPE:
                    yield digest, self.read(digest)
                    continue
                if form == RAW and length == len(piece) and blake3(piece).digest() == digest:
                    yield digest, bytes(piece)
                    continue
                held = Held(digest, pack, offset, stored_length, length, form)
                try:
                    yield digest, expand_entry(held.entry, piece, "its pack")
                except DamagedObject:
                    yield digest, self.read(digest)
        for digest in wanted:
            yield digest, self.read(digest)

    def lock(self) -> Lock:
        """What writers share, and a collection holds alone."""
        return Lock(self.rooms.lock, is_shared=self.rooms.directory_mode is not None)

    @contextmanager
    def writer(self, timeout_s: float = 10.0, *, cutter: Cutter | None = None) -> Iterator[Writer]:
        """A writer, with the store's lock shared from now to its end; what is not committed then is dropped.

        What a `cutter` cuts is kept in chunks; `track.store.cutting` has one where the store wants it.

        Raises Locked when a collection holds the store for longer than `timeout_s`.
        """
        with self.lock().shared(timeout_s):
            mode = self.rooms.directory_mode
            make_directories(self.rooms.staging, mode=mode or 0o777, exact=mode is not None)
            sweep(self.rooms.staging)
            self.index.refresh()  # what somebody deleted is not "already here"
            writer = Writer(self.rooms, self.index, cutter)
            try:
                yield writer
            finally:
                writer.abandon()

    def packs(self) -> Iterator[tuple[bytes, Path]]:
        """Every pack in the folder: (its name, its path), sorted."""
        return iter(sorted(self.index.listed()))

    def wholes(self) -> Iterator[tuple[bytes, Path]]:
        """Every whole object: (its digest, its path), sorted."""
        with suppress(FileNotFoundError):
            for prefix in sorted(os.listdir(self.rooms.objects)):
                with suppress(NotADirectoryError):
                    for name in sorted(os.listdir(self.rooms.objects / prefix)):
                        if (digest := object_digest(f"{OBJECTS}{prefix}/{name}")) is not None:
                            yield digest, self.rooms.objects / prefix / name

    def objects(self) -> Iterator[tuple[bytes, int]]:
        """Every object, packed or whole: (its digest, its length), each digest once."""
        self.index.refresh()
        yield from self.index.digests()
        wholes = dict(self.wholes())
        for digest in sorted(self.index.absent(wholes)):
            yield digest, wholes[digest].stat().st_size

    def trash(self) -> Trash:
        """What collections took away, and can still give back."""
        return Trash(self.rooms, keeps_index=self.keeps_index)

    def _revived(self, digests: Iterable[bytes]) -> int:
        """Bring back what is needed again from the trash, unless a collection is at work; how many files."""
        trash = self.trash()
        count = 0
        if trash.batches():
            with suppress(OSError, TrackError), self.lock().shared(0):
                asked = set(digests)
                count = trash.revive_these(asked, self.index.needed(asked))
        return count and (self.index.refresh() or True)

    def _not_whole(self, digests: set[bytes]) -> set[bytes]:
        """Those that are no whole objects; a folder that many are asked of is listed once."""
        if len(digests) < 8:
            return {digest for digest in digests if self.whole(digest) is None}
        try:
            folders = set(os.listdir(self.rooms.objects))
        except FileNotFoundError:
            return digests
        by_folder: dict[bytes, list[bytes]] = {}
        for digest in digests:
            by_folder.setdefault(digest[:1], []).append(digest)
        lacking: set[bytes] = set()
        for prefix, asked in by_folder.items():
            if prefix.hex() not in folders:
                lacking.update(asked)
                continue
            if len(asked) < 8:
                lacking.update(digest for digest in asked if self.whole(digest) is None)
                continue
            there: set[str] = set()
            with suppress(FileNotFoundError):
                there.update(os.listdir(self.rooms.objects / prefix.hex()))
            lacking.update(digest for digest in asked if digest[1:].hex() not in there)
        return lacking

    def _read_whole(self, digest: bytes) -> bytes:
        path = self.rooms.object(digest)
        fd = open_whole(path)
        try:
            with reading(path), os.fdopen(fd, "rb", closefd=False) as file:
                data = file.read()
        finally:
            os.close(fd)
        if blake3(data, max_threads=hash_threads()).digest() != digest:
            raise self._whole_is_damaged(digest, path)
        return data

    def _whole_is_damaged(self, digest: bytes, path: Path) -> DamagedObject:
        aside = set_aside(path, self.rooms.quarantine)
        note_lost(self.rooms, [digest])
        where = f"; it is now {shown(aside)}" if aside else ""
        message = f"object {Digest(digest)} is damaged at {shown(path)}{where}"
        self.damage.append(message)
        return DamagedObject(message, hint=_DAMAGED_HINT)

    def _remake_index(self) -> bool:
        """Make an index anew that was seen to be wrong, once; whether it was."""
        is_first, self._has_remade_index = not self._has_remade_index, True
        if is_first:
            self.index.rebuild()
        return is_first

    def _is_index_wrong(self, held: Held) -> bool:
        """Whether the pack itself, which can be read, says something else than the index."""
        try:
            entries = read_table(self.rooms.pack(self.index.pack_name(held.pack)))
        except (TrackError, OSError):
            return False
        return not any(entry[:2] + entry[3:6] == held[:1] + held[5:] + held[2:5] for entry in entries)

    def _entry_is_damaged(self, held: Held, error: DamagedObject) -> DamagedObject:
        path = self.rooms.pack(self.index.pack_name(held.pack))
        self.index.forget(held)
        note_lost(self.rooms, [held.digest])
        message = f"object {Digest(held.digest)} is damaged in the pack {shown(path)}, at byte {held.offset}"
        self.damage.append(message)
        return DamagedObject(message, hint=_DAMAGED_HINT, details=(error.message,))

    def _pack_is_broken(self, path: Path, error: DamagedObject) -> None:
        aside = set_aside(path, self.rooms.quarantine)
        note_lost(self.rooms, self.index.cut)
        self.damage.append(error.message + (f"; it is now {shown(aside)}" if aside else ""))
