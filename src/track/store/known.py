"""What is known of a remote without asking it: a record, in SQLite, of what push and fetch last confirmed.

It is an accelerator and may be deleted at any time. It says which index segments were read and what they hold, which
artifacts are complete there, and which entries turned out to be missing or damaged. Quick to import: `status` reads it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from track.store.layout import ROOTS
from track.store.recipe import OF_WHOLE, RECIPE
from track.store.record import Stale, check_version, connected_record, opened_record, record_in_memory
from track.store.segment import Held, Name, Segment
from track.store.tombstones import NOTHING, Condemned

_ASKED_AT_ONCE = 1000
_HELD = "SELECT o.digest, p.digest, o.form, o.flags, o.offset, o.stored, o.length FROM objects o"


class PackHeld(NamedTuple):
    """A pack at the remote: its size in bytes and how many objects it is known to hold."""

    size: int
    objects_count: int


class Known:
    """The record of one remote. Missing, damaged or of another version, it begins empty."""

    def __init__(self, path: Path, *, kept: bool = True) -> None:
        """Open the record at `path`, making it and its folder when missing; not `kept`, a copy of it."""
        self.path = path
        self.condemned = NOTHING
        self._db = opened_record(path) if kept else record_in_memory(path)

    def __enter__(self) -> Self:
        """The record itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # Which store it is about.

    @property
    def store_id(self) -> str:
        """The id of the store that the record is about; "" before anything was confirmed."""
        row = self._db.execute("SELECT store FROM about").fetchone()
        return str(row[0]) if row else ""

    def be_about(self, store_id: str) -> None:
        """Keep the record when it is about this store, else begin it anew."""
        if self.store_id != store_id:
            with self._db:
                self._clear(("about", "latest", "confirmed", "reached"))
                self._db.execute("INSERT INTO about VALUES (?)", (store_id,))

    @property
    def confirmed_s(self) -> float | None:
        """When the remote was last asked what it has, in seconds since 1970; None when that is not known."""
        with suppress(sqlite3.OperationalError):  # a record that was made before this was noted
            row = self._db.execute("SELECT at FROM confirmed").fetchone()
            return float(row[0]) if row else None
        return None

    def note_confirmed(self, at_s: float) -> None:
        """Note when the remote was asked what it has; all of the record is as of then."""
        self._note_alone("confirmed", at_s)

    @property
    def reached(self) -> str | None:
        """The place of which this is the record, as the configuration named it; None when that is not known."""
        with suppress(sqlite3.OperationalError):
            return next((str(place) for (place,) in self._db.execute("SELECT place FROM reached")), None)
        return None

    def note_reached(self, place: str) -> None:
        """Note of which place this is the record."""
        self._note_alone("reached", place)

    def _note_alone(self, table: str, value: float | str) -> None:
        with self._db:
            self._db.execute(f"DELETE FROM {table}")
            self._db.execute(f"INSERT INTO {table} VALUES (?)", (value,))

    def forget_index(self) -> None:
        """Drop what was read from the remote: it changed in a way that cannot be followed."""
        with self._db:
            self._clear(())

    def _clear(self, more: tuple[str, ...]) -> None:
        for table in ("segments", "packs", "objects", "roots", "entries", "bad", *more):
            self._db.execute(f"DELETE FROM {table}")

    # Index segments and the objects they hold.

    @property
    def segments(self) -> set[str]:
        """Names of the segments that hold, whose entries are in the record."""
        return {name for (name,) in self._db.execute("SELECT name FROM segments WHERE replaced_by IS NULL")}

    @property
    def replacements(self) -> dict[str, str]:
        """Names of segments that were replaced, and by which; their entries are in the record too."""
        return dict(self._db.execute("SELECT name, replaced_by FROM segments WHERE replaced_by IS NOT NULL"))

    def note_replaced(self, replaced: Iterable[Name], by: Name) -> None:
        """Note that segments need not be read any more: what `by` says, they said."""
        with self._db:
            rows = ((str(name), str(by)) for name in replaced)
            self._db.executemany("INSERT OR REPLACE INTO segments VALUES (?, ?)", rows)
            self._db.execute("INSERT OR IGNORE INTO segments VALUES (?, NULL)", (str(by),))

    def forget_replaced(self, names: Iterable[str]) -> None:
        """Drop replaced segments that are no longer at the remote."""
        with self._db:
            self._db.executemany("DELETE FROM segments WHERE name = ?", ((name,) for name in names))

    def learn(self, segments: Iterable[Segment]) -> None:
        """Take over the entries of segments; all of them or, interrupted, none."""
        with self._db:
            for segment in segments:
                packs = segment.head.packs
                self._db.executemany("INSERT OR IGNORE INTO packs (digest, size) VALUES (?, ?)", packs)
                number: dict[bytes | None, int] = {pack.digest: self._pack_id(pack.digest) for pack in packs}
                number[None] = 0
                self._db.executemany(
                    "INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        (digest, number[pack], offset, stored, length, form, flags)
                        for digest, pack, form, flags, offset, stored, length in segment.entries()
                    ),
                )
                self._db.execute("INSERT OR IGNORE INTO segments VALUES (?, NULL)", (str(segment.name),))

    def _pack_id(self, digest: bytes) -> int:
        return int(self._db.execute("SELECT id FROM packs WHERE digest = ?", (digest,)).fetchone()[0])

    def shun(self, condemned: Condemned) -> None:
        """Count what is condemned as absent, in `present` and `complete`, until the record is closed or this is said
        again; it can be fetched all the same."""
        self.condemned = condemned
        with self._db:
            self._db.execute("DELETE FROM shunned")
            for kind, digests in enumerate((condemned.packs, condemned.wholes, condemned.objects)):
                self._db.executemany(f"INSERT INTO shunned VALUES (?, {kind})", ((one,) for one in digests))

    def present(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of the digests that the remote has, and not only in a place found bad, or condemned."""
        found: set[bytes] = set()
        where = "standing" if self.condemned else "places"
        for part in _parts(digests):
            query = f"SELECT DISTINCT digest FROM {where} WHERE digest IN ({_marks(part)})"
            found.update(digest for (digest,) in self._db.execute(query, part))
        return found - self.lost()

    def locate(self, digests: Iterable[bytes]) -> dict[bytes, list[Held]]:
        """Every place of each digest, those found bad last; a digest without any is left out."""
        places: dict[bytes, list[Held]] = {}
        bad = self._bad()
        for part in _parts(digests):
            for held in self._places(part):
                places.setdefault(held.digest, []).append(held)
        for digest in {digest for digest, _ in bad} & places.keys():
            places[digest].sort(key=lambda held: (held.digest, held.pack or b"") in bad)
        return places

    def want(self, digests: Iterable[bytes]) -> tuple[int, int]:
        """Say which objects `grouped` is about; how many of them have a place, and their lengths in bytes together."""
        with self._db:
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (digest BLOB PRIMARY KEY) WITHOUT ROWID")
            self._db.execute("DELETE FROM wanted")
            self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((one,) for one in sorted(digests)))
        query = "SELECT MAX(o.length) AS length FROM wanted w JOIN places o ON o.digest = w.digest GROUP BY w.digest"
        count, size = self._db.execute(f"SELECT COUNT(*), TOTAL(length) FROM ({query})").fetchone()
        return count, int(size)

    def grouped(self, *, in_chunks: bool) -> Iterator[tuple[int, list[Held]]]:
        """Places of what is wanted, a pack at a time: (its size, what of it is wanted, by offset); bad ones last.

        Only recipes of chunks, or (not `in_chunks`) only places that have the object itself. Objects that are files of
        their own come one at a time, with size 0. An object may come more than once. Memory does not grow with the
        number of objects.
        """
        rows = self._db.execute(
            "SELECT o.digest, p.digest, o.form, o.flags, o.offset, o.stored, o.length, p.size FROM wanted w"
            " JOIN places o ON o.digest = w.digest LEFT JOIN packs p ON p.id = o.pack"
            " LEFT JOIN bad b ON b.digest = o.digest AND b.pack = coalesce(p.digest, x'')"
            f" WHERE (o.form = {RECIPE}) = ? ORDER BY b.digest IS NOT NULL, o.pack, o.offset",
            (in_chunks,),
        )
        size, group = 0, list[Held]()
        for *columns, pack_size in rows:
            held = Held(*columns)
            if group and (held.pack is None or held.pack != group[0].pack):
                yield size, group
                group = []
            size = pack_size or 0
            group.append(held)
        if group:
            yield size, group

    def _places(self, part: Sequence[bytes]) -> Iterator[Held]:
        query = (
            "SELECT o.digest, p.digest, o.form, o.flags, o.offset, o.stored, o.length "
            f"FROM places o LEFT JOIN packs p ON p.id = o.pack WHERE o.digest IN ({_marks(part)})"
        )
        return map(Held._make, self._db.execute(query, part))

    def recipe(self, digest: bytes) -> Held | None:
        """Where the recipe of an object that is a file of its own is, when it has one."""
        return next(self._recipes(digest, OF_WHOLE), None)

    def chunked(self, digest: bytes) -> list[Held]:
        """Where recipes are that say of which chunks an object is made."""
        return list(self._recipes(digest, 0))

    def _recipes(self, digest: bytes, flags: int) -> Iterator[Held]:
        query = f"{_HELD} JOIN packs p ON p.id = o.pack WHERE o.digest = ? AND o.form = ? AND o.flags = ?"
        return map(Held._make, self._db.execute(query, (digest, RECIPE, flags)))

    def every_chunked(self) -> Iterator[tuple[bytes, list[Held]]]:
        """Every recipe that says of which chunks an object is made, by the pack in which it lies and by offset."""
        query = f"{_HELD} JOIN packs p ON p.id = o.pack WHERE o.form = ? AND o.flags <> ? ORDER BY o.pack, o.offset"
        rows = self._db.execute(query, (RECIPE, OF_WHOLE))
        for pack, group in groupby(map(Held._make, rows), key=lambda held: held.pack):
            assert pack is not None
            yield pack, list(group)

    def ask(self, query: str, given: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, as they come; nothing is changed meanwhile."""
        return iter(self._db.execute(query, given))

    def every_object(self) -> set[bytes]:
        """Every object that has a place."""
        return {digest for (digest,) in self._db.execute("SELECT DISTINCT digest FROM places")}

    def packs(self, digests: Iterable[bytes]) -> dict[bytes, PackHeld]:
        """Size and number of objects of these packs."""
        found = {}
        for part in _parts(digests):
            query = f"SELECT id, digest, size FROM packs WHERE digest IN ({_marks(part)})"
            for number, digest, size in self._db.execute(query, part).fetchall():
                count = self._db.execute("SELECT COUNT(*) FROM objects WHERE pack = ?", (number,)).fetchone()[0]
                found[digest] = PackHeld(size, count)
        return found

    def counts(self) -> dict[bytes, int]:
        """How many objects each pack holds, without the recipes of those that are files of their own."""
        query = "SELECT p.digest, count(*) FROM places o JOIN packs p ON p.id = o.pack GROUP BY o.pack"
        return dict(self._db.execute(query).fetchall())

    def has_packs(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of the packs that the remote has."""
        query = "SELECT digest FROM packs WHERE digest IN ({})"
        return {row[0] for part in _parts(digests) for row in self._db.execute(query.format(_marks(part)), part)}

    def every_pack(self) -> list[tuple[bytes, int]]:
        """Every pack with its size, sorted by digest."""
        return self._db.execute("SELECT digest, size FROM packs ORDER BY digest").fetchall()

    def inside(self, pack: bytes | None) -> list[Held]:
        """Everything in a pack, or (None) every object that is a file of its own; by offset and digest."""
        where = "o.pack = 0" if pack is None else "o.pack = (SELECT id FROM packs WHERE digest = ?)"
        query = f"{_HELD} LEFT JOIN packs p ON p.id = o.pack WHERE {where} ORDER BY o.offset, o.digest"
        return [Held._make(row) for row in self._db.execute(query, () if pack is None else (pack,))]

    # Artifacts that are complete at the remote.

    @property
    def entries(self) -> set[str]:
        """Keys of the complete roots entries that were read."""
        return {key for (key,) in self._db.execute("SELECT key FROM entries")}

    def roots_in(self, key: str = "") -> set[bytes]:
        """What a roots entry said when it was read, or what all of them did, whatever was found missing since."""
        query = "SELECT DISTINCT digest FROM roots WHERE entry LIKE ?"
        return {digest for (digest,) in self._db.execute(query, (f"{key}%",))}

    def learn_roots(self, key: str, digests: Iterable[bytes]) -> None:
        """Take over a complete roots entry."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO entries VALUES (?)", (key,))
            self._db.executemany("INSERT OR IGNORE INTO roots VALUES (?, ?)", ((one, key) for one in digests))

    def forget_roots(self, keys: Iterable[str]) -> None:
        """Drop roots entries that are no longer at the remote."""
        gone = [(key,) for key in keys]
        with self._db:
            self._db.executemany("DELETE FROM entries WHERE key = ?", gone)
            self._db.executemany("DELETE FROM roots WHERE entry = ?", gone)

    def complete(self, digests: Iterable[bytes], writer: str = "") -> set[bytes]:
        """Those of the root digests that the remote has with everything below, as far as is known.

        With a `writer`, only those that this clone said it needs: no collection takes them. None while an object is
        known to be lost there: then what is below has to be looked at again. A digest that no index names is not
        there, whatever was said of it.
        """
        if self.lost():
            return set()
        found: set[bytes] = set()
        for part in _parts(digests):
            query = (
                f"SELECT DISTINCT digest FROM roots r WHERE digest IN ({_marks(part)}) AND entry LIKE ?"
                " AND EXISTS (SELECT 1 FROM places o WHERE o.digest = r.digest)"
            )
            found.update(digest for (digest,) in self._db.execute(query, (*part, f"{ROOTS}{writer}%")))
        return found

    def note_latest(self, versions: Iterable[tuple[bytes, bytes]]) -> None:
        """Note, as (path, root digest), the versions of artifacts that were last pushed or fetched."""
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO latest VALUES (?, ?)", versions)

    def latest(self, path: bytes) -> bytes | None:
        """The root digest of the version of an artifact that was last pushed or fetched."""
        row = self._db.execute("SELECT digest FROM latest WHERE path = ?", (path,)).fetchone()
        return bytes(row[0]) if row else None

    # What turned out to be missing or damaged.

    def note_bad(self, places: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Note (object, pack or None) that were missing or damaged there: a push sends them again."""
        with self._db:
            self._db.executemany(
                "INSERT OR IGNORE INTO bad VALUES (?, ?)", ((one, pack or b"") for one, pack in places)
            )

    def note_repaired(self, packs: Iterable[bytes], digests: Iterable[bytes]) -> None:
        """Note that these packs, and these objects that are files of their own, were put there anew."""
        with self._db:
            self._db.executemany("DELETE FROM bad WHERE pack = ?", ((pack,) for pack in packs))
            self._db.executemany("DELETE FROM bad WHERE digest = ? AND pack = x''", ((one,) for one in digests))

    def bad_packs(self) -> set[bytes]:
        """Packs in which something was missing or damaged."""
        return {pack for _, pack in self._bad() if pack}

    def lost(self) -> set[bytes]:
        """Objects that were missing or damaged wherever they are known to be."""
        bad = self._bad()
        noted = {digest for digest, _ in bad}
        return {one for one in noted if all((one, held.pack or b"") in bad for held in self._places([one]))}

    def unplaced(self) -> set[bytes]:
        """Objects that should be there, and that no index names any more."""
        query = "SELECT digest FROM roots UNION SELECT digest FROM bad EXCEPT SELECT digest FROM places"
        return {digest for (digest,) in self._db.execute(query)}

    def _bad(self) -> set[tuple[bytes, bytes]]:
        return set(self._db.execute("SELECT digest, pack FROM bad").fetchall())


def complete_at(folder: Path, digests: Iterable[bytes]) -> set[bytes]:
    """Those of the root digests that any remote recorded in `folder` has whole; nothing is written, no one is asked."""
    wanted = list(digests)
    return {digest for path in sorted(folder.glob("*.db")) for digest in complete_in(path, wanted)}


def complete_in(path: Path, digests: Iterable[bytes]) -> set[bytes]:
    """Those of the root digests that the remote with the record at `path` has whole; none where there is no record."""
    with suppress(sqlite3.Error, Stale), recorded(path) as known:
        return known.complete(digests)
    return set()


@contextmanager
def recorded(path: Path) -> Iterator[Known]:
    """The record at `path` as it is, to be read only. Raises sqlite3.Error, Stale where there is none to be read."""
    known = Known.__new__(Known)
    known.path, known.condemned, known._db = path, NOTHING, connected_record(path, read_only=True)
    try:
        check_version(known._db)
        yield known
    finally:
        known.close()


def _parts(digests: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The digests as plain bytes, so many as one question holds."""
    every = [bytes(digest) for digest in digests]
    for at in range(0, len(every), _ASKED_AT_ONCE):
        yield every[at : at + _ASKED_AT_ONCE]


def _marks(part: Sequence[bytes]) -> str:
    return ",".join("?" * len(part))
