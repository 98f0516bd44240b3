"""What is asked of the operating system beyond Python's `os`: syncing a filesystem, and who a process is.

Everything here has a fallback, because it is not the same everywhere:
- Linux has `syncfs` and `renameat2` (by ctypes; None or False where the C library lacks them).
- macOS needs `F_FULLFSYNC`: its `fsync` stops at the drive's cache. It has neither of the calls above.
- Windows has no `pread`: there a descriptor is read by one thread alone. It cannot open a directory, so it cannot
  sync one (NTFS journals renames by itself), and has no start time of a process that we could read without a
  dependency: there a process counts as alive while its id is in use.
"""

import errno
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from track import library
from track.errors import DiskFull, NameTooLong, StoreUnwritable, TrackError, Unreadable

try:
    import fcntl as fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]  # Windows: see the module's caption

_NO_RANGE_COPY = {
    errno.EIO,  # of which file, reading and writing tell
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.ETXTBSY,
    errno.EBADF,
}
_COPIED_AT_ONCE = 1 << 30
_HARDLY = 1 << 20
_SIOCOUTQ = 0x5411
"""Linux: how much of a socket's output is not acknowledged; `ioctl(2)`, `tcp(7)`."""

AnyPath = str | bytes | os.PathLike[str]

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
_IGNORED_SYNC_ERRORS = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


_PR_SET_DUMPABLE = 4
_FICLONE = 0x40049409
_SYNC_FILE_RANGE_WRITE = 2


def shown(path: AnyPath) -> str:
    """The path as text that is safe to print in a message."""
    text = os.fsdecode(path).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def named_error(error: OSError, path: AnyPath) -> TrackError | OSError:
    """The tree's own error for what stops a write (space, rights, hardware), else `error` itself."""
    place = shown(path)
    number = error.errno
    if number == errno.ENOSPC:
        hint = "free some space (or inodes: `df -h`, `df -i`) and run the same command again"
        return DiskFull(f"no space left on the filesystem of {place}", hint=hint)
    if number == errno.EDQUOT:
        return DiskFull(f"the disk quota is used up at {place}", hint="free some space and run the same command again")
    if number == errno.EROFS:
        return StoreUnwritable(f"{place} is on a read-only filesystem", hint="mount it read-write, or use another")
    if number in (errno.EACCES, errno.EPERM):
        return StoreUnwritable(f"no permission to write {place}", hint="check its owner and mode: `ls -ld` on it")
    if number == errno.EIO:
        hint = "the disk or its connection fails: look at the system's log, and save what you can"
        return StoreUnwritable(f"input/output error while writing {place}", hint=hint)
    if number in (errno.EMFILE, errno.ENFILE):
        return StoreUnwritable(f"too many open files at {place}", hint="raise the limit: `ulimit -n 4096`")
    if number == errno.EFBIG:
        return StoreUnwritable(f"{place} would be larger than its filesystem or limit allows", hint="see `ulimit -f`")
    if number == errno.ENAMETOOLONG:
        return NameTooLong(f"the name is too long for its filesystem: {place}", hint="use a shorter name")
    return error


def is_full(folder: AnyPath) -> bool:
    """Whether the filesystem of a folder has hardly a block or inode left; for errors that do not say why."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _HARDLY or (found.f_files > 0 and found.f_favail == 0)


@contextmanager
def naming(path: AnyPath, dir_fd: int | None = None) -> Iterator[None]:
    """Give what stops a write inside the block its name, with `path`, seen from `dir_fd`, in the message."""
    try:
        yield
    except OSError as error:
        named = named_error(error, path if dir_fd is None else os.path.join(name_of(dir_fd), os.fsdecode(path)))
        if named is error:
            raise
        raise named from error


@contextmanager
def reading(path: AnyPath) -> Iterator[None]:
    """Give what stops a read inside the block its name; "is not there" stays the OSError it is. Raises Unreadable."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        hint = "check its owner and mode; where the disk fails, look at the system's log and save what you can"
        raise Unreadable(f"cannot read {shown(path)}: {error.strerror}", hint=hint) from error


def read_into(fd: int, buffer: memoryview, offset: int) -> int:
    """Fill a buffer from `offset` on, as far as the file goes; how many bytes came. One call of the system."""
    if hasattr(os, "preadv"):
        return os.preadv(fd, [buffer], offset)
    os.lseek(fd, offset, os.SEEK_SET)
    data = os.read(fd, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes from `offset` on. One call of the system."""
    if hasattr(os, "pread"):
        return os.pread(fd, length, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


def leave_no_core() -> None:
    """Let this process, when it is killed by a fault that is expected, leave no file with its memory behind."""
    prctl = library.call("prctl")
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def sync_fd(fd: int) -> None:
    """Make the file or directory behind `fd` durable. A failure is final: the pages are lost, never sync again."""
    try:
        if _FULL_SYNC is not None:
            fcntl.fcntl(fd, _FULL_SYNC)
        else:
            os.fsync(fd)
    except OSError as error:
        if error.errno not in _IGNORED_SYNC_ERRORS:
            raise


def sync_filesystem(fd: int) -> bool:
    """Make everything on the filesystem of `fd` durable; False where the system cannot do it."""
    syncfs = library.call("syncfs")
    if syncfs is None:
        return False
    if syncfs(fd) == 0:
        return True
    number = library.error()
    if number in _IGNORED_SYNC_ERRORS:
        return False
    raise OSError(number, os.strerror(number))


def start_writeback(fd: int) -> None:
    """Let the kernel begin to write what a file has in memory, so that a later sync finds little to do; no promise."""
    sync_file_range = library.call("sync_file_range")
    if sync_file_range is not None:
        ctypes = library.types()
        sync_file_range(fd, ctypes.c_int64(0), ctypes.c_int64(0), _SYNC_FILE_RANGE_WRITE)


def rename_new(source: AnyPath, target: AnyPath, source_dir_fd: int | None, target_dir_fd: int | None) -> bool:
    """Rename without replacing; False where the system or the filesystem cannot. Raises FileExistsError."""
    renameat2 = library.call("renameat2")
    if renameat2 is None:
        return False
    old = _AT_FDCWD if source_dir_fd is None else source_dir_fd
    new = _AT_FDCWD if target_dir_fd is None else target_dir_fd
    if renameat2(old, os.fsencode(source), new, os.fsencode(target), _RENAME_NOREPLACE) == 0:
        return True
    number = library.error()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), os.fsdecode(source), None, os.fsdecode(target))


def _first_line(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(fd, 4096).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def _start_time(pid: int) -> str:
    """When the process started, in ticks since boot; "0" where the system does not say, "" when it is gone."""
    if not sys.platform.startswith("linux"):
        return "0"
    line = _first_line(f"/proc/{pid}/stat")
    return line.rpartition(")")[2].split()[19] if line else ""


def boot_id() -> str:
    """Eight hexadecimal digits that change with every boot; "00000000" where the system does not say."""
    return (_first_line("/proc/sys/kernel/random/boot_id") or "0" * 8)[:8]


def _host() -> str:
    """This machine and its process numbering: two containers do not see each other's processes."""
    try:
        numbering = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        numbering = ""
    host = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return f"{zlib.crc32((host + numbering).encode()):08x}"


_NETWORKS = {
    0x6969,  # NFS
    0x517B,  # SMB
    0xFE534D42,  # SMB2
    0xFF534D42,  # CIFS
    0x65735546,  # FUSE: what is behind it, nobody knows
    0x01021997,  # 9P
    0x00C36400,  # Ceph
    0x5346414F,  # AFS
    0x0BD00BD0,  # Lustre
    0x47504653,  # GPFS
    0x19830326,  # BeeGFS
    0x7461636F,  # OCFS2
    0x786F4256,  # VirtualBox shared folder
}


def is_shared_filesystem(path: AnyPath) -> bool:
    """Whether other machines may write to the filesystem of `path`: shared memory and locks are not to be relied on.

    False where the system does not say: macOS and Windows tell by calls that we do not make yet.
    """
    statfs = library.call("statfs")
    if statfs is None:
        return False
    ctypes = library.types()
    answer = ctypes.create_string_buffer(512)
    if statfs(os.fsencode(path), answer) != 0:
        return False
    return ctypes.c_long.from_buffer(answer).value & 0xFFFFFFFF in _NETWORKS


_own: dict[int, str] = {}


def process_tag(process: int | None = None) -> str:
    """A process of this machine (this one), named for all time: `<pid>.<start time>.<boot><host>`, for a file name."""
    pid = os.getpid()
    if process not in (None, pid):
        return f"{process}.{_start_time(process or 0) or '0'}.{boot_id()}{_host()}"
    if pid not in _own:
        _own[pid] = f"{pid}.{_start_time(pid) or '0'}.{boot_id()}{_host()}"
    return _own[pid]


def is_dead(tag: str) -> bool | None:
    """Whether the process of a tag is gone; None when it was never on this machine, so that nobody can say.

    Another boot of the same machine is a death. Raises ValueError for what is no tag.
    """
    pid_text, start, place = tag.split(".")
    pid = int(pid_text)
    own = process_tag().split(".")[2]
    if pid <= 0 or len(place) != len(own) or not start.isdigit():
        raise ValueError(tag)
    if place[8:] != own[8:]:
        return None
    if place != own:
        return True
    try:
        os.kill(pid, 0) if sys.platform != "win32" else None
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return _start_time(pid) != start


def name_of(fd: int) -> str:
    """The path behind a descriptor, for a message."""
    try:
        return shown(os.readlink(f"/proc/self/fd/{fd}"))
    except OSError:
        return f"file descriptor {fd}"


def data_extents(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """(offset, length) of what is not a hole in the first `size` bytes; all of it where the system cannot say."""
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
            end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        except (AttributeError, OSError) as error:
            if getattr(error, "errno", None) != errno.ENXIO:  # ENXIO: only a hole is left
                yield at, size - at
            return
        if start >= size:
            return
        yield start, end - start
        at = end


def unsent_bytes(fd: int) -> int:
    """How many bytes that were written to a TCP socket the other side has not taken yet; 0 where nobody can tell."""
    if fcntl is None or not sys.platform.startswith("linux"):
        return 0
    try:
        answer = fcntl.ioctl(fd, _SIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)


def write_all(fd: int, content: bytes | memoryview) -> None:
    """Write every byte, however many calls it takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def share_blocks(source_fd: int, target_fd: int) -> bool:
    """Make an empty file the same as another by sharing all its blocks (reflink); False where that cannot be."""
    if fcntl is None or not sys.platform.startswith("linux"):
        return False
    try:
        fcntl.ioctl(target_fd, _FICLONE, source_fd)
    except OSError:  # whatever it is, copying will tell
        return False
    return True


def write_at(fd: int, content: bytes | memoryview, offset: int) -> None:
    """Write every byte at an offset; several threads may, to one file, where the system has such a call."""
    if not hasattr(os, "pwrite"):
        os.lseek(fd, offset, os.SEEK_SET)
        write_all(fd, content)
        return
    rest = memoryview(content)
    while rest:
        count = os.pwrite(fd, rest, offset)
        rest, offset = rest[count:], offset + count


def copy_range(source_fd: int, target_fd: int, size: int, *, offset: int = 0) -> int:
    """Copy `size` bytes at `offset` to the same offset of another file; how many were there to copy.

    Shares the blocks where the filesystem can (reflink). The descriptors' own positions may move.
    """
    done = 0
    with naming(name_of(target_fd)):
        while done < size:
            at = offset + done
            try:
                count = os.copy_file_range(source_fd, target_fd, min(_COPIED_AT_ONCE, size - done), at, at)
            except AttributeError:  # macOS, Windows
                break
            except OSError as error:
                if error.errno not in _NO_RANGE_COPY:
                    raise
                break
            if not count:  # the end, or a filesystem that answers 0 instead of an error: reading tells
                break
            done += count
        while done < size:
            with reading(name_of(source_fd)):
                piece = read_at(source_fd, min(1 << 20, size - done), offset + done)
            if not piece:
                break
            os.lseek(target_fd, offset + done, os.SEEK_SET)
            write_all(target_fd, piece)
            done += len(piece)
    return done
