"""What the processes of a command take while it runs: memory and processor time of all of them together.

Linux tells of each process what it holds. Of one alone that is its resident memory. Of several it is the sum of their
proportional shares (PSS), so that what they share, as forked workers do, counts once and not for each. A look costs the
more the more they hold, so the next one waits a hundred times as long as the last one took.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_EVERY_S = 0.25
_FIRST_S = 0.02
_PATIENCE = 100
_PROC = Path("/proc")


class Used(NamedTuple):
    """What was seen: the greatest sum of memory in bytes, how it was told (`rss` or `pss`), and processor time in
    seconds; 0 and an empty text where nothing was.
    """

    peak_bytes: int = 0
    how: str = ""
    cpu_s: float = 0.0


class Meter:
    """Looks at a process and all that it started, now and then."""

    def __init__(self, process: int) -> None:
        """A meter of the process with this id and its descendants."""
        self._process = process
        self.used = Used()

    def look(self) -> None:
        """Look once; nothing is seen of what has ended."""
        processes = list(_family(self._process))
        ticks = sum(map(_ticks, processes))
        resident = sum(map(_resident_bytes, processes))
        peak_bytes, how, cpu_s = self.used
        cpu_s = max(cpu_s, ticks / os.sysconf("SC_CLK_TCK"))
        if resident > peak_bytes:
            told = resident, "rss"
            if len(processes) > 1 and (shares := _shares_bytes(processes)) is not None:
                told = shares, "pss"
            if told[0] > peak_bytes:
                peak_bytes, how = told
        self.used = Used(peak_bytes, how, cpu_s)


@contextmanager
def metering(process: int) -> Iterator[Meter]:
    """While the block lasts, a process and all that it started are looked at in a thread."""
    meter, over = Meter(process), threading.Event()

    def go_on() -> None:
        wait_s = _FIRST_S
        while not over.wait(wait_s):
            began = time.monotonic()
            meter.look()
            wait_s = max(min(_EVERY_S, wait_s * 2), _PATIENCE * (time.monotonic() - began))

    thread = threading.Thread(target=go_on, name="track-meter", daemon=True)
    if (_PROC / "self/statm").exists():
        thread.start()
    try:
        yield meter
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()


def _family(process: int) -> Iterator[int]:
    """A process and its descendants, as they are now."""
    waiting = [process]
    while waiting:
        one = waiting.pop()
        yield one
        with suppress(OSError):  # it has ended
            for task in os.listdir(_PROC / str(one) / "task"):
                waiting += map(int, _content(one, f"task/{task}/children").split())


def _content(process: int, name: str) -> bytes:
    try:
        return (_PROC / str(process) / name).read_bytes()
    except OSError:  # it has ended, or is another's
        return b""


def _ticks(process: int) -> int:
    """Processor time of a process and of its children that it waited for, in ticks of the clock."""
    facts = _content(process, "stat").rpartition(b")")[2].split()
    return sum(map(int, facts[11:15])) if len(facts) > 15 else 0


def _resident_bytes(process: int) -> int:
    facts = _content(process, "statm").split()
    return int(facts[1]) * os.sysconf("SC_PAGE_SIZE") if len(facts) > 1 else 0


def _shares_bytes(processes: list[int]) -> int | None:
    """The sum of the shares of these processes; None where one does not tell."""
    total = 0
    for process in processes:
        found = [line for line in _content(process, "smaps_rollup").splitlines() if line.startswith(b"Pss:")]
        if not found and _resident_bytes(process):
            return None
        total += sum(int(line.split()[1]) * 1024 for line in found)
    return total
