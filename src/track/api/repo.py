"""Repo: a repository with track in it, in Python; each method calls one verb and returns what that did."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from track.api import asking, later, notebook
from track.api.asking import asks, each, maybe
from track.api.page import block, note, table, title
from track.api.questions import AnyPath, Questions
from track.here import absolute
from track.model.amounts import count_text, size_text
from track.model.labels import labels_from
from track.model.names import display, text_of


class Repo(Questions):
    """A Git repository with track in it: `with track.Repo() as repo: ...`, or without the `with`.

    Paths are those of the folder that it was opened with, whatever the current folder is by then; full paths hold too.
    Threads may share one. A child of a fork may go on with it; a fork waits up to two seconds for what other threads do
    with track, once for each call. What is not as it should be and stops nothing is told by the logger `track`.

    >>> with track.Repo() as repo:
    ...     print(repo.get("data/train.csv").size)
    24

    Every method raises `NotARepository`, `ProjectError` or `BadConfig` where there is no repository with track in it by
    now, and `UsageError` after `close`. All errors are `TrackError`.
    """

    __slots__ = ()

    @asks(path=asking.path)
    def __init__(self, path: AnyPath = ".") -> None:
        """The repository that holds `path`, by default the current folder.

        Raises:
            NotARepository: there is no Git repository with a working tree here, or Git refuses to trust it.
            ProjectError: track was never set up in it; `Repo.init` does that.
            NewerFormat: it was set up by a later version.
            BadConfig: a configuration file is broken.
        """
        super().__init__(path)

    @classmethod
    @asks(path=asking.path)
    def init(cls, path: AnyPath = ".", *, git: bool = True, hooks: bool = True) -> Self:
        """Set up the repository that holds the folder `path`, and open it; again is fine.

        With `git`, `git init` makes one where there is none. With `hooks`, Git calls track from then on.

        >>> Path("../experiments").mkdir()
        >>> with track.Repo.init("../experiments") as new:
        ...     new.root.name
        'experiments'

        Raises:
            NotARepository: the folder is not there, or in no Git repository and `git` is false.
            NewerFormat: it was set up by a later version.
            ForbiddenPath: a file that has to be written is a link.
            DiskFull, StoreUnwritable: it cannot be made.
            Locked: another `track` works here.
        """
        later.init(Path(absolute(path)), make_git=git, look=False, with_hooks=hooks)
        return cls(path)

    @classmethod
    @asks(url=asking.text, to=maybe(asking.path), branch=maybe(asking.text))
    def clone(
        cls, url: str, to: AnyPath | None = None, *, data: bool = True, branch: str | None = None, hooks: bool = True
    ) -> Self:
        """Clone the Git repository at `url` into the folder `to` (default: as Git would call it), and open it.

        With `data`, what its pointers name comes too. Nothing that comes with it is run, and no remote is used that
        only it names, but one that lies beside it. When the data does not come, the clone stays.

        >>> with track.Repo.clone("../project", "../copy") as copy:
        ...     (copy.root / "data/train.csv").read_text()
        'name,age\\nAda,36\\nAlan,41\\n'

        Raises:
            UsageError: the URL is none, or says no name for the folder.
            Conflict: the folder is there and not empty.
            GitFailed: the repository was not reached.
            NoRemote, RemoteError, MissingObject, DamagedObject: the data could not be had; the clone stays.
            NewerFormat, BadConfig: it cannot be read by this version; the clone stays.
        """
        folder = absolute(to) if to is not None else None
        return cls(later.clone(url, folder, data=data, branch=branch, with_hooks=hooks).root)

    def close(self) -> None:
        """Let go of what is open; once more is fine. It cannot be used after that, nor what it gave.

        >>> repo.close()
        >>> repo
        <Repo ...project (closed)>
        """
        self._handles.close()

    def __enter__(self) -> Self:
        """The repository itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @asks(
        paths=asking.path,
        labels=maybe(asking.mapping),
        tags=each(asking.text),
        type=maybe(asking.text),
        name=maybe(asking.text),
        partitions=maybe(asking.facts),
    )
    def add(
        self,
        *paths: AnyPath,
        labels: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        type: str | None = None,
        name: str | None = None,
        partitions: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> later.Added:
        """Store files and directories, and write and stage the pointers that stand for them; commit those with Git.

        `labels` join those there are; a mapping in them is a table. With `name`, the one path becomes a named artifact,
        with these `partitions`.

        >>> added = repo.add("data/train.csv", labels={"reviewed": True})
        >>> [(artifact.path, artifact.is_new) for artifact in added.artifacts]
        [(b'data/train.csv', False)]

        Raises:
            UsageError: no path was given, or a name, label or type cannot be.
            UnknownPath: nothing is there.
            AlreadyInGit, InsideArtifact, NameTooLong: it cannot become an artifact, and why.
            OutOfStep: Git moved a pointer, and the data would take back what changed there.
            SpecialFile, Unreadable, ChangedWhileAdding: something in it cannot be read as it stands.
            DiskFull, StoreUnwritable: the store could not take the bytes; nothing was left half-written.
            Locked: another `track` works here.
        """
        marks = later.Marks(labels_from(labels), tuple(tags), type, name, partitions)
        with self._handles.fresh() as project:
            return later.add(project, [os.fspath(path) for path in paths], marks=marks, dry_run=dry_run)

    @asks(
        name=asking.text,
        paths=asking.path,
        partitions=maybe(asking.facts),
        time=maybe(asking.day),
        labels=maybe(asking.mapping),
        type=maybe(asking.text),
    )
    def put(
        self,
        name: str,
        *paths: AnyPath,
        value: Any = None,
        partitions: Mapping[str, str] | None = None,
        time: str | date | None = None,
        labels: Mapping[str, Any] | None = None,
        type: str | None = None,
        dry_run: bool = False,
    ) -> later.Put:
        """Store files and folders, or a `value`, as the version of a named artifact with these `partitions`.

        There is no working copy; the pointer is written and staged. Inside a run it is one of its outputs.

        >>> repo.put("sales", "data/train.csv", partitions={"region": "asia"}).is_new
        True
        >>> repo.put("answer", value=42).kind
        'value'

        Raises:
            UsageError, UnknownPath: the name, a partition, a label or value cannot be, or nothing is there to put.
            Conflict, OutsideRepository: what is to be put is Git's or track's own, or holds it.
            SpecialFile, Unreadable, ChangedWhileAdding: something in it cannot be read as it stands.
            MalformedPointer, NewerFormat: the version before it, or what was declared, cannot be read.
            DiskFull, StoreUnwritable, Locked: nothing was left half-written.
        """
        content = later.Content(tuple(os.fspath(path) for path in paths), value=value, is_value=value is not None)
        remarks = later.Remarks(labels_from(labels), type=type)
        run = os.environ.get(later.RUN_ID)
        with self._handles.fresh() as project:
            return later.put(
                project, name, content, partitions=partitions, time=time, remarks=remarks, run=run, dry_run=dry_run
            )

    @asks(paths=asking.path, rev=maybe(asking.text))
    def checkout(
        self, *paths: AnyPath, rev: str | None = None, force: bool = False, dry_run: bool = False
    ) -> later.CheckedOut:
        """Make working files what their pointers say, or what those at `rev` say; unsaved work is refused.

        >>> [artifact.path for artifact in repo.checkout("data/train.csv", rev="v1.0").artifacts]
        [b'data/train.csv']
        >>> Path("data/train.csv").read_text()
        'name,age\\nAda,36\\n'

        Raises:
            UnsavedWork: files would go whose content is saved nowhere; nothing was changed.
            MissingObject, DamagedObject: bytes are not here whole; what else was asked for was placed.
            UnknownRevision, UnknownPath: what was asked for is not there.
            MalformedPointer, MalformedManifest, NewerFormat, ForbiddenPath: what should be placed cannot be believed.
            DiskFull, StoreUnwritable: the files did not fit.
            Locked: another `track` works here.
        """
        with self._handles.fresh() as project:
            return later.checkout(project, rev, [os.fspath(path) for path in paths], force=force, dry_run=dry_run)

    @asks(remote=maybe(asking.text), revs=each(asking.text), paths=each(asking.path))
    def push(
        self,
        remote: str | None = None,
        *,
        revs: Sequence[str] = (),
        paths: Sequence[AnyPath] = (),
        every: bool = False,
        dry_run: bool = False,
    ) -> later.Pushed:
        """Send what pointers at `revs` (default: HEAD and Git's index) need and the remote lacks.

        `every` means every branch and tag.

        >>> pushed = repo.push()
        >>> pushed.remote, pushed.objects_count > 0
        ('storage', True)
        >>> repo.push().objects_count
        0

        Raises:
            NoRemote: the project names no such remote.
            UnknownRevision, UnknownPath: what was asked for is not there.
            MalformedPointer, NewerFormat: the pointer of what was asked for cannot be read.
            MissingObject, DamagedObject: bytes are nowhere whole; everything else was sent.
            RemoteError: the remote is not there, is no store, or this clone was not told that it may use it.
            Locked: another push of this clone takes too long.
        """
        with self._handles.fresh() as project:
            names = [os.fspath(path) for path in paths]
            return later.push(project, remote, revs, paths=names, every=every, dry_run=dry_run)

    @asks(paths=asking.path, remote=maybe(asking.text))
    def pull(
        self, *paths: AnyPath, remote: str | None = None, force: bool = False, dry_run: bool = False
    ) -> later.Pulled:
        """Fetch what the pointers in the working tree need, and place it; of everything, or what lies at `paths`.

        >>> with track.Repo.clone("../project", "../copy", data=False) as copy:
        ...     [artifact.path for artifact in copy.pull("data").artifacts]
        [b'data/train.csv']

        Raises:
            UnknownPath: nothing lies at one of the paths.
            UnsavedWork: files whose content is saved nowhere would go; what came is in the store.
            MalformedPointer, NewerFormat: the pointer of what was asked for cannot be read.
            NoRemote, RemoteError: something is lacking, and no remote can be asked.
            MissingObject, DamagedObject: bytes that no remote has whole; everything else was placed.
            Locked: another `track` works here.
        """
        with self._handles.fresh() as project:
            names = [os.fspath(path) for path in paths]
            return later.pull(project, names, remote=remote, force=force, dry_run=dry_run)

    @asks(
        command=each(asking.path),
        inputs=each(asking.path),
        outputs=each(asking.path),
        metrics=each(asking.path),
        name=maybe(asking.text),
        folder=asking.text,
        description=maybe(asking.text),
        tags=each(asking.text),
        metadata=maybe(asking.mapping),
        params=maybe(asking.mapping),
        observe=maybe(asking.one_of("auto", "python", "trace", "off")),
        require=maybe(asking.one_of("nothing", "clean", "pushed")),
        echo=maybe(asking.function),
    )
    def run(
        self,
        command: Sequence[str],
        *,
        inputs: Sequence[AnyPath] = (),
        outputs: Sequence[AnyPath] = (),
        metrics: Sequence[AnyPath] = (),
        name: str | None = None,
        folder: str = "/",
        description: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        observe: str | None = None,
        require: str | None = None,
        isolated: bool = False,
        commit: bool = False,
        keep: bool = True,
        echo: Callable[[int, bytes], None] | None = None,
    ) -> later.Ran:
        """Execute `command` in the folder of this repository, and keep what is known of it: code, inputs, outputs.

        All of it means what the option of `track run` does: `metrics` are files in which it writes its metrics,
        `observe` is `auto`, `python`, `trace` or `off`, and `require` says whether its code has to be `clean` or
        `pushed`; left out, the settings do. `isolated` runs it where only the code and the inputs are, `commit` commits
        its record, and without `keep` that stays in this clone's journal alone.

        `echo` is given what it writes, as (stream 1 or 2, bytes), while it does, in threads, and cut within characters,
        too; both are kept in any case. A command that fails is no error: its code is in the result.

        >>> ran = repo.run(["cp", "data/train.csv", "copy.csv"], inputs=["data/train.csv"], outputs=["copy.csv"])
        >>> ran.code, [used.shown for used in ran.record.of("output")]
        (0, ['copy.csv'])

        Raises:
            UsageError: there is no command, or something about the run cannot be.
            TrackError: the code is not as `require` or the setting `runs.require` wants it; nothing was run.
            UnknownPath: a declared input is not tracked, or not here; nothing was run.
            AlreadyInGit, InsideArtifact: a declared output cannot become an artifact; nothing was run.
            CommandNotFound: the program is not there; the run is recorded as failed.
            MissingOutput: a declared output was not written; the run is recorded as failed.
            DiskFull, StoreUnwritable: what it made cannot be stored; the run is recorded as failed.
            TrackError: `echo` raised something; it is not called again, and the run goes on and is recorded as failed.
            GitFailed: the record is staged, and cannot be committed.
        """
        said = later.plain_facts(metadata or {}), later.plain_facts(params or {}, "params")
        wishes = later.Wishes(name, folder, description, later.check_tags(tags), *said)
        with self._handles.fresh() as project:
            asked = later.Asked(
                [os.fspath(one) for one in inputs],
                [os.fspath(one) for one in outputs],
                observe or project.config.text("runs.observe") or "auto",
                keep,
                isolated,
                later.committing if commit else None,
                [os.fspath(one) for one in metrics],
                require,
            )
            return later.run(project, command, wishes, asked, echo=echo or _unheard)

    def __repr__(self) -> str:
        """Where it is."""
        return f"<Repo {display(str(self.root))}{' (closed)' if self._handles.is_closed else ''}>"

    def _repr_html_(self) -> str:
        """It in a notebook: where it is, and its artifacts."""
        if self._handles.is_closed:
            return block(title(str(self.root), "closed"))
        with self._handles.fresh() as project:
            listing = later.ls(project, str(project.root))
        rows = [(one.name or text_of(one.path), one.kind, size_text(one.size)) for one in listing.items]
        refused = "".join(note(error.message) for error in listing.refused)
        head = title(str(self.root), count_text(len(rows), "artifact"))
        return block(head, table(("artifact", "kind", "size"), rows, numbers=(2,)) if rows else "", refused)


notebook.teach()


def _unheard(stream: int, content: bytes) -> None:
    """What a command writes is kept in its record, and nobody listens."""
