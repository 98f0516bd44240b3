"""The spool: what a living run logs, in append-only files of its folder, one for each process that writes.

No two processes write one file, so any number of them, on any number of hosts, may log to one run. A process that
is killed leaves what it had written, which is never older than a second.
"""

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track.model.said import Heard, Said, dropped_line, event_line, hear, point_line, together
from track.publish import create, publish_bytes
from track.runs.journal import BEAT_EVERY_S, Living
from track.system import naming, process_tag, write_all

FLUSH_EVERY_S = 0.25
"""What was logged is in the file after this time, or when a quarter of the queue is full."""
QUEUE_SIZE = 10_000

_PREFIX = "said-"
_STEPS = "steps.json"
_AT_ONCE = 4_096
_ROUNDS = 16


class _Entry(NamedTuple):
    """One call that waits: a text for an event, values by name for points."""

    said: "str | Mapping[str, float]"
    step: int
    time: float
    stamp: int


class _Written(NamedTuple):
    """How far the queues are written, as one value: whatever interrupts, all of it is noted or nothing."""

    size_bytes: int = 0
    last: "tuple[_Entry | None, ...]" = (None, None)
    """The last entry of each queue that is in the file; what stands before it is there, too."""
    dropped: tuple[int, ...] = (0, 0)


class _Batch(NamedTuple):
    """Lines that are written next, again and again until they are, and what is written then."""

    content: bytes
    after: _Written


class _Bell:
    """Wakes one who waits. Each is one step of the interpreter, which an exception from outside cannot leave half."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        with suppress(RuntimeError):  # it was rung already
            self._silent.release()

    def wait(self, for_s: float) -> None:
        self._silent.acquire(timeout=for_s)


class Writer:
    """Logs to one living run through two bounded queues, from any thread; a thread of its own writes.

    `clean` takes out of an event's text what must not be written. `trouble` hears, in the writing thread, why it
    could not write; what waits is kept and tried again. `tick` is called in that thread about four times a second.
    Whatever ends that thread, the next entry begins another.

    An exception may be thrown into any thread between two steps of it, as Ctrl-C is into the main thread. So entries
    stay in their queue until they are written: a batch is made of what stands first, written, noted as written by one
    assignment, and only then taken out, up to the very entry that was noted. What was not noted is written again, the
    same bytes at the same place.
    """

    def __init__(
        self,
        living: Living,
        *,
        queue_size: int = QUEUE_SIZE,
        is_blocking: bool = False,
        clean: Callable[[str], str] = str,
        trouble: Callable[[Exception], None] = lambda error: None,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """A writer for `living`; nothing is started or made before the first entry."""
        self._living = living
        self._size = queue_size
        self._is_blocking = is_blocking
        self._clean = clean
        self._trouble = trouble
        self._tick = tick
        self._start_over()

    def _start_over(self) -> None:
        """The state of one process: after a fork the child has none of its parent's entries, thread or file."""
        self._pid = os.getpid()
        self._points: deque[_Entry] = deque()
        self._events: deque[_Entry] = deque()
        self._dropped = {"points": 0, "events": 0}
        self._written = _Written()
        self._batch: _Batch | None = None
        self._writing = threading.Lock()
        self._counting, self._starting = (
            threading.RLock(),
            threading.RLock(),
        )  # a handler of signals may log inside them
        self._wake, self._room = _Bell(), _Bell()
        self._thread: threading.Thread | None = None
        self._file: tuple[int, int] | None = None
        """Its descriptor, and how much was written before it began."""
        self._has_failed = self._is_closed = False
        self._beaten = time.monotonic()

    def put_points(self, values: Mapping[str, float], step: int, time: float, stamp: int) -> None:
        """Log the values of metrics; dropped, and counted, when the queue is full and does not block."""
        self._put("points", _Entry(values, step, time, stamp), len(values))

    def put_event(self, text: str, stamp: int) -> None:
        """Log an event; dropped, and counted, when the queue is full and does not block."""
        self._put("events", _Entry(text, 0, 0.0, stamp), 1)

    def _put(self, kind: str, entry: _Entry, count: int) -> None:
        if self._pid != os.getpid():
            self._start_over()
            self._close_with_child()
        queue = self._points if kind == "points" else self._events
        if self._thread is None or not self._thread.is_alive():
            self.start()
        if len(queue) >= self._size and not self._wait(queue):
            with self._counting:
                self._dropped[kind] += count
            return
        queue.append(entry)
        if len(queue) * 4 >= self._size:
            self._wake.ring()

    def _close_with_child(self) -> None:
        """A child of `multiprocessing` ends without the usual ado, but for what it was told to finish."""
        told = sys.modules.get("multiprocessing.util")
        if told is not None:
            told.Finalize(None, self._flush_or_tell, exitpriority=10)

    def _wait(self, queue: deque[_Entry]) -> bool:
        """Wait until there is room, if that was wished; not for a disk that takes nothing, nor in who makes room."""
        waits = self._is_blocking and threading.current_thread() is not self._thread
        while waits and len(queue) >= self._size and not self._has_failed and not self._is_closed:
            self._wake.ring()
            self._room.wait(FLUSH_EVERY_S)
            self.start()
        has_room = len(queue) < self._size
        if has_room:  # for others who wait, too
            self._room.ring()
        return has_room

    def start(self) -> None:
        """Start the thread, if it does not go; it also says every minute that the run is alive."""
        with self._starting:
            if (self._thread is None or not self._thread.is_alive()) and not self._is_closed:
                thread = self._thread = threading.Thread(target=self._work, name="track-writer", daemon=True)
                thread.start()

    def _work(self) -> None:
        while not self._is_closed:
            self._wake.wait(FLUSH_EVERY_S)
            self._flush_or_tell()
            try:
                self._tick()
                if time.monotonic() - self._beaten >= BEAT_EVERY_S:
                    self._beaten = time.monotonic()
                    self._living.beat()
            except Exception as error:  # what is logged is written whatever becomes of the rest
                self._trouble(error)
        self._flush_or_tell()  # here, where Ctrl-C does not interrupt

    def _flush_or_tell(self) -> None:
        try:
            if self.flush(_ROUNDS):
                self._wake.ring()
        except Exception as error:  # no program is to wait for a thread that a mistake of ours ended
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        """Tell of the first trouble since something was written."""
        was_told, self._has_failed = self._has_failed, True
        if not was_told:
            self._trouble(error)

    def flush(self, rounds: int = sys.maxsize) -> bool:
        """Write all that waits, in so many rounds at most; it is in the file then. Whether more waits.

        Raises:
            UsageError: the run has ended.
            DiskFull, StoreUnwritable: it cannot be written; it waits on.
        """
        if self._pid != os.getpid():
            return False
        with self._writing:
            while rounds and self._waits():
                rounds -= 1
                if self._batch is None or self._batch.after is self._written:
                    self._batch = self._next_batch()
                self._append(self._batch)
                self._has_failed = False
                self._room.ring()
            return self._waits()

    def _waits(self) -> bool:
        self._take_out()
        return bool(self._points or self._events or tuple(self._dropped.values()) != self._written.dropped)

    def _take_out(self) -> None:
        """Take what is written out of the queues; interrupted anywhere, the next time goes on."""
        for queue, last in zip((self._points, self._events), self._written.last, strict=True):
            if any(queue[place] is last for place in range(min(len(queue), _AT_ONCE))):
                while queue.popleft() is not last:
                    pass

    def _next_batch(self) -> _Batch:
        """What stands first in the queues, which it leaves there, and what was dropped meanwhile."""
        before = self._written
        dropped = tuple(self._dropped.values())
        lines = [
            dropped_line(kind, count - told)
            for kind, count, told in zip(self._dropped, dropped, before.dropped, strict=True)
            if count > told
        ]
        last = list(before.last)
        for number, queue in enumerate((self._points, self._events)):
            for place in range(min(len(queue), _AT_ONCE)):
                last[number] = queue[place]
                lines.append(self._said(queue[place]))
        content = "".join(lines).encode("utf-8", "backslashreplace")
        return _Batch(content, _Written(before.size_bytes + len(content), tuple(last), dropped))

    def _said(self, entry: _Entry) -> str:
        """The lines of an entry; none when they cannot be made, which is told."""
        said, step, when, stamp = entry
        lines = None
        for is_last in (False, True):
            try:
                if isinstance(said, str):
                    lines = event_line(stamp, self._clean(said))
                else:
                    lines = "".join([point_line(name, step, when, stamp, value) for name, value in said.items()])
                break
            except Exception as error:  # one that was thrown into this thread does not come again
                if is_last and lines is None:
                    self._tell(error)
        return lines or ""

    def _append(self, batch: _Batch) -> None:
        """Append its lines and note that: while the run is held so that nobody ends it meanwhile.

        What an attempt before left is cut off: the file ends where it is known to be whole.
        """
        place = self._living.folder
        with self._living.shared():
            if self._file is None:
                fd = create(place / f"{_PREFIX}{process_tag()}.{os.urandom(4).hex()}")
                self._file = fd, self._written.size_bytes
            fd, before = self._file
            known = self._written.size_bytes - before
            with naming(place):
                if os.lseek(fd, 0, os.SEEK_END) != known:
                    os.ftruncate(fd, known)
                    os.lseek(fd, known, os.SEEK_SET)
                write_all(fd, batch.content)
            self._written = batch.after

    def close(self) -> None:
        """Write all that waits and end the thread. Raises as `flush` does; calling it again tries again."""
        if self._pid != os.getpid():
            return
        self._is_closed = True
        self._room.ring()
        self._wake.ring()
        if self._thread is not None and self._thread is not threading.current_thread():
            with suppress(RuntimeError):  # it was never started
                self._thread.join()
        self.flush()
        file, self._file = self._file, None
        if file is not None:
            os.close(file[0])


def append(living: Living, lines: Callable[[Callable[[], int]], str]) -> None:
    """Add lines to a living run at once, one writer at a time; `lines` makes them, and may ask for the next step.

    That is one more than the greatest that was said, and asking again costs only what was said since.

    Raises:
        UsageError: the run has ended.
        Locked: another process held it for more than 10 s.
        DiskFull, StoreUnwritable: it cannot be written.
    """
    place = living.folder / f"{_PREFIX}one-by-one"
    with living.held():
        content = lines(lambda: _next_step(living)).encode("utf-8", "backslashreplace")
        try:
            fd, is_whole = create(place), True
        except FileExistsError:
            fd, is_whole = os.open(place, os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)), False
        try:
            with naming(place):
                size = os.fstat(fd).st_size
                is_whole = is_whole or not size or os.pread(fd, 1, size - 1) == b"\n"
                write_all(fd, content if is_whole else b"\n" + content)
        finally:
            os.close(fd)
    living.beat()


def _next_step(living: Living) -> int:
    """One more than the greatest step that was said; the run is held.

    How far each file was read for that is kept beside them; that may be lost, or be older than they are.
    """
    place = living.folder / _STEPS
    offsets, last = _steps_known(place)
    read = dict(offsets)
    for name in _said_files(living):
        heard = Heard()
        with suppress(FileNotFoundError), open(living.folder / name, "rb") as file:
            file.seek(offsets.get(name, 0))
            read[name] = offsets.get(name, 0) + hear(file.read(), heard)
        last = max([last, *(max(metric.steps) for metric in heard.metrics.values())])
    if read != offsets:
        facts = {"last": last, "read": read}
        publish_bytes(place, json.dumps(facts).encode("ascii"), durable=False)
    return last + 1


def _steps_known(place: Path) -> tuple[dict[str, int], int]:
    try:
        facts = json.loads(place.read_bytes())
        return {str(name): int(offset) for name, offset in facts["read"].items()}, int(facts["last"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, -1


def _said_files(living: Living) -> list[str]:
    """The files in which its writers write."""
    try:
        return sorted(name for name in os.listdir(living.folder) if name.startswith(_PREFIX))
    except (FileNotFoundError, NotADirectoryError):
        return []


def said_bytes(living: Living) -> int:
    """How many bytes it has logged so far."""
    size = 0
    for name in _said_files(living):
        with suppress(FileNotFoundError):
            size += (living.folder / name).stat().st_size
    return size


class Reader:
    """Reads what a run has said so far; reading again costs only what is new."""

    def __init__(self, living: Living) -> None:
        """A reader of `living`."""
        self._living = living
        self._heard: dict[str, tuple[int, Heard]] = {}

    def read(self) -> Said:
        """What every writer of the run has written until now; nothing when the run has ended and its folder is gone."""
        for name in _said_files(self._living):
            start, heard = self._heard.get(name, (0, Heard()))
            with suppress(FileNotFoundError), open(self._living.folder / name, "rb") as file:
                file.seek(start)
                self._heard[name] = start + hear(file.read(), heard), heard
        return together(heard for _, heard in self._heard.values())


def said_by(living: Living) -> Said:
    """All that a living run has said until now."""
    return Reader(living).read()
