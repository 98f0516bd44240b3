"""Forks wait for the calls of other threads; beside a long one, for a moment without a statement."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from track import forks, work

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000000) SELECT count(*) FROM n"


@contextmanager
def another_inside(leaves_after_s: float | None = None) -> Iterator[None]:
    """Another thread is in the middle of a call: for so long, or as long as the block."""
    is_there, is_over = threading.Event(), threading.Event()

    def call() -> None:
        with forks.inside():
            is_there.set()
            is_over.wait(leaves_after_s)

    thread = threading.Thread(target=call)
    thread.start()
    is_there.wait()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def in_a_child(ask: Callable[[], bool]) -> bool:
    """Whether a forked child answers yes, within some seconds."""
    child = os.fork()
    if not child:
        signal.alarm(20)
        try:
            os._exit(0 if ask() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def may_call() -> bool:
    with forks.inside():
        return True


class Counting(threading.Condition):
    """Counts the waits of this process that came to nothing: how many there were is the same on a busy machine."""

    vain_count = 0

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        came = super().wait_for(predicate, timeout)
        self.vain_count += not came
        return came


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(forks._state, "changed", counting)
    return counting


def test_a_fork_waits_for_the_call_of_another_thread() -> None:
    began = time.monotonic()
    with another_inside(leaves_after_s=0.3):
        assert in_a_child(may_call)
    assert time.monotonic() - began >= 0.3


def test_a_call_begins_when_a_fork_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 0.4)
    begun: list[float] = []
    with another_inside():
        late = threading.Timer(0.1, lambda: may_call() and begun.append(time.monotonic()))
        late.start()
        began = time.monotonic()
        in_a_child(may_call)
    late.join()
    assert begun[0] - began >= 0.3


def test_a_long_call_is_waited_for_once_and_what_is_forked_beside_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, waits: Counting
) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 1.0)
    with another_inside():
        began = time.monotonic()
        assert in_a_child(may_call)
        assert time.monotonic() - began >= 1.0
        for _ in range(3):
            assert in_a_child(lambda: may_call() and in_a_child(may_call))
        assert waits.vain_count == 1
    with another_inside(leaves_after_s=0.2):
        began = time.monotonic()
        assert in_a_child(may_call)
    assert time.monotonic() - began >= 0.2


def test_beside_a_long_call_a_fork_waits_for_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 0.0)
    asked = threading.Event()
    thread = threading.Thread(target=lambda: asked.set() or sqlite3.connect(":memory:").execute(LONG).fetchall())
    with another_inside():
        assert in_a_child(may_call)
        monkeypatch.setattr(forks, "PATIENCE_S", 60.0)
        forks._state.slow = dict.fromkeys(forks._state.slow, forks.PATIENCE_S)  # as if it had waited so long
        thread.start()
        asked.wait()
        time.sleep(0.05)
        assert thread.is_alive()
        assert in_a_child(lambda: bool(sqlite3.connect(":memory:").execute("SELECT 1").fetchall()))
        assert not thread.is_alive()


def test_a_thread_that_sleeps_in_a_module_that_knows_sqlite_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 1.0)
    is_over = threading.Event()

    def sleep() -> None:
        while not is_over.is_set():
            time.sleep(0.2)

    thread = threading.Thread(target=sleep)
    thread.start()
    try:
        with another_inside():
            began = time.monotonic()
            for _ in range(12):
                assert in_a_child(may_call)
            took_s = time.monotonic() - began
    finally:
        is_over.set()
        thread.join()
    assert 1.0 <= took_s < 10.0  # once for the call and once for a moment; each of them would be 24 s


def test_who_forks_inside_of_a_call_of_its_own_waits_for_nobody(waits: Counting) -> None:
    with forks.inside():
        assert in_a_child(may_call)
    assert waits.vain_count == 0


def test_two_that_fork_inside_of_calls_are_not_in_each_others_way() -> None:
    meet, good = threading.Barrier(2), []

    def call() -> None:
        with forks.inside():
            meet.wait()
            good.append(in_a_child(may_call))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True, True]


def test_work_is_done_here_where_others_are_in_the_middle_of_calls() -> None:
    here = str(os.getpid()).encode()
    with another_inside():
        assert work.spread(lambda number: str(os.getpid()).encode(), 2) == [here, here]
    assert here not in work.spread(lambda number: str(os.getpid()).encode(), 2)


def test_work_that_needs_no_database_is_forked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 60.0)
    with another_inside():
        began = time.monotonic()
        assert work.apart(lambda tell: str(os.getpid()).encode(), lambda number: None) != str(os.getpid()).encode()
        assert time.monotonic() - began < forks.PATIENCE_S


def test_many_that_are_forked_for_one_piece_of_work_wait_once_for_the_same_call(waits: Counting) -> None:
    with another_inside():
        for _ in range(2):
            work.spread(lambda number: b"", 8)
            assert waits.vain_count == 1
        began = time.monotonic()
        assert in_a_child(may_call)  # which has more patience
        assert time.monotonic() - began >= forks.PATIENCE_S
        assert waits.vain_count == 2


def test_a_child_that_leaves_the_call_in_which_it_was_forked_is_inside_of_none() -> None:
    with forks.inside():
        child = os.fork()
    if not child:
        os._exit(len(forks._state.inside))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


POOL = """
import os, threading, time, track
track.Repo
from track import forks
forks.PATIENCE_S = 60.0
is_there = threading.Event()

def call():
    with forks.inside():
        is_there.set()
        time.sleep(0.1)
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()

thread = threading.Thread(target=call)
thread.start()
is_there.wait()
began = time.monotonic()
child = os.fork()
if not child:
    os._exit(forks.is_torn())
took_s = time.monotonic() - began
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or took_s >= forks.PATIENCE_S)
"""


def test_a_call_that_gives_work_to_threads_ends_while_a_fork_waits_for_it() -> None:
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", POOL], timeout=120).returncode == 0
