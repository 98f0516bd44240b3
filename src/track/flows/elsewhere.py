"""Elsewhere: large files are read at a remote, a part at a time, without being kept here."""

import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, suppress

from track.errors import DamagedObject, DiskFull, MissingObject, NewerFormat, RemoteError
from track.flows.pinned import Pinned, file_of, unavailable
from track.flows.reach import Version
from track.flows.remotes import Named, connected
from track.flows.routes import sources
from track.model.names import display, typed
from track.project import Project
from track.store.pack import SMALL
from track.store.parts import Parts
from track.store.remote import Remote


class FileParts:
    """The parts of a file at a remote; what goes wrong with one names both."""

    def __init__(self, parts: Parts, artifact: bytes, inner: bytes, remote: str) -> None:
        """Of a file, or of what is `inner` in a directory, at a remote of this name."""
        self._parts, self._artifact, self._inner, self._remote = parts, artifact, inner, remote
        self.length = parts.length

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, fewer where the file ends sooner. Raises as `Parts.read`."""
        try:
            return self._parts.read(start, end)
        except (DamagedObject, MissingObject) as error:
            path = b"/".join(filter(None, (self._artifact, self._inner)))
            raise type(error)(
                f"`{display(path)}` cannot be read at remote `{display(self._remote)}`: {error.message}",
                details=error.details,
                hint=f"track fetch -- {typed(self._artifact)}      brings it whole, from wherever it is sound\n"
                f"track repair --remote {display(self._remote)}      in a clone that has it, puts the remote right",
            ) from error


class Elsewhere:
    """The remotes that parts are read from, each reached once and kept open until `close`. Threads may share it."""

    def __init__(self) -> None:
        """None is reached yet."""
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._open: dict[tuple[str, str], tuple[AbstractContextManager[Remote], Remote]] = {}

    def parts(self, project: Project, pinned: Pinned) -> "FileParts | None":
        """The parts of a pinned file, from the best remote that has a recipe of it.

        None where the file is here, or small, or no remote gives parts of it: then it is brought whole.

        Raises:
            UsageError: it is a directory.
        """
        if pinned.pointer.kind == "value":
            return None
        entry = file_of(pinned)
        if entry.size < SMALL or not project.store.absent([entry.digest]) or not project.config.names("remote.*.url"):
            return None
        with self._lock:
            if self._process != os.getpid():  # what the parent opened is the parent's
                self._begin()
            for named in sources(project, [Version(pinned.artifact, pinned.pointer, ())]):
                with suppress(RemoteError, MissingObject, DamagedObject, NewerFormat):
                    if (found := self._at(project, named, entry.digest)) is not None:
                        return FileParts(found, pinned.artifact, pinned.inner, named.name)
        return None

    def bring(
        self,
        project: Project,
        pinned: Pinned,
        digests: Sequence[bytes],
        following: Callable[[], Sequence[bytes]] = tuple,
    ) -> None:
        """Have these objects of a pinned artifact in the store, from the remotes that have them, the best one first.

        Where one of them is not here, those that `following` names then are asked for with it, and may be missing.

        Raises:
            MissingObject: some of them are nowhere.
            RemoteError: no remote can be asked.
        """
        if not (absent := project.store.absent(digests)):
            return
        failure: RemoteError | None = None
        more = project.store.absent(following())
        if project.config.names("remote.*.url"):
            with self._lock:
                if self._process != os.getpid():
                    self._begin()
                for named in sources(project, [Version(pinned.artifact, pinned.pointer, ())]):
                    try:
                        _fetch(project, self._remote(project, named), absent, more)
                    except RemoteError as error:
                        failure = error
                        continue
                    if not (absent := project.store.absent(absent)):
                        return
        if failure is not None:
            raise failure
        raise unavailable(project, pinned, min(absent))

    def _at(self, project: Project, named: Named, digest: bytes) -> Parts | None:
        remote = self._remote(project, named)
        if not remote.known.present([digest]):
            remote.refresh()
        if not remote.known.present([digest]):
            return None
        return Parts(remote.place, remote.known, digest)

    def _remote(self, project: Project, named: Named) -> Remote:
        key = (named.name, named.url)
        if key not in self._open:
            manager = connected(project, named, sending=False)
            self._open[key] = (manager, manager.__enter__())
        return self._open[key][1]

    def close(self) -> None:
        """Let go of the remotes; once more is fine."""
        with self._lock:
            managers = [manager for manager, _ in self._open.values()] if self._process == os.getpid() else []
            self._open = {}
        for manager in managers:
            manager.__exit__(None, None, None)


def _fetch(project: Project, remote: Remote, wanted: Collection[bytes], more: Collection[bytes]) -> None:
    """Fetch what is wanted, and with it what may be soon; on a disk that has no room for both, what is wanted."""
    try:
        remote.fetch(project.store, [*wanted, *more])
    except DiskFull:
        if not more:
            raise
        remote.fetch(project.store, wanted)
