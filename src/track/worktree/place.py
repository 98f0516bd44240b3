"""Putting files into the working tree: staged whole in a private folder, then renamed in.

A folder that is not there yet is built complete and appears by one rename; a single file or link is made aside and
renamed over the old one. Whoever looks sees the old content or the new. Nothing is synced: after another boot what
was placed is hashed before it is believed.

Between making and renaming one tick of the filesystem's clock passes. So whoever changes a placed file later gives
it another time than the one recorded for it, and no such change is ever missed.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from track import publish
from track.model.manifest import Entry
from track.progress import Counted, Moved, Progress, silent, unheard
from track.work import can_fork, cores, spread
from track.worktree.paths import Gate, open_beneath
from track.worktree.reading import TICK_NS, fs_now, stat_of
from track.worktree.room import Room
from track.worktree.small import check_size, same_name, write_small
from track.worktree.stat_cache import RACY, STAT, STORE_LINK, Stat
from track.worktree.twins import Twins, as_linked, in_the_way

LARGE = 1 << 20
"""Content of this size and above is a file of its own in a store, which can be shared or linked."""

WORTH_SPREADING = 20_000
_AT_ONCE = 8192
_NO_STAT = b""


class Contents(Protocol):
    """Where content comes from; every byte is verified before it is handed out."""

    def small(self, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """(digest, content) for each, in any order."""

    def copy(self, digest: bytes, size: int, staging: Path, moved: Moved = unheard) -> Path:
        """A private copy of a large content as a new file in `staging`, sharing blocks where that can be."""

    def linkable(self, digest: bytes) -> Path | None:
        """The path of a large content that may be linked into a working tree; None when it must be copied."""

    def apart(self) -> "Contents":
        """Another handle of the same, for another process."""

    def close(self) -> None:
        """Let go of what `apart` opened."""


class Made(NamedTuple):
    """A staged file, link, or folder with everything in it, waiting to be renamed to `path` in the working tree.

    `stats` has the packed stat of each of `entries`, whose paths are relative to `path` (one entry with an empty
    path for a file or link); empty for a "d".
    """

    name: bytes
    path: bytes
    entries: list[Entry]
    stats: list[bytes]


class Placer:
    """Makes and places files of one working tree; for a `with` block, at whose end nothing staged is left.

    `link` is "copy", "hardlink" or "symlink", for large files that are not executable.
    """

    def __init__(
        self, gate: Gate, contents: Contents, staging: Path, *, link: str = "copy", progress: Progress = silent
    ) -> None:
        """Nothing made yet; `staging` is the folder of track's own for this working tree."""
        self._gate = gate
        self._contents = contents
        self._staging = staging
        self._link = link
        self._progress = progress
        self._room: Room | None = None
        self._twins = Twins()
        self._is_racy = False

    def __enter__(self) -> "Placer":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was staged and not placed."""
        if self._room is not None:
            self._room.close()
            self._room = None

    @property
    def room(self) -> Room:
        """The private folder, made when it is first needed."""
        if self._room is None:
            self._room = Room(self._gate, self._staging)
        return self._room

    def make(self, entries: Sequence[tuple[bytes, Entry]]) -> list[Made]:
        """Stage single files and links, each with the path that it will have in the working tree.

        Raises MissingObject or DamagedObject, when nothing in the working tree has changed yet.
        """
        names = [self.room.name() for _ in entries]
        staged = [entry._replace(path=name) for name, (_, entry) in zip(names, entries, strict=True)]
        stats = self._fill(b"", staged, lambda at: entries[at][0])
        return [
            Made(name, path, [entry._replace(path=b"")], [found])
            for name, (path, entry), found in zip(names, entries, stats, strict=True)
        ]

    def make_tree(self, path: bytes, entries: list[Entry]) -> Made:
        """Stage a whole folder that will be at `path`; entries are sorted and relative to it. Raises as `make`."""
        name = self.room.name()
        publish.make_directory(name, dir_fd=self.room.fd)
        self._make_folders(name, entries)
        return Made(name, path, entries, self._fill(name, entries, lambda at: path + b"/" + entries[at].path))

    def wait(self) -> int:
        """Let a tick pass, so that no later change can have the time of what was made; the time now.

        Where a tick is as long as seconds nobody waits: what was made will be looked at again instead.
        """
        begun = fs_now(self.room.fd, self._staging)
        self._is_racy = begun.tick_ns > TICK_NS
        if self._is_racy:
            return begun.now_ns
        clock = begun
        while clock.now_ns <= begun.now_ns + clock.tick_ns:
            time.sleep(0.002)
            clock = fs_now(self.room.fd, self._staging)
        return clock.now_ns

    def place(self, made: Made, seen: Stat | None) -> list[bytes]:
        """Rename into place; the packed stats as they are then. `seen` is what stands there and may be replaced.

        Raises:
            UnsavedWork: something else stands there by now.
            ForbiddenPath: the way to it leaves the working tree or goes through a link.
        """
        is_tree = not made.entries or made.entries[0].path != b""
        with self._gate.parent(made.path, create=True) as (fd, name):
            with self._twins.going(fd, name, made.path, seen):
                try:
                    publish.rename(made.name, name, source_dir_fd=self.room.fd, target_dir_fd=fd)
                except OSError as error:
                    raise in_the_way(made.path) from error
            stats = made.stats if is_tree or not made.stats[0] else [_after_rename(fd, name, made.stats[0])]
            return [_racy(found) for found in stats] if self._is_racy else stats

    def remove(self, path: bytes, seen: Stat) -> None:
        """Remove a file or link that is as it was `seen`, or gone already; UnsavedWork when it is another by now."""
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            self._gate.parent(path) as (fd, name),
            self._twins.going(fd, name, path, seen),
        ):
            publish.remove(name, dir_fd=fd)

    def remove_from(self, folder: bytes, going: Iterable[tuple[bytes, Stat]]) -> None:
        """As `remove`, for many (name, stat) of one folder."""
        with suppress(FileNotFoundError, NotADirectoryError), self._gate.directory(folder) as fd:
            for name, seen in going:
                with self._twins.going(fd, name, folder + b"/" + name, seen), suppress(FileNotFoundError):
                    publish.remove(name, dir_fd=fd)

    def make_folder(self, path: bytes) -> None:
        """Make a folder, if it is not there."""
        with self._gate.directory(path, create=True):
            pass

    def remove_folder(self, path: bytes) -> bool:
        """Remove a folder if it is empty; whether it is gone."""
        try:
            with self._gate.parent(path) as (fd, name):
                publish.remove_directory(name, dir_fd=fd)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _make_folders(self, top: bytes, entries: Iterable[Entry]) -> None:
        """Every folder that entries need, before any file or link is made: so none can lead elsewhere."""
        made = {b""}
        for entry in entries:
            folder = entry.path if entry.mode == "d" else entry.path.rpartition(b"/")[0]
            if folder not in made:
                self._make_chain(top, folder, made)

    def _make_chain(self, top: bytes, folder: bytes, made: set[bytes]) -> None:
        missing = []
        while folder not in made:
            missing.append(folder)
            folder = folder.rpartition(b"/")[0]
        for path in reversed(missing):
            above, _, name = path.rpartition(b"/")
            with _opened(self.room.fd, top, above) as fd:
                try:
                    publish.make_directory(name, dir_fd=fd)
                except FileExistsError as error:
                    raise same_name(path) from error
            made.add(path)

    def _fill(self, top: bytes, entries: list[Entry], target_of: Callable[[int], bytes]) -> list[bytes]:
        """Make every file and link below the folder `top` of the room; their packed stats, empty for a "d".

        `target_of` says where each, by its number, will be in the working tree.
        """
        stats = [_NO_STAT] * len(entries)
        small = [at for at, entry in enumerate(entries) if entry.mode != "d" and _is_small(entry)]
        links = [at for at in small if entries[at].mode == "l"]
        files = [at for at in small if entries[at].mode != "l"]
        for at, found in zip(files, self._small_files(top, [entries[at] for at in files]), strict=True):
            stats[at] = found
        for at, entry in enumerate(entries):
            if entry.mode != "d" and not _is_small(entry):
                stats[at] = self._large_file(top, entry, target_of(at))
        texts = dict(self._contents.small(list(dict.fromkeys(entries[at].digest for at in links)))) if links else {}
        if self._link == "hardlink":  # each further link to the same content moved the ctime of those before
            self._look_again(top, entries, stats)
        for at in links:
            stats[at] = self._symlink(top, entries[at], texts[entries[at].digest])
        return stats

    def _small_files(self, top: bytes, entries: list[Entry]) -> list[bytes]:
        count = cores() if len(entries) >= WORTH_SPREADING and can_fork() else 1
        if count == 1:
            return _each(self._written(top, entries, self._contents, self._progress))
        share = -(-len(entries) // count)
        parts = [entries[start : start + share] for start in range(0, len(entries), share)]

        def write(number: int) -> bytes:
            contents = self._contents.apart()
            try:
                return self._written(top, parts[number], contents, silent)
            finally:
                contents.close()

        joined = b"".join(spread(write, len(parts)))
        self._progress.advance(count=len(entries), size_bytes=sum(entry.size for entry in entries))
        return _each(joined)

    def _written(self, top: bytes, entries: list[Entry], contents: Contents, progress: Progress) -> bytes:
        """The packed stats of these files. Where their content is, is asked for so many at a time."""
        room = self.room.fd
        parts = (entries[start : start + _AT_ONCE] for start in range(0, len(entries), _AT_ONCE))
        return b"".join([write_small(room, top, part, contents.small, progress) for part in parts])

    def _large_file(self, top: bytes, entry: Entry, target: bytes) -> bytes:
        told = Counted(self._progress)
        with _opened(self.room.fd, top, entry.path.rpartition(b"/")[0]) as fd:
            name = entry.path.rpartition(b"/")[2]
            source = self._contents.linkable(entry.digest) if self._link != "copy" and entry.mode == "f" else None
            linked = None
            if source is not None:
                check_size(entry, source.stat().st_size)
            if source is None or not self._linked(fd, name, source, target):
                copied = self._contents.copy(entry.digest, entry.size, self.room.path, told)
                check_size(entry, copied.stat().st_size)
                os.chmod(copied, (0o777 if entry.mode == "x" else 0o666) & ~_umask())
                publish.rename(copied, name, target_dir_fd=fd)
            elif self._link == "symlink":
                linked = source.stat().st_mtime_ns
            found = stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False))
            if linked is not None:  # as a scan sees it
                found = found._replace(flags=STORE_LINK, mtime_ns=linked)
            self._progress.advance(count=1, size_bytes=entry.size - told.told_bytes)
            return STAT.pack(*found._replace(size=entry.size))

    def _look_again(self, top: bytes, entries: list[Entry], stats: list[bytes]) -> None:
        for at, entry in enumerate(entries):
            if entry.mode != "d" and not _is_small(entry):
                folder, _, name = entry.path.rpartition(b"/")
                with _opened(self.room.fd, top, folder) as fd:
                    stats[at] = STAT.pack(*stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False)))

    def _linked(self, fd: int, name: bytes, source: Path, target: bytes) -> bool:
        """Make a link to the store; False where the filesystem has none, or no more."""
        try:
            if self._link == "hardlink":
                publish.make_link(source, name, dir_fd=fd)
            else:
                folder = os.path.join(os.fsencode(self._gate.root), os.path.dirname(target))
                publish.make_symlink(os.path.relpath(os.fsencode(source), folder), name, dir_fd=fd)
        except OSError:
            return False
        return True

    def _symlink(self, top: bytes, entry: Entry, text: bytes) -> bytes:
        check_size(entry, len(text))
        path = entry.path
        folder, _, name = path.rpartition(b"/")
        with _opened(self.room.fd, top, folder) as fd:
            try:
                publish.make_symlink(text, name, dir_fd=fd)
            except FileExistsError as error:
                raise same_name(path) from error
            return STAT.pack(*stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False)))


def _each(stats: bytes) -> list[bytes]:
    return [stats[at : at + STAT.size] for at in range(0, len(stats), STAT.size)]


@contextmanager
def _opened(room: int, top: bytes, folder: bytes) -> Iterator[int]:
    fd = open_beneath(room, b"/".join(part for part in (top, folder) if part))
    try:
        yield fd
    finally:
        os.close(fd)


def _is_small(entry: Entry) -> bool:
    return entry.size < LARGE or entry.mode == "l"


def _umask() -> int:
    with suppress(OSError, ValueError, IndexError), open("/proc/self/status", "rb") as status:  # disturbs no thread
        return int(status.read().split(b"Umask:", 1)[1].split(None, 1)[0], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _after_rename(fd: int, name: bytes, staged: bytes) -> bytes:
    """The stat of a file just renamed: only its ctime may have moved. If more has, somebody writes: doubtful."""
    before = Stat._make(STAT.unpack(staged))
    with suppress(FileNotFoundError):
        now = stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False), before.flags)
        now = as_linked(now, before)
        if now._replace(ctime_ns=0) == before._replace(ctime_ns=0):
            return STAT.pack(*now)
    return STAT.pack(*before._replace(flags=before.flags | RACY))


def _racy(packed: bytes) -> bytes:
    if not packed:
        return packed
    found = Stat._make(STAT.unpack(packed))
    return STAT.pack(*found._replace(flags=found.flags | RACY))
