"""Errors as text or JSON on stderr, and the exit code that goes with each."""

import os
import sys
from errno import EACCES, EAGAIN, EDQUOT, EFBIG, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS
from importlib import import_module

from track.cli import terminal
from track.errors import (
    BadConfig,
    Conflict,
    DiskFull,
    IntegrityError,
    Locked,
    MissingObject,
    NewerFormat,
    OutsideRepository,
    RemoteError,
    StoreUnwritable,
    TrackError,
    UnknownPath,
    UnknownRevision,
    UnknownRun,
    Unreadable,
    UsageError,
)
from track.model.expressions import expression
from track.model.names import display, typed

USAGE = 2
BUG = 70
INTERRUPTED = 130
CLOSED_PIPE = 141

_SECRET = expression(r"(?<=://)(?!USER@)[^/@\s]+@")
_OF_THE_WORLD = {
    ENOSPC: DiskFull,
    EDQUOT: DiskFull,
    EACCES: Unreadable,
    EPERM: Unreadable,
    EIO: Unreadable,
    EROFS: StoreUnwritable,
    EFBIG: StoreUnwritable,
    EAGAIN: TrackError,
    EMFILE: TrackError,
    ENFILE: TrackError,
    ENOMEM: TrackError,
}
_MORE_MEMORY = "end other programs, or raise the limit (`ulimit -v`, that of the container), and run it again"
_MORE_PROCESSES = "end other programs, or raise the limit (`ulimit -u`, that of the container), and run it again"
_OF_A_LIMIT = {
    EAGAIN: _MORE_PROCESSES,
    EFBIG: "raise the limit: `ulimit -f unlimited`; or the filesystem takes no files of this size",
    EMFILE: "raise the limit: `ulimit -n 4096`",
    ENFILE: "end other programs, or have the system's limit raised: `sysctl fs.file-max`",
    ENOMEM: _MORE_MEMORY,
}
_OF_A_DATABASE = {
    "SQLITE_FULL": DiskFull,
    "SQLITE_READONLY": StoreUnwritable,
    "SQLITE_CANTOPEN": StoreUnwritable,
    "SQLITE_PERM": StoreUnwritable,
    "SQLITE_BUSY": Locked,
}

_WAYS_ON: tuple[tuple[type[TrackError], str], ...] = (
    (UnknownRevision, "git log --oneline --all"),
    (UnknownPath, "track ls"),
    (OutsideRepository, "name a file or folder of your working tree; what is tracked: track ls"),
    (UsageError, "track help says what each command takes"),
    (NewerFormat, "pip install --upgrade track-data"),
    (BadConfig, "see every setting and the file that it comes from: track config --origin"),
    (MissingObject, "see who has it: track whereis; then: track pull"),
    (RemoteError, "see what works at the remote and what does not: track remote check"),
    (Locked, "wait until the other command has ended, and run this one again"),
    (Conflict, "track status"),
    (DiskFull, "free some space (or inodes: `df -h`, `df -i`) and run the same command again"),
    (Unreadable, "check its owner and mode: `ls -ld` on it"),
    (StoreUnwritable, "check its owner and mode: `ls -ld` on it; and the filesystem's: `findmnt -T` on it"),
    (IntegrityError, "see everything that is not whole: track verify"),
    (TrackError, "see what stands in the way here: track doctor"),
)
"""What comes next where an error does not say it: the first kind that fits."""


def report(error: TrackError) -> int:
    """Say what happened, the evidence, and what to do next; returns the exit code."""
    hint = _said_again(error) or error.hint or next(way for kind, way in _WAYS_ON if isinstance(error, kind))
    if terminal.settings().json:
        payload = {
            "error": type(error).__name__,
            "message": without_secrets(error.message),
            "details": [without_secrets(line) for line in error.details],
            "hint": hint,
            "exit_code": error.exit_code,
        }
        terminal.complain(terminal.json_text("error", payload))
    else:
        terminal.complain(f"{terminal.label('error', 'red')} {safe(error.message)}")
        for line in error.details:
            terminal.complain(f"  {safe(line)}")
        for line in hint.splitlines():
            terminal.complain(f"{terminal.label('hint', 'cyan')} {safe(line)}")
    if os.environ.get("TRACK_TRACE"):
        import_module("traceback").print_exception(error)
    return error.exit_code


def report_usage(message: str, usage: str, hint: str) -> int:
    """Say what was wrong with the command line; returns the exit code."""
    error = TrackError(message, hint=hint, details=(usage,) if usage else ())
    error.exit_code = USAGE
    return report(error)


def of_the_world(error: OSError) -> TrackError | None:
    """The error of ours for a failure of disk, permission or limits; None for any other, which is a bug."""
    kind = _OF_THE_WORLD.get(error.errno or 0)
    if kind is None or (error.errno == EAGAIN and error.strerror != os.strerror(EAGAIN)):  # a stream that does not wait
        return None
    place = f"`{display(os.fsencode(error.filename))}`: " if isinstance(error.filename, str | bytes) else ""
    return kind(f"{place}{(error.strerror or str(error)).lower()}", hint=_OF_A_LIMIT.get(error.errno or 0, ""))


def of_a_limit(error: Exception) -> TrackError | None:
    """The error of ours for memory or threads that there are no more of; None for anything else."""
    if isinstance(error, MemoryError):
        return TrackError("the memory that this process may take is used up", hint=_MORE_MEMORY)
    if isinstance(error, RuntimeError) and str(error).startswith("can't start new thread"):
        return TrackError(
            "no more threads or processes may be started, or there is no memory for one", hint=_MORE_PROCESSES
        )
    return None


def of_a_database(error: Exception) -> TrackError | None:
    """The error of ours for what SQLite says of a disk or of others at work; None for anything else."""
    kind = _OF_A_DATABASE.get(str(getattr(error, "sqlite_errorname", "")))
    if kind is None:
        return None
    return kind(f"a file of track's own cannot be written: {error}", hint="track doctor says where they are")


def closed_pipe() -> int:
    """Whoever read our output went away: nothing more is printed; returns the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return CLOSED_PIPE


def _said_again(error: TrackError) -> str | None:
    """The command that was typed, with a word in it that is clear; None where there is none, or it is not in there."""
    if not isinstance(error, UnknownRun) or error.instead is None or error.instead[0] not in sys.argv[1:]:
        return None
    said, clear = error.instead
    words = (clear if word == said else typed(word) for word in sys.argv[1:])
    return f"say which by its id: track {' '.join(words)}"


def without_secrets(text: str) -> str:
    """`text` without names and passwords in addresses."""
    return _SECRET.sub("***@", text)


def safe(text: str) -> str:
    """`text` as it can be shown, without secrets; lines stay lines."""
    return without_secrets("\n".join(display(line) for line in text.split("\n")))
