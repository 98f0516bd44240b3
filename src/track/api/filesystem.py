"""`track://` for fsspec: whatever reads files by URL reads versions, and writes none."""

import io
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import parse_qsl

from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]  # it has no types

from track.api import asking
from track.api.asking import asks, maybe
from track.api.facts import Asked, fact_of, folder_of, rev_of, right_in, split_url
from track.api.handles import Handles
from track.errors import UnknownFile, UnknownPath, UsageError
from track.flows.elsewhere import Elsewhere
from track.flows.pinned import Pinned
from track.flows.run_start import RUN_ID
from track.here import absolute
from track.model.names import display
from track.project import Project
from track.verbs.ls import ls
from track.verbs.version_created import version_created
from track.verbs.version_files import version_files
from track.verbs.version_get import version_get
from track.verbs.version_modified import version_modified
from track.verbs.version_stream import version_stream

_MAGIC = set("*?[")
_BUFFER = 64 << 10


class TrackFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The versions of a repository as files: `track://data/train.csv`, `track://data/train.csv?rev=v1.0`.

    Paths are from the top of the repository. Behind a `?` stand the revision (`rev`), and the partitions of a named
    artifact: `track://sales?region=eu`. It is read only. A large file that is not on this machine is read at a remote,
    only the parts that are asked for; every byte is verified. What is read inside a run becomes its input.

    >>> import fsspec
    >>> with fsspec.open("track://data/train.csv?rev=v1.0", "r") as file:
    ...     file.readline()
    'name,age\\n'
    >>> fsspec.filesystem("track").glob("images/**/*.txt")
    ['images/cats/1.txt', 'images/cats/2.txt']

    What is not there raises `UnknownFile`, which is a FileNotFoundError too; other errors are those of `track.Version`.
    Every method raises `UsageError` for a path that is none, `UnknownRevision` where there is no such commit,
    `OutsideRepository`, `ForbiddenPath` or `Unreadable` for a place at which track may not look, or cannot, and
    `NotARepository`, `ProjectError` or `BadConfig` where there is no repository with track in it.
    """

    protocol = "track"
    root_marker = ""

    @asks(repo=maybe(asking.path), rev=maybe(asking.text))
    def __init__(self, repo: str | os.PathLike[str] | None = None, rev: str | None = None, **options: Any) -> None:
        """The repository that holds the folder `repo`, by default the one that is current when something is asked.

        `rev` is the revision of all paths that name none.

        Raises:
            UsageError: the path or revision is none.
        """
        super().__init__(repo=repo, rev=rev, **options)
        self._repo, self._rev = repo, rev
        self._handles: dict[str, Handles] = {}
        self._elsewhere = Elsewhere()

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """The path of a URL, with what stands behind the `?`."""
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        text = asking.path("path", path).removeprefix("track://").removeprefix("track::")
        bare, query = split_url(text)
        return bare.strip("/") + query

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is at a path: name, size in bytes, type (file or directory), digest.

        >>> files = fsspec.filesystem("track")
        >>> files.info("data/train.csv?rev=v1.0")["size"]
        16

        Raises:
            UnknownFile: nothing is there.
        """
        asked = self._asked(path)
        if not asked.bare:
            return folder_of("")
        try:
            pinned = self._pinned(asked)
        except UnknownPath as error:
            if self._below(asked):
                return folder_of(asked.bare + asked.query)
            raise _no_file(error) from error
        return fact_of(asked.bare + asked.query, pinned)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is in a folder, or the file at a path, by name.

        >>> fsspec.filesystem("track").ls("images/cats", detail=False)
        ['images/cats/1.txt', 'images/cats/2.txt']

        Raises:
            UnknownFile: nothing is there.
        """
        asked = self._asked(path)
        try:
            pinned = self._pinned(asked) if asked.bare else None
        except UnknownPath as error:
            pinned, found = None, self._below(asked)
            if not found:
                raise _no_file(error) from error
        if pinned is None:
            facts = self._below(asked)
        elif pinned.is_directory:
            facts = self._inside(asked, pinned)
        else:
            facts = [fact_of(asked.bare + asked.query, pinned)]
        return facts if detail else [fact["name"] for fact in facts]

    def glob(self, path: str, maxdepth: int | None = None, **options: Any) -> Any:
        """The files that a pattern matches; a revision or partition behind a `?` is none.

        >>> fsspec.filesystem("track").glob("data/*.csv?rev=v1.0")
        ['data/train.csv?rev=v1.0']

        Raises:
            UnknownRevision: there is no such commit.
            UsageError: the path is none.
        """
        bare, query = split_url(self._strip_protocol(asking.path("path", path)))
        if not _MAGIC & set(bare):
            return super().glob(bare + query, maxdepth=maxdepth, **options) if not query else self._known(bare + query)
        if not query:
            return super().glob(bare, maxdepth=maxdepth, **options)
        there = type(self)(repo=self._repo, rev=rev_of(query, self._rev))
        found = AbstractFileSystem.glob(there, bare, maxdepth=maxdepth, **options)
        if isinstance(found, dict):
            return {name + query: {**fact, "name": name + query} for name, fact in found.items()}
        return [name + query for name in found]

    def expand_path(self, path: Any, recursive: bool = False, maxdepth: int | None = None, **options: Any) -> list[str]:
        """The paths that are meant by paths and patterns, sorted, as `cat` and `get` ask for them.

        >>> fsspec.filesystem("track").expand_path("images/cats/*.txt")
        ['images/cats/1.txt', 'images/cats/2.txt']

        Raises:
            UnknownFile: nothing is there.
            UsageError: a path is none.
        """
        given = [path] if isinstance(path, str | os.PathLike | bytes) or not isinstance(path, Iterable) else list(path)
        path = [asking.path("path", one) for one in given]
        with suppress(FileNotFoundError):
            return super().expand_path(path, recursive, maxdepth, **options)  # type: ignore[no-any-return]  # untyped
        for one in path:
            self.info(one)
        raise UnknownFile(f"nothing is at `{', '.join(map(display, path))}`", hint="track ls")

    def _known(self, path: str) -> list[str]:
        return [path] if self.exists(path) else []

    def _open(self, path: str, mode: str = "rb", **_: Any) -> BinaryIO:
        """A file, open for reading.

        Raises:
            UnknownFile: nothing is there.
            UsageError: it is a directory, or the mode is for writing.
            MissingObject, DamagedObject: its bytes are nowhere whole.
            RemoteError: they are not here, and no remote can be asked.
        """
        if mode != "rb":
            _refuse(path)
        try:
            pinned = self._pinned(self._asked(path))
        except UnknownPath as error:
            raise _no_file(error) from error
        with self._at().reading() as project:
            return _sized(version_stream(project, pinned, self._elsewhere, reader=os.environ.get(RUN_ID)))

    def created(self, path: str) -> datetime:
        """When the version that the path means was made: when its run ended, or it was first committed; UTC.

        What no commit has yet is as old as its pointer. A folder that holds artifacts has no such time, and says so as
        what is not there does. Raises as `info`.

        >>> fsspec.filesystem("track").created("data/train.csv").isoformat()
        '20...+00:00'
        """
        return self._told(path, version_created)

    def modified(self, path: str) -> datetime:
        """When what the path means was last another version; content has no time of its own. Raises as `created`.

        >>> files = fsspec.filesystem("track")
        >>> files.modified("data/train.csv?rev=v1.0") <= files.modified("data/train.csv")
        True
        """
        return self._told(path, version_modified)

    def _told(self, path: str, ask: Callable[[Project, Pinned], datetime]) -> datetime:
        asked = self._asked(path)
        try:
            pinned = self._pinned(asked)
            with self._at().fresh() as project:
                return ask(project, pinned)
        except UnknownPath as error:
            raise _no_file(error) from error

    def ukey(self, path: str) -> str:
        """What is another for other content: the digest.

        >>> files = fsspec.filesystem("track")
        >>> files.ukey("data/train.csv") == files.ukey("data/train.csv?rev=v1.0")
        False

        Raises:
            UnknownFile: nothing is there.
        """
        return str(self.info(path).get("digest", path))

    def isdir(self, path: str) -> bool:
        """Whether a folder is there.

        >>> fsspec.filesystem("track").isdir("images/cats")
        True

        Raises:
            UsageError: the path is none.
            MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
        """
        try:
            return bool(self.info(path)["type"] == "directory")
        except UnknownPath:
            return False

    def isfile(self, path: str) -> bool:
        """Whether a file is there.

        >>> fsspec.filesystem("track").isfile("images/cats/1.txt")
        True

        Raises:
            UsageError: the path is none.
            MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
        """
        try:
            return bool(self.info(path)["type"] == "file")
        except UnknownPath:
            return False

    def exists(self, path: str, **_: Any) -> bool:
        """Whether anything is there.

        >>> fsspec.filesystem("track").exists("sales?region=asia")
        False

        Raises:
            UsageError: the path is none.
            MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
        """
        try:
            self.info(path)
        except UnknownPath:
            return False
        return True

    def _refused(self, path: Any = "", *_: Any, **__: Any) -> NoReturn:
        """Refuse to write.

        Raises:
            UsageError: always; it says what to do instead.
        """
        _refuse(path)

    mkdir = makedirs = rmdir = rm_file = _rm = rm = cp_file = copy = mv = touch = pipe_file = put_file = put = _refused
    """What would write."""

    def close(self) -> None:
        """Let go of remotes and repositories; once more is fine.

        >>> files = fsspec.filesystem("track")
        >>> files.close()
        """
        self._elsewhere.close()
        for handles in self._handles.values():
            handles.close()
        self._handles = {}

    def _at(self) -> Handles:
        """The repository around the folder that is meant by now."""
        start = absolute(self._repo if self._repo is not None else os.curdir)
        if (found := self._handles.get(start)) is None:
            found = Handles(Path(start))
            with found.reading() as project:
                root = project.root
            if root != Path(start):  # paths are from the top
                found.close()
                found = Handles(root)
            found = self._handles.setdefault(start, found)
        return found

    def _asked(self, path: str) -> Asked:
        bare, query = split_url(self._strip_protocol(asking.path("path", path)))
        words = dict(parse_qsl(query[1:], keep_blank_values=True))
        return Asked(bare, query, words.pop("rev", None) or self._rev, words)

    def _pinned(self, asked: Asked) -> Pinned:
        with self._at().reading() as project:
            return version_get(project, asked.bare, rev=asked.rev, partitions=asked.partitions)

    def _below(self, asked: Asked) -> list[dict[str, Any]]:
        """The artifacts and folders right below a folder that is in none."""
        with self._at().fresh() as project:
            prefix = f"{asked.rev}:/" if asked.rev is not None else f"{project.root}/"
            try:
                items = ls(project, prefix + asked.bare).items
            except UnknownPath:
                return []
        start = len(os.fsencode(asked.bare)) + 1 if asked.bare else 0
        found: dict[str, dict[str, Any]] = {}
        for item in items:
            if item.name is not None:  # a named artifact has no path
                continue
            first, slash, _ = item.path[start:].partition(b"/")
            name = os.fsdecode(item.path[:start] + first) + asked.query
            if slash or item.kind == "directory":
                found.setdefault(name, folder_of(name))
            else:
                found[name] = {"name": name, "size": item.size, "type": "file", "digest": str(item.digest)}
        return list(found.values())

    def _inside(self, asked: Asked, pinned: Pinned) -> list[dict[str, Any]]:
        """The files and folders right in a directory artifact, or in a folder of one."""
        with self._at().reading() as project:
            return list(right_in(asked, version_files(project, pinned)))


class _Sized(io.BufferedReader):
    """A file that says its `size`: what fsspec reads from the end of a file, it asks that for."""

    size: int


def _sized(file: BinaryIO) -> BinaryIO:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    raw = file.detach() if isinstance(file, io.BufferedReader) else file
    raw.seek(0)
    found = _Sized(raw, _BUFFER)  # type: ignore[arg-type]  # bytes in memory are read as a raw file is
    found.size = size
    return found


def _no_file(error: UnknownPath) -> UnknownFile:
    """The same, as who reads files knows it."""
    return UnknownFile(error.message, hint=error.hint, details=error.details)


def _refuse(path: Any) -> NoReturn:
    shown = display(str(path))
    raise UsageError(
        f"`track://{shown.removeprefix('track://')}` cannot be written: versions stay what they are",
        hint="write the file into the working tree, then: track add PATH",
    )
