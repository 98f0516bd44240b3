"""Runs one command and says how long it took, how much processor and how much memory."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

Command = Sequence[str | Path]

_EVERY_S = 0.1


class Measured(NamedTuple):
    """One run of one command. `memory_bytes` is the most that its processes held at one time.

    The kernel counts what the measuring process held when it started the command, so nothing below
    `floor_bytes` can be told.
    """

    wall_s: float
    cpu_s: float
    memory_bytes: int
    floor_bytes: int
    out: bytes


class Broken(Exception):
    """A command that failed, or did not do what it said: no figure comes out of such a run."""


def measure(*commands: Command, cwd: Path, env: Mapping[str, str] | None = None) -> Measured:
    """Run `commands` one after the other, as one step, and measure them together."""
    wall_s = cpu_s = 0.0
    memory_bytes = 0
    out = b""
    for command in commands:
        one = _measure(command, cwd, env)
        wall_s, cpu_s = wall_s + one.wall_s, cpu_s + one.cpu_s
        memory_bytes = max(memory_bytes, one.memory_bytes)
        out += one.out
    return Measured(wall_s, cpu_s, memory_bytes, _own_bytes(), out)


def _own_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _usual_environment() -> dict[str, str]:
    """This process's, but Python may keep what it compiled, as where a package is installed: else it is the most."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _measure(command: Command, cwd: Path, env: Mapping[str, str] | None) -> Measured:
    with (cwd.parent / "stdout").open("w+b") as out, (cwd.parent / "stderr").open("w+b") as err:
        begin = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=cwd,
            env={**_usual_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        sampler = _Sampler(process.pid)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        sampler.stop()
        out.seek(0)
        err.seek(0)
        printed, said = out.read(), err.read()
    if process.returncode != 0:
        text = said.decode(errors="backslashreplace")[-2000:]
        raise Broken(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{text}")
    memory_bytes = max(usage.ru_maxrss * 1024, sampler.most_bytes)
    return Measured(wall_s, usage.ru_utime + usage.ru_stime, memory_bytes, _own_bytes(), printed)


class _Sampler(threading.Thread):
    """Adds up, ten times a second, what a process and its children hold; a shared page counts once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most_bytes = 0
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_EVERY_S):
            family = _family(self._pid)
            if len(family) > 1:
                self.most_bytes = max(self.most_bytes, sum(map(_proportional_bytes, family)))

    def stop(self) -> None:
        self._over.set()
        self.join()


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                text = Path(f"/proc/{parent}/task/{task}/children").read_text(encoding="ascii")
                found += map(int, text.split())
    return found


def _proportional_bytes(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
