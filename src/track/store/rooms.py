"""Rooms: where the parts of a local store are, and with which modes they are made."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from track.store.layout import DESCRIPTION, object_key, pack_key


class Rooms(NamedTuple):
    """The folders of the store at `path`. Modes are exact; a `directory_mode` of None leaves it to the umask."""

    path: Path
    file_mode: int = 0o444
    directory_mode: int | None = None

    @property
    def description(self) -> Path:
        """`store.toml`."""
        return self.path / DESCRIPTION

    @property
    def packs(self) -> Path:
        """Where packs are."""
        return self.path / "packs"

    @property
    def objects(self) -> Path:
        """Where whole objects are."""
        return self.path / "objects"

    @property
    def staging(self) -> Path:
        """Where files are while they are written."""
        return self.path / "staging"

    @property
    def partial(self) -> Path:
        """Where large objects are while they are fetched."""
        return self.path / "partial"

    @property
    def quarantine(self) -> Path:
        """Where bad files are kept."""
        return self.path / "quarantine"

    @property
    def lost(self) -> Path:
        """The digests of what was found bad, and is not there again."""
        return self.path / "lost"

    @property
    def dropped(self) -> Path:
        """The versions that were given up by a keep policy."""
        return self.path / "dropped"

    @property
    def trash(self) -> Path:
        """What collections took away, until it is deleted: a folder each, named by when (seconds since 1970)."""
        return self.path / "trash"

    @property
    def clients(self) -> Path:
        """Who uses the store from elsewhere."""
        return self.path / "clients"

    @property
    def lock(self) -> Path:
        """What writers share and a collection owns."""
        return self.path / "lock"

    def pack(self, name: bytes) -> Path:
        """The place of a pack."""
        return self.path / pack_key(name)

    def object(self, digest: bytes) -> Path:
        """The place of a whole object."""
        return self.path / object_key(digest)

    def whole(self, digest: bytes) -> Path | None:
        """The place of a whole object when it is there as a regular file, else None."""
        path = self.path / object_key(digest)
        try:
            return path if stat.S_ISREG(os.lstat(path).st_mode) else None
        except OSError:
            return None
