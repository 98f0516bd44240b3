"""The local index: which pack holds which object, in SQLite, derived from the packs and rebuilt at will.

Rows are added after their pack is durable. A pack that is not in the table of packs is found by listing the folder
when an object is missed, so a lost, old or deleted index costs time and never an object.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from track.errors import DamagedObject, DiskFull, NewerFormat, StoreUnwritable
from track.publish import make_directories, remove, sync_directory
from track.store.index_rows import (
    DAMAGED,
    VERSION,
    NewPack,
    connect,
    create_tables,
    forget,
    insert,
    listed,
    needs_of,
    size_of,
    version_of,
)
from track.store.pack import RAW, RECIPE, PackEntry, read_table
from track.system import is_full, shown

_ASKED_AT_ONCE = 2000
_PACKS_AT_ONCE = 64
_LOOK_AGAIN_S = 1.0
_INDEX_HINT = "delete it: it is made again from the packs"
_LACKING = (
    "SELECT 1 FROM needs WHERE needs.object = objects.digest AND needs.pack = objects.pack"
    " AND needs.offset = objects.offset AND needs.needed NOT IN (SELECT name FROM packs)"
)
_USABLE = f"(form <> {RECIPE} OR NOT EXISTS ({_LACKING}))"
"""Of a recipe, that every pack which it needs is there, too."""
_OF_CHUNKS = "SELECT name, state FROM packs WHERE chunks > 0"
_Answer = TypeVar("_Answer")


class Held(NamedTuple):
    """Where an object is: `pack` is the number of a pack, see `Index.pack_name`."""

    digest: bytes
    pack: int
    offset: int
    stored_length: int
    length: int
    form: int

    @property
    def entry(self) -> PackEntry:
        """The record as the pack has it, as far as reading needs it."""
        stored_digest = self.digest if self.form == RAW else b""
        return PackEntry(self.digest, self.form, 0, self.offset, self.stored_length, self.length, stored_digest)


class Place(NamedTuple):
    """What `Held` says, in the order in which packs are read."""

    pack: int
    offset: int
    stored_length: int
    length: int
    form: int
    digest: bytes


class Index:
    """The index of one store. Every question heals a broken file: it is dropped and filled again from the packs."""

    def __init__(self, path: Path | None, packs: Path, on_damage: Callable[[Path, DamagedObject], None]) -> None:
        """Open, make or remake the index at `path` (None: in memory) of the packs in folder `packs`.

        `on_damage` is told of every pack whose table is broken.
        """
        self._path = path
        self._packs = packs
        self._on_damage = on_damage
        self._names: dict[int, bytes] = {}
        self._db: sqlite3.Connection | None = None
        self.cut: set[bytes] = set()
        """What was in packs that have another size than they had."""
        self.is_reconciled = False
        """Whether it was compared with the folder since it was made."""
        self._looked_at = 0.0

    def close(self) -> None:
        """Close; opened again when asked."""
        if self._db is not None:
            self._db.close()
            self._db = None
        self._names = {}

    def absent(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those that are in no pack that the index knows of."""
        lacking = set(digests)
        if lacking and not self.is_empty():
            for piece in _pieces(sorted(lacking)):
                query = f"SELECT DISTINCT digest FROM objects WHERE digest IN ({_marks(piece)}) AND {_USABLE}"
                lacking.difference_update(row[0] for row in self._ask(query, piece))
        return lacking

    def is_empty(self) -> bool:
        """Whether it knows of no object."""
        return not self._ask("SELECT 1 FROM objects LIMIT 1", ())

    def held(self, digests: Iterable[bytes]) -> Iterator[Held]:
        """Every place of each digest, in no order; nothing for those that are in no known pack.

        A recipe of which a pack of chunks is gone is no place.
        """
        for piece in _pieces(sorted(set(digests))):
            query = (
                "SELECT digest, pack, offset, stored_length, length, form FROM objects"
                f" WHERE digest IN ({_marks(piece)}) AND {_USABLE}"
            )
            yield from map(Held._make, self._ask(query, piece))

    def places(self, digests: Iterable[bytes]) -> list[Place]:
        """Every place of each digest, in the order of packs and offsets."""
        rows: list[tuple[int, int, int, int, int, bytes]] = []
        for piece in _pieces(sorted(set(digests))):
            query = (
                "SELECT pack, offset, stored_length, length, form, digest FROM objects"
                f" WHERE digest IN ({_marks(piece)}) AND {_USABLE}"
            )
            rows += self._ask(query, piece)
        rows.sort()
        new = tuple.__new__
        return [new(Place, row) for row in rows]

    def pack_name(self, number: int) -> bytes:
        """The digest that names a pack."""
        if number not in self._names:
            rows = self._ask("SELECT name FROM packs WHERE id = ?", (number,))
            self._names[number] = rows[0][0] if rows else bytes(32)
        return self._names[number]

    def packs(self) -> dict[bytes, tuple[int, int]]:
        """Every known pack: its name, and (size, WHOLE or DAMAGED)."""
        return {name: (size, state) for name, size, state in self._ask("SELECT name, size, state FROM packs", ())}

    def count(self) -> int:
        """How many objects it knows of."""
        return int(self._ask("SELECT count(DISTINCT digest) FROM objects", ())[0][0])

    def rows_count(self) -> int:
        """How many places it knows of; quick, however many there are."""
        return int(self._ask("SELECT count(*) FROM objects", ())[0][0])

    def digests(self) -> Iterator[tuple[bytes, int]]:
        """Every object in a pack with its length, sorted by digest."""
        last = b""
        while rows := self._ask(
            f"SELECT digest, length FROM objects WHERE digest > ? AND {_USABLE}"
            " GROUP BY digest ORDER BY digest LIMIT 10000",
            (last,),
        ):
            yield from rows
            last = rows[-1][0]

    # Recipes, and the packs of chunks that they need.

    def recipes(self) -> Iterator[Held]:
        """The recipe of each object that is here in chunks, the one that was written last, in the order of packs."""
        if not self.has_chunks():
            return
        query = (
            "SELECT digest, pack, offset, stored_length, length, form FROM objects"
            f" WHERE form = {RECIPE} AND {_USABLE} ORDER BY pack, offset"
        )
        last = {held.digest: held for held in map(Held._make, self._ask(query, ()))}
        yield from sorted(last.values(), key=itemgetter(1, 2))

    def has_chunks(self) -> bool:
        """Whether anything is here in chunks."""
        return bool(self._ask("SELECT 1 FROM needs LIMIT 1", ()) or self._ask(_OF_CHUNKS + " LIMIT 1", ()))

    def packs_of_chunks(self) -> dict[bytes, int]:
        """Every known pack of chunks: its name, and WHOLE or DAMAGED."""
        return dict(self._ask(_OF_CHUNKS, ()))

    def needing(self, names: Iterable[bytes]) -> set[bytes]:
        """The objects of which a recipe needs one of these packs."""
        return {row[0] for name in names for row in self._ask("SELECT object FROM needs WHERE needed = ?", (name,))}

    def needed(self, digests: Iterable[bytes]) -> set[bytes]:
        """The packs that recipes of these objects need, whether they are there or not."""
        found: set[bytes] = set()
        for piece in _pieces(sorted(set(digests))):
            query = f"SELECT DISTINCT needed FROM needs WHERE object IN ({_marks(piece)})"
            found.update(row[0] for row in self._ask(query, piece))
        return found

    def packs_with(self, digests: Iterable[bytes]) -> set[bytes]:
        """The packs that have any of these objects, or a recipe of one, whatever else that needs."""
        found: set[bytes] = set()
        for piece in _pieces(sorted(set(digests))):
            query = f"SELECT DISTINCT name FROM packs JOIN objects ON pack = id WHERE digest IN ({_marks(piece)})"
            found.update(row[0] for row in self._ask(query, piece))
        return found

    def cut_up(self) -> set[bytes]:
        """The objects of which there is a recipe in a pack, whether it is offered or not."""
        return {row[0] for row in self._ask("SELECT DISTINCT object FROM needs", ())}

    def broken(self) -> set[bytes]:
        """The objects of which recipes are here, and for none of them every pack that it needs."""
        recipes = f"SELECT digest FROM objects WHERE form = {RECIPE} AND"
        return {row[0] for row in self._ask(f"{recipes} NOT {_USABLE} EXCEPT {recipes} {_USABLE}", ())}

    def note_damaged(self, name: bytes) -> None:
        """Remember that something in a pack is damaged."""
        self._change("UPDATE packs SET state = ? WHERE name = ?", (DAMAGED, name))

    def forget_recipes(self, digest: bytes, needed: bytes) -> None:
        """Do not offer an object by recipes that need this pack again."""
        values = (digest, digest, needed)
        self._change(
            f"DELETE FROM objects WHERE digest = ? AND form = {RECIPE} AND (pack, offset) IN"
            " (SELECT pack, offset FROM needs WHERE object = ? AND needed = ?)",
            values,
        )

    def inside(self, name: bytes) -> Iterator[bytes]:
        """The digests of what it looks for in one pack. Reads everything: for a checkup."""
        query = "SELECT digest FROM objects WHERE pack = (SELECT id FROM packs WHERE name = ?)"
        return (row[0] for row in self._ask(query, (name,)))

    def sums(self) -> dict[bytes, tuple[int, int, int]]:
        """For every pack: how many objects it looks for there, and the sums of their offsets and lengths."""
        query = "SELECT name, count(*), total(offset), total(length) FROM objects JOIN packs ON pack = id GROUP BY pack"
        return {name: (count, int(offsets), int(lengths)) for name, count, offsets, lengths in self._ask(query, ())}

    def add_packs(self, packs: Iterable[NewPack]) -> None:
        """Know these packs, in one transaction; each must be durable already. Known ones are described anew."""
        new = list(packs)
        if new:
            self._guarded(lambda db: insert(db, new))

    def forget(self, held: Held) -> None:
        """Do not look for an object at this place again, and remember that its pack is damaged."""
        self._change("DELETE FROM objects WHERE digest = ? AND pack = ? AND offset = ?", held[:3])
        self._change("UPDATE packs SET state = ? WHERE id = ?", (DAMAGED, held.pack))

    def vanished(self) -> set[bytes]:
        """What it looks for in packs that are gone, or have another size than they had, since it last looked."""
        there = dict(self.listed())
        gone = [name for name, (size, _) in self.packs().items() if name not in there or size_of(there[name]) != size]
        return {digest for name in gone for digest in self.inside(name)}

    def forget_pack(self, name: bytes) -> bool:
        """Know nothing of a pack any more: it is gone. Whether it was known."""
        was_known = bool(self._ask("SELECT 1 FROM packs WHERE name = ?", (name,)))
        self._guarded(lambda db: forget(db, [name]))
        self._names = {}
        return was_known

    def is_damaged(self, name: bytes) -> bool:
        """Whether an object of this pack was found damaged."""
        return bool(self._ask("SELECT 1 FROM packs WHERE name = ? AND state = ?", (name, DAMAGED)))

    def listed(self) -> Iterator[tuple[bytes, Path]]:
        """Every file in the folder that has a pack's name: (the digest that names it, its path)."""
        return listed(self._packs)

    def is_stale(self) -> bool:
        """Whether a look at the folder may pay: another process may have added a pack since the last one."""
        return time.monotonic() - self._looked_at > _LOOK_AGAIN_S

    def refresh(self) -> bool:
        """Compare with the folder of packs: know new ones, forget lost or cut ones. Whether anything was new."""
        self.is_reconciled = True
        self._looked_at = time.monotonic()
        there = dict(listed(self._packs))
        known = self.packs()
        if lost := [name for name, (size, _) in known.items() if name not in there or size_of(there[name]) != size]:
            self.cut.update(digest for name in lost if name in there for digest in self.inside(name))
            self.cut |= self.needing(name for name in lost if name in there)
            self._guarded(lambda db: forget(db, lost))
            self._names = {}
        found = False
        for names in _pieces(sorted(there.keys() - (known.keys() - set(lost))), _PACKS_AT_ONCE):
            new = [pack for name in names if (pack := self._described(name, there[name])) is not None]
            for folder in {there[pack.name].parent for pack in new}:
                with suppress(OSError, StoreUnwritable):  # its writer may not have come to the sync of the name yet
                    sync_directory(folder)
            self.add_packs(new)
            found = found or bool(new)
        return found

    def _described(self, name: bytes, path: Path) -> NewPack | None:
        """What a pack says of itself; None when it is gone, broken or of a newer format."""
        try:
            entries = read_table(path)
            return NewPack(name, path.stat().st_size, entries, needs_of(path, entries))
        except DamagedObject as error:
            self._on_damage(path, error)
        except (FileNotFoundError, NewerFormat):
            pass
        return None

    def _change(self, statement: str, values: Sequence[object]) -> None:
        self._guarded(lambda db: db.execute(statement, values))

    def _ask(self, query: str, values: Sequence[object]) -> list[Any]:
        return self._guarded(lambda db: db.execute(query, values).fetchall())

    def _guarded(self, work: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        """Do it in a transaction; an index that turns out to be broken is made anew, once."""
        for attempt in (1, 2):
            try:
                db = self._open()
                with db:
                    return work(db)
            except sqlite3.Error as error:
                self._raise_unless_broken(error)
                if attempt == 2:
                    place = shown(self._path) if self._path else "memory"
                    raise StoreUnwritable(f"the index at {place} cannot be used: {error}", hint=_INDEX_HINT) from error
                self._drop()
        raise AssertionError

    def rebuild(self) -> None:
        """Drop everything and read it out of the packs again."""
        self._drop()
        self._guarded(lambda db: None)

    def _raise_unless_broken(self, error: sqlite3.Error) -> None:
        code = getattr(error, "sqlite_errorname", "")
        place = shown(self._path) if self._path else "memory"
        if code.startswith("SQLITE_FULL") or (code.startswith("SQLITE_IOERR") and self._is_on_a_full_disk()):
            hint = "free some space and run the same command again; what was stored is safe"
            raise DiskFull(f"no space left for the index at {place}", hint=hint) from error
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            hint = "wait for the other commands to end and run this one again"
            raise StoreUnwritable(f"the index at {place} is in use by another process", hint=hint) from error
        if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            self.close()
            self._path = None  # cannot be kept here: this process makes its own in memory

    def _is_on_a_full_disk(self) -> bool:
        return self._path is not None and is_full(self._path.parent)

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            if self._path is not None:
                try:
                    make_directories(self._path.parent)
                except (OSError, StoreUnwritable):
                    self._path = None
            self._db = connect(self._path)
            if version_of(self._db) != VERSION:
                create_tables(self._db)
                self.refresh()
        return self._db

    def _drop(self) -> None:
        self.close()
        if self._path is not None:
            for ending in ("", "-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    remove(f"{self._path}{ending}")


def _pieces(digests: Sequence[bytes], size: int = _ASKED_AT_ONCE) -> Iterator[Sequence[bytes]]:
    return (digests[at : at + size] for at in range(0, len(digests), size))


def _marks(piece: Sequence[bytes]) -> str:
    return ",".join("?" * len(piece))
