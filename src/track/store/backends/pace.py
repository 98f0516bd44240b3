"""How patiently a server is asked, and by how many at once: what failed for a moment is asked again, more slowly.

What is busy is asked by fewer: half of us go when it says so, and come back one by one while it answers (additive
increase, multiplicative decrease, as TCP does it). Pauses are random up to a bound that doubles, so that those who
failed together do not come back together.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

STREAMS = 16
"""Requests to one server at the same time, where it does not say that they are too many."""
MOST_TIMEOUTS = 2
"""So often may a server be silent before it is given up: each time costs as long as it may take to answer."""
MOST_DOUBTS = 4
"""So often may it look as if there were no such server, before that is believed."""

_FIRST_PAUSE_S = 0.1
_BUSY_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_Answer = TypeVar("_Answer")


class Trouble(Exception):
    """A failure that may have passed when the same is asked again; the cause is what the client raised."""

    def __init__(self, *, is_busy: bool = False, is_silence: bool = False, is_doubt: bool = False) -> None:
        """`is_busy`: the server asks for fewer of us; `is_silence`: it said nothing; `is_doubt`: it may be none."""
        super().__init__()
        self.is_busy, self.is_silence, self.is_doubt = is_busy, is_silence, is_doubt


class Pace:
    """The requests to one server, from any thread."""

    def __init__(self, streams: int = STREAMS) -> None:
        """At most `streams` at once."""
        self._most = streams
        self._allowed = float(streams)
        self._under_way = 0
        self._changed = threading.Condition()
        self._slowed_s = 0.0

    @property
    def streams(self) -> int:
        """How many may be under way now."""
        return max(1, int(self._allowed))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more request may be made, and count it as under way inside the block."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.streams)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def went_well(self) -> None:
        """A request was answered: after as many as there are streams, one more is allowed."""
        with self._changed:
            if self._allowed < self._most:
                self._allowed = min(self._most, self._allowed + 1 / self._allowed)
                self._changed.notify()

    def slow_down(self) -> None:
        """The server is busy: half as many from now on. Those who are told at the same moment count once."""
        now_s = time.monotonic()
        with self._changed:
            if now_s - self._slowed_s > _BUSY_PAUSE_S:
                self._allowed, self._slowed_s = max(1.0, self._allowed / 2), now_s

    def again(self, work: Callable[[], _Answer], *, tries: int, within_s: float) -> _Answer:
        """The answer to some work; begun again while it raises Trouble, so often and for so long.

        Raises the cause of the last Trouble, and whatever else the work raises.
        """
        deadline_s = time.monotonic() + within_s
        timeouts = doubts = 0
        for number in range(tries):
            try:
                with self.turn():
                    answer = work()
                self.went_well()
                return answer
            except Trouble as trouble:
                timeouts += trouble.is_silence
                doubts += trouble.is_doubt
                if trouble.is_busy:
                    self.slow_down()
                pause_s = pause_before(number + 1, is_busy=trouble.is_busy)
                is_hopeless = timeouts >= MOST_TIMEOUTS or doubts >= MOST_DOUBTS
                if is_hopeless or number + 1 == tries or time.monotonic() + pause_s > deadline_s:
                    assert trouble.__cause__ is not None
                    raise trouble.__cause__ from None
            time.sleep(pause_s)
        raise AssertionError("the last try returns or raises")


def pause_before(number: int, *, is_busy: bool = False) -> float:
    """Seconds to wait before the n-th time that the same is asked again."""
    bound_s = min(_LONGEST_PAUSE_S, (_BUSY_PAUSE_S if is_busy else _FIRST_PAUSE_S) * 2 ** (number - 1))
    return float(bound_s * random.uniform(0.2, 1))
