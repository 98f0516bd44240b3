"""The journal: the runs of this clone, living and ended, whether or not a commit has their record.

    spool/<id>/                  a living run: run.toml (its draft), heartbeat, holder, lock, and what it logs
    journal/<yyyymm>/<id>.toml   the record of one that has ended
    names/<name>                 taken by a run that was named by us
    private/<id>                 a run that is not to be shared

A living run is known by its folder. It is sealed by publishing its record in the journal, and only then does the
folder go: killed in between, it has ended all the same.
"""

import os
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from track import publish
from track.errors import MalformedRecord, NewerFormat, UsageError
from track.locks import Lock
from track.model import reading
from track.model.names import display, typed
from track.model.run_names import run_name
from track.model.run_words import is_run_id, is_run_name
from track.runs.holder import is_held

LOST_AFTER_S = 180.0
"""A run that has not said for so long that it is alive counts as lost."""
BEAT_EVERY_S = 60.0
"""So often a living run says that it is alive."""

_SPOOL, _JOURNAL, _PRIVATE = "spool", "journal", "private"
_DRAFT = "run.toml"
_HEARTBEAT = "heartbeat"
_NAME_TRIES = 200


class Living:
    """A run that has not ended: its folder, which any process that knows the id may write to."""

    def __init__(self, folder: Path) -> None:
        """The run whose folder this is; for `Journal`."""
        self.folder = folder
        self.id = folder.name

    def record(self) -> "reading.Record":
        """Its draft as it stands.

        Raises:
            UsageError: it has ended meanwhile.
            MalformedRecord, NewerFormat: the draft cannot be read.
        """
        try:
            content = (self.folder / _DRAFT).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise self._has_ended() from None
        try:
            return reading.parse_record(content, f"the draft of run {self.id}")
        except MalformedRecord as error:
            error.hint = f"what it logged is beside it; when nobody runs it any more: rm -r {typed(str(self.folder))}"
            raise

    def edit(self, change: Callable[["reading.Record"], "reading.Record"]) -> "reading.Record":
        """Change its draft, one writer at a time, and return it; what it was is there until what it is was written.

        Raises:
            UsageError: it has ended meanwhile.
            Locked: another process held it for more than 10 s.
        """
        with self.held():
            changed = change(self.record())
            publish.publish_bytes(self.folder / _DRAFT, reading.dump_record(changed), durable=False)
            return changed

    def beat(self) -> None:
        """Say that it is alive."""
        with suppress(FileNotFoundError):
            os.utime(self.folder / _HEARTBEAT)

    def alive_at(self) -> int:
        """When it last said that it is alive, in µs since 1970; 0 when that is not known."""
        with suppress(FileNotFoundError):
            return (self.folder / _HEARTBEAT).stat().st_mtime_ns // 1000
        return 0

    def silent_s(self, now: float) -> float:
        """For how many seconds, at the time `now` since 1970, it has not said that it is alive."""
        with suppress(FileNotFoundError):
            return now - (self.folder / _HEARTBEAT).stat().st_mtime
        return LOST_AFTER_S + 1

    def is_lost(self, now: float | None = None) -> bool:
        """Whether it runs, has not said for too long that it is alive, and whoever holds it is not known to live."""
        silent_s = self.silent_s(time.time() if now is None else now)
        return silent_s > LOST_AFTER_S and self.record().status == "running" and not is_held(self.folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for one change. Raises UsageError when it has ended, Locked after 10 s."""
        with self._lock().exclusive():
            yield

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it together with others who add to it, so that nobody ends it. Raises as `held` does."""
        with self._lock().shared():
            if not (self.folder / _DRAFT).exists():
                raise self._has_ended()
            yield

    def _lock(self) -> Lock:
        if not self.folder.is_dir():
            raise self._has_ended()
        return Lock(self.folder / "lock")

    def _has_ended(self) -> UsageError:
        return UsageError(f"run {self.id} has ended", hint=f"track runs show {self.id}")


class Journal:
    """The runs of one clone, in folders of its state that need not be there yet."""

    def __init__(self, folder: Path) -> None:
        """The journal in the state of a clone, `folder`."""
        self.folder = folder

    def begin(self, draft: "reading.Record") -> Living:
        """Make a living run of a draft, durably. Raises DiskFull or StoreUnwritable when it cannot be."""
        folder = self.folder / _SPOOL / draft.id
        publish.make_directories(folder)
        publish.publish_bytes(folder / _HEARTBEAT, b"", durable=False)
        publish.publish_bytes(folder / _DRAFT, reading.dump_record(draft))
        return Living(folder)

    def living(self) -> list[Living]:
        """The runs that have not ended, oldest first."""
        try:
            names = sorted(os.listdir(self.folder / _SPOOL))
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = [Living(self.folder / _SPOOL / name) for name in names if is_run_id(name)]
        return [run for run in found if (run.folder / _DRAFT).exists() and not self._ended_at(run.id).exists()]

    def find_living(self, run: str) -> Living | None:
        """The living run with this id; None when there is none."""
        found = Living(self.folder / _SPOOL / run)
        return found if is_run_id(run) and (found.folder / _DRAFT).exists() else None

    def end(self, run: Living, change: Callable[["reading.Record"], "reading.Record"]) -> "reading.Record":
        """End a run: keep the record that `change` makes of its draft, durably; its folder goes.

        Raises:
            UsageError: it has ended meanwhile.
            DiskFull, StoreUnwritable: it cannot be kept; the folder stays, and ending it again finishes.
        """
        with run.held():
            record = change(run.record())
            if not record.has_ended:
                raise ValueError(f"run {record.id} has not ended: {record.status}")
            target = self._ended_at(record.id)
            publish.make_directories(target.parent)
            publish.publish_bytes(target, reading.dump_record(record))
            with suppress(FileNotFoundError):
                publish.remove_tree(run.folder)
            return record

    def ended(self, but: Container[str] = ()) -> Iterator["reading.Record"]:
        """The runs that have ended, newest first, except some by their ids; what cannot be read is left out (`broken`
        names it).
        """
        for path in reversed(self._files()):
            if path.stem in but:
                continue
            with suppress(MalformedRecord, NewerFormat, FileNotFoundError):
                yield reading.parse_record(path.read_bytes(), path.name)

    def ended_since(self, when: float) -> Iterator["reading.Record"]:
        """The runs whose records came into the journal after this time, in seconds since 1970; readable ones alone."""
        for path in self._files():
            with suppress(MalformedRecord, NewerFormat, FileNotFoundError):
                if path.stat().st_mtime >= when:
                    yield reading.parse_record(path.read_bytes(), path.name)

    def ended_ids(self) -> list[str]:
        """The ids of the runs that have ended, oldest first, whether or not their records can be read."""
        return [path.stem for path in self._files()]

    def find_ended(self, run: str) -> "reading.Record | None":
        """The ended run with this id, or None. Raises MalformedRecord or NewerFormat when it cannot be read."""
        if not is_run_id(run):
            return None
        try:
            return reading.parse_record(self._ended_at(run).read_bytes(), f"{run}.toml in the journal")
        except FileNotFoundError:
            return None

    def broken(self, but: Container[str] = ()) -> list[Path]:
        """The files of ended runs that cannot be read, except some by their ids."""
        found = []
        for path in self._files():
            if path.stem in but:
                continue
            try:
                reading.parse_record(path.read_bytes(), path.name)
            except (MalformedRecord, NewerFormat):
                found.append(path)
        return found

    def drop(self, run: str) -> bool:
        """Forget an ended run; whether it was there."""
        try:
            publish.remove(self._ended_at(run))
        except FileNotFoundError:
            return False
        return True

    def mark_private(self, run: str, *, is_private: bool) -> None:
        """Remember that a run is not to be shared, or that it may be; durably."""
        folder = self.folder / _PRIVATE
        if is_private:
            publish.make_directories(folder)
            publish.publish_bytes(folder / run, b"")
        else:
            with suppress(FileNotFoundError):
                publish.remove(folder / run)

    def private(self) -> set[str]:
        """The ids of the runs that are not to be shared."""
        try:
            return {name for name in os.listdir(self.folder / _PRIVATE) if is_run_id(name)}
        except (FileNotFoundError, NotADirectoryError):
            return set()

    def take_name(self, numbers: Iterator[int]) -> str:
        """A name for a run that nobody named, and that no other such run of this clone has.

        `numbers` are random; after so many tries in vain a number is put behind a second hyphen.
        """
        names = self.folder / "names"
        publish.make_directories(names)
        for attempt in range(_NAME_TRIES):
            name = run_name(next(numbers))
            if attempt > _NAME_TRIES // 2:
                name += f"-{next(numbers) % 10_000}"
            with suppress(FileExistsError):
                os.close(publish.create(names / name))
                return name
        raise UsageError("no name could be found for the run", hint="give it one: --name")

    def _files(self) -> list[Path]:
        return sorted((self.folder / _JOURNAL).glob("??????/????????-*.toml"))

    def _ended_at(self, run: str) -> Path:
        """By the month that its id speaks of: ids begin with their time in ms."""
        when = datetime.fromtimestamp(int(run.replace("-", "")[:12], 16) / 1000, UTC)
        return self.folder / _JOURNAL / f"{when:%Y%m}" / f"{run}.toml"


def check_name(name: str) -> str:
    """The name of a run as given. Raises UsageError for one that cannot be."""
    if not is_run_name(name):
        raise UsageError(
            f"not a name for a run: '{display(name)}'", hint="letters, digits, blanks and - _ / . : make a name"
        )
    return name
