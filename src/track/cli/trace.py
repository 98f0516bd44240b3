"""`TRACK_TRACE=1`: every process started, database opened and connection made, with its time, on stderr."""

import os
import sys
import time
from typing import Any

from track.cli.failure import without_secrets

_WATCHED = ("subprocess.Popen", "os.posix_spawn", "os.exec", "sqlite3.connect", "socket.connect")
_state = {"on": False, "began": 0.0}


def start() -> None:
    """Begin to print; once a process, since an audit hook cannot be removed."""
    if not _state["on"]:
        _state.update(on=True, began=time.monotonic())
        sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WATCHED:
        elapsed_ms = (time.monotonic() - _state["began"]) * 1000
        said = (
            _command(arguments[1]) if event == "subprocess.Popen" else " ".join(_text(each) for each in arguments[:2])
        )
        sys.stderr.write(f"trace: {elapsed_ms:8.1f} ms  {event}  {without_secrets(said)}\n")


def _command(words: Any) -> str:
    return _text(words) if isinstance(words, str | bytes | os.PathLike) else " ".join(_text(word) for word in words)


def _text(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, str | bytes | os.PathLike) else str(value)
