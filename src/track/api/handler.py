"""Handler: files are uploaded with labels, found and used by what is known of them, as elliptio's users do it."""

import os
import platform
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from track import publish
from track.api import asking
from track.api.acting import acting
from track.api.asking import asks, each, maybe
from track.api.brief import Named
from track.api.handled import COLUMNS, FOLDER, HOST, INDEX, PREFIX, Artifact, File, Labels, Metadata, documents
from track.api.handles import Handles
from track.api.making import New
from track.api.uploading import Runs, check_names, told_names
from track.api.version import Version
from track.errors import UnknownPath, UsageError
from track.flows.noted import note_read
from track.flows.pinned import Pinned
from track.flows.remotes import choose
from track.flows.run_start import RUN_ID, Wishes
from track.formats.known import frame_of
from track.here import absolute
from track.model.expressions import expression
from track.model.names import display, told
from track.model.query import holds
from track.model.query_dictionary import parse_query
from track.model.query_text import Fields
from track.verbs.push import push
from track.verbs.put import Content, Remarks, put
from track.verbs.run_abandon import run_abandon
from track.verbs.run_open import run_open
from track.verbs.runs_close import runs_close
from track.verbs.version_get import version_get

AnyPath = str | os.PathLike[str]
_FIELDS = Fields((INDEX, *COLUMNS))
_LISTED = 10
_ID = expression(PREFIX + "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Files(NamedTuple):
    """Files to upload: where they are, what they are called, and the folder of ours that they were made in, if any."""

    paths: tuple[str, ...]
    names: tuple[str, ...]
    staged: Path | None = None


class Handler:
    """Uploads files with labels, and finds and gets what was uploaded, in the repository around a folder.

    An upload is one artifact with one or several files; its id is its name among the named artifacts. A record of its
    own says who made it, where, by which command, with which code and packages, and from which other uploads: those of
    which the same user got or read something through this handler before. A handler is one run: its first upload in a
    process begins it, and is the parent of the others; inside another run it is that one. Pointer and record are
    staged; commit them with Git, and `track push` sends the bytes, unless the handler was given a remote.

    >>> handler = track.Handler()
    >>> table = handler.upload(["data/train.csv"], track.Labels(datatype="table"))
    >>> handler.get(table.metadata.artifact_id).files["train.csv"].download_string()
    'name,age\\nAda,36\\nAlan,41\\n'

    Every method raises `NotARepository`, `ProjectError` or `BadConfig` where there is no repository with track in it.
    All errors are `TrackError`.
    """

    __slots__ = ("_handles", "_remote", "_runs", "_used")

    @asks(remote=maybe(asking.text), path=asking.path)
    def __init__(self, remote: str | None = None, *, path: AnyPath = ".") -> None:
        """The handler of the repository that holds `path`; with `remote`, each upload is sent to it at once.

        Raises:
            UsageError: the path, or the name of the remote, is none.
        """
        self._handles = Handles(Path(absolute(path)))
        self._remote = remote
        self._runs = Runs()
        self._used: dict[tuple[str | None, str | None], dict[str, Pinned]] = {}

    def __repr__(self) -> str:
        """Of which repository it is."""
        return f"<Handler of {display(str(self._handles.root))}>"

    @property
    def based_on(self) -> list[str]:
        """The ids of what the present user got or read, each once: what the next upload will be based on."""
        return list(self._own())

    @asks(local_paths=each(asking.file), based_on=maybe(each(asking.text)))
    def upload(
        self, local_paths: Iterable[AnyPath], labels: Labels | None = None, *, based_on: Sequence[str] | None = None
    ) -> Artifact:
        """Upload files as one artifact; in it they have their names below the deepest folder that holds them all.

        `based_on` are ids, in place of what this handler knows.

        >>> artifact = handler.upload(["data/train.csv"], track.Labels(ticket="AB-123", datatype="table"))
        >>> list(artifact.files), artifact.metadata.labels["ticket"]
        (['train.csv'], 'AB-123')

        Raises:
            UsageError: no list of files was given, or one of them cannot be called so.
            UnknownPath: a file is not there, or nothing was uploaded that `based_on` names.
            SpecialFile, Unreadable, ChangedWhileAdding, OutsideRepository: a file cannot be stored as it stands.
            DiskFull, StoreUnwritable, Locked: it cannot be stored; nothing was uploaded.
            NoRemote: the project has no such remote; nothing was uploaded.
            RemoteError: it is not at the remote; it was uploaded, and `track push` sends it.
        """
        paths = tuple(dict.fromkeys(absolute(path) for path in local_paths))
        if not paths:
            raise UsageError("no file was given to upload", hint="upload([path, ...])")
        for path in paths:
            if os.path.isdir(path):
                raise UsageError(f"`{display(path)}` is a folder", hint="name the files in it")
            if not os.path.lexists(path):
                raise UnknownPath(f"nothing is there to upload: `{display(path)}`", hint="see what is there: ls")
        top = os.path.commonpath([os.path.dirname(path) for path in paths])
        names = tuple(Path(os.path.relpath(path, top)).as_posix() for path in paths)
        return self._register(_Files(paths, names), labels, based_on)

    @asks(paths=each(asking.file), based_on=maybe(each(asking.text)))
    def new(self, paths: Iterable[str], labels: Labels | None = None, *, based_on: Sequence[str] | None = None) -> New:
        """Files to be written in a `with` block, by their names, and uploaded at its end as one artifact.

        >>> with handler.new(["model.pt"]) as new:
        ...     size = Path(new.file.remote_url).write_text("weights")
        >>> list(new.artifact.files)
        ['model.pt']

        Nothing is uploaded when the block ends by an exception. The end of the block raises as `upload`, and
        `UnknownPath` where a file was not written.

        Raises:
            UsageError: no list of names was given, or one of them cannot be.
        """
        names = tuple(dict.fromkeys(map(os.fspath, paths)))
        if not names:
            raise UsageError("no file was named", hint='new(["model.pt"])')
        check_names(names)
        _said(labels)
        with self._handles.reading() as project:
            staging = project.store.rooms.staging

        def register(folder: Path) -> Artifact:
            places = tuple(str(folder / name) for name in names)
            return self._register(_Files(places, names, folder), labels, based_on)

        return New(names, publish.stage(staging), register)

    @asks(query=maybe(asking.query), max_docs=maybe(asking.number(1)))
    def find(self, query: str | Mapping[str, Any] | None = None, max_docs: int | None = 7) -> Any:
        """The newest uploads that are like `query` says, at most `max_docs`: a `pandas.DataFrame` by artifact id, or a
        list of dictionaries where pandas is not installed. No data is read.

        A query is a dictionary as MongoDB has them, or text; what it asks are the columns, and parts of them such as
        `labels.datatype`. `frame.attrs["matching_count"]` says how many there are.

        >>> found = handler.find({"labels.ticket": "AB-123"})
        >>> found.file_relpaths.tolist(), found.attrs["matching_count"]
        ([['scores.csv']], 1)

        Raises:
            UsageError: the query is wrong; the place in it and the nearest valid word are named.
        """
        asked = parse_query(query, datetime.now(UTC), _FIELDS) if query else None
        found = [one for one in documents(self._handles) if asked is None or holds(asked, one)]
        table = frame_of(found[:max_docs], INDEX, COLUMNS)
        if not isinstance(table, list):
            table.attrs["matching_count"] = len(found)
        return table

    @asks(artifact_id=asking.text)
    def get(self, artifact_id: str) -> Artifact:
        """The upload with this id, or the only one whose id begins so. What this user uploads from now on is based on
        it. Its files are read, and come from a remote, when they are asked for.

        >>> artifact_id = handler.find({"labels.ticket": "AB-123"}).index[0]
        >>> handler.get(artifact_id).files["scores.csv"].download_string()
        'id,score\\n7,0.9\\n'
        >>> handler.based_on == [artifact_id]
        True

        Raises:
            UnknownPath: there is no such upload.
            UsageError: several ids begin so.
        """
        artifact, pinned = self._found(artifact_id)
        self._own()[artifact.metadata.artifact_id] = pinned
        return artifact

    def _own(self) -> dict[str, Pinned]:
        """What the present user used, in the present run, if any."""
        return self._used.setdefault(self._who(), {})

    def _who(self) -> tuple[str | None, str | None]:
        """The present user, and the run inside which this happens."""
        return acting(), os.environ.get(RUN_ID)

    def _register(self, files: _Files, labels: Labels | None, based_on: Sequence[str] | None) -> Artifact:
        check_names(files.names)
        said = [*_said(labels).pairs(), *told_names(files.names)]
        sources = list(self._own().values()) if based_on is None else [self._found(one)[1] for one in based_on]
        artifact_id = f"{PREFIX}{uuid.uuid4()}"
        wishes = Wishes(folder=FOLDER, metadata={HOST: platform.node()}, by=acting())
        with self._handles.fresh() as project:
            if self._remote is not None:
                choose(project, self._remote)  # before anything is made
            with self._runs.opened(
                self._who(), lambda first: run_open(project, wishes._replace(parent=first), last=self._runs.last)
            ) as opened:
                run = opened.living.id
                try:
                    for pinned in sources:
                        note_read(project, run, pinned)
                    content = Content(files.paths, names=files.names, staged=files.staged)
                    put(project, artifact_id, content, remarks=Remarks(labels=said), run=run)
                except BaseException:
                    run_abandon(project, run)
                    raise
                runs_close(project, run, branch=opened.branch)
            if self._remote is not None:
                push(project, self._remote)
        return self._found(artifact_id)[0]

    def _found(self, artifact_id: str) -> tuple[Artifact, Pinned]:
        """An upload by its id or the beginning of it, and its pointer."""
        document = self._document(artifact_id)
        whole = str(document[INDEX])
        with self._handles.reading() as project:
            pinned = version_get(project, whole)
        version = Version(self._handles, pinned)

        def use() -> None:
            self._own()[whole] = pinned

        if not document["file_relpaths"]:  # too many for the pointer, and what says them is perhaps at a remote
            document["file_relpaths"] = list(version.files)
        files = Named((name, File(name, version, use)) for name in document["file_relpaths"])
        record = pinned.pointer.run or document["run_id"]
        return Artifact(Metadata(**document, _handles=self._handles, _record=record), files), pinned

    def _document(self, artifact_id: str) -> dict[str, Any]:
        if not artifact_id:
            raise UsageError(f"not the id of an upload: {told(artifact_id)}", hint="see the ids: find()")
        if _ID.fullmatch(artifact_id) and (exactly := documents(self._handles, artifact_id)):
            return exactly[0]
        known = documents(self._handles)
        found = [one for one in known if one[INDEX].startswith((artifact_id, PREFIX + artifact_id))]
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(one[INDEX] for one in found[:_LISTED])
            raise UsageError(f"several uploads begin with {display(artifact_id)}: {listed}", hint="give more of the id")
        raise UnknownPath(
            f"nothing was uploaded as {display(artifact_id)}", hint="see what was: find(), or track find --all"
        )


def _said(labels: Labels | None) -> Labels:
    if labels is not None and not isinstance(labels, Labels):
        raise UsageError(f"labels are a {type(labels).__name__}", hint='track.Labels(ticket="AB-123")')
    return labels if labels is not None else Labels()
