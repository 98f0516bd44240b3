"""Store: files by paths of one's own, put and got from programs, as Craft AI's users do it with their data store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, overload

from track.api import asking, later
from track.api.asking import asks, maybe
from track.api.buffers import Readable, Writable, as_source, as_target, copy
from track.api.handles import Handles
from track.api.tolerance import LOGGER, said
from track.errors import UnknownPath, UsageError
from track.flows.data_store import StoreObject
from track.flows.remotes import choose
from track.flows.run_start import RUN_ID
from track.here import absolute
from track.model.labels import labels_from
from track.model.names import display
from track.verbs.store_get import store_get
from track.verbs.store_info import store_info
from track.verbs.store_list import store_list
from track.verbs.store_place import store_place
from track.verbs.version_open import version_open

AnyPath = str | os.PathLike[str]


class Store:
    """A data store: files by any path below it, which code may make up; `with track.Store() as store: ...`, or without.

    An object of the store is a named artifact that is one file and has no partitions: its path is the name. So it has
    no working copy that `checkout` or another branch would move under a program, any path is free, whatever lies in
    the working tree, and `track put`, `get`, `find`, `lineage` and remotes know it like every other. Each `put` is a
    version: a pointer below `.track/artifacts`, staged for the next commit. What is put or got inside a run
    (`TRACK_RUN_ID` names it) becomes an output or input of that run. Threads may share one, and a child of a fork may
    go on with it.

    >>> with track.Store() as store:
    ...     _ = store.put(io.BytesIO(b"id,score"), "data/predictions_7.csv")
    ...     [(one.path, one.size) for one in store.list("data")]
    [('data/predictions_7.csv', 8)]

    Every method raises `NotARepository`, `ProjectError` or `BadConfig` where there is no repository with track in it by
    now, and `UsageError` after `close`, and for a path that cannot be or leaves the store. All errors are `TrackError`.
    """

    __slots__ = ("_handles", "_remote")

    @asks(path=asking.path, remote=maybe(asking.text))
    def __init__(self, path: AnyPath = ".", *, remote: str | None = None) -> None:
        """The store of the repository that holds the folder `path`; with `remote`, each put is sent to it at once.

        Raises:
            NotARepository: there is no Git repository with a working tree here, or Git refuses to trust it.
            ProjectError: track was never set up in it; `track.Repo.init` does that.
            NewerFormat, BadConfig: it cannot be read by this version.
            NoRemote: the project has no such remote.
        """
        self._handles = Handles(Path(absolute(path)), "Store")
        self._remote = remote
        with self._handles.reading() as project:
            self._handles.root = project.root
            if remote is not None:
                choose(project, remote)

    @asks(path=asking.text, labels=maybe(asking.mapping), type=maybe(asking.text))
    def put(
        self,
        source: AnyPath | Readable,
        path: str,
        *,
        labels: Mapping[str, Any] | None = None,
        type: str | None = None,
        dry_run: bool = False,
    ) -> later.Put:
        """Put a file, or all that a binary buffer holds, at `path` of the store; what lay there stays in the history.

        A buffer is read from its start where it can be moved, by pieces. The same content once more changes nothing.

        >>> store.put("data/train.csv", "copies/train.csv").is_new
        True
        >>> store.put(io.BytesIO(b"name"), "copies/train.csv", labels={"ticket": "AB-1"}).is_new
        False

        Raises:
            UsageError: the path cannot be, the source is a folder, in text mode or neither, or a label cannot be.
            UnknownPath: no file is there to put.
            OutsideRepository, Conflict: the file is Git's or track's own.
            SpecialFile, Unreadable, ChangedWhileAdding: it cannot be read as it stands.
            MalformedPointer: the version before it cannot be read.
            DiskFull, StoreUnwritable, Locked: it cannot be stored; nothing was put.
            RemoteError: it is not at the remote; it was put, and `track push` sends it.
        """
        content = _content(source)
        remarks = later.Remarks(labels_from(labels), type=type)
        with self._handles.fresh() as project:
            place = store_place(project, path)
            done = later.put(project, place.name, content, remarks=remarks, run=os.environ.get(RUN_ID), dry_run=dry_run)
            if self._remote is not None and not dry_run:
                later.push(project, self._remote)
        return done

    @overload
    def get(
        self, path: str, target: AnyPath | None = None, *, rev: str | None = None, force: bool = False
    ) -> later.Downloaded: ...

    @overload
    def get(self, path: str, target: Writable, *, rev: str | None = None, force: bool = False) -> int: ...

    @asks(path=asking.text, rev=maybe(asking.text))
    def get(
        self, path: str, target: AnyPath | Writable | None = None, *, rev: str | None = None, force: bool = False
    ) -> later.Downloaded | int:
        """Copy the object at `path` to a file, by default its own name in the current folder, or into a binary buffer.

        It is the version that the working tree names, or the one at `rev`, verified, and comes from a remote where it
        is not here. A file of the right content is left alone, and with `force` another one replaced; in a folder it
        has its own name. A buffer is at its start afterwards where it can be moved. Returned is where the file is, or
        how many bytes the buffer was given.

        >>> store.get("raw/train.csv", "train.csv").target.name
        'train.csv'
        >>> buffer = io.BytesIO()
        >>> store.get("raw/train.csv", buffer), buffer.read()
        (24, b'name,age\\nAda,36\\nAlan,41\\n')

        Raises:
            UnknownPath: nothing is in the store there; the nearest paths are told.
            UnknownRevision: there is no such commit.
            UsageError: a directory or value is called so, or the target is in text mode or neither.
            Conflict: something else stands at the target; nothing was written.
            OutsideRepository, ForbiddenPath: the target is a place of Git's or track's own.
            MissingObject, DamagedObject: its bytes are nowhere whole.
            RemoteError: they are not here, and no remote can be asked.
            DiskFull, StoreUnwritable: the target cannot be written to.
            MalformedPointer: its pointer breaks the rules of its format.
        """
        buffer = None if target is None or isinstance(target, str | os.PathLike) else as_target(target)
        reader = os.environ.get(RUN_ID)
        with self._handles.reading() as project:
            pinned = store_get(project, path, rev=rev)
            if buffer is None:
                to = pinned.filename if target is None else asking.file("target", target)
                return later.version_download(project, pinned, to, force=force, reader=reader)
            with version_open(project, pinned, reader=reader) as content:
                return copy(content, buffer)

    @asks(folder=maybe(asking.text), rev=maybe(asking.text))
    def list(self, folder: str | None = None, *, rev: str | None = None) -> tuple[StoreObject, ...]:
        """The objects below `folder`, by default all, sorted by path, in the working tree or at `rev`.

        One that cannot be read is told by the logger `track`, and left out.

        >>> [one.path for one in store.list()]
        ['raw/train.csv']

        Raises:
            UnknownRevision: there is no such commit.
        """
        with self._handles.reading() as project:
            found = store_list(project, folder, rev=rev)
        for error in found.refused:
            LOGGER.warning("%s", said(error))
        return found.objects

    @asks(path=asking.text, rev=maybe(asking.text))
    def info(self, path: str, *, rev: str | None = None) -> StoreObject:
        """What is known of the object at `path`, in the working tree or at `rev`: size, when, by whom, which run.

        >>> store.info("raw/train.csv").type
        'text/csv'

        Raises:
            UnknownPath: nothing is in the store there; the nearest paths are told.
            UnknownRevision: there is no such commit.
            UsageError: a directory or value is called so.
            MalformedPointer: its pointer breaks the rules of its format.
        """
        with self._handles.reading() as project:
            return store_info(project, path, rev=rev)

    @asks(path=asking.text)
    def delete(self, path: str) -> None:
        """Remove the object at `path` from the next version: its pointer goes, and that is staged.

        Older versions stay in the history and in the store; `track restore last` brings it back, `track gc` frees the
        space of what no commit has.

        >>> store.delete("raw/train.csv")
        >>> store.list()
        ()

        Raises:
            UnknownPath: nothing is in the store there; the nearest paths are told.
            UsageError: a directory or value is called so.
            MalformedPointer: its pointer breaks the rules of its format.
            DiskFull, StoreUnwritable, Locked: it cannot be removed; it is there as before.
        """
        with self._handles.fresh() as project:
            later.rm(project, [store_place(project, path, is_there=True).path])

    def close(self) -> None:
        """Let go of what is open; once more is fine. It cannot be used after that.

        >>> store.close()
        >>> store
        <Store of ...project (closed)>
        """
        self._handles.close()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Of which repository it is."""
        return f"<Store of {display(str(self._handles.root))}{' (closed)' if self._handles.is_closed else ''}>"


def _content(source: AnyPath | Readable) -> later.Content:
    """What is put: a file that is there, or a buffer."""
    if not isinstance(source, str | os.PathLike):
        return later.Content(stream=as_source(source))
    path = asking.file("source", source)
    if os.path.isdir(path):
        raise UsageError(
            f"`{display(path)}` is a folder, and the store holds files",
            hint="put the files in it one by one, or the whole of it as a directory artifact: track put NAME FOLDER",
        )
    if not os.path.lexists(path):
        raise UnknownPath(f"nothing is there to put: `{display(path)}`", hint="see what is there: ls")
    return later.Content((absolute(path),))
