"""A command on a pseudo-terminal, to see what a person sees."""

import os
import pty
import subprocess
from collections.abc import Mapping
from pathlib import Path


def on_terminal(command: list[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run `command` with stdout and stderr on a terminal of 80 columns; returns its exit code and what was shown."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = bytearray()
    while True:
        try:
            data = os.read(controller, 65536)
        except OSError:  # Linux reports EIO once the last writer is gone
            break
        if not data:
            break
        shown += data
    os.close(controller)
    return process.wait(timeout=240), shown.decode(errors="replace").replace("\r\n", "\n")
