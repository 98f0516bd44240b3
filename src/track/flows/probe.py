"""Probe: what the filesystem at a place can do, found out with two small files in a folder of track's own."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.errors import TrackError
from track.system import fcntl, is_shared_filesystem

_FICLONE = 0x40049409


class Filesystem(NamedTuple):
    """What a filesystem is and can do; `kind` is empty where the system does not say. None: it could not be tried."""

    kind: str
    device: int
    is_shared: bool
    reflink: bool | None
    hardlink: bool | None
    symlink: bool | None


def probe(place: Path, room: Path) -> Filesystem:
    """Look at the filesystem of `place`; files are made, and removed again, in `room`, a folder on the same one."""
    device = os.stat(place).st_dev
    tried: tuple[bool | None, bool | None, bool | None] = (None, None, None)
    with suppress(OSError, TrackError):
        tried = _try(room)
    return Filesystem(_kind_of(place), device, is_shared_filesystem(place), *tried)


def _try(room: Path) -> tuple[bool, bool, bool]:
    """Return whether files can be reflinked, hard linked and symlinked in `room`."""
    own = publish.stage(room)
    publish.make_directory(own)
    try:
        source = publish.create(own / "source", dir_fd=None)
        target = publish.create(own / "target", dir_fd=None)
        try:
            os.write(source, b"track" * 2000)
            return (
                _can(lambda: _clone(source, target)),
                _can(lambda: publish.make_link(own / "source", own / "link")),
                _can(lambda: publish.make_symlink("source", own / "symlink")),
            )
        finally:
            os.close(source)
            os.close(target)
    finally:
        publish.remove_tree(own)


def _clone(source: int, target: int) -> None:
    if fcntl is None or not sys.platform.startswith("linux"):
        raise OSError
    fcntl.ioctl(target, _FICLONE, source)


def _can(act: Callable[[], None]) -> bool:
    try:
        act()
    except (OSError, TrackError):
        return False
    return True


def _kind_of(place: Path) -> str:
    """Return the type of the filesystem, such as `ext4`, as Linux lists its mounts; the longest mount point wins."""
    best = (b"", b"")
    real = os.path.realpath(os.fsencode(place))
    try:
        with open("/proc/self/mountinfo", "rb") as mounts:
            for line in mounts:
                fields, _, rest = line.partition(b" - ")
                point = fields.split()[4].decode("unicode_escape").encode("latin-1")
                inside = real == point or real.startswith(point.rstrip(b"/") + b"/")
                if inside and len(point) >= len(best[0]):
                    best = (point, rest.split()[0])
    except (OSError, IndexError, UnicodeDecodeError):
        return ""
    return best[1].decode("ascii", "replace")
