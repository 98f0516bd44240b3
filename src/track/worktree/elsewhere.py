"""Elsewhere: what is known of files outside the working tree that were put, so that they are not read again.

One SQLite file for all folders, with rows as those of the working tree, by whole path. That the store still has what a
row says is asked by whoever believes it: no collection looks at these rows.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from track.worktree.stat_cache import Recorded, Row, StatCache

KEPT = 1_000
"""So many files and folders are remembered; those that were noted first go first."""


class Elsewhere(StatCache):
    """The rows of what lies in one folder anywhere; `artifact` is a name in it."""

    def __init__(self, path: Path, folder: bytes) -> None:
        """Open or make the file at `path`; `folder` is absolute, with no link on the way."""
        self._before = folder.rstrip(b"/") + b"/"
        super().__init__(path)

    def recorded(self, artifact: bytes) -> Recorded | None:
        """What the rows of an artifact describe; None when it has none."""
        return super().recorded(self._before + artifact)

    def rows(self, artifact: bytes) -> Iterator[Row]:
        """The rows of an artifact, ordered by their path."""
        return super().rows(self._before + artifact)

    def outline(self, artifact: bytes) -> list[tuple[bytes, int]]:
        """(path, number of files and links) of every row of an artifact, ordered by their path."""
        return super().outline(self._before + artifact)

    def digests(self, artifact: bytes, folder: bytes) -> bytes:
        """The digests of a row, 32 bytes for each name; empty when there is no such row."""
        return super().digests(self._before + artifact, folder)

    def replace(self, artifact: bytes, recorded: Recorded, rows: Iterable[tuple[Row, bytes]]) -> None:
        """Make these rows, each with its digests, all that is known of an artifact; the oldest go."""
        super().replace(self._before + artifact, recorded, rows)
        self.keep_latest(KEPT)

    def update(
        self,
        artifact: bytes,
        recorded: Recorded,
        rows: Iterable[tuple[Row, bytes]],
        *,
        gone: Iterable[bytes],
        base: bytes,
    ) -> None:
        """Replace and remove single rows, so that all describe `recorded`; if they still describe the root `base`."""
        super().update(self._before + artifact, recorded, rows, gone=gone, base=base)

    def forget(self, artifact: bytes) -> None:
        """Know nothing of an artifact any more."""
        super().forget(self._before + artifact)
