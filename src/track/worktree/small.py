"""Many small files made in a private folder, in the order in which their content comes from the store."""

import os
from collections.abc import Callable, Iterator, Sequence

from track import publish
from track.errors import Conflict, MalformedManifest
from track.model.manifest import Entry
from track.model.names import display
from track.progress import Progress
from track.worktree.paths import open_beneath
from track.worktree.stat_cache import STAT

Contents = Callable[[Sequence[bytes]], Iterator[tuple[bytes, bytes]]]
"""(digest, verified content) for each digest, in the order in which the store has them."""


def write_small(room: int, top: bytes, entries: list[Entry], contents: Contents, progress: Progress) -> bytes:
    """Make the files `entries` below the folder `top` of the room; their packed stats, in the order of `entries`.

    Of a million files each byte that is kept for one counts: what has one place, as nearly all have, needs no list.
    """
    places: dict[bytes, int] = {}
    further: dict[bytes, list[int]] = {}
    for at, entry in enumerate(entries):
        if places.setdefault(entry.digest, at) != at:
            further.setdefault(entry.digest, []).append(at)
    stats = bytearray(len(entries) * STAT.size)
    pack, create, here, fd = STAT.pack_into, publish.create_with, None, -1
    try:
        for digest, data in contents(list(places)):
            found = (places[digest], *further.get(digest, ()))
            for at in found:
                check_size(entries[at], len(data))
                folder, _, name = entries[at].path.rpartition(b"/")
                if folder != here:
                    if fd >= 0:
                        os.close(fd)
                    fd, here = open_beneath(room, b"/".join(part for part in (top, folder) if part)), folder
                try:
                    s = create(name, data, dir_fd=fd, mode=0o777 if entries[at].mode == "x" else 0o666)
                except FileExistsError as error:
                    raise same_name(entries[at].path) from error
                pack(stats, at * STAT.size, s.st_mode, 0, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino)
            progress.advance(count=len(found), size_bytes=len(data) * len(found))
    finally:
        if fd >= 0:
            os.close(fd)
    return bytes(stats)


def check_size(entry: Entry, size: int) -> None:
    """Refuse an entry that lies about its content, while that is still staged."""
    if size != entry.size:
        raise MalformedManifest(
            f"{display(entry.path)} has {size:,} bytes, and its manifest or pointer says {entry.size:,}",
            hint="nothing was changed; an earlier version may be fine: track log",
        )


def same_name(path: bytes) -> Conflict:
    """The error for an entry whose place another one has taken."""
    return Conflict(
        f"{display(path)} has the same name as another entry on this filesystem, which folds letters",
        hint="check it out on a filesystem that tells upper and lower case apart",
    )
