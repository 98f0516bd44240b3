"""Ls: the artifacts of one place, or what is inside one."""

from collections.abc import Iterator
from dataclasses import dataclass

from track.errors import MissingObject, TrackError
from track.flows import view
from track.flows.view import Located
from track.model.digest import Digest
from track.model.manifest import Entry, walk
from track.model.names import name_of
from track.model.pointer import Pointer
from track.project import Project


@dataclass(frozen=True, slots=True)
class Listed:
    """One line. `kind` is file, directory or value for an artifact; for what is inside one file, link or directory.

    `path` is from the top. `size` is in bytes and `files` counts files and links; of a directory, of all below it.
    `digest` is None for a folder inside an artifact, which has none.
    """

    path: bytes
    name: str | None
    kind: str
    size: int
    files: int | None
    digest: Digest | None
    is_executable: bool
    labels: tuple[tuple[str, object], ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies at a place, sorted by path. `where` names the side; `artifact` is set when it is what is inside one.

    `refused` says which pointers there cannot be read.
    """

    where: str
    artifact: bytes | None
    items: tuple[Listed, ...]
    refused: tuple[TrackError, ...] = ()


def ls(project: Project, words: str = "", *, recursive: bool = False) -> Listing:
    """List the artifacts at `[REV:][PATH]`, or what is inside the directory artifact that PATH names or lies in.

    Folders inside an artifact are one line, with what is below them counted, unless `recursive`.

    Raises:
        UnknownRevision: there is no such commit.
        UnknownPath: nothing lies there.
        MalformedPointer, NewerFormat: the pointer of the artifact named cannot be read.
        MissingObject: the manifest that says what is inside is not in the store.
    """
    side, path = view.place(project, words, top_too=True)
    names = [artifact for artifact in side.contents if not path or artifact.startswith(path + b"/")]
    below, refused = side.readable(names)
    if below or refused or not path:
        return Listing(side.name, None, tuple(_listed(*each) for each in below.items()), refused)
    located = view.locate(side, path)
    if located.pointer.kind != "directory":
        if located.inner:
            raise view.unknown(path, side.contents, side.name)
        return Listing(side.name, None, (_listed(located.artifact, located.pointer),))
    return Listing(side.name, located.artifact, tuple(_inside(project, located, recursive)))


def _listed(artifact: bytes, pointer: Pointer) -> Listed:
    return Listed(
        path=artifact,
        name=name_of(artifact),
        kind=pointer.kind,
        size=pointer.size,
        files=pointer.files,
        digest=pointer.digest,
        is_executable=pointer.executable,
        labels=tuple(sorted(pointer.labels.items())),
        tags=pointer.tags,
    )


def _inside(project: Project, located: Located, recursive: bool) -> Iterator[Listed]:
    """The entries at a place inside a directory artifact; folders are counted together unless `recursive`."""
    inside = located.inner + b"/" if located.inner else b""
    folder: bytes | None = None
    size = files = 0
    found = False
    for entry in _walk(project, located):
        found = True
        first, slash, _ = entry.path[len(inside) :].partition(b"/")
        here = inside + first if slash and not recursive else None
        if folder is not None and here != folder:
            yield _folder(located, folder, size, files)
        if here is None:
            yield _entry(located, entry)
        elif here != folder:
            size = files = 0
        folder = here
        size += entry.size
        files += entry.mode != "d"
    if folder is not None:
        yield _folder(located, folder, size, files)
    if not found and located.inner:
        raise view.nothing_inside(project, located)


def _walk(project: Project, located: Located) -> Iterator[Entry]:
    try:
        yield from walk(view.reader(project), located.pointer.digest, located.inner)
    except MissingObject as error:
        raise view.unavailable(project, located, located.pointer.digest, 0) from error


def _entry(located: Located, entry: Entry) -> Listed:
    kinds = {"f": "file", "x": "file", "l": "link", "d": "directory"}
    return Listed(
        path=located.artifact + b"/" + entry.path,
        name=None,
        kind=kinds[entry.mode],
        size=entry.size,
        files=0 if entry.mode == "d" else None,
        digest=None if entry.mode == "d" else Digest(entry.digest),
        is_executable=entry.mode == "x",
        labels=(),
        tags=(),
    )


def _folder(located: Located, inner: bytes, size: int, files: int) -> Listed:
    path = located.artifact + b"/" + inner
    return Listed(
        path=path,
        name=None,
        kind="directory",
        size=size,
        files=files,
        digest=None,
        is_executable=False,
        labels=(),
        tags=(),
    )
