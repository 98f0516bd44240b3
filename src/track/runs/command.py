"""The command of a run: started as the person would, its output passed on and kept, its end told.

This is the only place that starts a program which is not Git: the one that the person at the keyboard named.
"""

import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple

from track.errors import CommandNotFound, TrackError
from track.model.names import display
from track.publish import create
from track.runs.resources import metering
from track.system import write_all

try:
    import resource
except ImportError:  # Windows counts no children
    resource = None  # type: ignore[assignment]  # see above

Echo = Callable[[int, bytes], None]
"""Passes on what the command wrote: to stream 1 or 2, these bytes."""


_AT_ONCE = 1 << 16
_LINGER_S = 0.5
"""What is still written so soon after the command's end, as by the last of a pipe, is kept with the rest."""
_CARRIER = ("sh", "-c", "cat 2>/dev/null; exec cat >/dev/null")
"""Takes what comes later, as the terminal would, so that nobody who still writes ends for want of a reader."""
_FORWARDED = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def to_our_own(number: int, block: bytes) -> None:
    """The echo to our own streams: whoever reads them and goes away is gone for the command, too."""
    write_all(number, block)


class Executed(NamedTuple):
    """How a command ended: its exit code as a shell tells it (128 + the signal that ended it), and what it took.

    `seconds` by a clock that nobody sets, `cpu_s` of all its processes that were waited for or seen, `peak_bytes` of
    memory of all of them at one time, as far as they were looked at, and at least of the largest; None where that is
    less than what we take, for no more is known then. `memory` says how it was told: `pss` of several processes
    together, `rss` of one, or of the `largest`. `was_interrupted` says that somebody asked for the end, `left_running`
    that a process in the background still holds its streams.
    """

    code: int
    seconds: float
    cpu_s: float
    peak_bytes: int | None
    was_interrupted: bool
    process: int
    """The id that its process had."""
    left_running: bool = False
    unheard: str | None = None
    """Why a part of what it wrote could not be passed on."""
    unkept: str | None = None
    """Why a part of what it wrote could not be kept."""
    memory: str | None = None


class Streams(NamedTuple):
    """Where the two streams of a command are kept."""

    out: Path
    err: Path


def execute(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    streams: Streams,
    echo: Echo,
    beat: Callable[[], None],
    beat_every_s: float,
) -> Executed:
    """Run a command to its end. `beat` is called now and then while it lives.

    Interrupted by Ctrl-C, which the command gets too, it is waited for; what else asks us to end is passed on to it.

    What it writes is taken from it whatever happens to that: a full disk of ours is none of its business. Only when
    it goes `to_our_own` streams and nobody reads such a one any more, the command learns that when it writes to it, as
    without us. What it left in the background is not waited for: what that writes later goes to our own streams, as
    without us, and is not kept.

    Raises:
        CommandNotFound: there is no such program, or it may not be run.
    """
    troubles: dict[str, str] = {}
    began = time.monotonic()
    with _asked_to_end() as asked:
        process = _start(command, cwd, environment)
        asked.pass_to(process.pid)
        with _beating(beat, beat_every_s), metering(process.pid) as meter:
            ended, stop = os.pipe()
            taken = [
                _Stream(pipe, number, place, ended)
                for number, pipe, place in ((1, process.stdout, streams.out), (2, process.stderr, streams.err))
            ]
            threads = [threading.Thread(target=one.pass_on, args=(echo, troubles), daemon=True) for one in taken]
            for thread in threads:
                thread.start()
            code, cpu_s, largest_bytes = _wait(process, asked)
            os.close(stop)
            for thread in threads:
                thread.join()
            os.close(ended)
    open_ones = [one.carry_on() for one in taken]
    peak_bytes, memory = max((meter.used.peak_bytes, meter.used.how), (largest_bytes or 0, "largest"))
    return Executed(
        code if code >= 0 else 128 - code,
        time.monotonic() - began,
        max(cpu_s, meter.used.cpu_s),
        peak_bytes or None,
        asked.number is not None,
        process.pid,
        any(open_ones),
        **troubles,
        memory=memory if peak_bytes else None,
    )


def check_program(command: Sequence[str], cwd: Path, search_path: str | None) -> None:
    """Refuse a command whose program is not there. Raises CommandNotFound."""
    name = command[0]
    place = os.path.join(cwd, name) if os.path.dirname(name) else name
    if shutil.which(place, path=search_path) is None:
        raise CommandNotFound(
            f"there is no command `{display(name)}`", hint="name a program in PATH, or its place: ./script.sh"
        )


def succeeds(command: Sequence[str], environment: Mapping[str, str], patience_s: float = 5.0) -> bool:
    """Whether a command, such as a tool of ours that may be forbidden here, ends well and soon; it is not heard."""
    return why_it_fails(command, environment, patience_s) is None


def why_it_fails(command: Sequence[str], environment: Mapping[str, str], patience_s: float = 5.0) -> str | None:
    """What a command says last when it does not end well and soon, else nothing; it is not heard otherwise."""
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            list(command),
            env=dict(environment),
            stdin=quiet,
            stdout=quiet,
            stderr=subprocess.PIPE,
            timeout=patience_s,
        )
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except subprocess.TimeoutExpired:
        return f"no answer in {patience_s:g} s"
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return None if done.returncode == 0 else said[-1] if said else f"exit code {done.returncode}"


def _wait(process: subprocess.Popen[bytes], asked: "_Asked") -> tuple[int, float, int | None]:
    """Wait for the end: (code as Popen tells it, seconds of processor time, bytes of memory of the largest or None).

    Of its processes only those that it waited for are counted. A process begins as a copy of ours, and the kernel
    counts that too: less than ours is not known.
    """
    if resource is None:
        return process.wait(), 0.0, None
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    asked.pass_to(None)  # from the next line on its number may be another's
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return process.returncode, used.ru_utime + used.ru_stime, peak_bytes if peak_bytes > _own_peak() else None


def _own_peak() -> int:
    """The most memory that this program took, in bytes; not what the one before it in the same process did."""
    try:
        with open("/proc/self/status", "rb") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"VmHWM:"))
    except (OSError, StopIteration, ValueError):
        assert resource is not None
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def _beating(beat: Callable[[], None], every_s: float) -> Iterator[None]:
    """While the block lasts, `beat` is called again and again in a thread."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(every_s):
            beat()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _start(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command), cwd=cwd, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError:
        raise CommandNotFound(
            f"there is no command `{display(command[0])}`", hint="name a program in PATH, or its place: ./script.sh"
        ) from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CommandNotFound(
            f"`{display(command[0])}` cannot be run: {why}", hint=f"ls -l {display(command[0])}"
        ) from None


class _Stream:
    """One of the two streams of a command: what comes through it is kept and passed on."""

    def __init__(self, pipe: IO[bytes] | None, number: int, place: Path, ended: int) -> None:
        """`pipe` is where it comes from, `number` which of our own streams it is for, `place` where it is kept.

        The other end of `ended` is closed when the command has ended.
        """
        assert pipe is not None
        self._pipe, self._number, self._place, self._ended = pipe, number, place, ended
        self._is_open, self._listener = True, -1

    def pass_on(self, echo: Echo, troubles: dict[str, str]) -> None:
        """Runs in a thread, until the last writer is gone, or for a moment longer than the command.

        What cannot be taken by somebody is not given to him again, and why is put into `troubles`.
        """
        fd: int | None = None
        if echo is to_our_own and _is_pipe(self._number):
            self._listener = self._number

        def keep(block: bytes) -> None:
            nonlocal fd
            if fd is None:
                fd = create(self._place)
            write_all(fd, block)

        takers: dict[str, Callable[[bytes], None]] = {
            "unkept": keep,
            "unheard": lambda block: echo(self._number, block),
        }
        try:
            for block in self._blocks():
                for name, take in tuple(takers.items()):
                    try:
                        take(block)
                    except Exception as error:  # an echo may be the person's own, and the command is not to wait
                        if echo is to_our_own and isinstance(error, BrokenPipeError):
                            self._shut()
                            return
                        troubles.setdefault(name, _reason(error))
                        del takers[name]
        finally:
            if fd is not None:
                os.close(fd)

    def _shut(self) -> None:
        """Read no more, so that whoever writes to it learns that nobody does."""
        self._is_open = False
        self._pipe.close()

    def carry_on(self) -> bool:
        """Leave the rest to a process of its own if somebody still may write; whether that is so."""
        try:
            if self._is_open:
                with suppress(OSError):  # where there is no shell, a writer learns that nobody reads
                    subprocess.Popen(
                        _CARRIER,
                        stdin=self._pipe,
                        stdout=self._number,
                        stderr=subprocess.DEVNULL,
                        start_new_session=True,
                    )
            return self._is_open
        finally:
            self._pipe.close()

    def _blocks(self) -> Iterator[bytes]:
        number = self._pipe.fileno()
        deadline: float | None = None
        waiting = select.poll()
        waiting.register(number, select.POLLIN)
        waiting.register(self._ended, select.POLLIN)
        if self._listener >= 0:
            waiting.register(self._listener, 0)  # that nobody reads it is told always
        while True:
            left_s = None if deadline is None else deadline - time.monotonic()
            if left_s is not None and left_s <= 0:
                return
            ready = {found for found, _ in waiting.poll(None if left_s is None else left_s * 1000)}
            if number in ready:
                block = os.read(number, _AT_ONCE)
                if not block:
                    self._is_open = False
                    return
                yield block
            if self._listener in ready:
                self._shut()
                return
            if self._ended in ready:
                waiting.unregister(self._ended)
                deadline = time.monotonic() + _LINGER_S


def _is_pipe(number: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:  # it is closed
        return False


def _reason(error: Exception) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, TrackError):
        return error.message
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else f"{type(error).__name__}: {error}"


class _Asked:
    """What asked us to end while a command ran."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._process: int | None = None

    def pass_to(self, process: int | None) -> None:
        """From now on it is passed on to the process with this id, or to none."""
        self._process = process

    def hear(self, number: int, frame: FrameType | None) -> None:
        """A signal came. Ctrl-C reaches every process of the terminal, the others only us."""
        self.number = number
        if number != signal.SIGINT and self._process is not None:
            os.kill(self._process, number)


@contextmanager
def _asked_to_end() -> Iterator[_Asked]:
    """While the block lasts we do not end by ourselves; in a thread, where nothing can be heard, nothing changes."""
    asked = _Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    numbers = [number for number in (signal.SIGINT, *_FORWARDED) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, asked.hear) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
