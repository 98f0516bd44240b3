"""Storing: files and folders from anywhere go into the store, with nothing left of where they lay but their names."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from track import publish
from track.errors import Conflict, OutsideRepository, SpecialFile, UnknownPath, UsageError, together
from track.flows.keep import Kept
from track.flows.linked import settle_links, written_through
from track.model import manifest
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry
from track.model.names import display
from track.progress import Counted, Progress, silent
from track.project import Project
from track.store.pack import SMALL
from track.store.writer import Writer
from track.system import naming
from track.worktree.elsewhere import Elsewhere
from track.worktree.paths import Gate
from track.worktree.reading import open_checked, read_small, stat_of
from track.worktree.scan import Folder, Item, Scan, scan
from track.worktree.stat_cache import DIGEST_SIZE, CacheLost, StatCache

_PIECE = 1 << 20
_LISTED = 20
_WORTH_NOTING = 8 << 20
"""A smaller file is hashed in less time than it takes to look up what is known of it."""
_ANY = bytes(DIGEST_SIZE)
"""What rows of something elsewhere are said to describe: they are asked for each file, and never as a whole."""


class Drained(NamedTuple):
    """What came through a pipe, in a file of ours: its path and size in bytes."""

    path: Path
    size: int


@contextmanager
def drained(project: Project, stream: BinaryIO) -> Iterator[Drained]:
    """Everything that a pipe gives, in a staged file that is gone after the block; read before any lock is taken.

    Raises:
        DiskFull, StoreUnwritable: there is no room for it.
    """
    staged = publish.stage(project.store.rooms.staging)
    fd = publish.create(staged, mode=0o600)
    try:
        size = 0
        try:
            while piece := stream.read(_PIECE):
                with naming(staged):
                    publish.write_all(fd, piece)
                size += len(piece)
        finally:
            os.close(fd)
        yield Drained(staged, size)
    finally:
        publish.remove_tree(staged)


def store_drained(project: Project, writer: Writer, found: Drained) -> Kept:
    """Store what came through a pipe as a file."""
    here = stat_of(os.lstat(found.path))
    name = os.fsencode(found.path.name)
    with Gate(found.path.parent).directory(b"") as fd:
        if found.size < SMALL:
            digest = writer.add(read_small(fd, name, here, path=b"-"))
        else:
            with open_checked(fd, name, here, path=b"-") as content:
                digest = writer.add_file(content, found.size)
    return Kept("file", digest, found.size, None, False, 1, 0, 0, 0)


def store_paths(
    project: Project,
    writer: Writer,
    paths: Sequence[str],
    progress: Progress = silent,
    *,
    names: Sequence[str] = (),
    staged: Path | None = None,
) -> Kept:
    """Store one file as a file, one folder as a directory, and several of them as a directory of their names.

    A path that is a link is what it leads to; links inside a folder stay links. With `names`, one for each path, it is
    a directory of these, also of one file. What lies in the folder `staged`, track's own, may be stored.

    Raises:
        UnknownPath: nothing is there.
        OutsideRepository: it is Git's or track's own.
        SpecialFile, Unreadable, ChangedWhileAdding: what in it cannot be kept, all of it named.
        UsageError: two paths with different content have one name.
        DiskFull, StoreUnwritable: the store cannot take it.
    """
    if not paths:
        raise UsageError("no file was named", hint="name a file or folder, - for what is piped in, or --value")
    for is_last in (False, True):
        with ExitStack() as exits:
            store = _Storing(project, writer, progress, exits, staged)
            try:
                if len(paths) == 1 and not names:
                    return store.alone(paths[0])
                called = names or [os.path.basename(os.path.abspath(path)) for path in paths]
                return store.together(paths, called)
            except CacheLost:  # what was known of them is damaged, and gone: they are read again
                if is_last:
                    raise
    raise AssertionError("the second turn returns or raises")


class _Storing:
    """Storing with one writer."""

    def __init__(
        self, project: Project, writer: Writer, progress: Progress, exits: ExitStack, staged: Path | None
    ) -> None:
        self._project, self._writer, self._progress, self._exits = project, writer, progress, exits
        self._staged = os.fsencode(os.path.realpath(staged)) + b"/" if staged is not None else None
        self._own = _own_folders(project)
        self._unnoted: StatCache | None = None

    def alone(self, given: str) -> Kept:
        """One file or folder as itself."""
        seen = self._settled(given)
        if seen.kind == "file":
            entry = next(seen.entries())
            return Kept("file", Digest(entry.digest), entry.size, None, entry.mode == "x", 1, 0, 0, seen.left_out)
        return self._directory(seen.entries(), seen.left_out)

    def together(self, paths: Sequence[str], names: Sequence[str]) -> Kept:
        """Several as a directory in which each has its name."""
        found: dict[bytes, Entry] = {}
        left_out = 0
        for given, called in zip(paths, names, strict=True):
            seen = self._settled(given)
            left_out += seen.left_out
            name = os.fsencode(called)
            for entry in self._named(seen, name):
                known = found.setdefault(entry.path, entry)
                if (known.mode, known.digest) != (entry.mode, entry.digest):
                    raise UsageError(
                        f"two of these are called `{display(entry.path)}` and differ",
                        hint="rename one, or put the folder that holds both",
                    )
        for path in found:
            for end in (at for at, byte in enumerate(path) if byte == 0x2F):
                if path[:end] in found:
                    raise UsageError(f"`{display(path[:end])}` is a file and a folder among these", hint="rename one")
        return self._directory((found[path] for path in sorted(found)), left_out)

    def _named(self, seen: Scan, name: bytes) -> Iterator[Entry]:
        """What was found, below its own name."""
        is_empty = True
        for entry in seen.entries():
            is_empty = False
            yield entry._replace(path=name if seen.kind == "file" else name + b"/" + entry.path)
        if is_empty:
            yield Entry(name, "d", 0, digest_of(b""))

    def _directory(self, entries: Iterable[Entry], left_out: int) -> Kept:
        root = manifest.build(entries, self._writer.add_known)
        return Kept("directory", Digest(root.digest), root.size, root.files, False, root.files, 0, 0, left_out)

    def _settled(self, given: str) -> Scan:
        """Everything at a path, stored."""
        place = os.path.join(os.fsencode(self._project.cwd), os.fsencode(given))
        real = os.path.realpath(place)
        if self._staged is None or not real.startswith(self._staged):
            _refuse_own(self._own, real, given)
        parent, name = os.path.split(real)
        gate = Gate(Path(os.fsdecode(parent)), self._project.gate.objects)
        cache = self._cache(real, parent)
        seen = scan(gate, name, cache, state=self._project.worktree_state)
        if seen.recorded is not None and self._lacks(cache, name):
            cache.forget(name)  # a collection took what the rows are of
            seen = scan(gate, name, cache, state=self._project.worktree_state)
        if seen.kind not in ("file", "directory"):
            raise _not_data(given, seen, is_link=os.path.islink(place))
        if seen.errors:
            raise together(tuple(seen.errors[:_LISTED]))
        if written := settle_links(self._project, seen):
            raise written_through(written)
        count = sum(len(folder.pending) for folder in seen.folders)
        self._progress.begin(f"storing {display(given)}", count=count, size_bytes=_size(seen))
        try:
            for folder in seen.folders:
                self._settle(gate, seen, folder)
        finally:
            self._progress.end()
        if cache is not self._unnoted:
            seen.save(_ANY)
        return seen

    def _cache(self, real: bytes, parent: bytes) -> StatCache:
        """What is known of a path from before; nothing is remembered of what is read again as fast."""
        is_own = self._staged is not None and real.startswith(self._staged)
        try:
            status = os.stat(real)
        except OSError:  # it is told better by the scan
            return self._nothing()
        if is_own or (stat.S_ISREG(status.st_mode) and status.st_size < _WORTH_NOTING):
            return self._nothing()
        return self._exits.enter_context(closing(Elsewhere(self._project.worktree_state / "elsewhere.db", parent)))

    def _nothing(self) -> StatCache:
        """A cache in which nothing is ever written: one for all."""
        if self._unnoted is None:
            self._unnoted = self._exits.enter_context(closing(StatCache(None)))
        return self._unnoted

    def _lacks(self, cache: StatCache, name: bytes) -> bool:
        """Whether the store lacks something that the rows name; what it has stays, for its lock is held."""
        for row in cache.rows(name):
            found = cache.digests(name, row.path)
            digests = {found[at : at + DIGEST_SIZE] for at in range(0, len(found), DIGEST_SIZE)}
            if self._project.store.absent(digests):
                return True
        return False

    def _settle(self, gate: Gate, seen: Scan, folder: Folder) -> None:
        with gate.directory(seen.place(folder)) as fd:
            for item in folder.items():
                if not folder.digest(item.number):
                    told = Counted(self._progress)
                    folder.settle(item.number, self._content(fd, seen, item, told))
                    self._progress.advance(size_bytes=item.stat.size - told.told_bytes, count=1)

    def _content(self, fd: int, seen: Scan, item: Item, told: Counted) -> Digest:
        path = seen.shown(item)
        if item.stat.size < SMALL:
            return self._writer.add(read_small(fd, item.name, item.stat, path=path))
        with open_checked(fd, item.name, item.stat, path=path) as content:
            return self._writer.add_file(content, item.stat.size, told)


def _size(seen: Scan) -> int:
    return sum(item.stat.size for _, item in seen.changed)


def _own_folders(project: Project) -> list[bytes]:
    own = (project.git.git_dir, project.git.common_dir, project.store_path, project.root / ".track")
    return [os.path.realpath(os.fsencode(folder)) for folder in own]


def _refuse_own(own: Iterable[bytes], real: bytes, given: str) -> None:
    """Refuse what is Git's or track's own, and a folder that has it inside."""
    for folder in own:
        if real == folder or real.startswith(folder + b"/"):
            raise OutsideRepository(f"`{display(given)}` is in a place that is Git's or track's own")
        if folder.startswith(real.rstrip(b"/") + b"/"):
            raise Conflict(
                f"`{display(given)}` holds {display(folder)}, which is Git's or track's own",
                hint="name the files or folders in it",
            )


def _not_data(given: str, seen: Scan, *, is_link: bool) -> UnknownPath | SpecialFile:
    shown = display(given)
    if seen.kind == "missing" and not is_link:
        return UnknownPath(f"nothing is there to put: `{shown}`", hint="see what is there: ls")
    if seen.kind in ("missing", "link"):
        return SpecialFile(f"`{shown}` is a link that leads nowhere", hint="name the file or folder itself")
    return SpecialFile(
        f"`{shown}` is neither a file nor a folder", hint="to put what a pipe gives: … | track put NAME -"
    )
