"""The command line as a person meets it: in a process of its own, or, for speed, in this one."""

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from support import forked
from track.cli.hook import main as hook_main
from track.cli.main import run


class Completed(NamedTuple):
    """How a command ended. `out` and `err` are text; bytes that are not UTF-8 are lone surrogates."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.out)

    def ok(self) -> "Completed":
        """Itself, if the command succeeded; else an error that shows what it said."""
        assert self.code == 0, f"ended with {self.code}\n{self.out}{self.err}"
        return self


def track(
    *args: str | bytes | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,
    timeout_s: float = 240,
) -> Completed:
    """Run `track args` in `cwd` in a process of its own; `env` is added to the environment."""
    environment = {**os.environ, **(env or {})}
    if forked.serves(environment):
        code, out, err = forked.run(args, cwd, environment, input or b"", timeout_s)
        return Completed(code, _text(out), _text(err))
    done = subprocess.run(
        [sys.executable, "-m", "track", *args],
        cwd=cwd,
        env=environment,
        input=input if input is not None else b"",
        capture_output=True,
        check=False,
        timeout=timeout_s,
    )
    return Completed(done.returncode, _text(done.stdout), _text(done.stderr))


def track_here(*args: str | Path, cwd: Path) -> Completed:
    """Run `track args` in `cwd` inside this process: faster, for what needs no process of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in range(2))
    with _inside(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([os.fspath(arg) for arg in args])
    return Completed(code, *(_written(stream) for stream in (out, err)))


def hook_here(_: str, *args: str, cwd: Path) -> Completed:
    """Run `track-hook args` in `cwd` inside this process; the input is what Git says of a push of HEAD."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in range(2))
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=cwd, capture_output=True, check=False).stdout.decode()
    given = io.StringIO(f"refs/heads/main {head.strip()} refs/heads/main {'0' * 40}\n")
    with _inside(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        before, argv, sys.stdin, sys.argv = sys.stdin, sys.argv, given, ["track-hook", *args]
        try:
            code = hook_main()
        finally:
            sys.stdin, sys.argv = before, argv
    return Completed(code, *(_written(stream) for stream in (out, err)))


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    # The folder is the whole process's: two threads here would bring each other back to folders that are gone.
    assert threading.current_thread() is threading.main_thread(), "a thread runs `track` in a process of its own"
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return _text(stream.detach().getvalue())  # type: ignore[attr-defined]  # the buffer is the BytesIO made above


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="surrogateescape")
