"""Handles: the open projects of one `Repo`, each lent to one thread at a time."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from track import config, forks
from track.api.tolerance import LOGGER
from track.errors import UsageError
from track.project import CONFIG, Project

_KEPT_OPEN = 8

Stamp = tuple[tuple[int, int, int] | None, ...]


class Handles:
    """Projects of the repository around one folder, opened when they are needed and kept for the next call.

    A call has a project for itself, so threads may share this. After a fork the child begins with none: what its
    parent opened stays its parent's. Changed configuration is noticed before the next call.
    """

    def __init__(self, start: Path, face: str = "Repo") -> None:
        """None is open yet; `face` is what people call that which uses them."""
        self.start = start
        self.face = face
        self.root = start
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[tuple[Project, Stamp]] = []
        self._told: set[str] = set()
        self.is_closed = False

    @contextmanager
    def reading(self) -> Iterator[Project]:
        """A project that was perhaps opened before, for questions that Git need not be asked again.

        Raises as `Project.open`, and UsageError when this was closed.
        """
        with forks.inside():
            project, stamp = self._take() or self._opened()
            try:
                yield project
                self._tell(project)
            except BaseException:
                self._close(project)
                raise
            self._give_back(project, stamp)

    @contextmanager
    def fresh(self) -> Iterator[Project]:
        """A project that is opened for this call alone. Raises as `reading`."""
        self._check()
        with Project.open(self.start) as project:
            yield project
            self._tell(project)

    def __reduce__(self) -> tuple[type["Handles"], tuple[Path, str]]:
        """Another process opens its own."""
        return Handles, (self.start, self.face)

    def close(self) -> None:
        """Close what is open, and be of no more use; once more is fine."""
        if self._process != os.getpid():
            self._inherited = self._idle
            self._begin()
        with self._lock:
            idle, self._idle, self.is_closed = self._idle, [], True
        for project, _ in idle:
            project.close()

    def __del__(self) -> None:
        """Close what is open when neither the `Repo` nor anything that it gave is there any more."""
        with suppress(Exception):  # nobody could be told, and the end of the process closes all
            self.close()

    def _check(self) -> None:
        if self._process != os.getpid():
            # Not closed: a connection to a database that the parent uses must not be touched here.
            self._inherited, was_closed = self._idle, self.is_closed
            self._begin()
            self.is_closed = was_closed
        if self.is_closed:
            again = f"open another one: track.{self.face}({str(self.start)!r})"
            raise UsageError(f"this {self.face} was closed", hint=again)

    def _take(self) -> tuple[Project, Stamp] | None:
        self._check()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                project, stamp = self._idle.pop()
            if stamp == _stamp(project):
                return project, stamp
            project.close()

    def _opened(self) -> tuple[Project, Stamp]:
        project = Project.open(self.start)
        return project, _stamp(project)

    def _give_back(self, project: Project, stamp: Stamp) -> None:
        with self._lock:
            if not self.is_closed and self._process == os.getpid() and len(self._idle) < _KEPT_OPEN:
                self._idle.append((project, stamp))
                return
        self._close(project)

    def _close(self, project: Project) -> None:
        if self._process == os.getpid():
            project.close()

    def _tell(self, project: Project) -> None:
        """Say once, by the logger `track`, what is not as it should be and stops nothing."""
        for warning in project.warnings:
            if warning not in self._told:
                self._told.add(warning)
                LOGGER.warning("%s", warning)


def _stamp(project: Project) -> Stamp:
    """What tells whether the files of the configuration, or the repository, are others by now."""
    files = (project.state / "config.toml", project.root / os.fsdecode(CONFIG), config.user_file())
    return (*(_stat(os.fspath(path)) for path in files), _folder(os.fspath(project.git.git_dir)))


def _stat(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _folder(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, 0
