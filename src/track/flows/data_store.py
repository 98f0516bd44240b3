"""Data store: files by paths of one's own, each a named artifact that is a file and has no partitions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from track.errors import MalformedPointer, NewerFormat, TrackError, UnknownPath, UsageError
from track.flows.finding import find_versions
from track.flows.named import Names, Versions, side_of
from track.flows.pinned import Pinned
from track.flows.pointers import content_at
from track.flows.sides import parsed, side_at, side_here
from track.flows.view import as_entry
from track.history.catalog import Scope
from track.history.catalog_view import Unreadable
from track.model.declaration import artifact_name
from track.model.digest import Digest
from track.model.names import artifact_pointer, display, is_named_pointer, parse_artifact_pointer, typed
from track.model.nearest import like
from track.model.pointer import Pointer
from track.model.query import In
from track.project import Project

_SHOWN = 80


class StoreObject(NamedTuple):
    """A file in the data store: its path there, and what is known of it. `size` is in bytes.

    `last_modified` is aware and in UTC: when the run that made it ended, else when it was committed, else now. `user`
    is who that was, `commit` the first one that has it, None before that, `run` the id of the run that made it.
    """

    path: str
    size: int
    last_modified: datetime
    digest: Digest
    type: str | None
    user: str
    run: str | None
    commit: str | None
    pointer: bytes


class Objects(NamedTuple):
    """Files in the data store, sorted by path; and why others cannot be read."""

    objects: tuple[StoreObject, ...]
    refused: tuple[TrackError, ...]


def object_name(path: object) -> str:
    """The name of the artifact that an object of the store at `path` is: the path, in Unicode's composed form.

    Raises:
        UsageError: it is no text, leaves the store, or has a part that no name can have.
    """
    if not isinstance(path, str):
        shown = display(repr(path)[:_SHOWN])
        raise UsageError(f"not a path in the store: {shown}", hint="text such as data/predictions.csv")
    parts = path.split("/")
    if path.startswith("/") or "." in parts or ".." in parts:
        raise UsageError(
            f"the path leaves the store: `{display(path)}`",
            hint="a path in the store begins with a name and has no . and .. in it, such as data/predictions.csv",
        )
    if "" in parts:
        raise UsageError(
            f"not the path of a file in the store: `{display(path)}`",
            hint="name a file, with one / between the parts, such as data/predictions.csv",
        )
    name = artifact_name(path)
    artifact_pointer(name)  # refuses what does not fit on a disk
    return name


def folder_name(folder: object) -> str:
    """A folder of the store, without a `/` at its end; empty for the whole of it. Raises as `object_name`."""
    if folder is None or folder in ("", "/"):
        return ""
    return object_name(folder.removesuffix("/") if isinstance(folder, str) else folder)


def place_of(project: Project, name: str) -> str:
    """The path by which verbs that take paths know the object, whatever else in the working tree is called so."""
    return str(PurePosixPath(project.root) / artifact_pointer(name).decode("ascii"))


def refuse_other(project: Project, name: str) -> None:
    """Refuse a name under which something lies that is no file, or that has partitions.

    Raises:
        UsageError: it has, and what.
        MalformedPointer, NewerFormat: what lies there cannot be read.
    """
    pointer = _pointer_of(project, name, None)
    if pointer is not None:
        _check_file(name, pointer)
    elif Names(side_here(project)).found.get(name, Versions()).places:
        raise UsageError(
            f"`{display(name)}` is a named artifact with partitions, and no file in the store",
            hint=f"take another path, or name the partition: track put {typed(name)} FILE --partition KEY=VALUE",
        )


def pin_object(project: Project, name: str, rev: str | None) -> Pinned:
    """The version of an object in the working tree, or at `rev`.

    Raises:
        UnknownPath: there is none; the nearest paths are told.
        UnknownRevision: there is no such commit.
        UsageError: what is called so is a directory or a value.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """
    pointer = _pointer_of(project, name, rev)
    if pointer is None:
        raise unknown_object(project, name, rev)
    _check_file(name, pointer)
    return Pinned(rev, artifact_pointer(name), pointer, b"", as_entry(pointer))


def _pointer_of(project: Project, name: str, rev: str | None) -> Pointer | None:
    """The pointer of what is called so and has no partitions, in the working tree or at `rev`."""
    path = artifact_pointer(name)
    if rev is not None:
        return side_at(project, rev).pointer(path)
    content = content_at(project, path)
    return None if content is None else parsed(content, path)


def unknown_object(project: Project, name: str, rev: str | None) -> UnknownPath:
    """The error for a path at which the store has nothing, with the nearest ones."""
    names = Names(side_of(project, rev))
    there = [one for one, has in names.found.items() if any(not found for found in has.places.values())]
    below = [one for one in there if one.startswith(f"{name}/")]
    at = "" if rev is None else f" at {display(rev)}"
    if below:
        return UnknownPath(
            f"`{display(name)}` is a folder of the store and no file{at}", hint=f"track store ls {typed(name)}"
        )
    if names.found.get(name, Versions()).places:
        return UnknownPath(
            f"`{display(name)}` has partitions and is no file in the store", hint=f"track artifacts show {typed(name)}"
        )
    near = like(name, there, 3, 0.5)
    return UnknownPath(
        f"nothing is in the store at `{display(name)}`{at}",
        hint=f"did you mean {' or '.join(map(typed, near))} ?" if near else "track store ls",
    )


def objects(project: Project, rev: str | None, *, name: str | None = None, folder: str = "") -> Objects:
    """The objects of the store in the working tree or at `rev`: all, that of a name, or those below a folder.

    Raises:
        UnknownRevision: there is no such commit.
    """
    asked = None if name is None else In(("name",), (name,))
    looked = find_versions(project, Scope(rev, False, False), asked, None, datetime.now(UTC))
    found = {}
    for item in looked.items:
        if item.path is None or item.document["kind"] != "file" or not _is_wanted(item.path, name, folder):
            continue
        found[item.path] = _object(item.path, item.created, item.user, item.document)
    refused = tuple(_refusal(one) for one in looked.unreadable if _is_wanted(one.path, name, folder))
    return Objects(tuple(sorted(found.values(), key=lambda one: one.path)), refused)


def _object(path: bytes, created: datetime, user: str, document: Mapping[str, Any]) -> StoreObject:
    return StoreObject(
        path=parse_artifact_pointer(path).name,
        size=document["size"],
        last_modified=created,
        digest=Digest.parse(document["digest"]),
        type=document["type"],
        user=user,
        run=document["run"],
        commit=document["commit"],
        pointer=path,
    )


def _is_wanted(path: bytes, name: str | None, folder: str) -> bool:
    """Whether a pointer is that of an object, of this name and below this folder."""
    if not is_named_pointer(path):
        return False
    try:
        named = parse_artifact_pointer(path)
    except MalformedPointer:
        return False
    if named.partitions or (name is not None and named.name != name):
        return False
    return not folder or named.name.startswith(f"{folder}/")


def _refusal(one: Unreadable) -> TrackError:
    return (NewerFormat if one.is_newer else MalformedPointer)(f"{display(one.path)}: {one.why}", hint="track doctor")


def _check_file(name: str, pointer: Pointer) -> None:
    """Refuse a pointer that is that of no file."""
    if pointer.kind != "file":
        raise UsageError(
            f"`{display(name)}` is a {pointer.kind}, and no file in the store",
            hint=f"take another path; to bring it: track get {typed(name)}",
        )
