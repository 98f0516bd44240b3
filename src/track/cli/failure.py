"""Errors as text or JSON on stderr, and the exit code that goes with each."""

import os
import re
import sys
from errno import EACCES, EDQUOT, EIO, EMFILE, ENFILE, ENOSPC, EPERM, EROFS
from importlib import import_module

from track.cli import terminal
from track.errors import DiskFull, Locked, StoreUnwritable, TrackError, Unreadable
from track.model.names import display

USAGE = 2
BUG = 70
INTERRUPTED = 130
CLOSED_PIPE = 141

_SECRET = re.compile(r"(?<=://)[^/@\s]+@")
_OF_THE_WORLD = {
    ENOSPC: DiskFull,
    EDQUOT: DiskFull,
    EACCES: Unreadable,
    EPERM: Unreadable,
    EIO: Unreadable,
    EROFS: StoreUnwritable,
    EMFILE: TrackError,
    ENFILE: TrackError,
}
_OF_A_DATABASE = {
    "SQLITE_FULL": DiskFull,
    "SQLITE_READONLY": StoreUnwritable,
    "SQLITE_CANTOPEN": StoreUnwritable,
    "SQLITE_PERM": StoreUnwritable,
    "SQLITE_BUSY": Locked,
}


def report(error: TrackError) -> int:
    """Say what happened, the evidence, and what to do next; returns the exit code."""
    if terminal.settings().json:
        payload = {
            "error": type(error).__name__,
            "message": without_secrets(error.message),
            "details": [without_secrets(line) for line in error.details],
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        terminal.complain(terminal.json_text("error", payload))
    else:
        terminal.complain(f"{terminal.label('error', 'red')} {safe(error.message)}")
        for line in error.details:
            terminal.complain(f"  {safe(line)}")
        for line in (error.hint or "").splitlines():
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
    if kind is None:
        return None
    place = f"`{display(os.fsencode(error.filename))}`: " if isinstance(error.filename, str | bytes) else ""
    return kind(f"{place}{(error.strerror or str(error)).lower()}")


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


def without_secrets(text: str) -> str:
    """`text` without names and passwords in addresses."""
    return _SECRET.sub("***@", text)


def safe(text: str) -> str:
    """`text` as it can be shown, without secrets; lines stay lines."""
    return without_secrets("\n".join(display(line) for line in text.split("\n")))
