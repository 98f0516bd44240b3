"""Which of some files this very process opens, as the kernel tells it; beside `sitecustomize`, it imports nothing of
ours.

A library in C opens files without Python. Linux tells by fanotify (from 5.13 on without rights) of each open of a
marked file or folder, and whether the process that asks was the one that opened: another's opens are not counted.
What costs time is to open a marked file, and nothing else (`tests.bench.runs`). What happens to one file, or in one
folder, is told together, so the queue holds as much as there are marks.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

_NON_BLOCKING, _CLOSE_ON_EXEC = 2, 1
_REPORT_FOLDER, _REPORT_NAME = 0x400, 0x800
OPENED, CLOSED_WRITTEN, CLOSED_READ = 0x20, 0x8, 0x10
"""What happened to a file: it was opened for whatever, and closed by who could write, or could not."""
_EVENTS = OPENED | CLOSED_WRITTEN | CLOSED_READ
_ADD, _ON_CHILD, _OVERFLOW = 1, 0x08000000, 0x4000
_CLOSED_TO_ALL = {errno.ENOENT, errno.ENOTDIR, errno.EACCES}
"""Why a file cannot be marked, and cannot be opened either."""
_HERE, _FOLLOW = -100, 0x400
_HANDLE_BYTES = 128
_HEAD = struct.Struct("=IBBHQii")
_FACT, _IDENTITY = struct.Struct("=BBH8s"), struct.Struct("=Ii")
_AT_ONCE = 1 << 16


class KernelOpens:
    """Marks some files, and every file in some folders, and knows what this process did with them since."""

    def __init__(self, files: Iterable[bytes], folders: Iterable[bytes]) -> None:
        """Mark what is there. Raises OSError where the kernel allows nobody, or no more, to ask."""
        self._library = ctypes.CDLL(None, use_errno=True)
        self._library.fanotify_mark.argtypes = (
            *(ctypes.c_int, ctypes.c_uint, ctypes.c_uint64),
            ctypes.c_int,
            ctypes.c_char_p,
        )
        self._paths: dict[tuple[int, bytes, bytes], bytes] = {}
        """By type and content of its folder's handle, and its name; a folder: the same with no name."""
        self._groups: list[int] = []
        self.left_out_count = 0
        """How many are there and could not be marked, or were opened while the queue was full."""
        try:
            self._mark(sorted(files), is_folder=False)
            self._mark(sorted(folders), is_folder=True)
        except BaseException:
            self.close()
            raise

    def take(self) -> dict[bytes, int]:
        """What happened, by this process and since the last time, to the marked files and to some in the folders."""
        found: dict[bytes, int] = {}
        for group in self._groups:
            while self._is_ours(group):
                try:
                    events = os.read(group, _AT_ONCE)
                except OSError:  # no more
                    break
                for key, what in self._told(events):
                    if key in self._paths:
                        path = self._paths[key]
                        found[path] = found.get(path, 0) | what
        return found

    def written(self) -> dict[bytes, int]:
        """Of the marked files, and of the folders, those in which this process has one open to write: as if it were
        closed now.
        """
        paths, found = set(self._paths.values()), {}
        for fd in os.listdir("/proc/self/fd"):
            try:
                path = os.fsencode(os.readlink(f"/proc/self/fd/{fd}"))
                with open(f"/proc/self/fdinfo/{fd}", "rb") as file:
                    flags = next((line.split()[1] for line in file if line.startswith(b"flags:")), b"0")
            except OSError:  # it was that of the listing
                continue
            if int(flags, 8) & (os.O_WRONLY | os.O_RDWR):
                found.update({each: CLOSED_WRITTEN for each in (path, path.rpartition(b"/")[0]) if each in paths})
        return found

    def close(self) -> None:
        """Forget it all."""
        for group in self._groups:
            if self._is_ours(group):
                os.close(group)
        self._groups = []

    @staticmethod
    def _is_ours(group: int) -> bool:
        """A program may close what it did not open, and get the number for a file of its own."""
        try:
            return os.readlink(f"/proc/self/fd/{group}") == "anon_inode:[fanotify]"
        except OSError:
            return False

    def _mark(self, paths: list[bytes], *, is_folder: bool) -> None:
        if not paths:
            return
        how = _REPORT_FOLDER if is_folder else _REPORT_FOLDER | _REPORT_NAME
        group = self._library.fanotify_init(how | _NON_BLOCKING | _CLOSE_ON_EXEC, os.O_RDONLY)
        if group < 0:
            raise self._failure()
        self._groups.append(group)
        mask = _EVENTS | _ON_CHILD if is_folder else _EVENTS
        handles: dict[bytes, tuple[int, bytes]] = {}
        for path in paths:
            above, _, name = (path, b"", b"") if is_folder else path.rpartition(b"/")
            try:
                if above not in handles:
                    handles[above] = self._handle(above or b"/")
                if self._library.fanotify_mark(group, _ADD, mask, _HERE, path):
                    raise self._failure()
            except OSError as error:
                self.left_out_count += error.errno not in _CLOSED_TO_ALL
                continue
            self._paths[(*handles[above], name)] = path

    def _handle(self, path: bytes) -> tuple[int, bytes]:
        """How the kernel calls a folder in what it tells."""
        place = ctypes.create_string_buffer(_IDENTITY.size + _HANDLE_BYTES)
        _IDENTITY.pack_into(place, 0, _HANDLE_BYTES, 0)
        mount = ctypes.c_int()
        if self._library.name_to_handle_at(_HERE, path, place, ctypes.byref(mount), _FOLLOW):
            raise self._failure()
        length, kind = _IDENTITY.unpack_from(place.raw)
        return kind, place.raw[_IDENTITY.size : _IDENTITY.size + length]

    def _failure(self) -> OSError:
        number = ctypes.get_errno()
        return OSError(number, os.strerror(number))

    def _told(self, events: bytes) -> Iterable[tuple[tuple[int, bytes, bytes], int]]:
        own, at = os.getpid(), 0
        while at < len(events):
            length, _, _, head, mask, _, process = _HEAD.unpack_from(events, at)
            if mask & _OVERFLOW:
                self.left_out_count += 1
            elif process == own:
                start = at + head + _FACT.size
                size, kind = _IDENTITY.unpack_from(events, start)
                start += _IDENTITY.size
                name = events[start + size : at + length].split(b"\0")[0]
                yield (kind, events[start : start + size], name), mask & _EVENTS
            at += length
