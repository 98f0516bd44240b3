"""Forks: a process is forked at a moment at which no other thread is inside of a call.

SQLite and Python hold locks of the whole process for moments. In a child that is forked in one of them nobody lets go
of it, and whoever needs it there waits for ever; in one that is forked within a transaction the database stays locked.
So a fork waits for the calls of other threads, for a while. Beside one that takes longer, as an upload does, it waits
for a moment at which nobody is inside of SQLite.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE_S = 2.0
"""How long a fork waits for the calls of other threads; those that come after it do not wait for the same calls."""

_AGAIN_AFTER_S = 0.0005
_STATEMENTS = (
    "track.history.catalog",
    "track.store.cutting",
    "track.store.index",
    "track.store.intake",
    "track.store.known",
    "track.store.marks",
    "track.store.record",
    "track.store.streams",
    "track.store.tables",
    "track.store.verified",
    "track.worktree.stat_cache",
)
"""Modules of ours that give statements to SQLite; so does whatever has `sqlite3` among its names."""


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
    """While a thread is in here, other threads fork only when their patience is over."""
    state, me = _state, threading.get_ident()
    with state.changed:
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

    deadline = time.monotonic() + patience_s
    while _state.others() and _is_anybody_in_a_statement() and time.monotonic() < deadline:
        time.sleep(_AGAIN_AFTER_S)


def _is_anybody_in_a_statement() -> bool:
    me = threading.get_ident()
    return any(_is_in_a_statement(frame) for thread, frame in sys._current_frames().items() if thread != me)


def _is_in_a_statement(frame: FrameType) -> bool:
    """Whether a thread may be in SQLite, or hold the lock of a property that is found once (before Python 3.12)."""
    if "sqlite3" in frame.f_globals or str(frame.f_globals.get("__name__")).startswith(_STATEMENTS):
        return True
    above: FrameType | None = frame
    while above is not None:
        if above.f_code.co_name == "__get__" and above.f_globals.get("__name__") == "functools":
            return sys.version_info < (3, 12)
        above = above.f_back
    return False


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
