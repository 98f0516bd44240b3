"""The shelf: what others shared of their runs through a remote, and what this clone did, as it was last fetched.

    shared/<remote>/<writer>-<number>-<nonce>     the text of one file of the remote

It may be deleted at any time: `track fetch --runs` brings it again. Collections keep what is named in it.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from track import publish
from track.errors import DamagedObject, TrackError
from track.model import reading
from track.runs import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:  # what no question needs that reads none
    from track.model.record import Record
    from track.model.shared_runs import SharedRun


class Shelf:
    """The shared runs of one remote, in a folder of the clone's state that need not be there yet."""

    def __init__(self, folder: Path) -> None:
        """The shelf in `folder`."""
        self.folder = folder

    def names(self) -> set[str]:
        """What is on it."""
        try:
            return {name for name in os.listdir(self.folder) if not name.startswith(".")}
        except (FileNotFoundError, NotADirectoryError):
            return set()

    def sound(self) -> set[str]:
        """What is on it and can be read."""
        found = set()
        for name in self.names():
            with suppress(DamagedObject):
                if self.read(name):
                    found.add(name)
        return found

    def put(self, name: str, text: bytes) -> None:
        """Put the text of one file on it, durably. Raises DiskFull or StoreUnwritable when it cannot be."""
        publish.make_directories(self.folder)
        publish.publish_bytes(self.folder / name, text)

    def drop(self, name: str) -> None:
        """Take one from it; absence is fine."""
        with suppress(FileNotFoundError):
            publish.remove(self.folder / name)

    def read(self, name: str) -> tuple["SharedRun", ...]:
        """The runs in one of them; none when it went meanwhile. Raises DamagedObject when it is not what it was."""
        try:
            content = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return ()
        return reading.parse_runs(content, f"{SHARED}/{self.folder.name}/{name}")


def shelves(state: Path) -> list[Shelf]:
    """The shelves in the state of a clone, by the names of their remotes."""
    try:
        names = sorted(os.listdir(state / SHARED))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [Shelf(state / SHARED / name) for name in names]


def shelf_of(state: Path, remote: str) -> Shelf:
    """The shelf of a remote in the state of a clone."""
    return Shelf(state / SHARED / remote)


def latest(
    shelf: Shelf, names: Iterator[str] | set[str], refused: list[TrackError]
) -> dict[str, tuple["SharedRun", "Record"]]:
    """The last that these say of each run, with its record; `refused` is told of what cannot be read."""
    found: dict[str, tuple[SharedRun, Record]] = {}
    for name in sorted(names):
        try:
            runs = shelf.read(name)
        except TrackError as error:
            refused.append(error)
            continue
        for one in runs:
            try:
                record = one.record(f"{SHARED}/{shelf.folder.name}")
            except TrackError as error:
                refused.append(error)
                continue
            before = found.get(one.id)
            if before is None or _counts_more(one, record, *before):
                found[one.id] = one, record
    return found


def _counts_more(one: "SharedRun", record: "Record", other: "SharedRun", other_record: "Record") -> bool:
    return (record.has_ended, one.seen) > (other_record.has_ended, other.seen)
