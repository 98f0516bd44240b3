"""The spool: what was logged is there whoever dies, a full queue does what it was told, and nobody mixes up."""

import ctypes
import dis
import functools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, FrameType

import pytest

from track.errors import DiskFull, UsageError
from track.model.record import Record, run_id
from track.model.said import event_line, point_line
from track.runs import spool
from track.runs.journal import Journal, Living
from track.runs.spool import Reader, Writer, append, said_by

START = datetime(2026, 7, 14, 9, 12, 33, tzinfo=UTC)


@pytest.fixture
def living(tmp_path: Path) -> Living:
    draft = Record(id=run_id(int(START.timestamp() * 1000), bytes(10)), name="x", status="running", started=START)
    return Journal(tmp_path / "runs").begin(draft)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def values(living: Living, name: str = "x") -> list[float]:
    points = said_by(living).metrics.get(name)
    return [] if points is None else list(points.values)


def test_what_is_logged_is_in_the_file_by_itself_and_all_of_it_at_close(living: Living) -> None:
    writer = Writer(living)
    writer.put_points({"x": 1.0}, 0, 0.1, 10)
    until(lambda: values(living) == [1.0])
    for number in range(2, 1000):
        writer.put_points({"x": float(number)}, number, 0.1, 10 + number)
    writer.put_event("done", 5)
    writer.close()
    assert values(living) == [float(number) for number in range(1, 1000)]
    assert [event.text for event in said_by(living).events] == ["done"]


def stalled(living: Living, **facts: object) -> tuple[Writer, threading.Event]:
    """A writer whose thread waits in its tick until it is let go."""
    go, waits = threading.Event(), threading.Event()

    def tick() -> None:
        waits.set()
        go.wait(60)

    writer = Writer(living, tick=tick, **facts)  # type: ignore[arg-type]
    writer.start()
    assert waits.wait(60)
    return writer, go


def test_a_full_queue_drops_and_says_how_many(living: Living) -> None:
    writer, go = stalled(living, queue_size=5)
    for number in range(9):
        writer.put_points({"x": float(number), "y": 0.0}, number, 0.0, number)
    for number in range(7):
        writer.put_event(str(number), number)
    go.set()
    writer.close()
    said = said_by(living)
    assert values(living) == [0.0, 1.0, 2.0, 3.0, 4.0] and len(said.events) == 5
    assert (said.dropped_points, said.dropped_events) == (8, 2)


def test_a_full_queue_blocks_when_told_so_and_loses_nothing(living: Living) -> None:
    writer, go = stalled(living, queue_size=5, is_blocking=True)
    done = threading.Event()

    def log() -> None:
        for number in range(50):
            writer.put_points({"x": float(number)}, number, 0.0, number)
        done.set()

    thread = threading.Thread(target=log)
    thread.start()
    assert not done.wait(0.5)
    go.set()
    assert done.wait(60)
    thread.join()
    writer.close()
    assert values(living) == [float(number) for number in range(50)] and said_by(living).dropped_points == 0


def test_threads_and_forked_children_log_to_one_run(living: Living) -> None:
    writer = Writer(living)

    def log(first: int) -> None:
        for number in range(500):
            writer.put_points({f"from {first}": float(number)}, number, 0.0, first + number)

    thread = threading.Thread(target=log, args=(0,))
    thread.start()
    log(1000)
    thread.join()
    child = multiprocessing.get_context("fork").Process(target=log, args=(2000,))
    child.start()
    child.join()
    writer.close()
    for first in (0, 1000, 2000):
        assert values(living, f"from {first}") == [float(number) for number in range(500)]


def test_who_is_killed_leaves_what_is_a_second_old(living: Living) -> None:
    script = (
        "import sys, time; from pathlib import Path; from track.runs.journal import Living\n"
        "from track.runs.spool import Writer\n"
        "writer = Writer(Living(Path(sys.argv[1])))\n"
        "for n in range(10**9):\n"
        "    writer.put_points({'x': float(n)}, n, 0.0, n)\n"
        "    print(n, flush=True)\n"
        "    time.sleep(0.001)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(living.folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told: list[tuple[int, float]] = []
    for line in process.stdout:
        told.append((int(line), time.monotonic()))
        if len(told) == 1500:
            os.kill(process.pid, signal.SIGKILL)
            break
    at = time.monotonic()
    process.stdout.close()
    process.wait()
    found = values(living)
    assert found == [float(number) for number in range(len(found))]
    old = [number for number, when in told if at - when > 2.5]  # a busy machine may let the thread wait
    assert len(found) >= len(old)


def test_a_half_written_line_is_no_line_and_the_next_one_is_whole(living: Living) -> None:
    append(living, lambda said: point_line("x", 0, 0.0, 1, 1.0))
    place = next(living.folder.glob("said-*"))
    with open(place, "ab") as file:
        file.write(b"p 2 1 0.0 7")
    append(living, lambda said: point_line("x", 1, 0.0, 2, 2.0) + event_line(3, "e"))
    assert values(living) == [1.0, 2.0] and len(said_by(living).events) == 1


def test_a_reader_reads_what_is_new(living: Living) -> None:
    reader = Reader(living)
    assert reader.read().metrics == {}
    for number in range(3):
        append(living, lambda said, n=number: point_line("x", n, 0.0, n, float(n)))  # type: ignore[misc]
        assert list(reader.read().metrics["x"].values) == [float(n) for n in range(number + 1)]


def test_a_disk_that_is_full_for_a_while_loses_and_doubles_nothing(
    living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = spool.write_all, threading.Event()
    full.set()

    def write(fd: int, content: bytes) -> None:
        if full.is_set():
            real(fd, content[: len(content) // 2])
            raise OSError(28, "No space left on device")
        real(fd, content)

    monkeypatch.setattr(spool, "write_all", write)
    heard: list[Exception] = []
    writer = Writer(living, trouble=heard.append, queue_size=4, is_blocking=True)
    writer.put_points({"x": 1.0}, 0, 0.0, 1)
    until(lambda: bool(heard))
    assert isinstance(heard[0], DiskFull)
    for number in range(2, 9):  # it does not block a program for a disk
        writer.put_points({"x": float(number)}, 0, 0.0, number)
    full.clear()
    writer.close()
    found = values(living)
    assert found == [float(number) for number in range(1, len(found) + 1)]
    assert len(found) + said_by(living).dropped_points == 8 and len(heard) == 1


def test_a_mistake_in_the_writing_thread_is_told_and_ends_no_writing(living: Living) -> None:
    heard: list[Exception] = []

    def tick() -> None:
        if not heard:
            raise ValueError("a mistake")

    writer = Writer(living, tick=tick, trouble=heard.append, queue_size=2, is_blocking=True)
    writer.start()
    until(lambda: bool(heard))
    for number in range(1, 9):
        writer.put_points({"x": float(number)}, 0, 0.0, number)
    until(lambda: len(values(living)) == 8)
    assert str(heard[0]) == "a mistake" and len(heard) == 1
    writer.close()


@pytest.fixture
def patience() -> Iterator[None]:
    """An alarm for whoever would wait for itself."""

    def over(number: int, frame: FrameType | None) -> None:
        raise AssertionError("it waits for itself")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, 30)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_what_the_writing_thread_itself_logs_into_a_full_queue_waits_for_nobody(living: Living, patience: None) -> None:
    ended: list[int] = []

    def tick() -> None:
        if not ended:
            for number in range(4):
                writer.put_event("of a destructor, or a warning that is logged", number)
            ended.append(1)

    writer = Writer(living, tick=tick, queue_size=2, is_blocking=True)
    writer.start()
    until(lambda: bool(ended))
    writer.close()
    said = said_by(living)
    assert (len(said.events), said.dropped_events) == (2, 2)


@pytest.mark.parametrize("where", ["start", "count"])
def test_a_handler_of_signals_logs_while_the_same_thread_logs(
    living: Living, patience: None, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    writer = Writer(living, queue_size=2)
    before = signal.signal(signal.SIGUSR1, lambda number, frame: writer.put_event("preempted", 2))

    class Interrupted(threading.Thread):
        def start(self) -> None:
            monkeypatch.setattr(threading, "Thread", thread)
            signal.raise_signal(signal.SIGUSR1)
            super().start()

    class Counts(dict[str, int]):
        def __getitem__(self, key: str) -> int:
            if not heard:
                heard.append(key)
                signal.raise_signal(signal.SIGUSR1)
            return super().__getitem__(key)

    thread, heard = threading.Thread, list[str]()
    try:
        if where == "start":
            monkeypatch.setattr(threading, "Thread", Interrupted)
        else:
            writer._dropped = Counts(writer._dropped)
            writer._is_closed = True  # nobody writes
        for number in range(3 if where == "count" else 1):
            writer.put_event("begun", number)
    finally:
        signal.signal(signal.SIGUSR1, before)
    writer.close()
    said = said_by(living)
    assert {event.text for event in said.events} == ({"begun"} if where == "count" else {"begun", "preempted"})
    assert bool(said.dropped_events) == (where == "count")


def test_an_event_that_cannot_be_cleaned_is_told_and_blocks_nothing(living: Living) -> None:
    heard: list[Exception] = []

    def clean(text: str) -> str:
        if text == "bad":
            raise RecursionError(text)
        return text

    writer = Writer(living, clean=clean, trouble=heard.append, queue_size=2, is_blocking=True)
    for text in ("bad", "good", "better", "best"):
        writer.put_event(text, 1)
        until(lambda: not writer._events)
    writer.close()
    assert [event.text for event in said_by(living).events] == ["good", "better", "best"]
    assert len(heard) == 1


@pytest.mark.parametrize("is_blocking", [False, True])
def test_when_the_writing_thread_is_ended_the_next_entry_begins_another(
    living: Living, is_blocking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda told: None)
    ends = threading.Event()

    def tick() -> None:
        if ends.is_set():
            ends.clear()
            raise SystemExit

    writer = Writer(living, queue_size=2, is_blocking=is_blocking, tick=tick)
    ended: list[threading.Thread] = []
    for number in range(1, 11):
        writer.start()
        thread = writer._thread
        assert thread is not None and thread not in ended
        ended.append(thread)
        ends.set()
        thread.join(60)
        assert not thread.is_alive()
        for part in range(4):
            writer.put_points({"x": number + part / 10}, 0, 0.0, number)
            if not is_blocking:
                until(lambda: not writer._points)
    writer.close()
    assert values(living) == [number + part / 10 for number in range(1, 11) for part in range(4)]
    assert said_by(living).dropped_points == 0


def test_what_comes_last_is_written_where_no_signal_interrupts(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is thrown into the thread that closes; what it had taken from the queue would be lost, or come twice."""
    go, waits = threading.Event(), threading.Event()

    def tick() -> None:
        waits.set()
        go.wait(60)

    writer = Writer(living, tick=tick)
    writer.start()
    assert waits.wait(60)
    writer.put_points({"x": 1.0}, 0, 0.0, 1)
    wrote: list[threading.Thread] = []
    append_to = writer._append

    def appending(batch: spool._Batch) -> None:
        wrote.append(threading.current_thread())
        append_to(batch)

    monkeypatch.setattr(writer, "_append", appending)
    closing = threading.Thread(target=writer.close)
    closing.start()
    until(lambda: writer._is_closed)
    go.set()
    closing.join(60)
    assert values(living) == [1.0]
    assert wrote == [writer._thread]


class Thrown(BaseException):
    """What is thrown into a thread from outside, as Ctrl-C is."""


class Thrower:
    """Throws once, at the `at`-th step at which Python itself would: after a call, and where a function or loop begins.

    It sees what the spool does, and what the lock that it holds does.
    """

    def __init__(self, at: int, what: type[BaseException]) -> None:
        self.at, self.what, self.count = at, what, 0
        self._before: dict[FrameType, int] = {}

    def __call__(self, frame: FrameType, event: str, told: object) -> "Thrower | None":
        if not frame.f_code.co_filename.endswith(("runs/spool.py", "runs/journal.py", "track/locks.py")):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            after, self._before[frame] = self._before.get(frame), frame.f_lasti
            if after is not None and self._is_step(frame.f_code, after, frame.f_lasti):
                self.count += 1
                if self.count == self.at:
                    self._before.clear()
                    raise self.what
        return self

    @staticmethod
    @functools.cache
    def _is_step(code: CodeType, after: int, here: int) -> bool:
        """Whether Python would throw between the two, in a place that catches what either of them raises."""
        caught = [
            {entry.target for entry in dis.Bytecode(code).exception_entries if entry.start <= place < entry.end}
            for place in (after, here)
        ]
        name = dis.opname[code.co_code[after]]
        return name.startswith(("CALL", "RESUME", "JUMP_BACKWARD")) and caught[0] == caught[1]


@pytest.mark.parametrize("what", [Thrown, TimeoutError])
def test_an_exception_thrown_into_who_writes_loses_and_doubles_nothing_wherever_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: type[BaseException]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda told: None)  # it may come as a generator is closed
    draft = Record(id=run_id(int(START.timestamp() * 1000), bytes(10)), name="x", status="running", started=START)
    at, was_thrown = 0, True
    while was_thrown:
        at += 1
        living = Journal(tmp_path / str(at)).begin(draft)
        writer = Writer(living, clean=str.upper)
        writer.start = lambda: None  # type: ignore[method-assign]  # who writes here is this thread
        for number in range(3):
            writer.put_points({"x": float(number), "y": 0.5}, number, 0.0, number)
        writer.put_event("a", 1)
        thrower, found = Thrower(at, what), sys.gettrace()
        sys._getframe().f_trace_opcodes = True  # in Python 3.12 it is looked at here alone, whichever frame has it
        sys.settrace(thrower)
        try:
            writer.flush()
        except what:
            pass
        finally:
            sys.settrace(found)
        was_thrown = thrower.count == at
        writer.put_event("b", 2)
        writer.put_points({"x": 3.0, "y": 0.5}, 3, 0.0, 3)
        writer.close()
        assert values(living) == [0.0, 1.0, 2.0, 3.0], at
        assert values(living, "y") == [0.5] * 4, at
        assert [event.text for event in said_by(living).events] == ["A", "B"], at
    assert at > 50


def test_a_writing_thread_that_is_ended_again_and_again_loses_and_doubles_nothing(
    living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda told: None)
    monkeypatch.setattr(sys, "unraisablehook", lambda told: None)  # it may come as Python ends or begins the thread
    monkeypatch.setattr(spool, "FLUSH_EVERY_S", 0.001)
    throw, logged, chance = ctypes.pythonapi.PyThreadState_SetAsyncExc, 0, random.Random(5)
    writer = Writer(living, queue_size=10**6)
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        for _ in range(chance.randrange(200)):
            writer.put_points({"x": float(logged)}, logged, 0.0, logged)
            logged += 1
        assert writer._thread is not None
        throw(ctypes.c_ulong(writer._thread.ident or 0), ctypes.py_object(chance.choice([SystemExit, ValueError])))
        time.sleep(chance.random() / 500)
    writer.close()
    assert values(living) == [float(number) for number in range(logged)]


def test_who_logs_to_a_run_that_has_ended_is_told(living: Living) -> None:
    heard: list[Exception] = []
    writer = Writer(living, trouble=heard.append)
    Journal(living.folder.parents[1]).end(living, lambda draft: replace(draft, status="completed", ended=START))
    writer.put_points({"x": 1.0}, 0, 0.0, 1)
    until(lambda: bool(heard))
    assert isinstance(heard[0], UsageError) and "has ended" in heard[0].message
    with pytest.raises(UsageError):
        writer.close()
    with pytest.raises(UsageError):
        append(living, lambda said: "")


def test_a_writer_says_that_the_run_is_alive(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "BEAT_EVERY_S", 0.0)
    os.utime(living.folder / "heartbeat", (0, 0))
    writer = Writer(living)
    writer.start()
    until(lambda: living.silent_s(time.time()) < 60)
    writer.close()
