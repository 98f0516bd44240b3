"""Resume: after a push that was broken off, what it had sent and the index does not name yet is not sent again.

A server says that a key is taken only when all of its bytes have travelled. So it is asked before, as long as there is
anything to be found: an ordinary push asks for nothing.
"""

import threading
from pathlib import Path

from track.progress import Moved, unheard
from track.store.around import Around, AroundUpload
from track.store.pieces import Pieces
from track.store.place import Place, Upload

_VAIN = 16
"""So many files in a row that are not there mean that the rest is not either: they go in the same order again."""


class ResumedPlace(Around):
    """A place where an earlier push was broken off."""

    def __init__(self, place: Place) -> None:
        """Nothing was asked yet."""
        super().__init__(place)
        self._lock = threading.Lock()
        self._vain = 0

    def upload(self) -> Upload:
        """Many files, without those that are there already in their size."""
        return _ResumedUpload(self, self.behind.upload())

    def has(self, key: str, size: int) -> bool:
        """Whether a file is there in its size; False without asking when too many were not."""
        with self._lock:
            if self._vain >= _VAIN:
                return False
        found = self.behind.size(key) == size
        with self._lock:
            self._vain = 0 if found else self._vain + 1
        return found


class _ResumedUpload(AroundUpload):
    """An upload that leaves out what is there."""

    def __init__(self, resumed: ResumedPlace, upload: Upload) -> None:
        super().__init__(upload)
        self._resumed = resumed

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        size = source.stat().st_size
        if not replace and self._resumed.has(key, size):
            moved(size)
            return 0
        return self.behind.put_file(key, source, digest, replace=replace, moved=moved)

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        if not replace and self._resumed.has(key, pieces.size):
            moved(pieces.size)
            return 0
        return self.behind.put_pieces(key, pieces, digest, replace=replace, moved=moved)
