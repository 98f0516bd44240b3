"""Which system programs a test needs, and which this machine lacks."""

import os
import shutil
from collections.abc import Iterable

left_out: dict[str, list[str]] = {}

_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")


def missing_programs(names: Iterable[str]) -> list[str]:
    """The names in `names` that are not programs here; `root` stands for the right to mount."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))
    return sorted({name for name in names if not _is_here(name, path)})


def _is_here(name: str, path: str) -> bool:
    if name == "root":
        return os.geteuid() == 0
    return shutil.which(name, path=path) is not None
