"""What is in the working tree now, against what its rows say: the loop that `status` and `add` spend their time in.

How to use a scan:

    seen = scan(gate, path, cache, state=…)            # no file is opened
    if seen.unchanged: …                               # everything is as the digest `seen.root` says
    for error in seen.errors: …                        # names that cannot be kept; nothing of them was opened
    for folder in seen.folders:                        # only those that differ
        with gate.directory(seen.place(folder)) as fd:
            for item in folder.items():                # files and links to be looked at
                data = read_small(fd, item.name, item.stat, path=…)      # or open_checked
                folder.settle(item.number, digest_of(data))
    seen.changes()     # (old, new) entries, sorted; an unknown digest is empty
    seen.entries()     # everything there is, sorted, once all is settled
    seen.save(root)    # the rows now describe `root`; or, when nothing was saved: seen.renew()

A file that changed is never missed because its time did not move: what changed less than a tick before the scan
that saw it began is looked at again by the next one. Names that cannot be kept are in `errors`, never opened.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import repeat
from pathlib import Path

from track.errors import TrackError
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import check_entry_path
from track.worktree.ahead import Ahead, ahead
from track.worktree.found import Folder, Item, Pair, empty_entry, entries_of, is_empty, split
from track.worktree.listing import kind_of, listed, object_digest, packed
from track.worktree.paths import Gate, open_beneath
from track.worktree.patterns import NAME, Patterns, read_patterns
from track.worktree.reading import Clock, fs_now, open_checked, read_small, special, trouble
from track.worktree.refusing import dangling, refused
from track.worktree.stat_cache import STAT_SIZE, CacheLost, Recorded, Row, StatCache

__all__ = ["Clock", "Folder", "Item", "Scan", "fs_now", "open_checked", "read_small", "scan"]

_TRIES = 5


class Scan:
    """An artifact as it was found.

    `kind` is "file", "directory", "missing", "link" or "other" (then there is nothing to read). `recorded` is what
    the rows describe, None without rows. `folders` are those that differ from their rows, sorted; a file artifact
    has one, with an empty path and one name. `gone` are the paths of folders of which only a row is left.
    `left_out` is how many names a `.trackignore` left out.
    """

    def __init__(self, path: bytes, kind: str, cache: StatCache, clock: Clock) -> None:
        """Nothing found yet."""
        self.path = path
        self.kind = kind
        self.clock = clock
        self.recorded: Recorded | None = None
        self.folders: list[Folder] = []
        self.gone: list[bytes] = []
        self.errors: list[TrackError] = []
        self.left_out = 0
        self._cache = cache

    @property
    def unchanged(self) -> bool:
        """Whether everything is as its rows say: the digest of the artifact is `root`."""
        return self.recorded is not None and not (self.folders or self.gone or self.errors)

    @property
    def root(self) -> Digest | None:
        """The digest that the rows describe, changed or not; None without rows."""
        return Digest(self.recorded.root) if self.recorded else None

    def place(self, folder: Folder) -> bytes:
        """The path of a folder in the working tree."""
        if self.kind == "file":
            return self.path.rpartition(b"/")[0]
        return (self.path + b"/" + folder.path).rstrip(b"/")

    def shown(self, item: Item) -> bytes:
        """The path of an item in the working tree."""
        return self.path if self.kind == "file" else self.path + b"/" + item.path

    @property
    def changed(self) -> Iterator[tuple[Folder, Item]]:
        """Every file and link that has to be looked at, sorted by folder."""
        return ((folder, item) for folder in self.folders for item in folder.items())

    @property
    def removed(self) -> list[bytes]:
        """The paths, relative to the artifact, that rows have and the folder has not; sorted."""
        return [old.path for old, new in self.changes() if old is not None and new is None and old.mode != "d"]

    def changes(self) -> list[Pair]:
        """(as the rows say, as it is) where they differ, sorted by path; digests that are not settled are empty."""
        pairs = [pair for folder in self.folders for pair in folder.changes()]
        for row in self._gone_rows():
            digests = self._cache.digests(self.path, row.path)
            pairs += ((entry, None) for _, entry in entries_of(row.path, row.names, row.stats, digests))
            if is_empty(row.path, row.names, row.folders):
                pairs.append((empty_entry(row.path), None))
        return sorted(pairs, key=_path_of)

    def entries(self) -> Iterator[Entry]:
        """Everything in it, sorted by raw path: what was settled, and what is as it was."""
        above: list[Iterator[tuple[bytes, Entry | None]]] = []
        empty = self._empty()
        for path, names, folders, stats, digests in self._everything():
            if path in empty:
                continue  # it came with the folder above: `a` is before `a.txt`, and what is in `a/` after it
            while above:
                for inner, entry in above[-1]:
                    if entry is not None:
                        yield entry
                    elif inner == path:
                        break
                else:
                    above.pop()
                    continue
                break
            parts: list[tuple[bytes, Entry | None]] = [*entries_of(path, names, stats, digests)]
            if folders:
                inner_folders = [(name, path + name + b"/") for name in split(folders)]
                parts += [(name, empty_entry(inner)) for name, inner in inner_folders if inner in empty]
                parts += [(name + b"/", None) for name, inner in inner_folders if inner not in empty]
                parts.sort()
            above.append((path + name, entry) for path, (name, entry) in zip(repeat(path), parts, strict=False))
        for rest in reversed(above):
            yield from (entry for _, entry in rest if entry is not None)

    def _empty(self) -> set[bytes]:
        """The paths of the folders that need an entry of their own."""
        left_out = {*self.gone, *(each.path for each in self.folders)}
        rows = self._cache.rows(self.path) if self.recorded else ()
        kept = {row.path for row in rows if is_empty(row.path, row.names, row.folders)} - left_out
        return kept | {each.path for each in self.folders if is_empty(each.path, each.names, each.folders)}

    def save(self, root: bytes) -> None:
        """Record that everything found here, all of it settled, is the artifact with this digest."""
        recorded = Recorded(self.kind, bytes(root))
        rows = (folder.fresh_row(self.clock, self._cache.boot) for folder in self.folders)
        if self.recorded is None:
            self._cache.replace(self.path, recorded, rows)
        elif self.folders or self.gone or self.recorded != recorded:
            self._cache.update(self.path, recorded, rows, gone=self.gone, base=self.recorded.root)

    def renew(self) -> None:
        """Record the stats of what was settled to the digest that it had, so that it need not be read again."""
        if self.recorded is None:
            return
        rows = [row for folder in self.folders if (row := folder.renewed_row(self.clock, self._cache.boot))]
        if rows:
            self._cache.update(self.path, self.recorded, rows, gone=(), base=self.recorded.root)

    def _gone_rows(self) -> Iterator[Row]:
        wanted = set(self.gone)
        return (row for row in self._cache.rows(self.path) if row.path in wanted) if wanted else iter(())

    def _everything(self) -> Iterator[tuple[bytes, bytes, bytes, bytes | bytearray, bytes | bytearray]]:
        """Every folder that is there, sorted by path, as found or as its row says."""
        found = iter(self.folders)
        folder = next(found, None)
        left_out = {*self.gone, *(each.path for each in self.folders)}
        for row in self._cache.rows(self.path) if self.recorded else ():
            while folder is not None and folder.path <= row.path:
                yield folder.path, folder.names, folder.folders, folder.stats, folder.digests
                folder = next(found, None)
            if row.path not in left_out:
                yield row.path, row.names, row.folders, row.stats, self._cache.digests(self.path, row.path)
        while folder is not None:
            yield folder.path, folder.names, folder.folders, folder.stats, folder.digests
            folder = next(found, None)


def scan(
    gate: Gate,
    path: bytes,
    cache: StatCache,
    *,
    state: Path | None = None,
) -> Scan:
    """Look at every name of the artifact at `path`, and at no content.

    `state` is a folder of track's own on the same filesystem, for its clock. Links to the store's objects, as
    checkout makes them where it is told to, are the files that they stand for.

    Raises:
        ForbiddenPath: the way to the artifact goes through a link, or into Git's or the store's folders.
    """
    try:
        return _scan(gate, path, cache, state)
    except CacheLost:
        return _scan(gate, path, cache, state)


def _scan(gate: Gate, path: bytes, cache: StatCache, state: Path | None) -> Scan:
    objects = os.fsencode(gate.objects) if gate.objects else None
    try:
        with gate.parent(path) as (fd, name):
            clock = fs_now(fd, state)
            here = os.stat(name, dir_fd=fd, follow_symlinks=False)
            kind = kind_of(here.st_mode)
            if kind == "link" and objects and _linked_object(gate.root, path, os.readlink(name, dir_fd=fd), objects):
                kind = "file"
            seen = Scan(path, kind, cache, clock)
            seen.recorded = recorded if (recorded := cache.recorded(path)) and recorded.kind == kind else None
            if kind == "other":
                seen.errors.append(special(path, here.st_mode))
            elif kind == "file":
                _Walk(seen, fd, objects, gate.root).file(name, here)
            elif kind == "directory":
                inner = open_beneath(fd, name)
                try:
                    walk = _Walk(seen, inner, objects, gate.root)
                    walk.directory(Patterns.above(gate, path))
                finally:
                    os.close(inner)
            return seen
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):  # no file can be called so
            raise
        return Scan(path, "missing", cache, Clock(0, 0))


class _Walk:
    """One pass over an artifact; fills a Scan."""

    def __init__(self, seen: Scan, top: int, objects: bytes | None, root: Path) -> None:
        self.seen = seen
        self.top = top
        self.objects = objects
        self.root = root
        self.rows = seen._cache.rows(seen.path) if seen.recorded else iter(())
        self.row = next(self.rows, None)
        self.ahead: Ahead | None = None

    def file(self, name: bytes, here: os.stat_result) -> None:
        """Look at a file artifact, whose row has one name."""
        folder = Folder(b"", name, b"", packed(here))
        self._keep(folder, self.top, self.row if self.row and self.row.names == name else None)

    def directory(self, patterns: Patterns | None) -> None:
        """Look at every folder, in the order of their paths."""
        outline = self.seen._cache.outline(self.seen.path) if self.seen.recorded else []
        with ahead(self.top, outline) as self.ahead:
            self._directory(patterns)

    def _directory(self, patterns: Patterns | None) -> None:
        todo: list[tuple[bytes, Patterns | None]] = [(b"", patterns)]
        while todo:
            path, rules = todo.pop()
            row = self._row_at(path)
            if row is not None and self._was_seen(row, rules):
                todo += ((path + name + b"/", rules) for name in reversed(_in_order(row.folders)))
                continue
            try:
                fd = open_beneath(self.top, path[:-1])
            except OSError as error:
                self._fail(path, error)
                continue
            try:
                below, rules = self._folder(fd, path, row, rules)
            except OSError as error:
                self._fail(path, error)
                continue
            finally:
                os.close(fd)
            # A name that is refused is in `errors`; nobody has to know what is in there, least of all in a repository.
            todo += ((path + name + b"/", rules) for name in reversed(below) if check_entry_path(name) is None)
        self._row_at(None)

    def _folder(
        self, fd: int, path: bytes, row: Row | None, rules: Patterns | None
    ) -> tuple[list[bytes], Patterns | None]:
        """Look at one folder; its folders in the order of their paths, and the rules that hold in them."""
        names, folders, stats = _listed(fd)
        if rules is not None or NAME in names:
            rules = self._rules(fd, path, rules)
            names, folders, stats = self._without_ignored(path, rules, (names, folders, stats))
        below = _in_order(folders)
        if row is None or row.stats != stats or row[3:5] != (names, folders) or not self._believed(row):
            self._keep(Folder(path, names, folders, stats), fd, row)
        return below, rules

    def _was_seen(self, row: Row, rules: Patterns | None) -> bool:
        """Whether the process that is ahead saw the folder as its row says, and there is nothing else to ask."""
        return self.ahead is not None and rules is None and self._believed(row) and self.ahead.saw(row)

    def _rules(self, fd: int, path: bytes, rules: Patterns | None) -> Patterns:
        """The rules that hold in an open folder."""
        content = read_patterns(fd)
        rules = rules or Patterns()
        return rules if content is None else rules.extended(self.seen.path + b"/" + path, content)

    def _without_ignored(
        self, path: bytes, rules: Patterns, found: tuple[bytes, bytes, bytearray]
    ) -> tuple[bytes, bytes, bytearray]:
        """What of a listing is not left out."""
        names, folders, stats = split(found[0]), split(found[1]), found[2]
        base = self.seen.path + b"/" + path
        kept = [not rules.leaves_out(base + name, is_folder=False) for name in names]
        kept_folders = [name for name in folders if not rules.leaves_out(base + name, is_folder=True)]
        self.seen.left_out += len(folders) - len(kept_folders) + kept.count(False)
        parts = (stats[index * STAT_SIZE :][:STAT_SIZE] for index, keeps in enumerate(kept) if keeps)
        kept_names = b"\0".join(name for name, keeps in zip(names, kept, strict=True) if keeps)
        return kept_names, b"\0".join(kept_folders), bytearray().join(parts)

    def _keep(self, folder: Folder, fd: int, row: Row | None) -> None:
        """Note a folder that differs from its row, and what in it cannot be kept."""
        self._links(folder, fd)
        if row is not None:
            if folder.stats == row.stats and (folder.names, folder.folders) == row[3:5] and self._believed(row):
                return
            digests = self.seen._cache.digests(self.seen.path, row.path)
            folder.compare(row, digests, believed=self._believed(row))
        self.seen.folders.append(folder)
        self.seen.errors += refused(self.seen.path, self.seen.kind, folder, fd)

    def _believed(self, row: Row) -> bool:
        return row.boot in ("", self.seen._cache.boot)

    def _row_at(self, path: bytes | None) -> Row | None:
        """The row of the folder `path`; those that come before it are of folders that are gone."""
        while (row := self.row) is not None and (path is None or row.path < path):
            self.seen.gone.append(row.path)
            self.row = next(self.rows, None)
        if row is None or row.path != path:
            return None
        self.row = next(self.rows, None)
        return row

    def _fail(self, path: bytes, error: OSError) -> None:
        self.seen.errors.append(trouble(self.seen.path + b"/" + path[:-1], error))
        while self.row is not None and self.row.path.startswith(path):
            self.row = next(self.rows, None)

    def _links(self, folder: Folder, fd: int) -> None:
        """Let links into the store stand for the files that they point at."""
        if self.objects is None or not folder.has_links():
            return
        for index, name in enumerate(folder.split()):
            if stat.S_ISLNK(folder.stat(index).mode):
                with suppress(OSError):
                    here = self.seen.path if self.seen.kind == "file" else self.seen.place(folder) + b"/" + name
                    digest = _linked_object(self.root, here, os.readlink(name, dir_fd=fd), self.objects)
                    if digest:
                        self._link(folder, index, digest, fd, here)

    def _link(self, folder: Folder, index: int, digest: bytes, fd: int, path: bytes) -> None:
        """Let one link stand for its object; when that is gone, it stands for nothing, and is no data itself."""
        try:
            found = os.stat(path.rpartition(b"/")[2], dir_fd=fd)
        except FileNotFoundError:
            self.seen.errors.append(dangling(path))
        else:
            folder.link_to_store(index, digest, size=found.st_size, mtime_ns=found.st_mtime_ns)


def _in_order(folders: bytes) -> list[bytes]:
    """The names of folders in the order of the paths below them."""
    names = split(folders)
    return sorted(names, key=lambda name: name + b"/") if len(names) > 1 else names


def _listed(fd: int) -> tuple[bytes, bytes, bytearray]:
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return listed(fd)
    return listed(fd)


def _linked_object(root: Path, path: bytes, target: bytes, objects: bytes) -> bytes:
    """The digest of the store's object that a link at `path` points at, by its text; empty if it does not."""
    folder = os.path.join(os.fsencode(root), os.path.dirname(path))
    return object_digest(os.path.normpath(os.path.join(folder, target)), objects)


def _path_of(pair: Pair) -> bytes:
    entry = pair[0] or pair[1]
    assert entry is not None
    return entry.path
