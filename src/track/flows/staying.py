"""Staying: what is unsaved keeps its place, file by file, and what was to come into that place does not.

Used where nobody gave a path up: by hooks, of which Git's user may not even know, and beside a pointer that did not
move. A file that stands in the way of a folder, or a folder in that of a file, holds back all that needs its place;
other files that were to make way for the same stay, too.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Literal, TypeVar

from track.model.manifest import Entry
from track.worktree.stat_cache import RACY, STAT, Stat

Leaves = Literal["nothing", "edits", "unsaved", "interrupted"]
"""Which unsaved work stays where it is and is nobody's loss: none; what stands beside a pointer that did not move; all.

All of it, too, after an interruption: then saved files that the version does not have may be what was placed, and go.
"""
Yielding = Literal["", "unsaved", "interrupted"]
"""Whether all unsaved work stays, and when."""

_MODES = {"f": 0o100644, "x": 0o100755, "l": 0o120777}

_Local = TypeVar("_Local")


class Ways:
    """Which entries wanted each path stands in the way of, and which paths go whether they do or not."""

    def __init__(self) -> None:
        """Nothing stands in any way."""
        self._blocked: dict[bytes, set[bytes]] = {}
        self._going: set[bytes] = set()

    def block(self, path: bytes, wanted: bytes) -> None:
        """What is at `path` has to go before `wanted` can come."""
        self._blocked.setdefault(path, set()).add(wanted)

    def going(self, path: bytes) -> None:
        """What is at `path` goes for its own sake."""
        self._going.add(path)

    def stay(
        self,
        staying: Iterable[bytes],
        writes: Mapping[bytes, Entry],
        removes: MutableMapping[bytes, _Local],
    ) -> set[bytes]:
        """Take what stays out of `removes`, and what need not go any more; returns which of `writes` cannot come."""
        staying = set(staying)
        held = {path for path in staying if path in writes}
        for path in staying:
            held |= self._blocked.get(path, set()) & writes.keys()
            removes.pop(path, None)
        for path, wanted in self._blocked.items():
            if path not in self._going and wanted <= held:
                removes.pop(path, None)
        return held


def stat_of_none(entry: Entry) -> bytes:
    """A packed stat that no file has, for the row of an entry that could not come: it will show as modified."""
    return STAT.pack(*Stat(_MODES[entry.mode], RACY, entry.size, 0, 0, 0))
