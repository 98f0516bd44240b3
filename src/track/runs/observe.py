"""Observing: which files a command opens, noted while it runs and read when it has ended.

Python programs note it themselves, by an audit hook that is put in front of them, and ask the kernel which of the
tracked files their libraries opened without Python (fanotify). Other programs are traced by `strace` where it is: up to
0.14 ms for each file opened on a virtual machine of two processors, where waking the tracer is dear, and nothing for
all else, because a filter in the kernel lets other calls pass. What each costs says `tests.bench.runs`.
"""

import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track.model.expressions import expression
from track.publish import create, create_with, remove
from track.runs.command import why_it_fails
from track.runs.injected.kernel_opens import CLOSED_READ, CLOSED_WRITTEN, OPENED, KernelOpens
from track.system import write_all

MODES = ("auto", "python", "trace", "off")

_INJECTED = Path(__file__).parent / "injected"
_TRACE_WAIT_S = 5.0
_NOTES, _TRACE, _WATCHED = "opened", "traced", "watched"
_STATUS = Path("/proc/self/status")
_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")
_PYTHON = expression(r"python(?:[23](?:\.\d+)*)?w?(?:\.exe)?|pypy3?|ipython3?")
_OLD_PYTHON = expression(r"python(?:2(?:\.\d+)*|3\.[0-7](?:\.\d+)*)m?")
"""One that has no hook to put in front of its programs."""
_IN_C = tuple(
    f".{suffix}".encode("ascii")
    for suffix in (
        *("parquet", "arrow", "feather", "orc", "h5", "hdf5", "nc", "mat", "duckdb", "sqlite", "sqlite3", "db", "mdb"),
        *("lance", "safetensors", "gguf", "onnx", "tif", "tiff", "las", "laz", "bam", "root"),
    )
)
_NO_WORDS = str.maketrans(dict.fromkeys("'\"|&;<>()$`=,:", " "))
"""What stands between the words of a shell."""
_WORD = 1 << 16
_DEADLY = "signal=hup,int,quit,ill,trap,abrt,bus,fpe,kill,segv,pipe,term,xcpu,xfsz,sys"
"""Signals that end programs and come seldom otherwise: of an end by another one nothing would be written."""
_CALL = expression(rb'(openat2?|open|creat|execve)\((?:AT_FDCWD<[^>]*>, |\d+<[^>]*>, )?"((?:[^"\\]|\\.)*)"')
_MOVE = expression(rb"(?:\d+ +)?(?:rename|link|symlink)(?:at2?)?\(")
_PLACE = expression(rb'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
_ESCAPE = expression(rb"\\([0-7]{1,3}|x[0-9a-f]{2}|.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b'"': b'"', b"\\": b"\\"}


class Python(NamedTuple):
    """A Python that ran: which one, the names and versions installed for it, as `name-version`, sorted, and where its
    program is.
    """

    implementation: str
    version: str
    packages: tuple[str, ...]
    executable: str = ""


class Observed(NamedTuple):
    """Files below the top that were opened, as paths from the top; `python` is the first that ran, if any did.

    `unwatched_count` is of how many the kernel would or could not tell, though it was asked. `named` are files that
    were named to a program which is no Python, and that nothing saw opened. It `is_heard` where nothing that we know of
    could write without being in `written`; of files that libraries write, those alone that the kernel was asked about.
    """

    read: frozenset[bytes]
    written: frozenset[bytes]
    python: Python | None
    unwatched_count: int = 0
    named: frozenset[bytes] = frozenset()
    is_heard: bool = True


class Data(NamedTuple):
    """What a command may read: `paths` from the top, of a folder with a slash at its end, that the kernel is asked
    about, and whether these are all; and whether there `is_opaque` data, of a kind that libraries open without Python.
    """

    paths: Sequence[bytes] = ()
    is_opaque: bool = False
    is_all: bool = True


_UNKNOWN = Data()


class Watch(NamedTuple):
    """How a command is started so that it is observed: before it, and with these variables; `untraced` says why it is
    not traced where it should be.
    """

    prefix: tuple[str, ...]
    variables: Mapping[str, str]
    untraced: str | None = None


def is_opened_in_c(path: bytes) -> bool:
    """Whether a file of this name is of a kind that libraries for Python open themselves, so that no hook sees it."""
    return path.lower().endswith(_IN_C)


def is_python(command: Sequence[str]) -> bool:
    """Whether a command starts a Python program by the name of its interpreter."""
    return bool(command) and _PYTHON.fullmatch(os.path.basename(command[0])) is not None


def is_deaf(command: Sequence[str]) -> bool:
    """Whether a Python is told by its options to ignore what is put in front of its program: `-E`, `-I` or `-S`."""
    words = iter(command[1:])
    for word in words:
        if word in ("-", "--") or not word.startswith("-"):
            return False
        if word.startswith("--"):
            continue
        for at, letter in enumerate(word[1:], start=1):
            if letter in "EIS":
                return True
            if letter in "cm":  # all behind it is the program's
                return False
            if letter in "WX":  # it has a value, in this word or the next
                if at == len(word) - 1:
                    next(words, None)
                break
    return False


def _is_old(command: Sequence[str], variables: Mapping[str, str]) -> bool:
    """Whether a command starts a Python before 3.8, by the name of its interpreter or of what that is a link to."""
    program = shutil.which(command[0], path=variables.get("PATH")) or command[0]
    return any(_OLD_PYTHON.fullmatch(os.path.basename(each)) for each in (program, os.path.realpath(program)))


def watch(
    command: Sequence[str],
    room: Path,
    top: Path,
    *,
    mode: str,
    variables: Mapping[str, str],
    data: Data = _UNKNOWN,
    cwd: Path | None = None,
) -> Watch:
    """How to start a command so that what it opens below `top` is noted in `room`; `mode` is one of MODES.

    `auto` traces what is not Python, where `strace` is and may trace: a container or a setting of the kernel may forbid
    it, and then it would not even start the command. Python is traced only where it is told to hear nobody or is one
    before 3.8, or where data is opaque and the kernel does not tell a program what it opens.

    The file that is its standard input was opened by whoever redirected it, and is noted here. So are, where nothing
    sees what it opens, the files that its words name, seen from `cwd`.
    """
    if mode == "off":
        return Watch((), {})
    notes = room / _NOTES
    given = _standard_input()
    records = [b"R" + given] if given is not None else []
    folders = [str(_INJECTED), *filter(None, (variables.get("PYTHONPATH"),))]
    told = {
        "PYTHONPATH": os.pathsep.join(folders),
        "TRACK_OBSERVED": str(notes),
        "TRACK_OBSERVED_TOP": os.path.realpath(top),
    }
    strace = shutil.which("strace", path=variables.get("PATH"))
    is_told = bool(data.paths) and mode != "trace" and kernel_tells(top)
    traces = mode == "trace" or (
        mode == "auto"
        and (
            (data.is_opaque and not (is_told and data.is_all))
            or not is_python(command)
            or is_deaf(command)
            or _is_old(command, variables)
        )
    )
    untraced = _why_untraced(strace, variables) if traces else None
    is_traced = traces and untraced is None
    if not is_traced and not is_python(command):
        records += [b"C" + path for path in _named(command, cwd or top)]
    create_with(notes, b"".join(record + b"\0" for record in records))
    if strace and is_traced:
        return Watch(_tracing(strace, room / _TRACE), told)
    if is_told:
        base = os.fsencode(os.path.realpath(top)) + b"/"
        fd = create(room / _WATCHED)
        try:
            write_all(fd, b"".join(base + path + b"\0" for path in data.paths))
        finally:
            os.close(fd)
        told["TRACK_OBSERVED_WATCHED"] = str(room / _WATCHED)
    return Watch((), told, untraced)


def _standard_input() -> bytes | None:
    """The file that standard input comes from, where it is one and the system says which."""
    try:
        is_file = stat.S_ISREG(os.fstat(0).st_mode)
        return os.fsencode(os.readlink("/proc/self/fd/0")) if is_file else None
    except OSError:
        return None


def _named(command: Sequence[str], cwd: Path) -> set[bytes]:
    """The paths that the words of a command could be, and those that a shell would find in them."""
    base = os.path.realpath(cwd)
    words = [part for word in command for part in (word, *word[:_WORD].translate(_NO_WORDS).split())]
    return {os.fsencode(os.path.normpath(os.path.join(base, word))) for word in words if word and "\0" not in word}


def _why_untraced(strace: str | None, variables: Mapping[str, str]) -> str | None:
    """Why `strace` traces nothing here, in words; None where it does. With `-D` it would say so to nobody."""
    if strace is None:
        return "strace is not installed"
    said = why_it_fails((*_tracing(strace, Path(os.devnull), apart=False), strace, "-V"), variables)
    if said is None:
        return None
    status = dict(line.split(b":\t", 1) for line in _content(_STATUS).splitlines() if b":\t" in line)
    scope = _content(_SCOPE).strip()
    if status.get(b"TracerPid", b"0") != b"0":
        return "this is traced already, as by a run around it, and nothing can be traced twice"
    if scope in (b"2", b"3"):
        return f"the kernel forbids it: kernel.yama.ptrace_scope = {scope.decode()}"
    if status.get(b"Seccomp", b"0") == b"2":
        return "a filter of system calls (seccomp) forbids it, as in some containers"
    return f"strace cannot: {said}"


def kernel_tells(top: Path) -> bool:
    """Whether the kernel tells a process which files below `top` it opens itself: Linux from 5.13 on, where it may."""
    try:
        opens = KernelOpens((), (os.fsencode(os.path.realpath(top)),))
    except (OSError, AttributeError):  # no such call in this library
        return False
    opens.close()
    return not opens.left_out_count


def _tracing(strace: str, notes: Path, *, apart: bool = True) -> tuple[str, ...]:
    """With `-D`, `apart`, the command stays our own child, so that signals reach it and its end is its own."""
    moving = "?rename,?renameat,?renameat2,?link,?linkat,?symlink,?symlinkat"
    chosen = ("-e", f"trace=open,openat,openat2,creat,{moving}", "-e", _DEADLY, "-z", "-y", "-s", "4096")
    return (strace, *(("-D",) if apart else ()), "-f", "--seccomp-bpf", "-q", *chosen, "-o", str(notes), "--")


def wait_for_trace(room: Path, process: int) -> None:
    """Wait until the tracer has written the end of a process, which it does after the process is gone; not for long."""
    end = re.compile(rb"(?m)^%d +\+\+\+ (?:exited|killed)" % process)
    deadline = time.monotonic() + _TRACE_WAIT_S
    while (room / _TRACE).exists() and not end.search(_content(room / _TRACE)) and time.monotonic() < deadline:
        time.sleep(0.002)


def is_traced(room: Path) -> bool:
    """Whether a tracer was at work in `room`."""
    return (room / _TRACE).exists()


def forget(room: Path) -> None:
    """Remove what was noted in `room`, when it was read for good."""
    for name in (_NOTES, _TRACE, _WATCHED):
        with suppress(FileNotFoundError):
            remove(room / name)


def observed(room: Path, top: Path) -> Observed:
    """What was noted in `room` by whatever ran, killed or not; empty when nothing was."""
    read: set[bytes] = set()
    written: set[bytes] = set()
    named: set[bytes] = set()
    python: Python | None = None
    unwatched_count = unheard_count = 0
    kernel: dict[tuple[bytes, bytes], int] = {}
    for note in _content(room / _NOTES).split(b"\0")[:-1]:
        kind, rest = note[:1], note[1:]
        if kind == b"P":
            python = python or _python(rest)
        elif kind == b"N":
            unwatched_count = max(unwatched_count, int(rest))
        elif kind == b"U":
            unheard_count += 1
        elif kind == b"K":
            what, process, path = rest.split(b" ", 2)
            kernel[process, path] = kernel.get((process, path), 0) | int(what)
        else:
            {b"W": written, b"C": named}.get(kind, read).add(rest)
    for path, writes in _not_aside(room):
        (written if writes else read).add(path)
    unheard = b"" in written if is_traced(room) else unheard_count or unwatched_count or python is None
    base = os.fsencode(os.path.realpath(top)) + b"/"
    read |= _read_by_kernel(kernel, written)
    written |= {path for (_, path), what in kernel.items() if what & CLOSED_WRITTEN}
    unseen = named - read - written if not is_traced(room) else set[bytes]()
    below = (_below(read, base), _below(written, base))
    return Observed(*below, python, 0 if is_traced(room) else unwatched_count, _below(unseen, base), not unheard)


def is_watched(room: Path, top: Path, path: bytes) -> bool:
    """Whether the kernel was asked who writes this file, or the files in this folder, wherever it was not traced."""
    full = os.fsencode(os.path.realpath(top)) + b"/" + path
    return any(each in (full, full + b"/") for each in _content(room / _WATCHED).split(b"\0"))


def _not_aside(room: Path) -> Iterator[tuple[bytes, bool]]:
    """The files that were traced and whether they were opened to be written or came to that place, which is empty where
    it is not known; but for those that a thread opened while it said, by opening the notes and then their folder, that
    track is at work.
    """
    place = os.fsencode(os.path.realpath(room))
    notes, aside = place + b"/" + os.fsencode(_NOTES), set[bytes]()
    for line in _content(room / _TRACE).splitlines():
        thread = line.partition(b" ")[0]
        path, writes = _traced(line)
        if path == place or b" +++ " in line:
            aside.discard(thread)
        elif path == notes:
            aside |= {thread} if not writes else set()
        elif (path or writes) and thread not in aside:
            yield path, writes


def _read_by_kernel(kernel: Mapping[tuple[bytes, bytes], int], written: set[bytes]) -> set[bytes]:
    """What was read by what the kernel tells of each process and path: what was closed by who could not write; and
    what was opened and not closed, unless somebody wrote it.
    """
    touched = written | {path.rpartition(b"/")[0] for path in written}
    only_opened = {path for (_, path), what in kernel.items() if what == OPENED}
    return {path for (_, path), what in kernel.items() if what & CLOSED_READ} | (only_opened - touched)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return b""


def _python(facts: bytes) -> Python | None:
    lines = facts.decode("utf-8", "surrogateescape").split("\n")
    return Python(lines[0], lines[1], tuple(lines[3:]), lines[2]) if len(lines) >= 3 else None


def _traced(line: bytes) -> tuple[bytes, bool]:
    """The file of a line of strace, as the kernel names what was opened: `… = 3</the/path>`; or the place to which one
    was moved, empty where that is seen from a folder which is not told. And whether it was written.
    """
    head, _, result = line.rpartition(b" = ")
    start, end = result.find(b"<"), result.rfind(b">")
    if _MOVE.match(head):
        *_, (folder, name) = _PLACE.findall(head)
        path = os.path.join(_ESCAPE.sub(_unescaped, folder), _ESCAPE.sub(_unescaped, name))
        return os.path.normpath(path) if os.path.isabs(path) else b"", True
    if start < 0 or end < start or _CALL.search(head) is None:
        return b"", False
    path = _ESCAPE.sub(_unescaped, result[start + 1 : end].removesuffix(b" (deleted)"))
    flags = head.rpartition(b'"')[2]
    return path, b"O_WRONLY" in flags or b"O_RDWR" in flags or b"creat(" in head


def _unescaped(found: re.Match[bytes]) -> bytes:
    text = found[1]
    if text in _PLAIN:
        return _PLAIN[text]
    if text[:1] == b"x":
        return bytes([int(text[1:], 16)])
    return bytes([int(text, 8) & 255]) if text[:1].isdigit() else text


def _below(paths: set[bytes], base: bytes) -> frozenset[bytes]:
    inner = (path[len(base) :] for path in paths if path.startswith(base))
    return frozenset(path for path in inner if path and not path.startswith(b".git/"))
