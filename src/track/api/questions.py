"""Questions: what a repository is asked in Python; each method calls one verb, and writes nothing of anybody's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, overload

from track.api import asking, later
from track.api.asking import asks, each, maybe
from track.api.handles import Handles
from track.api.version import Version
from track.here import absolute
from track.verbs.version_get import version_get

AnyPath = str | os.PathLike[str]


class Questions:
    """What `Repo` is asked; only that makes one."""

    __slots__ = ("_handles",)

    def __init__(self, path: AnyPath) -> None:
        """For `Repo`."""
        self._handles = Handles(Path(absolute(path)))
        with self._handles.reading() as project:
            self._handles.root = project.root

    @property
    def root(self) -> Path:
        """The top of the working tree."""
        return self._handles.root

    @asks(name_or_path=asking.path, rev=maybe(asking.text))
    def get(self, name_or_path: AnyPath, rev: str | None = None, **partitions: str) -> Version:
        """The version of an artifact, or of a file or folder in one, that the working tree names, or the one at `rev`.

        An artifact is named by its path, the path of its pointer, or the name of a named artifact, of which it is the
        latest version with these `partitions`; `NAME@VERSION` is that version. What is asked for is what the pointer
        names, whatever was changed in the working copy since. No data is read until a method of the version does.

        >>> repo.get("data/train.csv", rev="v1.0").read_text()
        'name,age\\nAda,36\\n'
        >>> repo.get("sales", region="eu")
        <Version sales region=eu: file, 6da6d5fa, 10 B>

        Raises:
            UnknownPath: nothing of that name is there; the nearest name is told.
            UnknownRevision: there is no such commit.
            UsageError: the name or a partition cannot be, or may mean several versions.
            OutsideRepository, ForbiddenPath, Unreadable: the path is in no place that track may look at, or can.
            MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
            MissingObject, RemoteError: what says which files are in it is nowhere, or no remote can be asked.
        """
        with self._handles.reading() as project:
            pinned = version_get(project, os.fspath(name_or_path), rev=rev, partitions=partitions)
        return Version(self._handles, pinned)

    @overload
    def open(self, name_or_path: AnyPath, mode: Literal["rb"] = "rb", *, rev: str | None = None) -> BinaryIO: ...

    @overload
    def open(
        self, name_or_path: AnyPath, mode: Literal["r", "rt"], *, rev: str | None = None, encoding: str = "utf-8"
    ) -> TextIO: ...

    @asks(name_or_path=asking.path, mode=asking.text, rev=maybe(asking.text), encoding=asking.text)
    def open(
        self, name_or_path: AnyPath, mode: Any = "rb", *, rev: str | None = None, encoding: str = "utf-8"
    ) -> IO[Any]:
        """A file of a version, open for reading: bytes with `rb`, text with `r`. All of it was hashed before.

        >>> with repo.open("data/train.csv", "r", rev="v1.0") as file:
        ...     file.readline()
        'name,age\\n'

        Raises as `get`, and:

        Raises:
            UsageError: it is a directory, or the mode is for writing.
            MissingObject, DamagedObject, RemoteError: its bytes are nowhere whole, or no remote can be asked.
        """
        version = self.get(name_or_path, rev)
        return version.open(mode) if mode == "rb" else version.open(mode, encoding=encoding)

    @asks(paths=asking.path)
    def status(self, *paths: AnyPath) -> later.Status:
        """How data, pointers, Git's index and HEAD differ, of everything or of what lies at `paths`.

        >>> [artifact.path for artifact in repo.status("data").artifacts]
        [b'data/train.csv']

        Raises:
            OutsideRepository: a path is not in this repository.
        """
        with self._handles.fresh() as project:
            return later.status(project, [os.fspath(path) for path in paths])

    @asks(revs=asking.text, paths=each(asking.path))
    def diff(self, *revs: str, paths: Sequence[AnyPath] = (), staged: bool = False) -> later.Diff:
        """What differs between two revisions, between one and the working tree, or between index and working tree.

        `revs` are none, one, two, or `A..B`. With `staged`, the index is compared with HEAD, or with the one named.

        >>> [(artifact.op, artifact.path) for artifact in repo.diff("v1.0", "HEAD", paths=["data"]).artifacts]
        [('M', b'data/train.csv')]

        Raises:
            UnknownRevision, UnknownPath: a revision or path is none.
            UsageError: too many revisions.
            MalformedManifest, DamagedObject: what is compared breaks its format.
        """
        with self._handles.fresh() as project:
            return later.diff(project, revs, [os.fspath(path) for path in paths], staged=staged)

    @asks(path=asking.path, rev=asking.text)
    def log(self, path: AnyPath, rev: str = "HEAD", *, stat: bool = False) -> later.Logged:
        """The versions of the artifact at `path` that `rev` reaches, newest first; `stat` counts the files inside.

        >>> [version.subject for version in repo.log("data/train.csv").versions]
        ['second', 'first']

        Raises:
            UnknownRevision: there is no such commit.
            UnknownPath: no commit that it reaches has an artifact there.
        """
        with self._handles.fresh() as project:
            return later.log(project, os.fspath(path), rev, stat=stat)

    @asks(item=asking.path, depth=maybe(asking.number(0)), rev=maybe(asking.text))
    def lineage(
        self, item: AnyPath, *, depth: int | None = None, rev: str | None = None, every: bool = False
    ) -> later.Traced:
        """What something came from: the run that made it, its code, what that used, and so on.

        `item` is the path of an artifact, `RUN:NAME`, a run, or a digest. At most `depth` edges are followed; with
        `every`, runs that only other branches and tags have count as well.

        >>> repo.lineage("data/train.csv").start.name
        'data/train.csv'

        Raises:
            UnknownPath: nothing is called so; the nearest names are listed.
            UnknownRun: several runs are called so.
            UnknownRevision: there is no such commit.
            MalformedPointer, NewerFormat: its pointer cannot be read.
        """
        with self._handles.fresh() as project:
            return later.lineage(project, os.fspath(item), depth=depth, rev=rev, every=every)

    @asks(item=asking.path, depth=maybe(asking.number(0)), rev=maybe(asking.text))
    def deps(
        self, item: AnyPath, *, depth: int | None = None, rev: str | None = None, every: bool = False
    ) -> later.Traced:
        """What came from something: the runs that used it, what they made, and so on.

        >>> _ = repo.run(["sort", "-o", "new.csv", "data/train.csv"], inputs=["data/train.csv"], outputs=["new.csv"])
        >>> [node.name for node in repo.deps("data/train.csv").graph.nodes if node.kind == "artifact"]
        ['data/train.csv', 'new.csv']

        As `lineage`, the other way; raises as that.
        """
        with self._handles.fresh() as project:
            return later.deps(project, os.fspath(item), depth=depth, rev=rev, every=every)

    @asks(source=asking.path, target=asking.path, rev=maybe(asking.text))
    def path(
        self, source: AnyPath, target: AnyPath, *, longer: bool = False, rev: str | None = None, every: bool = False
    ) -> later.Traced:
        """How `target` came from `source`, over the shortest ways, or with `longer` over all; else there are no nodes.

        >>> _ = repo.run(["sort", "-o", "new.csv", "data/train.csv"], inputs=["data/train.csv"], outputs=["new.csv"])
        >>> [node.name for node in repo.path("data/train.csv", "new.csv").graph.nodes if node.kind == "artifact"]
        ['new.csv', 'data/train.csv']

        Both are named as for `lineage`; raises as that.
        """
        with self._handles.fresh() as project:
            ends = os.fspath(source), os.fspath(target)
            return later.path(project, *ends, longer=longer, rev=rev, every=every)

    @asks(path=asking.path)
    def who_uses(self, path: AnyPath, *, every: bool = False) -> later.Users:
        """The runs and artifacts made from any version of the artifact at a path or of a name, newest first.

        With `every` they are looked for at every branch and tag.

        >>> _ = repo.run(["sort", "-o", "new.csv", "data/train.csv"], inputs=["data/train.csv"], outputs=["new.csv"])
        >>> len(repo.who_uses("data/train.csv").uses)
        1

        Raises:
            UnknownPath: no version in the history is called so.
            UsageError: a path and a named artifact are called so.
        """
        with self._handles.fresh() as project:
            return later.who_uses(project, os.fspath(path), every=every)

    @asks(paths=asking.path)
    def stale(self, *paths: AnyPath) -> later.Staleness:
        """The artifacts that were made from something that is another by now, of all or of what lies at `paths`.

        >>> repo.stale().artifacts
        ()

        Raises:
            UnknownPath: nothing is tracked at one of `paths`.
        """
        with self._handles.fresh() as project:
            return later.stale(project, [os.fspath(path) for path in paths])

    @asks(
        where=maybe(asking.query),
        status=maybe(asking.plain),
        tags=each(asking.plain),
        sort=maybe(asking.plain),
        limit=maybe(asking.number(1)),
    )
    def runs(
        self,
        where: str | Mapping[str, Any] | None = None,
        *,
        status: str | None = None,
        tags: Sequence[str] = (),
        sort: str | None = None,
        limit: int | None = None,
    ) -> later.Listed:
        """The runs that are like the query `where`, newest first, or by the field `sort` (`-FIELD`: greatest first).

        >>> repo.runs("params.lr < 0.5").matching_count
        0

        Raises:
            UsageError: the query or the field is wrong; it says where, and what was meant.
        """
        with self._handles.fresh() as project:
            return later.runs_list(project, status=status, tags=tags, where=where, sort=sort, limit=limit)

    @asks(
        query=maybe(asking.query),
        labels=maybe(asking.facts),
        user=maybe(asking.plain),
        since=maybe(asking.moment),
        name=maybe(asking.plain),
        rev=maybe(asking.text),
        limit=maybe(asking.number(1)),
    )
    def find(
        self,
        query: str | Mapping[str, Any] | None = None,
        *,
        runs: bool = False,
        labels: Mapping[str, object] | None = None,
        user: str | None = None,
        since: str | datetime | None = None,
        name: str | None = None,
        rev: str | None = None,
        every: bool = False,
        history: bool = False,
        sort: str | None = None,
        limit: int | None = None,
    ) -> later.Found:
        """The versions of artifacts, or with `runs` the runs, that are like `query` and all else that is asked.

        It is looked for in the working tree, at `rev`, or with `every` at every ref; with `history` in all that these
        reach. `labels` are paths such as `infos.split` and values; `since` is a time, a date, or an age such as `7d`;
        `name` may have `*`, `?` and `[…]`. The newest come first, or they are in the order of the field `sort`
        (`-FIELD`: greatest first). No data is read.

        >>> [item.name for item in repo.find("size > 20", name="data/*").items]
        ['data/train.csv']

        Raises:
            UsageError: the query or an option is wrong; the place in it and the nearest valid word are named.
            UnknownRevision: there is no such commit.
        """
        pairs = [(path, str(value)) for path, value in (labels or {}).items()]
        with self._handles.fresh() as project:
            found = later.find(
                project,
                query,
                runs=runs,
                rev=rev,
                every=every,
                history=history,
                sort=sort,
                limit=limit,
                labels=pairs,
                user=user,
                since=since,
                name=name,
            )
        return later.Found.of(found)
