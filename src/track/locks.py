"""Locks between processes: `flock` on a file, and files of their own where a filesystem has no `flock`.

The kernel drops a `flock` when its process ends, however it ends. On filesystems that answer ENOLCK (some NFS and
FUSE), and on Windows, a lock is a file named by its process; the files of dead processes do not count.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from track.errors import Locked
from track.lending import lend
from track.system import fcntl, is_dead, naming, process_tag, shown

_NO_FLOCK = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_BUSY = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_FLAGS = os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Lock:
    """One lock, many sharers or one owner. Not re-entrant; the file at `path` stays when nobody holds it."""

    def __init__(self, path: Path, *, is_shared: bool = False) -> None:
        """The lock at `path`; with `is_shared` its file is made for a whole group of users, whatever the umask."""
        self._path = path
        self._is_shared = is_shared

    @contextmanager
    def shared(self, timeout_s: float = 10.0) -> Iterator[None]:
        """Hold it together with other sharers. Raises Locked after `timeout_s`, naming the owner."""
        with self._held(exclusive=False, timeout_s=timeout_s):
            yield

    @contextmanager
    def exclusive(self, timeout_s: float = 10.0) -> Iterator[None]:
        """Hold it alone. Raises Locked after `timeout_s`, naming the holders."""
        with self._held(exclusive=True, timeout_s=timeout_s):
            yield

    @contextmanager
    def _held(self, *, exclusive: bool, timeout_s: float) -> Iterator[None]:
        deadline = time.monotonic() + timeout_s
        holder = os.getpid()
        fd = self._open()
        try:
            if self._flock(fd, exclusive, deadline):
                yield
                return
        finally:
            if os.getpid() == holder:
                _let_go(fd)
            os.close(fd)
        own = self._take_file(exclusive, deadline)
        try:
            yield
        finally:
            if os.getpid() == holder:
                with suppress(OSError):
                    os.unlink(own)

    def _open(self) -> int:
        try:
            fd = os.open(self._path, os.O_RDWR | _FLAGS, 0o666)
            if self._is_shared:
                with suppress(OSError):  # another user made it
                    os.fchmod(fd, 0o664)
            lend(self._path)
            return fd
        except PermissionError:
            with naming(self._path):  # another user's file: reading is enough for flock
                return os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except IsADirectoryError as error:
            raise Locked(f"{shown(self._path)} is a folder where a lock should be", hint="remove it") from error
        except OSError:
            with naming(self._path):
                raise

    def _flock(self, fd: int, exclusive: bool, deadline: float) -> bool:
        """True when held; False when this place has no flock. Raises Locked."""
        if fcntl is None:
            return False
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        wait_s = 0.001
        while True:
            try:
                fcntl.flock(fd, kind | fcntl.LOCK_NB)
                return True
            except OSError as error:
                if error.errno in _NO_FLOCK:
                    return False
                if error.errno not in _BUSY:
                    with naming(self._path):
                        raise
            if time.monotonic() >= deadline:
                raise self._locked(_flock_holders(fd))
            time.sleep(wait_s)
            wait_s = min(0.1, wait_s * 2)

    def _take_file(self, exclusive: bool, deadline: float) -> Path:
        """The lock file of our own, when it may stay. Announce first, look second: two never both succeed wrongly."""
        word = "exclusive" if exclusive else "shared"
        own = self._path.with_name(f"{self._path.name}.{word}.{process_tag()}.{os.urandom(4).hex()}")
        wait_s = 0.005
        while True:
            with naming(own):
                os.close(os.open(own, os.O_WRONLY | os.O_EXCL | _FLAGS, 0o666))
            others = self._other_files(own, exclusive)
            if not others:
                return own
            os.unlink(own)
            if time.monotonic() >= deadline:
                raise self._locked(others)
            time.sleep(wait_s * (1 + os.urandom(1)[0] / 256))
            wait_s = min(0.2, wait_s * 2)

    def _other_files(self, own: Path, exclusive: bool) -> list[str]:
        """Process ids of living holders that stand in our way; the files of the dead are removed."""
        holders = []
        for name in os.listdir(self._path.parent):
            prefix, _, rest = name.partition(f"{self._path.name}.")
            word, _, tag = rest.partition(".")
            if prefix or word not in ("exclusive", "shared") or name == own.name:
                continue
            if word == "shared" and not exclusive:
                continue
            with suppress(ValueError, OSError):
                if is_dead(tag.rpartition(".")[0]):
                    os.unlink(self._path.with_name(name))
                else:
                    holders.append(tag.partition(".")[0])
        return holders

    def _locked(self, holders: list[str]) -> Locked:
        who = f"process {', '.join(holders)}" if holders else "another process"
        return Locked(
            f"{shown(self._path)} is held by {who}",
            hint="wait for it to end and run the same command again; nothing has to be unlocked by hand",
        )


def _let_go(fd: int) -> None:
    """Closing is not enough: a process that another thread forked meanwhile has a copy of `fd`, and holds it so."""
    with suppress(OSError):
        if fcntl is not None:
            fcntl.flock(fd, fcntl.LOCK_UN)


def _flock_holders(fd: int) -> list[str]:
    """Process ids that hold the file behind `fd`, where the system tells."""
    inode = f":{os.fstat(fd).st_ino}"
    with suppress(OSError), open("/proc/locks", encoding="ascii") as table:
        lines = [line.split() for line in table]
        return sorted({line[4] for line in lines if "FLOCK" in line and "->" not in line and line[5].endswith(inode)})
    return []
