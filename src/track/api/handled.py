"""Handled: what a handler uploaded, found and got: labels, metadata and files, in the words of elliptio's users."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from track.api import asking
from track.api.asking import asks, maybe
from track.api.brief import brief, few
from track.api.handles import Handles
from track.api.uploading import names_of
from track.api.version import Version
from track.errors import UsageError
from track.model.amounts import count_text
from track.model.labels import Key
from track.model.names import display
from track.verbs.env_show import env_show
from track.verbs.find import find

FOLDER = "/uploads"
"""The folder of the runs that handlers begin."""
PREFIX = "artifact_"
HOST = "hostname"
"""The fact of such a run that says on which machine it was."""
INDEX = "artifact_id"
COLUMNS = (
    *("creation_time", "username", "file_relpaths", "argv", "based_on", "hostname", "labels", "local_root"),
    *("log_relpaths", "remote_root", "run_id", "version"),
)
"""What is known of each, in the order in which elliptio shows it."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What a person says of an upload; all of it is text, and may be left out. `infos` has whatever has no place else.

    Raises:
        UsageError: something is no text.
    """

    ticket: str = ""
    project: str = ""
    datatype: str = ""
    dataset: str = ""
    description: str = ""
    infos: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that all of it is text."""
        if not isinstance(self.infos, Mapping):
            raise UsageError("infos is no dictionary", hint='infos={"stratification": "by class"}')
        texts = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "infos"}
        for name, value in (*texts.items(), *((f"infos.{key}", value) for key, value in self.infos.items())):
            if not isinstance(value, str):
                raise UsageError(f"the label {display(name)} is a {type(value).__name__}", hint="labels are text")
        if not all(isinstance(key, str) and key for key in self.infos):
            raise UsageError("a key of infos is no text, or empty", hint="keys are text")

    def pairs(self) -> list[tuple[Key, object]]:
        """Those that say something, as a pointer keeps them.

        >>> track.Labels(ticket="AB-123", infos={"split": "new"}).pairs()
        [(('ticket',), 'AB-123'), (('infos', 'split'), 'new')]
        """
        texts = [(one.name, getattr(self, one.name)) for one in fields(self) if one.name != "infos"]
        found: list[tuple[Key, object]] = [((name,), value) for name, value in texts if value]
        return found + [(("infos", key), value) for key, value in self.infos.items()]


@dataclass(frozen=True, slots=True, repr=False)
class Metadata:
    """What is known of an upload by itself.

    `creation_time` is in UTC. `based_on` are the ids of the uploads that it was made from, each once. `remote_root` is
    the path of its pointer, which names the record of this upload: `track runs show`. `run_id` is the run of its
    handler, the same for all that this uploaded in one process for one user, or the run inside which that was.
    `local_root` and `log_relpaths` are empty.
    """

    username: str
    hostname: str
    argv: str
    artifact_id: str
    run_id: str
    creation_time: datetime
    based_on: list[str]
    labels: Mapping[str, Any]
    remote_root: str
    local_root: str
    file_relpaths: list[str]
    log_relpaths: list[str]
    version: int
    _handles: Handles = field(compare=False)
    _record: str = field(compare=False)

    __repr__ = brief

    @property
    def python_packages(self) -> Mapping[str, str]:
        """The packages of the Python that uploaded it: name -> version; from a remote where the list is not here.

        Raises:
            UnknownRun: the record of its run is not here.
            MissingObject, NoRemote, RemoteError: the list is nowhere, or no remote can be asked.
        """
        with self._handles.fresh() as project:
            return env_show(project, self._record, fetch=True).packages


class File:
    """A file of an upload. Reading it says that whoever reads it builds on the upload."""

    __slots__ = ("_upload", "_use", "name")

    def __init__(self, name: str, upload: Version, use: Callable[[], None]) -> None:
        """For `Handler.get`."""
        self.name = name
        self._upload = upload
        self._use = use

    @property
    def version(self) -> Version:
        """It as `Repo.get` gives it.

        Raises:
            UnknownFile: the upload has no such file, whatever its label `files` says.
            MissingObject, RemoteError: what says which files it has is nowhere, or no remote can be asked.
        """
        return self._upload.files[self.name]

    @property
    def remote_url(self) -> str:
        """The path of a read-only file on this machine with its content, which comes from a remote if need be.

        Raises as `Version.path`.
        """
        self._use()
        return str(self.version.path)

    @asks(path=maybe(asking.path))
    def download(self, path: str | Path | None = None, *, force: bool = False) -> Path:
        """Copy it to `path`, by default its own name in the current folder; where it is then.

        >>> handler.get(artifact_id).files["scores.csv"].download("copies/scores.csv").name
        'scores.csv'

        Raises as `Version.download`: `Conflict` where something else stands there and `force` was not given.
        """
        self._use()
        target = path if path is not None else self.name.rpartition("/")[2]
        return self.version.download(target, force=force).target

    @asks(encoding=asking.encoding)
    def download_string(self, encoding: str = "utf-8") -> str:
        """All of it as text, line ends as they are.

        >>> handler.get(artifact_id).files["scores.csv"].download_string()
        'id,score\\n7,0.9\\n'

        Raises as `Version.read_bytes`, and `UsageError` where it is not text of this encoding.
        """
        self._use()
        content = self.version.read_bytes()
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise UsageError(
                f"`{display(self.name)}` is not text in {display(encoding)}: {error}",
                hint="take its bytes with version.read_bytes(), or name another encoding",
            ) from error

    def __repr__(self) -> str:
        """Its name."""
        return f"<File {display(self.name)}>"


@dataclass(frozen=True, slots=True, repr=False)
class Artifact:
    """An upload: what is known of it, and its files by name; `logs` are none."""

    metadata: Metadata
    files: Mapping[str, File]
    logs: Mapping[str, File] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Its id, how many files it has, whose it is, and what was said of it."""
        said = self.metadata
        labels = {name: value for name, value in said.labels.items() if value}
        what = f", labels={few(labels)}" if labels else ""
        files = count_text(len(self.files), "file")
        return f"<Artifact {said.artifact_id}: {files}, username={said.username!r}{what}>"


def documents(handles: Handles, name: str = f"{PREFIX}*") -> list[dict[str, Any]]:
    """What is known of the uploads that are called so, newest first: INDEX and COLUMNS by name. No data is read."""
    with handles.fresh() as project:
        items = find(project, name=name).items
        wanted = {"id": items[0].document["run"]} if len(items) == 1 else {"folder": FOLDER}
        runs = {item.id: item.document for item in find(project, wanted, runs=True).items} if items else {}
        found = [
            _document(item.name, item.document, run, names_of(project, item.document))
            for item in items
            if item.name.startswith(PREFIX) and (run := runs.get(item.document["run"] or "")) is not None
        ]
    return sorted(found, key=lambda one: (one["creation_time"], one[INDEX]), reverse=True)


def _document(name: str, pointer: Mapping[str, Any], run: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    labels = pointer["labels"] or {}
    said = {one.name: labels.get(one.name, "") for one in fields(Labels) if one.name != "infos"}
    origins = [_upload_named(used["name"]) for used in run["inputs"]]
    return {
        INDEX: name,
        "creation_time": run["ended"] or run["started"],
        "username": run["user"],
        "file_relpaths": names,
        "argv": run["command"],
        "based_on": [one for one in dict.fromkeys(origins) if one],
        "hostname": run["metadata"].get(HOST, ""),
        "labels": {**said, "infos": dict(labels.get("infos", {}))},
        "local_root": "",
        "log_relpaths": [],
        "remote_root": pointer["path"],
        "run_id": run["parent"] or run["id"],
        "version": 1,
    }


def _upload_named(name: str) -> str:
    """The id of the upload that a run calls so, by its pointer or itself; empty for anything else."""
    last = name.rpartition("/")[2].removesuffix(".track")
    return last if last.startswith(PREFIX) else ""
