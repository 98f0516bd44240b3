"""`track` and `python -m track`; `--version` is answered before anything is loaded."""

import os
import signal
import sys
from importlib import import_module

from track import __version__

_INTERRUPTED = 130


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"track {__version__}\n")
        return 0
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # ignored (`nohup`, `&`) stays ignored
    if ours:
        signal.signal(signal.SIGINT, _leave)
    run = import_module("track.cli.main").run
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code: int = run(sys.argv[1:])
    except KeyboardInterrupt:  # at the very beginning or end of it
        return _INTERRUPTED
    finally:
        if ours:
            signal.signal(signal.SIGINT, _leave)
    return code


def _leave(number: int, frame: object) -> None:
    """End at once, when nothing is begun or everything is done: nobody wants to read where that was."""
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
