"""Who holds a run: the process that began it. While that lives, the run is not lost, however silent it is.

A program that is stopped says nothing, and neither does a shell whose next command takes an hour.
"""

import os
from contextlib import suppress
from pathlib import Path

from track import publish
from track.system import is_dead, process_tag

_HOLDER = "holder"


def hold(folder: Path, process: int | None = None) -> None:
    """Note in the folder of a living run that a process holds it: this one, or one of this machine."""
    publish.publish_bytes(folder / _HOLDER, process_tag(process).encode("ascii"), durable=False)


def is_held(folder: Path) -> bool:
    """Whether the process that holds a run is on this machine and lives."""
    with suppress(OSError, ValueError):
        return is_dead((folder / _HOLDER).read_text(encoding="ascii")) is False
    return False


def caller() -> int:
    """The shell or program that started this one; not what it forked off for that, as for `$(…)` in a script."""
    process = os.getppid()
    with suppress(OSError, IndexError, ValueError):  # where the system does not say
        while (above := _parent(process)) > 1 and _words(process) == _words(above):
            process = above
    return process


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])


def _words(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()
