"""Long output through a pager, as Git does it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from track.errors import TrackError
from track.history.plumbing import Git


@contextmanager
def paged() -> Iterator[None]:
    """Whatever is printed inside goes through the user's pager; without one it goes straight out.

    So does what is said beside it, where that is for the same terminal: it would stand across what the pager shows.
    """
    command = pager_command()
    if command is None:
        yield
        return
    sys.stdout.flush()
    environment = {"LESS": "FRX", "LV": "-c", **os.environ}
    process = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    before_it = {stream: os.dup(stream) for stream in ((1, 2) if sys.stderr.isatty() else (1,))}
    for stream in before_it:
        os.dup2(process.stdin.fileno(), stream)
    process.stdin.close()
    try:
        yield
        sys.stdout.flush()
    finally:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for stream, terminal in before_it.items():
            os.dup2(terminal, stream)
            os.close(terminal)
        process.wait()
        signal.signal(signal.SIGINT, before)


def pager_command() -> str | None:
    """TRACK_PAGER, Git's `core.pager` as the user set it, PAGER, else `less`; None where it is empty or `cat`."""
    command = os.environ.get("TRACK_PAGER")
    if command is None:
        command = _of_git()
    if command is None:
        command = os.environ.get("PAGER", "less")
    return None if command.strip() in ("", "cat") else command


def _of_git() -> str | None:
    """Git's `core.pager` from the user's or the machine's configuration; what a repository says is not run."""
    try:
        said = Git(os.getcwd()).run("config", "--show-scope", "--get-all", "core.pager", check=False).decode()
    except TrackError:
        return None
    ours = [line.split("\t", 1) for line in said.splitlines() if "\t" in line]
    chosen = [value for scope, value in ours if scope in ("system", "global", "command")]
    return chosen[-1] if chosen else None
