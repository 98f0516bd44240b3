"""Forks: a process is forked at a moment at which no other thread is inside of a call.

SQLite and Python hold locks of the whole process for moments. In a child that is forked in one of them nobody lets go
of it, and whoever needs it there waits for ever. So a fork waits for the calls of other threads, for a while; a child
that had to be forked all the same knows that, and says so where it would wait.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from track.errors import TrackError

PATIENCE_S = 2.0
"""How long a fork waits for the calls of other threads; those that come after it do not wait for the same calls."""


class _State:
    """Of one process: which threads are inside of how many calls, which of them fork, and which a fork gave up."""

    def __init__(self, inside: dict[int, int], is_torn: bool) -> None:
        self.changed = threading.Condition()
        self.inside = inside
        self.forking: set[int] = set()
        self.slow: set[int] = set()
        self.is_torn = is_torn

    def others(self) -> set[int]:
        """The threads that are in the middle of something, but for this one and those that only wait for a fork."""
        return self.inside.keys() - self.forking - {threading.get_ident()}


_state = _State({}, False)
_own = threading.local()


@contextmanager
def inside() -> Iterator[None]:
    """While a thread is in here, other threads fork only when their patience is over.

    Raises:
        TrackError: this process was forked in the middle of a call of another thread.
    """
    state, me = _state, threading.get_ident()
    with state.changed:
        if state.is_torn:
            raise TrackError(
                "track cannot be used here: this process was forked while another thread was in the middle of a call",
                hint="start processes in another way: multiprocessing.set_start_method('spawn')\n"
                "or fork them while no thread uses track",
            )
        while state.forking and me not in state.inside:
            state.changed.wait()
        state.inside[me] = state.inside.get(me, 0) + 1
    try:
        yield
    finally:
        if state is _state:  # a child that leaves the block has a state of its own
            with state.changed:
                state.inside[me] -= 1
                if not state.inside[me]:
                    del state.inside[me]
                    state.slow.discard(me)
                state.changed.notify_all()


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """What this thread forks in the block waits so long for the calls of others."""
    _own.patience_s = seconds
    try:
        yield
    finally:
        del _own.patience_s


def is_torn() -> bool:
    """Whether this process was forked in the middle of a call of another thread."""
    return _state.is_torn


def _before() -> None:
    _state.changed.acquire()
    _state.forking.add(threading.get_ident())
    _state.changed.notify_all()  # another that waits to fork waits for this one no more
    patience_s = getattr(_own, "patience_s", PATIENCE_S)
    if not _state.changed.wait_for(lambda: _state.others() <= _state.slow, patience_s) and patience_s >= PATIENCE_S:
        _state.slow |= _state.others()  # a program that forks many workers during a long call waits for it once


def _go_on() -> None:
    _state.forking.discard(threading.get_ident())
    _state.changed.notify_all()
    _state.changed.release()


def _begin_anew() -> None:
    global _state
    me = threading.get_ident()
    own = {me: _state.inside[me]} if me in _state.inside else {}
    _state = _State(own, _state.is_torn or bool(_state.others()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_go_on, after_in_child=_begin_anew)
