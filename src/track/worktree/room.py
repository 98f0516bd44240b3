"""A private folder for what is being made before it is renamed into the working tree."""

import os
from pathlib import Path

from track import publish
from track.worktree.paths import Gate


class Room:
    """A private folder for what is being made, on the filesystem of the working tree; removed when it is closed."""

    def __init__(self, gate: Gate, staging: Path) -> None:
        """A room in `staging`, or in `.track/staging` of the working tree when that is another filesystem."""
        publish.make_directories(staging)
        with gate.directory(b"") as top:
            if os.fstat(top).st_dev != staging.stat().st_dev:
                with gate.directory(b".track/staging", create=True, own=True):
                    staging = gate.root / ".track" / "staging"
        publish.sweep(staging)
        self.path = publish.stage(staging)
        publish.make_directory(self.path, mode=0o700)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._count = 0

    def name(self) -> bytes:
        """A name in it that is free."""
        self._count += 1
        return b"%d" % self._count

    def close(self) -> None:
        """Remove it with all that was not moved out."""
        os.close(self.fd)
        publish.remove_tree(self.path)
