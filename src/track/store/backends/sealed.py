"""A place whose files are sealed: what goes on to the place behind it tells its server neither contents nor names.

What is below `packs/` and `objects/` is checked against its digest by whoever reads it, down to each object and chunk:
there a block that is not right gives noise, so that only what lies in it counts as damaged, and its neighbours can be
saved. Anything else is refused whole.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from track.errors import DamagedObject, TrackError
from track.model.digest import Digest, digest_of
from track.progress import Moved, unheard
from track.publish import create, remove, stage, sweep, write_all
from track.store.around import Around, AroundUpload
from track.store.backends.filesystem import READ, changed, too_large
from track.store.backends.sealing import BLOCK, SEALED_BLOCK, Opening, Sealing, plain_size, sealed_size
from track.store.layout import DESCRIPTION, LISTING, OBJECTS, PACKS
from track.store.pieces import Pieces
from track.store.place import Listed, Place, Staged, Upload
from track.system import naming, start_writeback
from track.work import hash_threads

_PLAIN = (DESCRIPTION, LISTING)
"""What is read before there is a key, or by a place behind this one, which names only what is sealed."""
_SPREAD = ("packs", "objects")
"""Folders of many files, which are spread over others by the beginning of their names."""
_BLOCKS = 16
_BLOCKS_AT_ONCE = 272
"""Somewhat more than a pack has, so that one is read with one request where requests are far away."""


class SealedPlace(Around):
    """A place that seals and opens; `staging` is a folder of this machine for what is about to be sent."""

    def __init__(self, place: Place, sealing: Sealing, staging: Path) -> None:
        """Where the sealed files are."""
        super().__init__(place)
        self.sealing, self.staging = sealing, staging

    def key_behind(self, key: str) -> str:
        """The sealed key."""
        if key in _PLAIN:
            return key
        folder, slash, rest = key.rpartition("/") if "/" not in key else key.partition("/")
        name = self.sealing.name(folder, rest)
        return f"{folder}/{name[:2]}/{name[2:]}" if folder in _SPREAD else f"{folder}{slash}{name}"

    def key_here(self, key: str) -> str | None:
        """The key that is sealed so; None for what this store did not put there."""
        if key in _PLAIN:
            return key
        folder, slash, name = key.rpartition("/") if "/" not in key else key.partition("/")
        if folder in _SPREAD:
            name = name[:2] + name[3:] if name[2:3] == "/" else ""
        rest = self.sealing.named(folder, name) if name else None
        return None if rest is None else f"{folder}{slash}{rest}"

    def get(self, key: str) -> bytes:
        """The bytes of a key. Raises NoSuchKey, DamagedObject."""
        data = self.behind.get(self.key_behind(key))
        if key in _PLAIN:
            return data
        found = self.sealing.open(key, data)
        self._refuse_bad(key, found.bad)
        return found.data

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        """So many bytes at an offset, fewer where the end comes sooner. Raises NoSuchKey, DamagedObject."""
        if key in _PLAIN:
            return self.behind.get_range(key, offset, length)
        first = offset // BLOCK
        wanted = (max(1, -(-(offset + length) // BLOCK) - first)) * SEALED_BLOCK
        data = self.behind.get_range(self.key_behind(key), first * SEALED_BLOCK, wanted)
        found = self.sealing.open(key, data, first=first, has_end=len(data) < wanted)
        self._refuse_bad(key, found.bad)
        at = offset - first * BLOCK
        return found.data[at : at + length]

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """Copy the bytes of a key into a new file in `staging`, hashing them. Raises NoSuchKey, DamagedObject."""
        try:
            sealed = self.behind.get_file(self.key_behind(key), staging, limit=sealed_size(limit), moved=moved)
        except DamagedObject as error:
            raise too_large(self.url, key, limit) from error
        if key in _PLAIN:
            return sealed
        try:
            return self._opened_file(key, sealed.path, staging)
        finally:
            remove(sealed.path)

    def _opened_file(self, key: str, sealed: Path, staging: Path) -> Staged:
        opening, hasher, size = Opening(self.sealing, key), blake3(max_threads=hash_threads()), 0
        path = stage(staging)
        source = os.open(sealed, READ)
        target = create(path)
        try:
            end = os.fstat(source).st_size
            for at in range(0, max(end, 1), _BLOCKS * SEALED_BLOCK):
                data = os.pread(source, _BLOCKS * SEALED_BLOCK, at)
                piece = b"".join(opening.blocks(data, has_end=at + len(data) >= end))
                with naming(path):
                    write_all(target, piece)
                start_writeback(target)
                hasher.update(piece)
                size += len(piece)
            self._refuse_bad(key, opening.bad)
        except BaseException:
            remove(path)
            raise
        finally:
            os.close(source)
            os.close(target)
        return Staged(path, Digest(hasher.digest()), size)

    def digest(self, key: str) -> Digest:
        """The digest of the bytes of a key, read, opened and hashed piece by piece. Raises NoSuchKey, DamagedObject."""
        if key in _PLAIN:
            return self.behind.digest(key)
        hidden, opening = self.key_behind(key), Opening(self.sealing, key)
        hasher = blake3()
        at, end, wanted = 0, None, (_BLOCKS_AT_ONCE if self.comes_in_parts else _BLOCKS) * SEALED_BLOCK
        while end is None or at < end:
            data = memoryview(self.behind.get_range(hidden, at, wanted))
            at += len(data)
            if len(data) < wanted:
                end = at
            elif end is None:
                end = self.behind.size(hidden) or at
            for block in opening.blocks(data, has_end=at >= end):
                hasher.update(block)
        self._refuse_bad(key, opening.bad)
        return Digest(hasher.digest())

    def list(self, prefix: str) -> Iterable[Listed]:
        """Everything of this store whose key begins with `prefix`, with the sizes of what is sealed."""
        folder, slash, _ = prefix.partition("/")
        for one in self.behind.list(folder + slash):
            key = self.key_here(one.key)
            if key is not None and key.startswith(prefix):
                yield Listed(key, one.size if key in _PLAIN else plain_size(one.size), one.modified_s)

    def size(self, key: str) -> int | None:
        """Bytes of a key; None when nothing has it."""
        size = self.behind.size(self.key_behind(key))
        return size if size is None or key in _PLAIN else plain_size(size)

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, sealed, replacing what is there; durable when it returns."""
        self.behind.put(self.key_behind(key), self._sealed(key, data))

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has, sealed and durably; False, and nothing is changed, when something is."""
        return self.behind.create(self.key_behind(key), self._sealed(key, data))

    def delete(self, key: str) -> None:
        """Remove a key; absence is fine."""
        self.behind.delete(self.key_behind(key))

    def upload(self) -> Upload:
        """Many files, each sealed before it goes."""
        sweep(self.staging)
        return _SealedUpload(self, self.behind.upload())

    def _sealed(self, key: str, data: bytes) -> bytes:
        if key in _PLAIN:
            return data
        return b"".join(self.sealing.seal(key, self.sealing.salt(key, digest_of(data)), [data]))

    def _refuse_bad(self, key: str, bad: int) -> None:
        if bad and not key.startswith((PACKS, OBJECTS)):
            raise DamagedObject(
                f"{self.url}: {key} is not what was sealed there: it was changed, cut off, or put in its place",
                hint="whoever looks after it: track repair --remote NAME",
            )


class _SealedUpload(AroundUpload):
    """Seals each file into staging, checking it on the way, and hands that on."""

    def __init__(self, place: SealedPlace, upload: Upload) -> None:
        super().__init__(upload)
        self._place = place

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        path = stage(self._place.staging)
        try:
            sealed = self._seal(key, source, digest, path)
            return self.behind.put_file(self._place.key_behind(key), path, sealed, replace=replace, moved=moved)
        finally:
            with suppress(OSError, TrackError):
                remove(path)

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        sealing = self._place.sealing
        hasher = blake3(max_threads=hash_threads())
        parts = tuple(_joined(sealing.seal(key, sealing.salt(key, digest), pieces.parts)))
        for part in parts:
            hasher.update(part)
        sealed = Pieces(parts, sum(map(len, parts)))
        hidden = self._place.key_behind(key)
        return self.behind.put_pieces(hidden, sealed, hasher.digest(), replace=replace, moved=moved)

    def _seal(self, key: str, source: Path, digest: bytes, path: Path) -> bytes:
        """The digest of the sealed file. Raises DamagedObject when the source has another digest than it should."""
        plain, whole = blake3(max_threads=hash_threads()), blake3(max_threads=hash_threads())
        sealing = self._place.sealing
        fd = os.open(source, READ)
        try:
            target = create(path)
            try:
                blocks = sealing.seal(key, sealing.salt(key, digest), _hashed(fd, plain))
                for piece in _joined(blocks):
                    with naming(path):
                        write_all(target, piece)
                    whole.update(piece)
            finally:
                os.close(target)
        finally:
            os.close(fd)
        if plain.digest() != digest:
            raise changed(source)
        return whole.digest()


def _hashed(fd: int, hasher: blake3) -> Iterator[bytes]:
    """The bytes of a file in pieces; several files are read at the same time, so none of them is read ahead."""
    while piece := os.read(fd, _BLOCKS * BLOCK):
        hasher.update(piece)
        yield piece


def _joined(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Many blocks at a time."""
    held: list[bytes] = []
    for block in blocks:
        held.append(block)
        if len(held) == _BLOCKS:
            yield b"".join(held)
            held = []
    yield b"".join(held)
