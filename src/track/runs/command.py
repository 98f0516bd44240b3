"""The command of a run: started as the person would, its output passed on and kept, its end told.

This is the only place that starts a program which is not Git: the one that the person at the keyboard named.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from track.errors import CommandNotFound, TrackError
from track.model.names import display
from track.publish import create
from track.system import write_all

try:
    import resource
except ImportError:  # Windows counts no children
    resource = None  # type: ignore[assignment]  # see above

Echo = Callable[[int, bytes], None]
"""Passes on what the command wrote: to stream 1 or 2, these bytes."""

_AT_ONCE = 1 << 16
_LINGER_S = 10.0
"""A process left in the background may hold the streams open; after so long it is not waited for."""
_FORWARDED = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Executed(NamedTuple):
    """How a command ended: its exit code as a shell tells it (128 + the signal that ended it), and what it took.

    `seconds` by a clock that nobody sets, `cpu_s` of all its processes that were waited for, `peak_bytes` of memory
    of the largest of them. `was_interrupted` says that somebody asked for the end.
    """

    code: int
    seconds: float
    cpu_s: float
    peak_bytes: int
    was_interrupted: bool
    process: int
    """The id that its process had."""
    unheard: str | None = None
    """Why a part of what it wrote could not be passed on."""
    unkept: str | None = None
    """Why a part of what it wrote could not be kept."""


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

    What it writes is taken from it whatever happens to that: a full disk of ours is none of its business.

    Raises:
        CommandNotFound: there is no such program, or it may not be run.
    """
    troubles: dict[str, str] = {}
    before = _used()
    began = time.monotonic()
    with _asked_to_end() as asked:
        process = _start(command, cwd, environment)
        asked.pass_to(process)
        threads = [
            threading.Thread(target=_pass_on, args=(pipe, number, place, echo, troubles), daemon=True)
            for number, pipe, place in ((1, process.stdout, streams.out), (2, process.stderr, streams.err))
        ]
        for thread in threads:
            thread.start()
        while True:
            try:
                code = process.wait(beat_every_s)
                break
            except subprocess.TimeoutExpired:
                beat()
        for thread in threads:
            thread.join(_LINGER_S)
    after = _used()
    return Executed(
        code if code >= 0 else 128 - code,
        time.monotonic() - began,
        after[0] - before[0],
        after[1],
        asked.number is not None,
        process.pid,
        **troubles,
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
    quiet = subprocess.DEVNULL
    try:
        return (
            subprocess.run(
                list(command), env=dict(environment), stdin=quiet, stdout=quiet, stderr=quiet, timeout=patience_s
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _used() -> tuple[float, int]:
    """(seconds of processor time, bytes of memory of the largest) of the processes that were waited for."""
    if resource is None:
        return 0.0, 0
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime, found.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


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


def _pass_on(pipe: object, number: int, place: Path, echo: Echo, troubles: dict[str, str]) -> None:
    """Runs in a thread: what comes through the pipe is kept and passed on until its last writer is gone.

    What cannot be is tried no more, and why is put into `troubles`.
    """
    fd: int | None = None

    def keep(block: bytes) -> None:
        nonlocal fd
        if fd is None:
            fd = create(place)
        write_all(fd, block)

    takers: dict[str, Callable[[bytes], None]] = {"unkept": keep, "unheard": lambda block: echo(number, block)}
    try:
        while block := os.read(pipe.fileno(), _AT_ONCE):  # type: ignore[attr-defined]  # one of Popen
            for name, take in tuple(takers.items()):
                try:
                    take(block)
                except (OSError, TrackError) as error:
                    troubles.setdefault(name, _reason(error))
                    del takers[name]
    finally:
        if fd is not None:
            os.close(fd)
        pipe.close()  # type: ignore[attr-defined]  # as above


def _reason(error: OSError | TrackError) -> str:
    """What went wrong, in a few words."""
    return error.message if isinstance(error, TrackError) else (error.strerror or str(error)).lower()


class _Asked:
    """What asked us to end while a command ran."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def pass_to(self, process: subprocess.Popen[bytes]) -> None:
        """From now on it is passed on to this process."""
        self._process = process

    def hear(self, number: int, frame: FrameType | None) -> None:
        """A signal came. Ctrl-C reaches every process of the terminal, the others only us."""
        self.number = number
        if number != signal.SIGINT and self._process is not None:
            self._process.send_signal(number)


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
