"""Runs a command under strace: lists what it changes, then kills it or fails it at each of those points.

Only the command's first thread is traced unless `follow` is given, so that "the n-th call" is the same
call in every run: strace counts for each name, and for each thread, by itself. Calls are counted when they
are entered, and a kill comes before the call has any effect. Signals are ignored by strace when it filters
with seccomp, so kills run without it. Give it the interpreter itself (`sys.executable -m track`), not a
shim that starts another process.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

OPENS = ("openat", "openat2", "open", "creat")
# fmt: off
COPIES = ("copy_file_range", "sendfile", "splice")
WRITES = (
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate",
    "fsync", "fdatasync", "syncfs", "sync", "msync",
)
NAMES = (
    "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat",
    "mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "fchmodat2",
    "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat",
    "setxattr", "lsetxattr", "fsetxattr",
)
# fmt: on
CHANGING = (*OPENS, *WRITES, *COPIES, *NAMES, "ioctl")

Command = Sequence[str | Path]

_LINE = re.compile(r"^(?:(?P<pid>\d+) +)?(?P<call>[a-z0-9_]+)\((?P<rest>.*)$", re.DOTALL)
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
_TARGET = re.compile(r"^\d+<(?P<target>[^>]*)>")
_NO_FILE = re.compile(r"^(?:pipe|socket|anon_inode|UNIX|TCP|UDP|NETLINK)|^/dev/(?:null|tty|pts)|^/proc/")


class Event(NamedTuple):
    """A call that can change files: the `nth` of its name in its process, as strace wrote it."""

    call: str
    nth: int
    text: str
    pid: int | None = None

    def __str__(self) -> str:
        return f"{self.call}#{self.nth} {self.text[:160]}"


class Outcome(NamedTuple):
    """How a traced command ended; `code` is negative for a signal, as in subprocess."""

    code: int
    out: str
    err: str
    log: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def run(
    command: Command,
    *,
    cwd: Path,
    log: Path,
    calls: Iterable[str],
    env: Mapping[str, str] | None = None,
    inject: Sequence[str] = (),
    follow: bool = False,
    decode: bool = True,
    only: Path | None = None,
) -> Outcome:
    """Run `command` in `cwd` with `calls` traced to `log` and every clause of `inject` in force.

    `only` leaves all calls alone but those that use this path, or a descriptor of it.
    """
    options = ["-qq", "-s", "48", "-o", str(log), "-e", "trace=" + ",".join(f"?{name}" for name in calls)]
    options += ["-y"] if decode else []
    options += ["-f"] if follow else []
    options += ["--seccomp-bpf"] if follow and not inject else []
    options += ["-P", str(only)] if only else []
    for clause in inject:
        options += ["-e", f"inject={clause}"]
    done = subprocess.run(
        ["strace", *options, "--", *map(str, command)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=240,
        check=False,
    )
    text = log.read_text("utf-8", "backslashreplace") if log.exists() else ""
    return Outcome(done.returncode, done.stdout, done.stderr, text)


def record(
    command: Command, *, cwd: Path, log: Path, env: Mapping[str, str] | None = None, follow: bool = False
) -> tuple[Outcome, list[Event]]:
    """Run `command` and return how it ended and every call with which it could change a file."""
    outcome = run(command, cwd=cwd, log=log, calls=CHANGING, env=env, follow=follow)
    return outcome, changing(outcome.log)


def kill_at(event: Event, command: Command, *, cwd: Path, log: Path, env: Mapping[str, str] | None = None) -> Outcome:
    """Run `command` and kill it, without a chance to tidy up, when it enters `event`."""
    clause = f"{event.call}:signal=KILL:when={event.nth}"
    return run(command, cwd=cwd, log=log, calls=(event.call,), env=env, inject=(clause,), decode=False)


def fail_at(
    event: Event,
    error: str,
    command: Command,
    *,
    cwd: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    for_good: bool = False,
) -> Outcome:
    """Run `command` with `event` failing with `error` ("EIO", "ENOSPC"); `for_good` fails what follows too."""
    clause = f"{event.call}:error={error}:when={event.nth}" + ("+" if for_good else "")
    return run(command, cwd=cwd, log=log, calls=(event.call,), env=env, inject=(clause,), decode=False)


def changing(log: str) -> list[Event]:
    """The events of a trace that can change a file, in order; reads, pipes and terminals are left out."""
    counts: dict[tuple[str | None, str], int] = {}
    events = []
    for line in log.splitlines():
        match = _LINE.match(line)
        if match is None or match["call"] not in CHANGING:
            continue
        call, pid, rest = match["call"], match["pid"], match["rest"]
        nth = counts[pid, call] = counts.get((pid, call), 0) + 1
        if _changes(call, rest):
            events.append(Event(call, nth, rest, int(pid) if pid else None))
    return events


def _changes(call: str, rest: str) -> bool:
    if call in OPENS:
        return '"/dev/' not in rest and (call == "creat" or _WRITING.search(rest) is not None)
    if call == "ioctl":
        return "FICLONE" in rest
    if call in WRITES:
        target = _TARGET.match(rest)
        return target is None or _NO_FILE.match(target["target"]) is None
    return True


def spread(events: Sequence[Event], most: int) -> list[Event]:
    """About `most` of `events`: the first of every call, and for the rest evenly over the whole run."""
    if len(events) <= most:
        return list(events)
    chosen = {next(at for at, event in enumerate(events) if event.call == call) for call in {e.call for e in events}}
    left = max(most - len(chosen), 3)
    chosen |= {round(step * (len(events) - 1) / (left - 1)) for step in range(left)}
    return [events[at] for at in sorted(chosen)]


Work = TypeVar("Work")


def complaints(work: Sequence[Work], check: Callable[[Work], None]) -> list[str]:
    """`check` of each piece of `work`, two or more at a time; what the failed assertions said, in order."""

    def one(piece: Work) -> str | None:
        try:
            check(piece)
        except AssertionError as error:
            return f"{piece}\n    {error}"
        return None

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [said for said in pool.map(one, work) if said is not None]
