"""Version: one version of an artifact, or a part of it, in Python."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, overload

from track.api import asking, later
from track.api.asking import asks, maybe
from track.api.handles import Handles
from track.api.samples import Samples
from track.errors import UnknownFile, UnknownPath, UsageError
from track.flows.pinned import Pinned, words_of
from track.flows.run_start import RUN_ID
from track.model.amounts import count_text, size_text
from track.model.digest import Digest
from track.model.names import display, text_of
from track.verbs.version_files import version_files
from track.verbs.version_get import version_get
from track.verbs.version_open import version_open
from track.verbs.version_read import version_read


class Version:
    """A version of an artifact, or a file or folder in one; made by `Repo.get`.

    It stays what it is, whatever happens to the working tree: its digest was read when it was made, and its bytes come
    from the store, or from a remote that has them. Every byte is verified before it is given. What is read inside a
    run (`TRACK_RUN_ID` names it) becomes that run's input. Several threads may read from one.

    >>> version = repo.get("data/train.csv")
    >>> version.kind, version.size, dict(version.labels)
    ('file', 24, {'ticket': 'AB-123'})

    Every method that reads raises `MissingObject` or `DamagedObject` when its bytes are nowhere whole, `RemoteError`
    when they are not here and no remote can be asked, and `UsageError` when its `Repo` was closed. All errors are
    `TrackError`.
    """

    __slots__ = ("_handles", "_pinned")

    def __init__(self, handles: Handles, pinned: Pinned) -> None:
        """For `Repo.get`."""
        self._handles = handles
        self._pinned = pinned

    @property
    def name(self) -> str:
        """The path from the top of the working tree, or the name of a named artifact with its partitions."""
        return self._pinned.name or text_of(self._pinned.path)

    @property
    def rev(self) -> str | None:
        """The revision that was asked for; None for what the working tree says."""
        return self._pinned.rev

    @property
    def kind(self) -> Literal["file", "directory", "value"]:
        """What it is."""
        if self._pinned.is_directory:
            return "directory"
        return "value" if self._pinned.pointer.kind == "value" else "file"

    @property
    def digest(self) -> Digest | None:
        """The digest of its content; None for a folder inside an artifact, which has none."""
        return self._pinned.digest

    @property
    def size(self) -> int:
        """Bytes: of a file, or of all files of an artifact; of a folder inside one, of what is below it."""
        if self._pinned.entry is not None:
            return self._pinned.entry.size
        if not self._pinned.inner:
            return self._pinned.pointer.size
        with self._handles.reading() as project:
            return sum(entry.size for entry in version_files(project, self._pinned))

    @property
    def type(self) -> str | None:
        """The media type that its pointer names, such as `text/csv`."""
        return None if self._pinned.inner else self._pinned.pointer.type

    @property
    def labels(self) -> Mapping[str, Any]:
        """The labels of its artifact, by name; a table of labels is a mapping of its own."""
        return self._pinned.pointer.labels

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of its artifact, sorted."""
        return self._pinned.pointer.tags

    @property
    def partitions(self) -> Mapping[str, str]:
        """The partitions of its artifact, by key."""
        return self._pinned.pointer.partitions

    @property
    def files(self) -> Files:
        """The files in it, by their paths relative to it; of a file, itself by its own name.

        >>> images = repo.get("images")
        >>> list(images.files)
        ['cats/1.txt', 'cats/2.txt']
        >>> images.files["cats/1.txt"].read_text()
        '=^.^='

        Raises `MissingObject`, `RemoteError`, `MalformedManifest` or `DamagedObject` where what says which files there
        are cannot be had; `UsageError` for a value, which has none.
        """
        if self.kind == "value":
            raise UsageError(f"`{self._pinned.shown}` is a value and has no files", hint="read it: .load()")
        return Files(self._handles, self._pinned)

    def samples(self) -> Samples:
        """The files of a directory as a data set: by number, in batches, or streamed in an order of one's own.

        >>> repo.get("images").samples()[0]
        ('cats/1.txt', b'=^.^=')

        Raises as `files`, and `UsageError` for what is no directory.
        """
        if not self._pinned.is_directory:
            raise UsageError(f"`{self._pinned.shown}` is no directory", hint="read it as it is: .read_bytes()")
        return Samples(self._handles, self._pinned)

    def read_bytes(self) -> bytes:
        """All its bytes; of a link its target, of a value its JSON and a line's end.

        >>> repo.get("facts.json").read_bytes()
        b'{"a": 1}'

        Raises:
            UsageError: it is a directory.
        """
        with self._handles.reading() as project:
            return version_read(project, self._pinned, reader=self._reader())

    @asks(encoding=asking.encoding, errors=asking.error_handling)
    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text; line ends become `\\n`.

        >>> repo.get("data/train.csv", rev="v1.0").read_text().splitlines()
        ['name,age', 'Ada,36']

        Raises:
            UsageError: it is a directory, or not text of this encoding.
        """
        with self.open("r", encoding=encoding, errors=errors) as file:
            try:
                return file.read()
            except UnicodeDecodeError as error:
                raise UsageError(
                    f"`{self._pinned.shown}` is not text in {encoding}: {error.reason} at byte {error.start:,}",
                    hint="read its bytes with read_bytes(), or name another encoding",
                ) from error

    @overload
    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO: ...

    @overload
    def open(self, mode: Literal["r", "rt"], *, encoding: str = "utf-8", errors: str = "strict") -> TextIO: ...

    @asks(mode=asking.text, encoding=asking.encoding, errors=asking.error_handling)
    def open(self, mode: str = "rb", *, encoding: str = "utf-8", errors: str = "strict") -> IO[Any]:
        """It, open for reading: bytes with `rb`, text with `r`. All of it was hashed before.

        >>> with repo.get("data/train.csv").open("r") as file:
        ...     [line.strip() for line in file]
        ['name,age', 'Ada,36', 'Alan,41']

        Raises:
            UsageError: it is a directory, or the mode is for writing.
        """
        if mode not in ("rb", "r", "rt"):
            raise UsageError(
                f"a version cannot be opened with mode {mode!r}: it stays what it is",
                hint="change the file in the working tree, then add it: Repo.add(PATH)",
            )
        with self._handles.reading() as project:
            file = version_open(project, self._pinned, reader=self._reader())
        return file if mode == "rb" else io.TextIOWrapper(file, encoding=encoding, errors=errors)

    @property
    def path(self) -> Path:
        """The path of a read-only file on this machine with its bytes and its name, for libraries that need one.

        It is not the working copy, and may be deleted at any time; asking again makes it again.

        Raises:
            UsageError: it is a directory.
            DiskFull, StoreUnwritable: no file can be made.
        """
        with self._handles.reading() as project:
            return later.version_path(project, self._pinned, reader=self._reader())

    @asks(to=maybe(asking.path))
    def download(self, to: str | os.PathLike[str] | None = None, *, force: bool = False) -> later.Downloaded:
        """Copy it to `to`, by default its own name in the current folder; where it is then, and what was written.

        A file becomes that file, or one of its own name in that folder, if it is one. A directory's files go into the
        folder. What is there with the right content is left alone; with `force` other files are replaced.

        >>> repo.get("images").download("copies").target.name
        'copies'

        Raises:
            UsageError: it is a value.
            Conflict: something else stands there; nothing was written.
            OutsideRepository: it is a place of Git's or track's own.
            ForbiddenPath: a name in it leaves the folder, goes through a link, or reaches `.git`.
            DiskFull, StoreUnwritable: nothing can be made there.
        """
        target = os.fspath(to) if to is not None else self._pinned.filename
        with self._handles.reading() as project:
            return later.version_download(project, self._pinned, target, force=force, reader=self._reader())

    @asks()
    def load(self, *, allow_pickle: bool = False, memory_map: bool = False) -> Any:
        """The object in it, by its type: an array, a frame, text, JSON; its bytes where nothing is known of the type.

        A CSV is text, whatever is installed; what its columns are only its reader can say.
        `allow_pickle` opens what was pickled, which can run any code: only for who made it and nobody in between. With
        `memory_map`, a large array is mapped and not read.

        >>> repo.get("facts.json").load()
        {'a': 1}

        Raises:
            UsageError: it is a directory, or a truth value is none.
            NoFormat: it is pickled and that was not allowed, or the library that reads it is not installed.
            MalformedContent: it is not what its type says.
        """
        with self._handles.reading() as project:
            return later.version_load(
                project, self._pinned, allow_pickle=allow_pickle, memory_map=memory_map, reader=self._reader()
            )

    @property
    def run(self) -> later.Record | None:
        """The record of the run that made it; None where no run is known. Raises as `Repo.get`."""
        if self._pinned.name is not None:
            return next((node.record for node in self._parents() if node.kind == "run"), None)
        with self._handles.fresh() as project:
            reason = later.why(project, words_of(project, self._pinned), self._pinned.rev)
        return reason.run.record if reason.run is not None else None

    @property
    def commit(self) -> str | None:
        """The id of the commit that gave its artifact this content, as seen from `rev` or HEAD; None before that."""
        artifact = os.fsencode("/") + self._pinned.artifact
        with self._handles.fresh() as project:
            try:
                place = os.fsdecode(os.fsencode(project.root) + artifact)
                versions = later.log(project, place, self._pinned.rev or "HEAD", follow=False).versions
            except UnknownPath:
                return None
        digest = self._pinned.pointer.digest
        for one in versions:
            was = one.before.digest if one.before is not None else None
            if one.pointer is not None and one.pointer.digest == digest and was != digest:
                return one.commit
        return None

    @property
    def based_on(self) -> tuple[later.Node, ...]:
        """What it was made from: the inputs of the run that made it, or what its pointer says where no run did."""
        with self._handles.fresh() as project:
            traced = later.lineage(project, words_of(project, self._pinned), depth=2, rev=self._rev())
        nodes = {node.id: node for node in traced.graph.nodes}
        runs = {edge.source for edge in traced.graph.edges if edge.target == traced.start.id}
        targets = {traced.start.id} | {id for id in runs if nodes[id].kind == "run"}
        found = [nodes[edge.source] for edge in traced.graph.edges if edge.target in targets]
        return tuple(dict.fromkeys(node for node in found if node.kind == "artifact"))

    def used_by(self) -> tuple[later.Record, ...]:
        """The records of the runs that used what it holds, whoever made that, in the order in which they began.

        >>> _ = repo.run(["wc", "data/train.csv"], inputs=["data/train.csv"], name="count")
        >>> [record.name for record in repo.get("data/train.csv").used_by()]
        ['count']

        Raises:
            MalformedRecord, NewerFormat: a record of a run cannot be read.
        """
        with self._handles.fresh() as project:
            return later.version_used_by(project, self._pinned.pointer.digest)

    def _parents(self) -> tuple[later.Node, ...]:
        with self._handles.fresh() as project:
            return later.lineage(project, words_of(project, self._pinned), depth=1, rev=self._rev()).graph.nodes

    def _rev(self) -> str | None:
        """The revision for verbs that look an artifact up by its path; one that is named goes by its digest."""
        return self._pinned.rev if self._pinned.name is None else None

    def _reader(self) -> str | None:
        """The run inside which this happens."""
        return os.environ.get(RUN_ID)

    def __eq__(self, other: object) -> bool:
        """Whether both are the same version of the same artifact, or part of one, of repositories opened alike."""
        if not isinstance(other, Version):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """By what it is of, and its digest."""
        return hash(self._key())

    def _key(self) -> tuple[Path, bytes, bytes, Digest]:
        return self._handles.start, self._pinned.artifact, self._pinned.inner, self._pinned.pointer.digest

    def __repr__(self) -> str:
        """What it is, in a line."""
        where = f" at {display(self.rev)}" if self.rev is not None else ""
        facts: list[str] = [self.kind]
        if self.digest is not None:
            facts.append(self.digest.short)
        if not self._pinned.inner or self._pinned.entry is not None:
            facts.append(size_text(self.size))
        if not self._pinned.inner and self._pinned.pointer.files is not None:
            facts.append(count_text(self._pinned.pointer.files, "file"))
        return f"<Version {display(self.name)}{where}: {', '.join(facts)}>"

    def _repr_html_(self) -> str:
        """It in a notebook: what is known of it, and a preview of what is here; no remote is asked."""
        with self._handles.reading() as project:
            return later.page_of(project, self._pinned)


class Files(Mapping[str, Version]):
    """The files and links in a version, by their paths relative to it, in their order; nothing is read beforehand.

    Every method that takes a path raises `UsageError` for one that is no text.
    """

    __slots__ = ("_handles", "_pinned")

    def __init__(self, handles: Handles, pinned: Pinned) -> None:
        """For `Version.files`."""
        self._handles = handles
        self._pinned = pinned

    @asks(path=asking.text)
    def __getitem__(self, path: str) -> Version:
        """The file, link or folder at a path. Raises `UnknownFile`, which is a KeyError too, where there is none."""
        try:
            if not path:
                raise UnknownPath(f"no file of `{self._pinned.shown}` has an empty name", hint="see them: list(files)")
            if not self._pinned.is_directory:
                if path != self._own():
                    raise UnknownPath(
                        f"`{self._pinned.shown}` is one file, `{display(self._own())}`", hint="read it as it is"
                    )
                return Version(self._handles, self._pinned)
            with self._handles.reading() as project:
                return Version(self._handles, version_get(project, path, within=self._pinned))
        except UnknownPath as error:
            raise UnknownFile(error.message, hint=error.hint, details=error.details) from error

    @asks(path=asking.text)
    def __contains__(self, path: object) -> bool:
        """Whether a file, link or folder is at a path. Raises UsageError for what is no text."""
        return super().__contains__(path)

    def __iter__(self) -> Iterator[str]:
        """The paths, sorted as bytes; those that are not UTF-8 as Python has them of a file system."""
        if not self._pinned.is_directory:
            yield self._own()
            return
        with self._handles.reading() as project:
            entries = list(version_files(project, self._pinned))
        for entry in entries:
            if entry.mode != "d":
                yield os.fsdecode(entry.path)

    def __len__(self) -> int:
        """How many there are."""
        if self._pinned.is_directory and not self._pinned.inner and self._pinned.pointer.files is not None:
            return self._pinned.pointer.files
        return sum(1 for _ in self)

    def _own(self) -> str:
        return self._pinned.filename

    def __repr__(self) -> str:
        """How many there are, and of what."""
        return f"<Files of {self._pinned.shown}: {count_text(len(self), 'file')}>"

    def _repr_html_(self) -> str:
        """Them in a notebook: the first of them, with their sizes."""
        with self._handles.reading() as project:
            return later.page_of(project, self._pinned)
