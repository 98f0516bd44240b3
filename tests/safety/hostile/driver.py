"""Runs in a process of its own, under strace: walks hostile repositories, with a mark in the trace before each verb."""

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from support.cli import hook_here, track_here

MARK = "/proc/track-marker/"
LIMIT_S = 20
_MEMORY = 3 << 30


class TooLong(BaseException):
    """A verb that does not come to an end."""


def main(plan: Path, results: Path) -> None:
    """Try what the plan says; what was said and how it ended goes to `results`."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.signal(signal.SIGALRM, _stop)
    usual = dict(os.environ)
    done = []
    for step in json.loads(plan.read_text("utf-8")):
        os.environ.clear()
        os.environ.update(usual | step["environment"])
        with suppress(OSError):
            os.mkdir(f"{MARK}{len(done)}")
        done.append(_tried(step))
    with suppress(OSError):
        os.mkdir(f"{MARK}{len(done)}")
    results.write_text(json.dumps(done), "utf-8")


def _tried(step: Mapping[str, Any]) -> dict[str, Any]:
    signal.alarm(LIMIT_S)
    try:
        completed = (hook_here if step["verb"][0] == "hook" else track_here)(*step["verb"], cwd=Path(step["cwd"]))
        return {"code": completed.code, "out": completed.out, "err": completed.err}
    except TooLong:
        return {"code": -1, "out": "", "err": f"took more than {LIMIT_S} s"}
    finally:
        signal.alarm(0)


def _stop(*_: object) -> None:
    raise TooLong


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
