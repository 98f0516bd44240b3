"""The one way a file becomes final: staged, synced, renamed, synced. Nothing else creates or replaces files.

A reader sees the old content or the new, never a part; after a crash or a power cut too, where `durable` is asked.
A failed sync is never tried again (the kernel has dropped the pages by then): the staged file is lost, its writer
says so and writes another. What stops a write (no space, no rights, bad disk) has its name in `track.errors`;
"is there", "is not there" and "not on this filesystem" stay the `OSError` they are, for callers to decide on.
"""

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track.errors import TrackError
from track.lending import lend
from track.locks import Lock as Lock
from track.system import (
    AnyPath,
    is_dead,
    naming,
    process_tag,
    rename_new,
    sync_fd,
    sync_filesystem,
)
from track.system import copy_range as copy_range
from track.system import data_extents as data_extents
from track.system import name_of as name_of
from track.system import write_all as write_all

BATCH_LIMIT = 64
"""Above so many files one sync of the filesystem is cheaper than one of each file and directory."""

_FOREIGN_GRACE_S = 24 * 3600.0
_CLOSED_ON_EXEC = getattr(os, "O_CLOEXEC", 0)
_PLAIN = _CLOSED_ON_EXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def create(name: AnyPath, *, dir_fd: int | None = None, mode: int = 0o666, readable: bool = False) -> int:
    """A descriptor of a new, empty file, open for writing; `mode` is subject to the umask.

    Raises FileExistsError when anything, a dangling link too, has the name.
    """
    flags = os.O_CREAT | os.O_EXCL | _PLAIN | (os.O_RDWR if readable else os.O_WRONLY)
    with naming(name, dir_fd):
        return os.open(name, flags, mode, dir_fd=dir_fd)


def create_with(name: AnyPath, content: bytes, *, dir_fd: int | None = None, mode: int = 0o666) -> os.stat_result:
    """Make a new file with this content, and return its stat; `mode` is subject to the umask. Not synced.

    Raises FileExistsError when anything, a dangling link too, has the name.
    """
    try:
        fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _PLAIN, mode, dir_fd=dir_fd)
        try:
            if content and os.write(fd, content) != len(content):
                os.lseek(fd, 0, os.SEEK_SET)
                write_all(fd, content)
            return os.fstat(fd)
        finally:
            os.close(fd)
    except OSError:
        with naming(name, dir_fd):
            raise


def make_directory(path: AnyPath, *, dir_fd: int | None = None, mode: int = 0o777) -> None:
    """Make one directory. Raises FileExistsError."""
    with naming(path, dir_fd):
        os.mkdir(path, mode, dir_fd=dir_fd)


def make_directories(path: Path, *, mode: int = 0o777, exact: bool = False) -> list[Path]:
    """Make a directory and its missing parents; the ones that were made, topmost first.

    `mode` is subject to the umask unless it is `exact`; what is not private is lent to the group whose folder it is in.
    """
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    made = []
    for directory in reversed(missing):
        with suppress(FileExistsError):
            make_directory(directory, mode=mode)
            if exact:
                os.chmod(directory, mode)
            elif mode == 0o777:
                lend(directory)
            made.append(directory)
    return made


def make_symlink(target: AnyPath, name: AnyPath, *, dir_fd: int | None = None) -> None:
    """Make a symbolic link called `name` whose text is `target`. Raises FileExistsError."""
    with naming(name, dir_fd):
        os.symlink(target, name, dir_fd=dir_fd)


def make_link(source: AnyPath, name: AnyPath, *, source_dir_fd: int | None = None, dir_fd: int | None = None) -> None:
    """Give a file a second name; the source is never followed. EPERM, EMLINK and EXDEV stay OSError: copy instead."""
    try:
        os.link(source, name, src_dir_fd=source_dir_fd, dst_dir_fd=dir_fd, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise
        with naming(name, dir_fd):
            raise


def rename(
    source: AnyPath, target: AnyPath, *, source_dir_fd: int | None = None, target_dir_fd: int | None = None
) -> None:
    """Rename, replacing what has the name. Raises OSError with EXDEV across filesystems."""
    with naming(target, target_dir_fd):
        os.replace(source, target, src_dir_fd=source_dir_fd, dst_dir_fd=target_dir_fd)


def move_new(source: AnyPath, target: AnyPath, *, source_dir_fd: int, target_dir_fd: int) -> None:
    """Rename a person's file or folder to a name that is free; both stay when something has it.

    Raises FileExistsError, and OSError with EXDEV across filesystems.
    """
    with naming(target, target_dir_fd):
        if rename_new(source, target, source_dir_fd, target_dir_fd):
            return
        with suppress(FileNotFoundError):  # neither kernel nor filesystem can do both at once
            os.stat(target, dir_fd=target_dir_fd, follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fsdecode(target))
        os.rename(source, target, src_dir_fd=source_dir_fd, dst_dir_fd=target_dir_fd)


def publish_new(
    source: AnyPath, target: AnyPath, *, source_dir_fd: int | None = None, target_dir_fd: int | None = None
) -> bool:
    """Rename a staged file without replacing; False when something has the name already (the staged file is gone)."""
    with naming(target, target_dir_fd):
        try:
            if rename_new(source, target, source_dir_fd, target_dir_fd):
                return True
            # Neither kernel nor filesystem can: a second name, then without the first. os.link never replaces.
            os.link(source, target, src_dir_fd=source_dir_fd, dst_dir_fd=target_dir_fd, follow_symlinks=False)
        except FileExistsError:
            os.unlink(source, dir_fd=source_dir_fd)
            return False
        os.unlink(source, dir_fd=source_dir_fd)
        return True


def remove(path: AnyPath, *, dir_fd: int | None = None) -> None:
    """Unlink a file or link. Raises FileNotFoundError."""
    with naming(path, dir_fd):
        os.unlink(path, dir_fd=dir_fd)


def remove_directory(path: AnyPath, *, dir_fd: int | None = None) -> None:
    """Remove an empty directory. Raises OSError with ENOTEMPTY."""
    with naming(path, dir_fd):
        os.rmdir(path, dir_fd=dir_fd)


def remove_tree(path: Path) -> None:
    """Remove a file, a link, or a directory with all that is in it; links are not followed, absence is fine."""
    with naming(path), suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            os.unlink(path)
            return
        for directory, subdirectories, files in os.walk(path, topdown=False):
            for name in files:
                os.unlink(os.path.join(directory, name))
            for name in subdirectories:
                inner = os.path.join(directory, name)
                os.unlink(inner) if os.path.islink(inner) else os.rmdir(inner)
        os.rmdir(path)


def clear_away(path: Path) -> None:
    """Remove a folder in which a program of somebody wrote, which may have taken rights from what it made there.

    What cannot go all the same stays: the work is done, and the next sweep tries again.
    """
    for directory, subdirectories, _ in os.walk(path):
        for name in subdirectories:
            inner = os.path.join(directory, name)
            with suppress(OSError):
                if not os.path.islink(inner):
                    os.chmod(inner, 0o700)
    with suppress(OSError, TrackError):
        remove_tree(path)


def sync_file(fd: int, path: AnyPath) -> None:
    """Make the content behind `fd` durable; `path` is for the message."""
    with naming(path):
        sync_fd(fd)


def sync_directory(path: AnyPath, *, dir_fd: int | None = None) -> None:
    """Make the names in a directory durable. Does nothing on Windows, which cannot open one (NTFS journals names)."""
    if os.name == "nt":
        return
    with naming(path, dir_fd):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=dir_fd)
        try:
            sync_fd(fd)
        finally:
            os.close(fd)


def publish_bytes(
    target: AnyPath,
    content: bytes,
    *,
    mode: int = 0o644,
    dir_fd: int | None = None,
    durable: bool = True,
) -> None:
    """Put `content` at `target`, replacing what is there; durable when it returns. `mode` is subject to the umask.

    Interrupted, it leaves the old content and at most a `.NAME.track-<process>` beside it, which goes with the next
    publication into the same directory.
    """
    parent, name = os.path.split(os.fsencode(target))
    _sweep_once(parent or b".", dir_fd)
    tag = f"{process_tag()}.{os.urandom(4).hex()}"
    temporary = os.path.join(parent, b"." + name[:150] + b".track-" + tag.encode())
    fd = create(temporary, dir_fd=dir_fd, mode=mode)
    try:
        try:
            with naming(target, dir_fd):
                write_all(fd, content)
                if durable:
                    sync_fd(fd)
        finally:
            os.close(fd)
        if mode == 0o644 and dir_fd is None:
            lend(Path(os.fsdecode(temporary)))
        rename(temporary, target, source_dir_fd=dir_fd, target_dir_fd=dir_fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=dir_fd)
        raise
    if durable:
        sync_directory(parent or b".", dir_fd=dir_fd)


def stage(staging: Path) -> Path:
    """A name in `staging` (made when missing) that nobody else has: `<pid>.<start time>.<boot and host>.<random>`."""
    make_directories(staging, mode=0o777)
    return staging / f"{process_tag()}.{os.urandom(6).hex()}"


def _is_abandoned(tag: str, modified: float) -> bool:
    try:
        dead = is_dead(tag)
    except ValueError:
        return False
    if dead is None:
        return time.time() - modified > _FOREIGN_GRACE_S
    return dead


def sweep(staging: Path) -> int:
    """Remove what dead processes left in a staging directory; how many names. Strangers' names are left alone.

    What came from another machine (a shared filesystem) goes when nothing changed in it for a day.
    """
    removed = 0
    try:
        listing = list(os.scandir(staging))
    except (FileNotFoundError, NotADirectoryError):
        return 0
    for item in listing:
        tag = item.name.rpartition(".")[0]
        with suppress(OSError, TrackError):  # another process sweeps too, or it is another user's
            if tag and _is_abandoned(tag, item.stat(follow_symlinks=False).st_mtime):
                remove_tree(Path(item.path))
                removed += 1
    return removed


_swept: set[tuple[int, int]] = set()


def _sweep_once(parent: bytes, dir_fd: int | None) -> None:
    """Sweep the neighbours in a directory the first time that this process publishes into it."""
    with suppress(OSError):  # it is told better by whoever creates the file
        status = os.stat(parent, dir_fd=dir_fd)
        if (status.st_dev, status.st_ino) not in _swept:
            _swept.add((status.st_dev, status.st_ino))
            sweep_neighbours(parent, dir_fd=dir_fd)


def sweep_neighbours(directory: AnyPath, *, dir_fd: int | None = None) -> int:
    """Remove what a killed `publish_bytes` left beside its targets in a directory; how many files."""
    removed = 0
    folder = os.open(directory, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _CLOSED_ON_EXEC, dir_fd=dir_fd)
    try:
        for name in os.listdir(folder):
            tag = name.rpartition(".track-")[2].rpartition(".")[0] if ".track-" in name else ""
            with suppress(OSError):  # another process sweeps too, or it is another user's
                if tag and _is_abandoned(tag, os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime):
                    os.unlink(name, dir_fd=folder)
                    removed += 1
    finally:
        os.close(folder)
    return removed


class _Staged(NamedTuple):
    source: Path
    target: Path
    exist_ok: bool
    mode: int | None


class Batch:
    """Files that become final together: staged by `add`, final and (when `durable`) synced after `commit`.

    Interrupted, some are final and the others are left in staging for the sweep; none is partial.
    """

    def __init__(self, *, durable: bool = True, directory_mode: int | None = None) -> None:
        """`directory_mode` is the exact mode of parents that have to be made; None leaves it to the umask."""
        self._durable = durable
        self._directory_mode = directory_mode
        self._staged: list[_Staged] = []

    def __len__(self) -> int:
        """How many files wait for the commit."""
        return len(self._staged)

    def add(self, staged: Path, target: Path, *, exist_ok: bool = True, mode: int | None = 0o444) -> None:
        """Take a staged file on the target's filesystem; `mode` is exact, None leaves it as it is.

        An existing target is kept and the staged file dropped; with `exist_ok` false the commit raises
        FileExistsError instead.
        """
        self._staged.append(_Staged(staged, target, exist_ok, mode))

    def commit(self) -> None:
        """Make all of them final; on a failure the staged files that are not yet final are removed.

        Raises:
            DiskFull, StoreUnwritable: what stopped it, with the path; what was published already stays, whole.
        """
        staged, self._staged = self._staged, []
        try:
            self._commit(staged)
        except BaseException:
            for item in staged:
                with suppress(OSError):
                    os.unlink(item.source)
            raise

    def _commit(self, staged: list[_Staged]) -> None:
        touched: dict[Path, None] = {}
        for parent in {item.target.parent for item in staged}:
            made = make_directories(parent, mode=self._directory_mode or 0o777, exact=self._directory_mode is not None)
            touched.update(dict.fromkeys(directory.parent for directory in made))
        touched.update(dict.fromkeys(item.target.parent for item in staged))
        for item in staged:
            if item.mode is not None:
                with naming(item.target):
                    os.chmod(item.source, item.mode)
        at_once = self._durable and len(staged) > BATCH_LIMIT and _sync_filesystem_of(staged[0].source.parent)
        if self._durable and not at_once:
            for item in staged:
                _sync_path(item.source)
        for item in staged:
            if not publish_new(item.source, item.target) and not item.exist_ok:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(item.target))
        if not self._durable or (at_once and _sync_filesystem_of(staged[0].target.parent)):
            return
        for directory in touched:
            sync_directory(directory)


def _sync_filesystem_of(directory: Path) -> bool:
    with naming(directory):
        fd = os.open(directory, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            return sync_filesystem(fd)
        finally:
            os.close(fd)


def _sync_path(path: Path) -> None:
    with naming(path):
        fd = os.open(path, (os.O_RDWR if os.name == "nt" else os.O_RDONLY) | _PLAIN)
        try:
            sync_fd(fd)
        finally:
            os.close(fd)
