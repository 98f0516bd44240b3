"""Names and stats: the few lines that run once for every file of a working tree."""

import os
import stat

from track.worktree.stat_cache import STAT, STAT_SIZE

_HEX = frozenset(b"0123456789abcdef")


def listed(fd: int) -> tuple[bytes, bytes, bytearray]:
    """The names of an open folder's files and of its folders, each sorted and joined by NUL, and the files' stats.

    Raises FileNotFoundError when a name vanishes meanwhile; the caller begins again.
    """
    texts = sorted(os.listdir(fd))
    joined = os.fsencode("\0".join(texts))
    names: list[str] | list[bytes] = texts
    if not joined.isascii():  # text sorts by characters, entries by bytes
        names = sorted(joined.split(b"\0"))
        joined = b"\0".join(names)
    look, pack, folders, at = os.stat, STAT.pack_into, [], 0
    stats = bytearray(STAT_SIZE * len(names))
    for name in names:
        s = look(name, dir_fd=fd, follow_symlinks=False)
        mode = s.st_mode
        if mode & 0o170000 == 0o040000:
            folders.append(os.fsencode(name))
            continue
        pack(stats, at, mode, 0, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino)
        at += STAT_SIZE
    if not folders:
        return joined, b"", stats
    del stats[at:]
    inner = set(folders)
    return b"\0".join([name for name in joined.split(b"\0") if name not in inner]), b"\0".join(folders), stats


def packed(found: os.stat_result) -> bytearray:
    """One stat as the rows have it."""
    return bytearray(STAT.pack(found.st_mode, 0, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino))


def kind_of(mode: int) -> str:
    """What an artifact's own path is: "file", "directory", "link" or "other"."""
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "other"


def object_digest(place: bytes, objects: bytes) -> bytes:
    """The digest of the store's whole object at the absolute path `place`; empty if it is no such path."""
    if not place.startswith(objects + b"/"):
        return b""
    digits = place[len(objects) + 1 :].replace(b"/", b"", 1)
    return bytes.fromhex(digits.decode()) if len(digits) == 64 and _HEX.issuperset(digits) else b""
