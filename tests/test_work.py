"""Work that is spread over processes gives the answers, and the failures, of work done here."""

import faulthandler
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from track import work
from track.errors import ChangedWhileAdding, TrackError


def test_answers_come_back_in_order_however_large():
    answers = work.spread(lambda i: bytes([i]) * 300_000, 4)

    assert [bytes([i]) * 300_000 for i in range(4)] == answers


def test_a_child_never_looks_for_cycles_in_what_it_shares():
    """A look writes into every object, so that each page of a million entries would be had twice."""
    assert gc.isenabled()
    assert [b"False"] * 2 == work.spread(lambda i: str(gc.isenabled()).encode(), 2)
    assert gc.isenabled()


def test_an_error_of_ours_crosses_with_its_kind_message_hint_and_details():
    def fails(i: int) -> bytes:
        raise ChangedWhileAdding("`a` changed", hint="again", details=("one", "two"))

    with pytest.raises(ChangedWhileAdding) as caught:
        work.spread(fails, 2)

    assert ("`a` changed", "again", ("one", "two")) == (caught.value.message, caught.value.hint, caught.value.details)


def test_a_bug_in_a_child_is_a_bug_here():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        work.spread(lambda i: bytes(1 // 0), 2)


def test_a_killed_child_is_reported_and_the_others_are_waited_for():
    def dies(i: int) -> bytes:
        if i == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return b"x"

    with pytest.raises(TrackError, match="signal 9"):
        work.spread(dies, 2)


def test_one_piece_of_work_stays_in_this_process():
    assert [str(os.getpid()).encode()] == work.spread(lambda i: str(os.getpid()).encode(), 1)


def test_work_done_meanwhile_is_answered_when_asked():
    with work.meanwhile(lambda: b"x" * 300_000) as answer:
        assert answer() == b"x" * 300_000
        assert answer() == b"x" * 300_000


def test_work_that_failed_meanwhile_has_no_answer():
    with work.meanwhile(lambda: os._exit(0)) as ended:
        assert ended() is None
    with work.meanwhile(lambda: bytes(1 // 0)) as broken:
        assert broken() is None


def test_work_done_apart_tells_on_the_way_and_gives_its_answer():
    told: list[int] = []

    def counts(tell: Callable[[int], None]) -> bytes:
        for number in (1, 0, 1 << 40):
            tell(number)
        return b"\x02" * 300_000

    assert work.apart(counts, told.append) == b"\x02" * 300_000
    assert told == [1, 0, 1 << 40]


@pytest.mark.parametrize("end", [signal.SIGBUS, signal.SIGKILL, None])
def test_work_done_apart_that_ends_in_whatever_way_has_no_answer(end: signal.Signals | None):
    def ends(tell: Callable[[int], None]) -> bytes:
        faulthandler.disable()
        tell(7)
        if end is not None:
            os.kill(os.getpid(), end)
        raise ValueError

    told: list[int] = []
    assert work.apart(ends, told.append) is None
    assert told == [7]


def test_work_done_apart_is_ended_with_who_waits_for_it():
    def sleeps(tell: Callable[[int], None]) -> bytes:
        tell(os.getpid())
        time.sleep(600)
        return b""

    told: list[int] = []

    def interrupted(number: int) -> None:
        told.append(number)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.apart(sleeps, interrupted)
    with pytest.raises(ProcessLookupError):
        os.kill(told[0], 0)


def test_nobody_waits_for_work_that_nobody_asked_for(tmp_path: Path):
    def sleeps() -> bytes:
        (tmp_path / "started").write_text(str(os.getpid()))
        time.sleep(600)
        return b""

    with pytest.raises(KeyError), work.meanwhile(sleeps):
        while not (text := (tmp_path / "started").read_text() if (tmp_path / "started").exists() else ""):
            time.sleep(0.001)
        raise KeyError
    with pytest.raises(ProcessLookupError):
        os.kill(int(text), 0)


def test_a_process_that_was_forked_hashes_large_content_to_its_end():
    content = bytes(4 << 20)
    blake3(content, max_threads=work.hash_threads()).digest()  # the threads that are not there after the fork

    answers = work.spread(lambda i: blake3(content, max_threads=work.hash_threads()).digest(), 2)

    assert answers == [blake3(content).digest()] * 2


def test_messages_of_another_process_come_as_they_are_told():
    def tell_some(tell: Callable[[bytes], None]) -> None:
        for number in range(3):
            tell(bytes([number]) * 300_000)

    with work.streamed(tell_some) as messages:
        assert [bytes([number]) * 300_000 for number in range(3)] == list(messages)


def test_a_process_goes_on_while_its_messages_wait_to_be_taken(tmp_path: Path):
    def tell_all(tell: Callable[[bytes], None]) -> None:
        for number in range(3):
            tell(bytes([number]) * (1 << 20))
        (tmp_path / "told").touch()

    with work.streamed(tell_all) as messages:
        until = time.monotonic() + 60
        while not (tmp_path / "told").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        assert [bytes([number]) * (1 << 20) for number in range(3)] == list(messages)


def test_a_process_that_tells_ends_when_who_listens_was_killed(tmp_path: Path):
    def never_ends(tell: Callable[[bytes], None]) -> None:
        (tmp_path / "new").write_text(str(os.getpid()))
        (tmp_path / "new").rename(tmp_path / "teller")
        while True:
            tell(b"one" * 100_000)

    listener = os.fork()
    if not listener:
        with work.streamed(never_ends) as messages:
            next(messages)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(listener, 0)
    teller = int((tmp_path / "teller").read_text())
    until = time.monotonic() + 60
    while is_there(teller):
        assert time.monotonic() < until
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_messages_end_with_a_process_that_fails_or_is_killed_and_a_process_ends_with_the_block():
    def fails(tell: Callable[[bytes], None]) -> None:
        tell(b"one")
        raise TrackError("no")

    def is_killed(tell: Callable[[bytes], None]) -> None:
        tell(b"one")
        os.kill(os.getpid(), signal.SIGKILL)

    def never_ends(tell: Callable[[bytes], None]) -> None:
        while True:
            tell(b"one" * 100_000)

    with work.streamed(fails) as messages:
        assert [b"one"] == list(messages)
    with work.streamed(is_killed) as messages:
        assert list(messages) in ([], [b"one"])  # it may not have been sent yet
    with work.streamed(never_ends) as messages:
        assert next(messages) == b"one" * 100_000


def test_messages_end_with_a_process_that_has_no_memory_to_send_them():
    class Large(bytes):
        def __len__(self) -> int:
            raise MemoryError

    def has_no_memory(tell: Callable[[bytes], None]) -> None:
        tell(b"one")
        tell(Large())
        while True:
            tell(b"one")

    def ended(*_: object) -> None:
        raise TimeoutError("the process waits for itself")

    before = signal.signal(signal.SIGALRM, ended)
    signal.alarm(20)
    try:
        with work.streamed(has_no_memory) as messages:
            assert [b"one"] == list(messages)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_threads_give_what_was_asked_in_any_order_and_raise_what_was_raised_and_end_with_their_block() -> None:
    begun = threading.Event()
    before = threading.active_count()

    def waits(number: int) -> int:
        assert begun.wait(60)
        return number * number

    with work.Threads(2) as threads:
        first, second = threads.submit(waits, 3), threads.submit(int, "no number")
        with pytest.raises(ValueError, match="no number"):
            second.result()
        rest = [threads.submit(waits, number) for number in range(50)]
        begun.set()
        assert first.result() == 9 and [one.result() for one in rest] == [number * number for number in range(50)]
        last = threads.submit(waits, 4)
    assert threading.active_count() == before and last.result() == 16


@pytest.mark.parametrize("available", [0, 1])
def test_threads_do_with_as_many_as_the_system_gives(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    start, left = threading.Thread.start, [available]

    def limited(thread: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    try:
        with work.Threads(2) as threads:
            assert [one.result() for one in [threads.submit(abs, -number) for number in range(4)]] == [0, 1, 2, 3]
        assert available
    except RuntimeError as error:
        assert not available and "can't start" in str(error)


def test_what_was_freed_before_is_not_carried_into_processes() -> None:
    """A pull has many packs in hand before it places files: what it freed would be had again in each process."""
    if not work.can_fork():  # nothing is spread there
        return
    script = (
        "from track.work import spread\n"
        "def held(): return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('RssAnon'))\n"
        "freed = [bytes(2000) for _ in range(50_000)]\n"
        "last = bytes(2000)\n"  # behind all of it, so that the C library cannot give it back by itself
        "del freed\n"
        "before = held()\n"
        "inside = [int(one) for one in spread(lambda _: b'%d' % held(), 2)]\n"
        "print(before, held(), *inside)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    before, after, *inside = map(int, done.stdout.split())
    assert before > 90_000 and max(after, *inside) < before - 80_000, done.stdout
