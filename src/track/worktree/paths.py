"""The one gate into a working tree: opens its folders without leaving it, following a link, or reaching `.git`.

A path is checked where it is used, by the kernel, not as text beforehand: between a check and a use a folder can
become a link. On Linux `openat2` refuses escapes and links in one call; elsewhere, and on kernels before 5.6 or
below a strict seccomp filter, each part is opened by itself relative to the one before and never as a link.
Nothing is remembered from one call to the next, for the same reason.

Windows has neither call (Python opens no folders there), so these modules work on Linux and macOS; on Windows use
the Linux subsystem.
"""

import errno
import os
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident

from track import library, publish
from track.errors import ForbiddenPath, Unreadable
from track.model.names import check_worktree_path, display

ASIDE = "track.aside"
"""The event by which a thread says that it opens files for track itself, and that it does no more."""

_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
_PIECE = 3900  # bytes of path in one call; the kernel's limit is 4,096
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_ONE_STEP = _DIRECTORY | getattr(os, "O_NOFOLLOW", 0)
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.E2BIG, errno.EPERM, errno.EAGAIN}


_HOW = struct.pack("@QQQ", _DIRECTORY, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
"""`struct open_how` of `openat2(2)`: flags, mode, resolve."""


def open_beneath(dir_fd: int, path: bytes) -> int:
    """A descriptor of the folder `path` below an open one (`b""` is that one itself), however deep.

    Raises OSError: ELOOP when any part is a link, EXDEV when it leaves, else as `os.open`.
    """
    if not path:
        return os.open(b".", _DIRECTORY, dir_fd=dir_fd)
    if len(path) <= _PIECE:
        return _open_piece(dir_fd, path)
    fd = -1
    try:
        for piece in _pieces(path):
            inner = _open_piece(dir_fd if fd < 0 else fd, piece)
            if fd >= 0:
                os.close(fd)
            fd = inner
    except BaseException:
        if fd >= 0:
            os.close(fd)
        raise
    return fd


def walk_beneath(dir_fd: int, path: bytes, *, create: bool = False) -> int:
    """As `open_beneath`, one part after the other; with `create`, missing folders are made on the way."""
    fd = os.open(b".", _DIRECTORY, dir_fd=dir_fd)
    try:
        for part in path.split(b"/") if path else ():
            if part in (b"", b".", b".."):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), os.fsdecode(path))
            inner = _step(fd, part, create=create)
            os.close(fd)
            fd = inner
    except BaseException:
        os.close(fd)
        raise
    return fd


def _step(fd: int, part: bytes, *, create: bool) -> int:
    try:
        return os.open(part, _ONE_STEP, dir_fd=fd)
    except FileNotFoundError:
        if not create:
            raise
    except NotADirectoryError:  # what Linux says of a link here; macOS says ELOOP
        if stat.S_ISLNK(os.stat(part, dir_fd=fd, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fsdecode(part)) from None
        raise
    with suppress(FileExistsError):  # somebody else was faster; what it is, the next line finds out
        publish.make_directory(part, dir_fd=fd)
    return _step(fd, part, create=False)


def _open_piece(dir_fd: int, path: bytes) -> int:
    call = library.system_call()
    if call is None:
        return walk_beneath(dir_fd, path)
    fd = call(_SYS_OPENAT2, dir_fd, path, _HOW, len(_HOW))
    if fd >= 0:
        return fd
    number = library.error()
    if number in _NOT_HERE:
        return walk_beneath(dir_fd, path)
    raise OSError(number, os.strerror(number), os.fsdecode(path))


def _pieces(path: bytes) -> Iterator[bytes]:
    parts: list[bytes] = []
    length = 0
    for part in path.split(b"/"):
        if parts and length + len(part) > _PIECE:
            yield b"/".join(parts)
            parts, length = [], 0
        parts.append(part)
        length += len(part) + 1
    yield b"/".join(parts)


class Gate:
    """Opens the folders of one working tree; paths are relative to its top, which is `root`.

    `objects` is the absolute path of the store's whole objects, where checkout may make links to them.
    """

    def __init__(self, root: Path, objects: Path | None = None) -> None:
        """The gate of the working tree at `root`, an absolute path that may itself contain links."""
        self.root = root
        self.objects = objects

    @contextmanager
    def directory(self, path: bytes, *, create: bool = False, own: bool = False) -> Iterator[int]:
        """An open descriptor of the folder `path` (`b""` is the top), closed at the end of the block.

        With `create`, missing folders are made. With `own`, `.track` at the top is allowed, for pointers of named
        artifacts and run records.

        Raises:
            ForbiddenPath: the path is refused by its name, goes through a link, or leaves the tree.
            FileNotFoundError, NotADirectoryError: it is not there, or a part of it is no folder.
            Unreadable: no permission to look into it.

        What this thread opens in the block is none of what the program around it uses; whoever observes that, as
        `runs.injected.sitecustomize` does, is told.
        """
        thread = get_ident()
        sys.audit(ASIDE, thread, True)
        try:
            fd = self._open(path, create=create, own=own)
            try:
                yield fd
            finally:
                os.close(fd)
        finally:
            sys.audit(ASIDE, thread, False)

    @contextmanager
    def parent(self, path: bytes, *, create: bool = False, own: bool = False) -> Iterator[tuple[int, bytes]]:
        """The open folder that holds `path`, and the last part of it; raises as `directory`, also for that part."""
        _check(path, own=own)
        folder, _, name = path.rpartition(b"/")
        with self.directory(folder, create=create, own=own) as fd:
            yield fd, name

    def _open(self, path: bytes, *, create: bool, own: bool) -> int:
        if path:
            _check(path, own=own)
        top = os.open(self.root, _DIRECTORY)
        try:
            return walk_beneath(top, path, create=True) if create else open_beneath(top, path)
        except PermissionError as error:
            hint = "check the owner and mode of the folders on the way to it: `namei -l`"
            raise Unreadable(f"no permission to open the folder {display(path)}", hint=hint) from error
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EXDEV):
                raise ForbiddenPath(
                    f"{display(path)} goes through a symbolic link",
                    hint="track never follows links inside a working tree; replace the link by a real folder",
                ) from error
            if create and isinstance(error, NotADirectoryError):
                raise ForbiddenPath(
                    f"something that is no folder is in the way of {display(path)}", hint="look at it, and move it away"
                ) from error
            raise
        finally:
            os.close(top)


def _check(path: bytes, *, own: bool) -> None:
    inner = path[7:] if own and path.startswith(b".track/") else b"" if own and path == b".track" else path
    why = check_worktree_path(inner) if inner or not own else None
    if why is not None:
        raise ForbiddenPath(f"{display(path)!r} may not be used: it {why}", hint="no file was touched")
