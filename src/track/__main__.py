"""`track` and `python -m track`; `--version` is answered before anything is loaded."""

import os
import signal
import sys
from importlib import import_module

from track import __version__

_INTERRUPTED = 130


def main() -> int:
    """Run the command line and return its exit code."""
    _open_closed_streams()
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"track {__version__}\n")
        return 0
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # ignored (`nohup`, `&`) stays ignored
    if ours:
        signal.signal(signal.SIGINT, _leave)
    cycles = import_module("track.cli.cycles")
    cycles.seldom()
    import_module("track.cli.lean").load()
    run = import_module("track.cli.main").run
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code: int = run(sys.argv[1:])
    except KeyboardInterrupt:  # at the very beginning or end of it
        return _INTERRUPTED
    finally:
        cycles.no_more()
        if ours:
            signal.signal(signal.SIGINT, _leave)
    return code


def _open_closed_streams() -> None:
    """Put the null device where a standard stream is closed (`>&-`), as Git does: else the next file that is opened
    gets its number, and what is meant for the terminal is written into that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            if os.open(os.devnull, os.O_RDWR) != number:
                continue
            os.set_inheritable(number, True)
            if getattr(sys, name) is None:
                setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115  # for good


def _leave(number: int, frame: object) -> None:
    """End at once, when nothing is begun or everything is done: nobody wants to read where that was."""
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
