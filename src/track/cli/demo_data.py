"""Real data for the demonstration: this Python's own standard library, a table about it, and one large text."""

import csv
import io
import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from track.errors import TrackError
from track.model.expressions import expression
from track.publish import make_directories, publish_bytes

_LEFT_OUT = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "site-packages", "dist-packages", "test", "tests"}
_FUNCTION = expression(rb"^\s*(?:async )?def ", re.MULTILINE)
_CLASS = expression(rb"^\s*class ", re.MULTILINE)


class Written(NamedTuple):
    """How much was written."""

    files: int
    size_bytes: int


def write_data(folder: Path) -> Written:
    """Write `stdlib/` (the modules), `modules.csv` (a row for each) and `corpus.txt` (all of them as one text).

    Raises:
        TrackError: this Python has no readable modules to copy.
    """
    modules = list(_modules(Path(sysconfig.get_path("stdlib"))))
    if not modules:
        raise TrackError("this Python keeps its standard library where it cannot be read as files")
    corpus = b"".join(b"# " + name.encode() + b"\n" + content for name, content in modules)
    table = _table(modules)
    files = [(f"stdlib/{name}", content) for name, content in modules]
    files += [("modules.csv", table), ("corpus.txt", corpus)]
    for name, content in files:
        target = folder / name
        make_directories(target.parent)
        publish_bytes(target, content, durable=False)
    return Written(len(files), sum(len(content) for _, content in files))


def _modules(top: Path) -> Iterator[tuple[str, bytes]]:
    """The modules by name, sorted; what only serves to build or test Python is left out."""
    found = []
    for folder, directories, names in os.walk(top):
        directories[:] = [name for name in directories if name not in _LEFT_OUT and not name.startswith("config-")]
        found += [Path(folder, name) for name in names if name.endswith(".py") and not name.startswith("_sysconfig")]
    for path in sorted(found):
        if path.is_file():
            yield path.relative_to(top).as_posix(), path.read_bytes()


def _table(modules: list[tuple[str, bytes]]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("module", "lines", "functions", "classes", "size_bytes"))
    for name, content in modules:
        counts = (content.count(b"\n"), len(_FUNCTION.findall(content)), len(_CLASS.findall(content)))
        rows.writerow((name, *counts, len(content)))
    return text.getvalue().encode()
