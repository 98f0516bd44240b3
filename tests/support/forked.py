"""`python -m track` in a process of its own, forked from one that has loaded Python and our modules already.

A test run starts the command line some ten thousand times, and most of each start is loading. What is started here is
a process as any other: its own arguments, folder, environment, umask and streams, and its own end. What only a new
interpreter can show (how loading goes, variables that Python itself reads) starts one; see `serves`.
"""

import array
import atexit
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import NamedTuple, NoReturn

_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC_", "GIT_PYTHON_", "OPENBLAS_", "OMP_")
"""Variables that a process reads once, when it or a library starts."""
_SERVE = "import sys; from support.forked import serve; sys.exit(serve(sys.argv[1]))"
_MOST = 1 << 20
_AT_ONCE = 1 << 15


class _Server(NamedTuple):
    owner: int
    process: subprocess.Popen[bytes]
    folder: Path
    environment: dict[str, str]


_server: _Server | None = None
_plain: dict[str, str] = {}
_starting = threading.Lock()


def stand_on(environment: Mapping[str, str]) -> None:
    """The variables that every test begins with: what one test sets for itself is not what all are forked with."""
    _plain.update(environment)


def serves(environment: Mapping[str, str]) -> bool:
    """Whether a forked process does the same here: Linux, and nothing in `environment` that only a start reads."""
    if not (sys.platform.startswith("linux") and hasattr(os, "pidfd_open")):
        return False
    started = _started().environment
    differing = {name for name in {*environment, *started} if environment.get(name) != started.get(name)}
    return not any(name.startswith(_READ_AT_START) for name in differing)


def run(
    args: Sequence[str | bytes | Path], cwd: Path, environment: Mapping[str, str], input: bytes, timeout_s: float
) -> tuple[int, bytes, bytes]:
    """The exit code (as `subprocess` gives it) and what was written to stdout and stderr, by whom it started, too.

    Raises:
        subprocess.TimeoutExpired: it took longer; it is killed.
    """
    pipes = [os.pipe() for _ in range(3)]
    given, written = (pipes[0][0], pipes[1][1], pipes[2][1]), (pipes[0][1], pipes[1][0], pipes[2][0])
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            try:
                line.connect(str(_started().folder / "line"))
                _ask(line, args, cwd, environment, given)
                pid = int(line.recv(_MOST))
            finally:
                for number in given:
                    os.close(number)
            out, err, answer = _conversation(line, written, input, time.monotonic() + timeout_s)
            if answer is None:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(map(os.fsdecode, args)), timeout_s)
            return os.waitstatus_to_exitcode(int(answer)), out, err
    finally:
        for number in written[1:]:
            os.close(number)


def _conversation(
    line: socket.socket, ends: tuple[int, int, int], input: bytes, deadline: float
) -> tuple[bytes, bytes, bytes | None]:
    """Give the input, take what is written until nobody can write any more; the last is how it ended, None if late."""
    stdin, stdout, stderr = ends
    answers: dict[object, bytes] = {stdout: b"", stderr: b""}
    with selectors.DefaultSelector() as waiting:
        for end in (line, stdout, stderr):
            waiting.register(end, selectors.EVENT_READ)
        if input:
            waiting.register(stdin, selectors.EVENT_WRITE)
        else:
            os.close(stdin)
        while waiting.get_map():
            if not (ready := waiting.select(deadline - time.monotonic())) and time.monotonic() > deadline:
                if stdin in waiting.get_map():
                    os.close(stdin)
                return answers[stdout], answers[stderr], None
            for key, _ in ready:
                if key.fileobj == stdin:
                    with suppress(BrokenPipeError):
                        input = input[os.write(stdin, input[:_AT_ONCE]) :]
                        if input:
                            continue
                    waiting.unregister(stdin)
                    os.close(stdin)
                elif key.fileobj is line:
                    answers[line] = line.recv(_MOST)
                    waiting.unregister(line)
                elif data := os.read(key.fd, _MOST):
                    answers[key.fileobj] += data
                else:
                    waiting.unregister(key.fileobj)
    return answers[stdout], answers[stderr], answers[line]


def _ask(
    line: socket.socket,
    args: Sequence[str | bytes | Path],
    cwd: Path,
    environment: Mapping[str, str],
    streams: Sequence[int],
) -> None:
    asked = {
        "args": [os.fsdecode(arg) for arg in args],
        "cwd": os.fspath(cwd),
        "environment": dict(environment),
        "umask": _umask(),
    }
    with tempfile.TemporaryFile() as text:  # longer than what a socket takes at once
        text.write(json.dumps(asked).encode())
        text.flush()
        numbers = array.array("i", [text.fileno(), *streams])
        line.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])


def _umask() -> int:
    """Read where reading it does not change it: other threads make files."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))


def _started() -> _Server:
    """The server of this process; it is started with the first command."""
    global _server
    with _starting:
        if _server is None or _server.owner != os.getpid():
            folder = Path(tempfile.mkdtemp(prefix="track-forks-"))
            environment = dict(_plain or os.environ)
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(folder)],
                env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=folder,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n", "the process that commands are forked from did not start"
            _server = _Server(os.getpid(), process, folder, environment)
            atexit.register(_end, _server)
    return _server


def _end(server: _Server) -> None:
    if server.owner == os.getpid():
        server.process.kill()
        server.process.communicate()
        shutil.rmtree(server.folder, ignore_errors=True)


def serve(folder: str) -> int:
    """Load everything, then fork a process for each command that is asked for, until standard input is closed."""
    _load()
    gc.freeze()
    with selectors.DefaultSelector() as waiting, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(os.path.join(folder, "line"))
        door.listen(64)
        print("ready", flush=True)
        waiting.register(door, selectors.EVENT_READ)
        waiting.register(0, selectors.EVENT_READ)  # it is closed when the tests end, however they end
        while True:
            for key, _ in waiting.select():
                if key.fileobj == 0:
                    return 0
                if key.fileobj is door:
                    _begin(waiting, door)
                else:
                    _ended(waiting, key)


def _begin(waiting: selectors.BaseSelector, door: socket.socket) -> None:
    line, _ = door.accept()
    _, rights, _, _ = line.recvmsg(1, socket.CMSG_SPACE(4 * array.array("i").itemsize))
    numbers = array.array("i")
    numbers.frombytes(rights[0][2])
    if pid := os.fork():
        for number in numbers:
            os.close(number)
        line.send(str(pid).encode())
        waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, line))
        return
    for ours in (waiting, door, line):
        ours.close()
    _become(*numbers)
    _command()


def _ended(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    pid, line = key.data
    waiting.unregister(key.fileobj)
    os.close(key.fd)
    _, status = os.waitpid(pid, 0)
    with suppress(OSError), line:  # nobody waits for it any more
        line.send(str(status).encode())


def _load() -> None:
    """Every command and verb, and every library that these load when they need them; none starts a thread."""
    for folder in ("track.cli.commands", "track.verbs"):
        for module in iter_modules(import_module(folder).__path__):
            import_module(f"{folder}.{module.name}")
    for name in ("track.cli.main", "track.cli.cycles", "track.history.ahead", "track.__main__"):
        import_module(name)
    for name in ("fsspec", "fsspec.implementations.local", "git", "obstore", "zstandard", "dvc_objects.fs.base"):
        with suppress(ImportError):
            import_module(name)


def _become(text: int, *streams: int) -> None:
    """What a new interpreter would be that was started so."""
    for place, number in enumerate(streams):
        os.dup2(number, place)
        os.close(number)
    with open(text, "rb") as file:
        file.seek(0)
        asked = json.load(file)
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        was = getattr(sys, name)  # it knows whether what it had could be sought
        now = open(number, mode, encoding=was.encoding, errors=was.errors, closefd=False)  # noqa: SIM115  # for good
        now.reconfigure(line_buffering=number == 2)
        setattr(sys, name, now)
        setattr(sys, f"__{name}__", now)
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    sys.argv[:] = [str(import_module("track.__main__").__file__), *asked["args"]]
    sys.orig_argv[:] = [sys.executable, "-m", "track", *asked["args"]]
    sys.path[:] = [asked["cwd"], *(path for path in sys.path[1:] if path != str(Path(__file__).parents[1]))]
    import_module("track.work")._FIRST = os.getpid()  # nothing was hashed before the fork


def _command() -> NoReturn:
    """Ends as an interpreter does, but for taking apart all the modules that only the fork brought."""
    code = 1
    try:
        code = import_module("track.__main__").main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # what an interpreter would print
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the end of every interpreter does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
