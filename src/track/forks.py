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
_BRIEFLY_S = 0.05
_LOADED_WITHIN_S = 0.5
"""For so long at least a fork waits for a thread that loads a module, also one that has no patience for calls: the
child may need the same module, and whoever forked it waits for the child."""
_IN_VAIN_FOR_S = 30.0
"""For so long after there was no moment without a statement, one is waited for briefly: it may be a thread that sleeps
in a module that knows SQLite."""
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

_LOADING = "<frozen importlib._bootstrap>"


class _State:
    """Of one process: which threads are inside of how many calls, which of them fork, and how long that was in vain."""

    def __init__(self, inside: dict[int, int], is_torn: bool) -> None:
        self.changed = threading.Condition()
        self.inside = inside
        self.forking: set[int] = set()
        self.slow: dict[int, float] = {}
        self.brief_until_s = 0.0
        self.is_torn = is_torn

    def others(self) -> set[int]:
        """The threads that are in the middle of something, but for this one and those that only wait for a fork."""
        return self.inside.keys() - self.forking - {threading.get_ident()}

    def is_waited_for(self, seconds: float) -> bool:
        """Whether a fork that has so long waits: one that had as long did not give up the same calls before."""
        return any(self.slow.get(one, -1.0) < seconds for one in self.others())

    def leave(self, thread: int) -> None:
        """A call of a thread is over; in a child of another thread it was none of its own."""
        with self.changed:
            if thread not in self.inside:
                return
            self.inside[thread] -= 1
            if not self.inside[thread]:
                del self.inside[thread]
                self.slow.pop(thread, None)
            self.changed.notify_all()


_state = _State({}, False)
_own = threading.local()
_has_hooks = False


@contextmanager
def inside() -> Iterator[None]:
    """While a thread is in here, other threads fork only when their patience is over."""
    _set_hooks()
    state, me = _state, threading.get_ident()
    with state.changed:
        while state.forking and me not in state.inside:
            state.changed.wait()
        state.inside[me] = state.inside.get(me, 0) + 1
    try:
        yield
    finally:
        _state.leave(me)  # a child that leaves the block has a state of its own


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """What this thread forks in the block waits so long for the calls of others, however much that is."""
    _own.patience_s, _own.until_s = seconds, None
    try:
        yield
    finally:
        del _own.patience_s, _own.until_s


def is_torn() -> bool:
    """Whether this process was forked in the middle of a call of another thread."""
    return _state.is_torn


def _set_hooks() -> None:
    """Have forks wait, from the first call on.

    What is set last comes first at a fork: `logging` and `concurrent.futures` hold their locks while a process is
    forked, and a call that logs or gives work to threads could not end while a fork waits for it.
    """
    global _has_hooks
    if _has_hooks or not hasattr(os, "register_at_fork"):
        return
    with _state.changed:
        if not _has_hooks:
            os.register_at_fork(before=_before, after_in_parent=_go_on, after_in_child=_begin_anew)
            _has_hooks = True


def _before() -> None:
    _state.changed.acquire()
    _state.forking.add(threading.get_ident())
    _state.changed.notify_all()  # another that waits to fork waits for this one no more
    patience_s = _patience_s()
    if not _state.changed.wait_for(lambda: not _state.is_waited_for(patience_s), patience_s):
        # a program that forks many workers during a long call waits for it once
        _state.slow |= {one: max(patience_s, _state.slow.get(one, 0.0)) for one in _state.others()}

    if _state.others():
        _wait_for_a_moment(patience_s)


def _wait_for_a_moment(patience_s: float) -> None:
    """Wait until no other thread is in a statement or loads a module. Whoever leaves a call is told after the fork."""
    began = time.monotonic()
    briefly_s = patience_s if began >= _state.brief_until_s else min(patience_s, _BRIEFLY_S)
    while True:
        frames = _frames_of_others()
        is_loading = any(map(_is_loading, frames))  # that ends: nobody sleeps in it
        if not is_loading and not any(map(_is_in_a_statement, frames)):
            return
        if time.monotonic() - began >= (max(patience_s, _LOADED_WITHIN_S) if is_loading else briefly_s):
            break
        time.sleep(_AGAIN_AFTER_S)
    if patience_s >= PATIENCE_S and not is_loading:
        _state.brief_until_s = time.monotonic() + _IN_VAIN_FOR_S


def _patience_s() -> float:
    """How long this thread may wait now: what is left of its own patience, from the first that it forks."""
    patience_s: float | None = getattr(_own, "patience_s", None)
    if patience_s is None:
        return PATIENCE_S
    now = time.monotonic()
    until_s: float | None = _own.until_s
    if until_s is None:
        _own.until_s = now + patience_s
        return patience_s
    return max(0.0, until_s - now)


def _frames_of_others() -> list[FrameType]:
    me = threading.get_ident()
    return [frame for thread, frame in sys._current_frames().items() if thread != me]


def _is_in_a_statement(frame: FrameType) -> bool:
    """Whether a thread may be in SQLite, or hold the lock of a property that is found once (before Python 3.12)."""
    if "sqlite3" in frame.f_globals or str(frame.f_globals.get("__name__")).startswith(_STATEMENTS):
        return True
    if sys.version_info >= (3, 12):
        return False
    above = _stack(frame)
    return any(one.f_code.co_name == "__get__" and one.f_globals.get("__name__") == "functools" for one in above)


def _is_loading(frame: FrameType) -> bool:
    """Whether a thread may hold the lock of a module that it loads."""
    return any(one.f_code.co_filename == _LOADING for one in _stack(frame))


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _go_on() -> None:
    if threading.get_ident() not in _state.forking:
        return  # the hooks were set in the middle of it
    _state.forking.discard(threading.get_ident())
    _state.changed.notify_all()
    _state.changed.release()


def _begin_anew() -> None:
    global _state
    me = threading.get_ident()
    own = {me: _state.inside[me]} if me in _state.inside else {}
    _state = _State(own, _state.is_torn or bool(_state.others()))
