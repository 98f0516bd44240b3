"""The rows of what was placed: as they were, with single entries put in or dropped, or new ones altogether."""

from collections.abc import Callable

from track.worktree.found import FRESH_NS, is_fresh, split
from track.worktree.stat_cache import DIGEST_SIZE, STAT, STAT_SIZE, Row, Stat


class _Folder:
    """One row while it is edited: name -> (packed stat, digest), and the names of its folders."""

    __slots__ = ("folders", "known", "limit_ns", "row")

    def __init__(self, row: Row | None, digests: bytes) -> None:
        self.row = row
        self.limit_ns: int | None = None
        self.folders: set[bytes] = set()
        self.known: dict[bytes, tuple[bytes, bytes]] = {}
        if row is not None:
            self.folders.update(split(row.folders))
            for index, name in enumerate(split(row.names)):
                digest = digests[index * DIGEST_SIZE : (index + 1) * DIGEST_SIZE]
                self.known[name] = (row.stats[index * STAT_SIZE : (index + 1) * STAT_SIZE], digest)


class RowEdit:
    """Edits the rows of one artifact; nothing is written until somebody gives the outcome to the stat cache.

    `load` gives the row of a folder with its digests, None when there is none. Paths are relative to the artifact.
    """

    def __init__(self, load: Callable[[bytes], tuple[Row, bytes] | None]) -> None:
        """No edits yet."""
        self._load = load
        self._folders: dict[bytes, _Folder] = {}
        self._empty: set[bytes] = set()
        self._folder(b"")

    def put(self, path: bytes, stat: bytes, digest: bytes, *, seen_ns: int | None = None) -> None:
        """A file or link is here, with this packed stat and digest.

        Placed by us; or found as it should be by a scan that began at `seen_ns`, and then others may have it open.
        """
        head, _, name = path.rpartition(b"/")
        folder = self._folder(head + b"/" if head else b"")
        folder.known[name] = (stat, digest)
        if seen_ns is not None and is_fresh(Stat._make(STAT.unpack(stat)), seen_ns):
            folder.limit_ns = seen_ns

    def put_folder(self, path: bytes) -> None:
        """An empty folder is here."""
        self._folder(path + b"/")
        self._empty.add(path + b"/")

    def drop(self, path: bytes) -> None:
        """The file or link is not here any more; nor are folders that have nothing else in them."""
        head, _, name = path.rpartition(b"/")
        self._folder(head + b"/" if head else b"").known.pop(name, None)

    def drop_folder(self, path: bytes) -> None:
        """If there was an empty folder, it is not here any more, or not empty."""
        if self._load(path + b"/") is not None:
            self._folder(path + b"/")

    def finish(self, now_ns: int, boot: str) -> tuple[list[tuple[Row, bytes]], list[bytes]]:
        """The edited rows with their digests, and the paths of those that are gone.

        Call it when a tick has passed since the last file was written. What was put is known to be what it is, as
        nobody had it open, so it need not be hashed again before it is replaced; but it is not on the disk yet, so
        it is believed in this boot only.
        """
        gone: list[bytes] = []
        for path in sorted(self._folders, reverse=True):
            self._prune(path, gone)
        rows = [_row(path, folder, now_ns, boot) for path, folder in sorted(self._folders.items())]
        return rows, gone

    def _prune(self, path: bytes, gone: list[bytes]) -> None:
        folder = self._folders.get(path)
        if folder is None or not path or folder.known or folder.folders or path in self._empty:
            return
        del self._folders[path]
        gone.append(path)
        above, name = _above(path)
        self._folder(above).folders.discard(name)
        self._prune(above, gone)

    def _folder(self, path: bytes) -> _Folder:
        if path not in self._folders:
            found = self._load(path)
            self._folders[path] = _Folder(*found) if found is not None else _Folder(None, b"")
            if found is None and path:
                above, name = _above(path)
                self._folder(above).folders.add(name)
        return self._folders[path]


def _above(path: bytes) -> tuple[bytes, bytes]:
    head, _, name = path[:-1].rpartition(b"/")
    return head + b"/" if head else b"", name


def _row(path: bytes, folder: _Folder, now_ns: int, boot: str) -> tuple[Row, bytes]:
    names = sorted(folder.known)
    stats = b"".join([folder.known[name][0] for name in names])
    digests = b"".join([folder.known[name][1] for name in names])
    written = now_ns + FRESH_NS if folder.limit_ns is None else folder.limit_ns
    old = folder.row
    if old is not None and any(is_fresh(Stat._make(found), old.written) for found in STAT.iter_unpack(old.stats)):
        written = min(written, old.written)
    return Row(path, written, boot, b"\0".join(names), b"\0".join(sorted(folder.folders)), stats), digests
