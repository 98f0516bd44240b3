"""Servers as processes of ours on the loopback: started on free ports, waited for, and ended by their own id."""

import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

STARTS = 5
DEADLINE_S = 60


@contextmanager
def running(name: str, command: Callable[[int], Sequence[str]], folder: Path, *, scheme: str = "http") -> Iterator[str]:
    """A server; `command` says how to start it on a port. Gives its address. Its words are in `folder`/NAME.log."""
    folder.mkdir(parents=True, exist_ok=True)
    process, port = _started(name, command, folder)
    try:
        yield f"{scheme}://127.0.0.1:{port}"
    finally:
        end(process)


def _started(name: str, command: Callable[[int], Sequence[str]], folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A server that answers; another port is tried when one was taken meanwhile."""
    for _ in range(STARTS):
        port = free_port()
        with open(folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True
            )
        with suppress(RuntimeError):
            until(partial(_connects, port), process)
            return process, port
        end(process)
    raise RuntimeError(f"{name} did not start; see {folder / name}.log")


def _connects(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=2).close()


def until(work: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Try until it works. Raises RuntimeError when the server ends or takes too long."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            work()
            return
        except Exception as error:  # whatever a server that is still starting makes of it
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server does not answer") from error
            time.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server of ours."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody has; below those that the system gives out by itself."""
    while True:
        port = random.Random().randrange(20_000, 32_000)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


def answer_of(url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
    """The status of a request that a test makes for itself."""
    request = urllib.request.Request(url, method=method, headers=headers or {}, data=body)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def as_nobody_here() -> dict[str, str]:
    """The environment without anything that says who we are at a place."""
    loose = ("AWS_", "AZURE_", "GOOGLE_", "WEBDAV_", "STORAGE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(loose)}
