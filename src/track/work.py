"""Where work is done: in this process, or spread over forked ones.

Starting a process costs about ten milliseconds, so only work of a second or more is worth spreading
(*measured*: two processes hash and pack small files 1.6 times as fast as one; two threads are slower than one,
because handing over the interpreter lock costs more than a small file). A child returns bytes, never objects:
nothing is unpickled.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue, SimpleQueue
from types import TracebackType
from typing import Any, BinaryIO, Generic, NoReturn, Self, TypeVar, cast

from track import forks, library
from track.errors import TrackError

_FAILED, _DONE, _TOLD, _TORN = b"\x00", b"\x01", b"\x02", b"\x03"
_NUMBER = 8
_PATIENCE_S = 0.5
_AHEAD = 2
"""So many messages of a process wait to be sent while it goes on."""
_T = TypeVar("_T")


def cores() -> int:
    """The number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_FIRST = os.getpid()


def give_back() -> None:
    """Give memory that was freed back to the system, where it can be asked to: each thread's part keeps it else."""
    malloc_trim = library.call("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def hash_threads() -> int:
    """How many threads hash a large content: -1, those that every hasher of this process shares.

    In a process that was forked from it those are not there, and it would wait for them for ever: so many of its own.
    """
    return -1 if os.getpid() == _FIRST else cores()


def can_fork() -> bool:
    """Whether work can be spread over forked processes here.

    Windows has no fork, and on macOS a fork after threads or system frameworks were used is not safe.
    """
    return sys.platform.startswith("linux")


def spread(function: Callable[[int], bytes], count: int) -> list[bytes]:
    """Call `function(0)` … `function(count - 1)`, each in a forked process, and return the results in order.

    A child sees the memory of this process as it was; it must open its own databases and never commit ours. What
    cannot be done there, as other threads are in the middle of calls, is done here.

    Raises:
        TrackError: a child failed; its message, hint and exit code are kept. The others are waited for first.
    """
    if count <= 1 or not can_fork():
        return [function(i) for i in range(count)]
    give_back()  # what was freed here and is reused there would be had twice, and in each of them
    with forks.patient(_PATIENCE_S):
        children = [_start(lambda number, _: function(number), i, is_whole=True) for i in range(count)]
    answers = [_finish(pid, reader) for pid, reader in children]
    for answer in answers:
        if answer[:1] not in (_DONE, _TORN):
            raise _error_of(answer[1:])
    return [function(i) if answer[:1] == _TORN else answer[1:] for i, answer in enumerate(answers)]


@contextmanager
def meanwhile(function: Callable[[], bytes]) -> Iterator[Callable[[], bytes | None]]:
    """Run `function` in a forked process while the block goes on; what is given waits for the answer, when asked.

    The answer is None when the process failed: for work that the caller can do without. A process that nobody waited
    for is ended with the block.
    """
    pid, reader = _start(lambda number, _: function(), 0)
    answers: list[bytes] = []

    def wait() -> bytes | None:
        if not answers:
            answers.append(_finish(pid, reader))
        return answers[0][1:] if answers[0][:1] == _DONE else None

    try:
        yield wait
    finally:
        if not answers:
            os.kill(pid, signal.SIGKILL)
            wait()


def apart(function: Callable[[Callable[[int], None]], bytes], moved: Callable[[int], object]) -> bytes | None:
    """What `function` returns, run in a forked process; `moved` hears here of the numbers that it tells there.

    None when it failed, or the process ended in whatever way: for work that may end a process, and that the caller can
    do in another way.
    """
    pid, reader = _start(lambda number, writer: function(_teller(writer)), 0)
    is_over = False
    try:
        with os.fdopen(reader, "rb") as told:
            while (kind := told.read(1)) == _TOLD:
                moved(int.from_bytes(told.read(_NUMBER), "little"))
            answer = told.read()
        is_over = True
    finally:
        if not is_over:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return answer if kind == _DONE else None


@contextmanager
def streamed(function: Callable[[Callable[[bytes], None]], None]) -> Iterator[Iterator[bytes]]:
    """Run `function` in a forked process while the block goes on; what is given are the messages that it tells there.

    They end early when the process does: for work that the caller can do itself, where no message came. The process is
    ended with the block.
    """
    pid, reader = _start(lambda number, writer: _told(function, writer), 0)
    try:
        with os.fdopen(reader, "rb") as told:
            yield _messages(told)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _messages(told: BinaryIO) -> Iterator[bytes]:
    while told.read(1) == _TOLD and len(head := told.read(_NUMBER)) == _NUMBER:
        size = int.from_bytes(head, "little")
        if len(message := told.read(size)) < size:
            return
        yield message


def _told(function: Callable[[Callable[[bytes], None]], None], writer: int) -> bytes:
    """Run it, while a thread sends what it tells: it need not wait until somebody has taken that."""
    waiting: Queue[bytes | None] = Queue(_AHEAD)

    def send_all() -> None:
        try:
            while (message := waiting.get()) is not None:
                _send(writer, _TOLD + len(message).to_bytes(_NUMBER, "little") + message)
        except BaseException:  # nobody listens any more, or there is no memory: whoever tells would wait for ever
            os._exit(1)

    sender = threading.Thread(target=send_all, name="track-tell", daemon=True)
    sender.start()
    try:
        function(waiting.put)
    finally:
        waiting.put(None)
        sender.join()
    return b""


def _teller(writer: int) -> Callable[[int], None]:
    return lambda number: _send(writer, _TOLD + number.to_bytes(_NUMBER, "little"))


def _start(function: Callable[[int, int], bytes], number: int, *, is_whole: bool = False) -> tuple[int, int]:
    """(process id, where its answer is read); one that `is_whole` may use databases, others are forked at once."""
    reader, writer = os.pipe()
    if is_whole:
        pid = os.fork()
    else:
        with forks.patient(0.0):
            pid = os.fork()
    if not pid:
        os.close(reader)
        _child(_torn if is_whole and forks.is_torn() else function, number, writer)
    os.close(writer)
    return pid, reader


def _torn(number: int, writer: int) -> bytes:
    _send(writer, _TORN)
    os._exit(0)


def _child(function: Callable[[int, int], bytes], number: int, writer: int) -> NoReturn:
    """Run in the forked process: send the answer and leave without running anybody's clean-up."""
    code = 0
    gc.disable()  # it writes into every object that it looks at, and each page of them would be had twice
    try:
        _send(writer, _DONE + function(number, writer))
    except TrackError as error:
        _send(writer, _FAILED + _text_of(error))
    except BaseException as error:  # the parent must hear of everything, an interrupt included
        code = 1
        _send(writer, _FAILED + f"70\0a worker process failed: {error!r}\0".encode("utf-8", "backslashreplace"))
    finally:
        os._exit(code)


def _send(writer: int, answer: bytes) -> None:
    view = memoryview(answer)
    while view:
        view = view[os.write(writer, view) :]


def _finish(pid: int, reader: int) -> bytes:
    pieces = []
    while piece := os.read(reader, 1 << 20):
        pieces.append(piece)
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    answer = b"".join(pieces)
    if not answer:
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"code {os.WEXITSTATUS(status)}"
        return _FAILED + f"1\0a worker process ended early ({how})\0run the command again".encode()
    return answer


def _text_of(error: TrackError) -> bytes:
    parts = [type(error).__name__, error.message, error.hint or "", *error.details]
    return "\0".join(parts).encode("utf-8", "surrogateescape")


def _error_of(text: bytes) -> Exception:
    name, message, hint, *details = text.decode("utf-8", "surrogateescape").split("\0")
    if name == "70":
        return RuntimeError(message)
    kinds = {kind.__name__: kind for kind in _all_kinds(TrackError)}
    return kinds.get(name, TrackError)(message, hint=hint or None, details=tuple(details))


def _all_kinds(kind: type[TrackError]) -> list[type[TrackError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all_kinds(child))]


class Pending(Generic[_T]):
    """What a thread of `Threads` is to give."""

    def __init__(self, function: Callable[..., _T], arguments: tuple[Any, ...]) -> None:
        """For `Threads`."""
        self._function, self._arguments = function, arguments
        self._is_done = threading.Event()
        self._found: _T | None = None
        self._error: BaseException | None = None

    def work(self) -> None:
        """Do it, in the thread that took it."""
        try:
            self._found = self._function(*self._arguments)
        except BaseException as error:  # whoever asks for the result raises it
            self._error = error
        finally:
            del self._function, self._arguments  # what was given may be large
            self._is_done.set()

    def result(self) -> _T:
        """What came of it, as soon as it is there; what it raised is raised here."""
        self._is_done.wait()
        if self._error is not None:
            raise self._error
        return cast(_T, self._found)


class Threads:
    """A few threads for work that lets go of the interpreter, while a block lasts; what was given is done at its end.

    As `concurrent.futures` has them, which takes as long to load as `track status` may take.
    """

    def __init__(self, count: int) -> None:
        """So many threads; they start with the first work."""
        self._count = count
        self._waiting: SimpleQueue[Pending[Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """The threads themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all of it."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def submit(self, function: Callable[..., _T], *arguments: Any) -> Pending[_T]:
        """Have this done; calls are begun in their order. Raises RuntimeError where not even one thread can start."""
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name="track-work", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives no more of them
                if not self._threads:
                    raise
            else:
                self._threads.append(thread)
        pending = Pending(function, arguments)
        self._waiting.put(pending)
        return pending

    def _work(self) -> None:
        while (pending := self._waiting.get()) is not None:
            pending.work()
