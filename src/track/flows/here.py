"""Here: what stands in the working tree at the place of an artifact, asked path by path."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from track.flows.linked import settle_links
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry
from track.project import Project
from track.store.hashing import hash_fd
from track.store.pack import SMALL
from track.worktree.found import Folder, is_fresh, mode_of, split
from track.worktree.parts import covers
from track.worktree.reading import stat_of
from track.worktree.scan import Item, Scan, open_checked, read_small
from track.worktree.stat_cache import RACY, STAT, STAT_SIZE, STORE_LINK, Row, Stat


class Local(NamedTuple):
    """A file, link or stranger thing that is here; `digest` is empty when nobody looked at its content."""

    path: bytes
    stat: Stat
    digest: bytes

    @property
    def mode(self) -> str:
        """ "f", "x" or "l" as an entry has it, "?" for what is neither file nor link."""
        kind = stat.S_IFMT(self.stat.mode)
        return mode_of(self.stat) if kind in (stat.S_IFREG, stat.S_IFLNK) else "?"

    def is_like(self, entry: Entry) -> bool:
        """Whether it is what the entry says, in content and mode."""
        return (self.mode, self.digest) == (entry.mode, entry.digest)


class Here:
    """What a scan found, with the content of what is in doubt hashed when it is asked for."""

    def __init__(self, project: Project, seen: Scan) -> None:
        """About one artifact; paths are relative to it (a file artifact is `b""`)."""
        self._project = project
        self.seen = seen
        self._found = {folder.path: folder for folder in seen.folders}
        self._gone = set(seen.gone)
        self._known: dict[bytes, dict[bytes, Local]] = {}
        self._rows: dict[bytes, tuple[Row, bytes] | None] = {}
        self._looked_at: dict[bytes, set[bytes]] = {}

    def settle(self, wanted: Callable[[Item], bool]) -> None:
        """Hash what is pending and `wanted`.

        Raises:
            ChangedWhileAdding, Unreadable: something cannot be read, or not as a whole.
        """
        settle_links(self._project, self.seen)
        for folder in self.seen.folders:
            if len(folder.pending):
                with self._project.gate.directory(self.seen.place(folder)) as fd:
                    for item in folder.items():
                        if not folder.digest(item.number) and _has_content(item.stat) and wanted(item):
                            folder.settle(item.number, _hashed(fd, item, self.seen.shown(item)))

    def at(self, path: bytes, *, sure: bool = False) -> Local | None:
        """What file or link is at `path`; None when there is none, or a folder.

        With `sure`, its content has been looked at since it last changed, unless that was long before it was recorded.
        """
        folder, name = _split(path)
        known = self._names(folder)
        found = known.get(name)
        if found is None or not sure or not _has_content(found.stat) or found.stat.flags & STORE_LINK:
            return found
        if not found.digest or self._is_hearsay(folder, name, found.stat):
            known[name] = found = found._replace(digest=self._hash(found))
        return found

    def itself(self) -> Local | None:
        """What stands at the artifact's own path, when that is no folder."""
        if self.seen.kind == "file":
            return self.at(b"", sure=True)
        with self._project.gate.parent(self.seen.path) as (fd, name):
            try:
                found = stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False))
            except FileNotFoundError:
                return None
            item = Item(b"", name, found, "", b"", 0)
            return Local(b"", found, _hashed(fd, item, self.seen.path) if _has_content(found) else b"")

    def is_folder(self, path: bytes) -> bool:
        """Whether a folder is at `path`."""
        if not path:
            return self.seen.kind == "directory"
        inner = path + b"/"
        return inner in self._found or (inner not in self._gone and self._row(inner) is not None)

    def below(self, path: bytes) -> list[Local]:
        """Every file and link in the folder `path`, as far as track looks into it."""
        return [local for folder in self.folders_below(path) for local in self._names(folder).values()]

    def folders_below(self, path: bytes) -> list[bytes]:
        """The folder `path` and every folder in it, each with a slash at its end; sorted."""
        prefix = path + b"/" if path else b""
        rows = self._project.stat_cache.rows(self.seen.path) if self.seen.recorded else iter(())
        kept = {row.path for row in rows if row.path.startswith(prefix)} - self._gone
        return sorted(kept | {found for found in self._found if found.startswith(prefix)})

    def extras(self) -> Iterator[Local]:
        """Files and links of which the rows know nothing."""
        for folder in self.seen.folders:
            known = set(split(folder.row.names)) if folder.row is not None else set()
            yield from (local for name, local in self._names(folder.path).items() if name not in known)

    def packed(self, local: Local) -> bytes:
        """The stat of something as its row gets it: in doubt if it changed just when it was looked at."""
        clock, found = self.seen.clock, local.stat
        racy = max(found.mtime_ns, found.ctime_ns) >= clock.now_ns - clock.tick_ns
        return STAT.pack(*found._replace(flags=found.flags | RACY if racy else found.flags & ~RACY))

    def _is_hearsay(self, folder: bytes, name: bytes, seen: Stat) -> bool:
        """Whether the digest is what a row says of a file that changed shortly before that row was written."""
        if (found := self._found.get(folder)) is None:
            row = self._row(folder)
            return row is not None and is_fresh(seen, row[0].written)
        if found.row is None or not is_fresh(seen, found.row.written):
            return False
        if folder not in self._looked_at:  # the rest of the folder was taken from its row
            names = found.split()
            self._looked_at[folder] = {names[index] for index in found.pending}
        return self.seen.kind == "directory" and name not in self._looked_at[folder]

    def _names(self, folder: bytes) -> dict[bytes, Local]:
        if folder not in self._known:
            found = self._found.get(folder)
            row = self._row(folder) if found is None and folder not in self._gone else None
            if found is not None:
                self._known[folder] = {local.path.rpartition(b"/")[2]: local for local in self._of_found(found)}
            elif row is not None:
                self._known[folder] = {local.path.rpartition(b"/")[2]: local for local in _of_row(*row)}
            else:
                self._known[folder] = {}
            if self.seen.kind == "file":
                self._known[folder] = {b"": next(iter(self._known[folder].values()))._replace(path=b"")}
        return self._known[folder]

    def _of_found(self, folder: Folder) -> Iterator[Local]:
        for index, name in enumerate(folder.split()):
            yield Local(folder.path + name, folder.stat(index), folder.digest(index))

    def _row(self, folder: bytes) -> tuple[Row, bytes] | None:
        if folder not in self._rows:
            has_rows = self.seen.recorded is not None
            self._rows[folder] = self._project.stat_cache.row(self.seen.path, folder) if has_rows else None
        return self._rows[folder]

    def _hash(self, local: Local) -> bytes:
        whole = self.seen.path if self.seen.kind == "file" else self.seen.path + b"/" + local.path
        with self._project.gate.parent(whole) as (fd, name):
            return _hashed(fd, Item(local.path, name, local.stat, "", b"", 0), whole)


def _of_row(row: Row, digests: bytes) -> Iterator[Local]:
    for index, name in enumerate(split(row.names)):
        found = Stat._make(STAT.unpack_from(row.stats, index * STAT_SIZE))
        yield Local(row.path + name, found, digests[index * 32 : index * 32 + 32])


def _has_content(seen: Stat) -> bool:
    return stat.S_IFMT(seen.mode) in (stat.S_IFREG, stat.S_IFLNK)


def _hashed(fd: int, item: Item, shown: bytes) -> Digest:
    seen = item.stat._replace(flags=0)
    if seen.size < SMALL or stat.S_ISLNK(seen.mode):
        return digest_of(read_small(fd, item.name, seen, path=shown))
    with open_checked(fd, item.name, seen, path=shown) as content:
        return hash_fd(content, seen.size)


def _split(path: bytes) -> tuple[bytes, bytes]:
    folder, slash, name = path.rpartition(b"/")
    return folder + slash, name


def is_under(path: bytes, parts: Iterable[bytes]) -> bool:
    """Whether a path is one of `parts`, below one, or there are none; a frozenset of many is asked quickly."""
    if isinstance(parts, frozenset):
        return not parts or covers(parts, path)
    wanted = tuple(parts)
    return not wanted or any(path == part or path.startswith(part + b"/") for part in wanted)
