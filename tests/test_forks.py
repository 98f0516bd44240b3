"""Forks wait for the calls of other threads, and a child that could not be waited for says so and does not hang."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from track import forks, work
from track.errors import TrackError

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


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


def is_refused() -> bool:
    with pytest.raises(TrackError, match="was forked") as caught, forks.inside():
        pass
    return "spawn" in str(caught.value.hint)


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


def test_a_child_that_was_not_waited_for_refuses_and_says_how_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 0.05)
    with another_inside():
        assert in_a_child(is_refused)
        assert in_a_child(lambda: in_a_child(is_refused))
    assert may_call()
    assert in_a_child(may_call)


def test_many_that_are_forked_during_a_long_call_wait_for_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 0.4)
    began = time.monotonic()
    with another_inside():
        for _ in range(8):
            assert in_a_child(is_refused)
    assert time.monotonic() - began < 8 * 0.4
    with another_inside(leaves_after_s=0.2):  # of another call nothing is known
        assert in_a_child(may_call)


def test_who_forks_inside_of_a_call_of_its_own_waits_for_nobody() -> None:
    began = time.monotonic()
    with forks.inside():
        assert in_a_child(may_call)
    assert time.monotonic() - began < forks.PATIENCE_S


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


def test_work_that_needs_no_database_is_forked_at_once() -> None:
    with another_inside():
        began = time.monotonic()
        assert work.apart(lambda tell: str(os.getpid()).encode(), lambda number: None) != str(os.getpid()).encode()
        assert time.monotonic() - began < forks.PATIENCE_S
