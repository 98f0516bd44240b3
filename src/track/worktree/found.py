"""One folder as a scan found it, beside what its row says: which names are new, changed, doubtful or gone."""

import stat
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from track.model.digest import digest_of
from track.model.manifest import Entry
from track.worktree.reading import Clock
from track.worktree.stat_cache import DIGEST_SIZE, RACY, STAT, STAT_SIZE, STORE_LINK, Row, Stat

FRESH_NS = 60_000_000_000
"""A file that changed so shortly before its row was written may still be open for writing, or not on the disk yet."""

Pair = tuple[Entry | None, Entry | None]

_EMPTY = digest_of(b"")
_UNKNOWN = bytes(DIGEST_SIZE)


class Item(NamedTuple):
    """A file or link that has to be looked at: `path` is relative to the artifact, `name` its last part.

    `why` is "new", "resized" (surely another content), "touched" (same size, another stat) or "doubtful" (its stat
    is as it was and does not prove that its content is). `was` is the digest in the row, empty when "new".
    `number` is for `Folder.settle`.
    """

    path: bytes
    name: bytes
    stat: Stat
    why: str
    was: bytes
    number: int


class Folder:
    """One folder that is not as its row says, or has none.

    `path` is relative to the artifact, empty or with a slash at its end. `names` (files and links) and `folders` are
    sorted and joined by NUL; `stats` and `digests` hold 40 and 32 bytes for each name. `pending` are the indexes of
    the names whose digest is not known; it stays zero until `settle` is called.
    """

    __slots__ = ("_old_digests", "digests", "folders", "is_settled", "names", "path", "pending", "row", "stats")

    def __init__(self, path: bytes, names: bytes, folders: bytes, stats: bytearray) -> None:
        """A folder of which no row is known: every name is to be looked at."""
        self.path = path
        self.names = names
        self.folders = folders
        self.stats = stats
        count = len(stats) // STAT_SIZE
        self.digests = bytearray(DIGEST_SIZE * count)
        self.pending: list[int] | range = range(count)
        self.is_settled = not count
        """Whether all digests came at once, so that nobody has to look for those that are still to be found."""
        self.row: Row | None = None
        self._old_digests = b""

    def compare(self, row: Row, digests: bytes, *, believed: bool) -> None:
        """Take the digests of what is as it was from a row, and leave only the others pending.

        With `believed` false (another boot), everything stays pending, as doubtful.
        """
        self.row, self._old_digests = row, digests
        if not believed:
            return
        places = _places(row)
        stats, old, pending = bytes(self.stats), row.stats, []
        for index, name in enumerate(self.split()):
            place, here = places.get(name, -1), index * STAT_SIZE
            there = place * STAT_SIZE
            if place >= 0 and old[there : there + STAT_SIZE] == stats[here : here + STAT_SIZE]:
                self.settle(index, _digest(digests, place))
            else:
                pending.append(index)
        self.pending = pending

    def split(self) -> list[bytes]:
        """The names of its files and links."""
        return split(self.names)

    def stat(self, index: int) -> Stat:
        """The stat of one of its names."""
        return _stat(self.stats, index)

    def has_links(self) -> bool:
        """Whether any of its names is a link; a quick look, for folders of thousands of names."""
        return any(stat.S_ISLNK(found[0]) for found in STAT.iter_unpack(self.stats))

    def items(self) -> Iterator[Item]:
        """What is to be looked at."""
        names = self.split()
        places = _places(self.row) if self.row else {}
        for index in self.pending:
            seen, place = self.stat(index), places.get(names[index])
            if seen.flags & STORE_LINK:
                continue
            why, was = "new", b""
            if place is not None and self.row is not None:
                why, was = _reason(_stat(self.row.stats, place), seen), _digest(self._old_digests, place)
            yield Item(self.path + names[index], names[index], seen, why, was, index)

    def settle(self, index: int, digest: bytes) -> None:
        """The content of this name was read while it had its stat, and has this digest."""
        self.digests[index * DIGEST_SIZE : (index + 1) * DIGEST_SIZE] = digest

    def settle_all(self, digests: bytes) -> None:
        """As `settle`, for every pending name, in their order."""
        self.is_settled = True
        if len(digests) == len(self.digests):
            self.digests[:] = digests
            return
        for place, index in enumerate(self.pending):
            self.settle(index, _digest(digests, place))

    def link_to_store(self, index: int, digest: bytes, *, size: int, mtime_ns: int) -> None:
        """This name is a link to the store's object of this digest, and stands for it as long as nobody writes to it.

        Size and time are those of the object, so that what was written through the link shows.
        """
        seen = self.stat(index)._replace(flags=STORE_LINK, size=size, mtime_ns=mtime_ns)
        STAT.pack_into(self.stats, index * STAT_SIZE, *seen)
        self.settle(index, digest)

    def links(self) -> Iterator[tuple[int, bytes]]:
        """(number, path relative to the artifact) of each link to the store that is not as its row says."""
        names = self.split()
        for index in self.pending:
            if self.stat(index).flags & STORE_LINK:
                yield index, self.path + names[index]

    def digest(self, index: int) -> bytes:
        """The digest of one of its names; empty while it is not known."""
        digest = _digest(self.digests, index)
        return b"" if digest == _UNKNOWN else digest

    def entries(self) -> Iterator[tuple[bytes, Entry]]:
        """(name, what it is) of its files and links, sorted; a digest that is not known is empty."""
        return entries_of(self.path, self.names, self.stats, self.digests)

    def changes(self) -> Iterator[Pair]:
        """(what the row says, what is here) for every name where they differ, and for a folder emptied; unsorted."""
        old = dict(entries_of(self.path, self.row.names, self.row.stats, self._old_digests)) if self.row else {}
        new = dict(self.entries())
        for name in old.keys() | new.keys():
            if old.get(name) != new.get(name):
                yield old.get(name), new.get(name)
        was_empty = self.row is not None and is_empty(self.path, self.row.names, self.row.folders)
        now_empty = is_empty(self.path, self.names, self.folders)
        if was_empty != now_empty:
            yield (empty_entry(self.path), None) if was_empty else (None, empty_entry(self.path))

    def fresh_row(self, clock: Clock, boot: str) -> tuple[Row, bytes]:
        """The row of what is here, with its digests, all of them known; from a scan that began at `clock`."""
        written, safe = clock.now_ns, True
        pending = set(self.pending)
        if self.row is not None and len(pending) < len(self.stats) // STAT_SIZE:
            safe = not self.row.boot
            carried = (self.stat(index) for index in range(len(self.stats) // STAT_SIZE) if index not in pending)
            if any(is_fresh(seen, self.row.written) for seen in carried):
                written = self.row.written
        if len(pending) == len(self.stats) // STAT_SIZE and not self._may_be_racy(clock):
            newest = max((max(found[3], found[4]) for found in STAT.iter_unpack(self.stats)), default=0)
            safe = newest <= clock.now_ns - FRESH_NS
        else:
            for index in pending:
                seen = self.stat(index)
                safe = safe and not is_fresh(seen, clock.now_ns)
                _mark(self.stats, index, seen, clock)
        row = Row(self.path, written, "" if safe else boot, self.names, self.folders, bytes(self.stats))
        return row, bytes(self.digests)

    def _may_be_racy(self, clock: Clock) -> bool:
        """Whether any of its names has, or needs, the flag; one quick look, for folders of thousands of names."""
        limit = clock.now_ns - clock.tick_ns
        return any(found[1] & RACY or found[3] >= limit or found[4] >= limit for found in STAT.iter_unpack(self.stats))

    def renewed_row(self, clock: Clock, boot: str) -> tuple[Row, bytes] | None:
        """The row as it was, with the stats of what turned out to have the same content; None if nothing did."""
        if self.row is None:
            return None
        names, places = self.split(), _places(self.row)
        stats, safe, renewed = bytearray(self.row.stats), not self.row.boot, 0
        for index in self.pending:
            place = places.get(names[index])
            if place is None:
                continue
            seen, old = self.stat(index), _stat(self.row.stats, place)
            if self.digest(index) == _digest(self._old_digests, place) and mode_of(seen) == mode_of(old):
                safe = safe and not is_fresh(seen, clock.now_ns)
                _mark(stats, place, seen, clock)
                renewed += 1
            else:  # whatever it is, it is looked at again
                STAT.pack_into(stats, place * STAT_SIZE, *old._replace(flags=old.flags | RACY))
        if not renewed:
            return None
        written = clock.now_ns if renewed == len(places) else self.row.written
        return self.row._replace(written=written, boot="" if safe else boot, stats=bytes(stats)), self._old_digests


def split(names: bytes) -> list[bytes]:
    """The parts of a joined list of names."""
    return names.split(b"\0") if names else []


def mode_of(seen: Stat) -> str:
    """The mode of an entry with this stat: "f", "x" or "l"."""
    return _letter(seen.mode, seen.flags)


def is_fresh(seen: Stat, written: int) -> bool:
    """Whether it changed so shortly before its row was written that its content is hashed before it is given up."""
    return max(seen.mtime_ns, seen.ctime_ns) > written - FRESH_NS


def entries_of(
    path: bytes, names: bytes, stats: bytes | bytearray, digests: bytes | bytearray
) -> Iterator[tuple[bytes, Entry]]:
    """(name, entry) of each of the joined names of a folder; a digest of zeros becomes empty."""
    content = bytes(digests)
    parts = zip(split(names), STAT.iter_unpack(stats), count(0, DIGEST_SIZE), strict=False)
    for name, (mode, flags, size, *_), at in parts:
        digest = content[at : at + DIGEST_SIZE]
        yield name, Entry(path + name, _letter(mode, flags), size, b"" if digest == _UNKNOWN else digest)


def is_empty(path: bytes, names: bytes, folders: bytes) -> bool:
    """Whether a folder needs an entry of its own: it is inside the artifact and has nothing in it."""
    return bool(path) and not names and not folders


def empty_entry(path: bytes) -> Entry:
    """The entry of an empty folder, whose path ends with a slash."""
    return Entry(path[:-1], "d", 0, _EMPTY)


def _places(row: Row) -> dict[bytes, int]:
    return {name: place for place, name in enumerate(split(row.names))}


def _letter(mode: int, flags: int) -> str:
    if flags & STORE_LINK:
        return "f"
    return "l" if stat.S_ISLNK(mode) else "x" if mode & stat.S_IXUSR else "f"


def _stat(stats: bytes | bytearray, index: int) -> Stat:
    return Stat._make(STAT.unpack_from(stats, index * STAT_SIZE))


def _digest(digests: bytes | bytearray, index: int) -> bytes:
    return bytes(digests[index * DIGEST_SIZE : (index + 1) * DIGEST_SIZE])


def _mark(stats: bytearray, index: int, seen: Stat, clock: Clock) -> None:
    racy = max(seen.mtime_ns, seen.ctime_ns) >= clock.now_ns - clock.tick_ns
    flags = seen.flags | RACY if racy else seen.flags & ~RACY
    STAT.pack_into(stats, index * STAT_SIZE, *seen._replace(flags=flags))


def _reason(old: Stat, seen: Stat) -> str:
    if old.size != seen.size or stat.S_IFMT(old.mode) != stat.S_IFMT(seen.mode):
        return "resized"
    return "doubtful" if old._replace(flags=seen.flags) == seen else "touched"
