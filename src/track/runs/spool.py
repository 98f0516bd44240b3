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

from track.errors import TrackError
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


class Writer:
    """Logs to one living run through two bounded queues, from any thread; a thread of its own writes.

    `clean` takes out of an event's text what must not be written. `trouble` hears, in the writing thread, why it
    could not write; what waits is kept and tried again. `tick` is called in that thread about four times a second.
    Whatever ends that thread, the next entry begins another.
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
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._room = threading.Condition()
        self._thread: threading.Thread | None = None
        self._fd: int | None = None
        self._written_bytes = 0
        self._unwritten = b""
        self._failed: Exception | None = None
        self._is_closed = False
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
            with self._room:
                self._dropped[kind] += count
            return
        queue.append(entry)
        if len(queue) * 4 >= self._size:
            self._wake.set()

    def _close_with_child(self) -> None:
        """A child of `multiprocessing` ends without the usual ado, but for what it was told to finish."""
        told = sys.modules.get("multiprocessing.util")
        if told is not None:
            told.Finalize(None, self._flush_or_tell, exitpriority=10)

    def _wait(self, queue: deque[_Entry]) -> bool:
        """Wait until there is room, if that was wished; not for a disk that takes nothing."""
        with self._room:
            while self._is_blocking and len(queue) >= self._size and self._failed is None and not self._is_closed:
                self._wake.set()
                self._room.wait(FLUSH_EVERY_S)
                self.start()
            return len(queue) < self._size

    def start(self) -> None:
        """Start the thread, if it does not go; it also says every minute that the run is alive."""
        with self._room:
            if (self._thread is None or not self._thread.is_alive()) and not self._is_closed:
                self._thread = threading.Thread(target=self._work, name="track-writer", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self._is_closed:
            self._wake.wait(FLUSH_EVERY_S)
            self._wake.clear()
            self._flush_or_tell()
            try:
                self._tick()
                if time.monotonic() - self._beaten >= BEAT_EVERY_S:
                    self._beaten = time.monotonic()
                    self._living.beat()
            except Exception as error:  # what is logged is written whatever becomes of the rest
                self._trouble(error)
        self._flush_or_tell()  # here, as Ctrl-C in whoever closes could lose what is taken or write it twice

    def _flush_or_tell(self) -> None:
        try:
            if self.flush(_ROUNDS):
                self._wake.set()
        except Exception as error:  # no program is to wait for a thread that a mistake of ours ended
            if self._failed is None:
                self._trouble(error)
            self._failed = error

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
                if not self._unwritten:
                    self._unwritten = self._lines()
                self._append(self._unwritten)
                self._unwritten = b""
                self._failed = None
                with self._room:
                    self._room.notify_all()
            return self._waits()

    def _waits(self) -> bool:
        return bool(self._unwritten or self._points or self._events or any(self._dropped.values()))

    def _lines(self) -> bytes:
        parts: list[str] = []
        with self._room:
            dropped, self._dropped = self._dropped, {"points": 0, "events": 0}
        parts += [dropped_line(kind, count) for kind, count in dropped.items() if count]
        for queue in (self._points, self._events):
            for _ in range(min(len(queue), _AT_ONCE)):
                said, step, when, stamp = queue.popleft()
                if isinstance(said, str):
                    parts.append(event_line(stamp, self._clean(said)))
                else:
                    parts += [point_line(name, step, when, stamp, value) for name, value in said.items()]
        return "".join(parts).encode("utf-8", "backslashreplace")

    def _append(self, content: bytes) -> None:
        """Append whole lines, or nothing: while the run is held so that nobody ends it meanwhile."""
        place = self._living.folder
        with self._living.shared():
            if self._fd is None:
                self._fd = create(place / f"{_PREFIX}{process_tag()}.{os.urandom(4).hex()}")
                self._written_bytes = 0
            try:
                with naming(place):
                    write_all(self._fd, content)
            except (TrackError, OSError):
                with suppress(OSError):
                    os.ftruncate(self._fd, self._written_bytes)
                    os.lseek(self._fd, self._written_bytes, os.SEEK_SET)
                raise
            self._written_bytes += len(content)

    def close(self) -> None:
        """Write all that waits and end the thread. Raises as `flush` does; calling it again tries again."""
        if self._pid != os.getpid():
            return
        with self._room:
            self._is_closed = True
            self._room.notify_all()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self.flush()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


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
