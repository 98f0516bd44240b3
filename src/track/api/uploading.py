"""Uploading: the run that a handler is, and the names of the files that it uploads."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from track.errors import DamagedObject, MalformedManifest, MissingObject, NewerFormat, UsageError
from track.flows.reach import Version
from track.flows.run_versions import entries_of
from track.model.digest import Digest
from track.model.names import check_entry_path, display
from track.model.pointer import Pointer
from track.project import Project
from track.verbs.run_open import LastCode, Opened

NAMES = ("files",)
"""The label of a pointer that lists the names of its files, so that they are known where no data is."""
NAMES_LIMIT = 64 << 10
"""Bytes of names that a pointer is to hold; of more it holds none, and the manifest says them."""


class Runs:
    """The run of a handler: the first that it begins in a process, for a user, and inside another run or in none.

    Each upload has a record of its own, since one that was committed does not change any more; the first of a handler
    is the parent of all the others. Threads may share it; another process begins anew.
    """

    __slots__ = ("_first", "_lock", "_process", "last")

    def __init__(self) -> None:
        """Nothing was begun yet."""
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._first: dict[tuple[str | None, str | None], str] = {}
        self.last = LastCode()

    @contextmanager
    def opened(self, who: tuple[str | None, str | None], begin: Callable[[str | None], Opened]) -> Iterator[Opened]:
        """What `begin`, which is given the id of the parent, began. `who` is the user and the outer run.

        While the first upload is under way, others wait: if the block ends by an exception it came to nothing, and is
        nobody's parent.
        """
        if self._process != os.getpid():
            self._begin()
        if who[1] is not None:
            yield begin(None)  # what is inside a run has that for its parent
            return
        with self._lock:
            if (first := self._first.get(who)) is None:
                opened = begin(None)
                yield opened
                self._first[who] = opened.living.id
                return
        yield begin(first)

    def __reduce__(self) -> tuple[type["Runs"], tuple[()]]:
        """Another process has its own."""
        return Runs, ()


def check_names(names: Sequence[str]) -> None:
    """Refuse names that a file in an artifact cannot have. Raises UsageError."""
    folders: set[str] = set()
    for name in names:
        try:
            why = check_entry_path(name.encode("utf-8"))
        except UnicodeEncodeError:
            why = "is not UTF-8"
        if why is not None:
            raise UsageError(f"not a name for a file: '{display(name)}' {why}", hint="use another name")
        while (name := name.rpartition("/")[0]) and name not in folders:
            folders.add(name)
    for name in names:
        if name in folders:
            raise UsageError(f"`{display(name)}` is a file and a folder among these", hint="rename one")


def told_names(names: Sequence[str]) -> list[tuple[tuple[str, ...], object]]:
    """The label that says the names, or nothing where they are too many for a pointer."""
    return [(NAMES, list(names))] if sum(len(name) + 4 for name in names) <= NAMES_LIMIT else []


def names_of(project: Project, pointer: Mapping[str, Any]) -> list[str]:
    """The names of the files of an upload: as its label says, else as its manifest does; none where that is not here.

    No remote is asked.
    """
    labels = pointer["labels"] or {}
    if NAMES[0] in labels or pointer["kind"] != "directory":
        return list(labels.get(NAMES[0], ()))
    of = Pointer(kind="directory", digest=Digest.parse(str(pointer["digest"])), files=0)
    with suppress(MissingObject, DamagedObject, MalformedManifest, NewerFormat):
        return [os.fsdecode(entry.path) for entry in entries_of(project, Version(b"upload", of, ()))]
    return []
