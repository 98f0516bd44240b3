"""Pinned: one version of an artifact, or a part of it, that stays what it is while Git moves on.

Apart from `view`, which asks Git for everything there is: a program that opens ten thousand artifacts, one after the
other, asks for each by its name, and the pointer is a file.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from track.errors import DamagedObject, MalformedPointer, MissingObject, UnknownPath, UsageError, together
from track.flows import view
from track.flows.named_versions import asked_of, choose
from track.flows.pointers import content_at
from track.flows.reach import Version
from track.flows.receive import receive
from track.flows.sides import HERE, Side, parsed, pointer_of, side_at, side_here
from track.flows.view import Located
from track.model import manifest
from track.model.canonical import canonical_json
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import check_entry_path, display, name_of, parse_artifact_name, typed
from track.model.pointer import Pointer
from track.progress import Progress, silent
from track.project import Project


class Pinned(NamedTuple):
    """What a path or name meant when it was asked: the artifact, its pointer, and the path inside it, if any.

    `rev` is the revision as it was asked for, None for the working tree. `entry` is the file or link that is meant, its
    path empty for a file artifact; None for a directory, a folder in one, or a value.
    """

    rev: str | None
    artifact: bytes
    pointer: Pointer
    inner: bytes = b""
    entry: Entry | None = None

    @property
    def path(self) -> bytes:
        """The path from the top of the working tree; of a named artifact, that of its pointer."""
        return self.artifact + b"/" + self.inner if self.inner else self.artifact

    @property
    def name(self) -> str | None:
        """The name of a named artifact with its partitions; None for one that has a working copy."""
        return name_of(self.artifact)

    @property
    def shown(self) -> str:
        """What people call it: the name with its partitions, or the path; safe to be shown."""
        return display(self.path if self.name is None else self.name)

    @property
    def filename(self) -> str:
        """What a file of it is called: as its own file, or the last part of the name of a named artifact."""
        own = self.path.rpartition(b"/")[2]
        if self.name is not None and not self.inner:
            with suppress(MalformedPointer):  # a stranger's file, read by its path
                own = parse_artifact_name(self.artifact).rpartition("/")[2].encode("utf-8")
        return os.fsdecode(own) if check_entry_path(own) is None and b"/" not in own else "data"

    @property
    def digest(self) -> Digest | None:
        """The digest of what is meant; None for a folder inside an artifact, which has none."""
        if self.entry is not None:
            return Digest(self.entry.digest)
        return None if self.inner else self.pointer.digest

    @property
    def is_directory(self) -> bool:
        """Whether it holds files, and is none."""
        return self.pointer.kind == "directory" and (self.entry is None or self.entry.mode == "d")


def pin(project: Project, item: str, *, rev: str | None = None, partitions: Mapping[str, str] | None = None) -> Pinned:
    """What `item` names in the working tree, or at `rev`: a path as a person types it, or the name of a named artifact,
    of which it is the latest version with these partitions, or with `NAME@VERSION` that one.

    Where the manifest that says what is in a directory is not here, that much of it comes from a remote.

    Raises:
        UnknownRevision, UnknownPath: nothing of that name is there; the nearest name is told.
        UsageError: the name or a partition cannot be, or may mean several versions.
        OutsideRepository, ForbiddenPath: the path is in no place that track may look at.
        MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
        MissingObject, RemoteError: what says which files are in it is not here, and cannot be had.
    """
    located = _named(project, item, rev, partitions) if partitions else _at(project, item, rev)
    pinned = Pinned(rev, located.artifact, located.pointer, located.inner)
    return _with_entry(project, pinned)


def inside(project: Project, pinned: Pinned, path: bytes) -> Pinned:
    """The file or folder at a path inside a pinned directory. Raises as `pin` does."""
    inner = pinned.inner + b"/" + path if pinned.inner else path
    return _with_entry(project, pinned._replace(inner=inner, entry=None))


def entries(project: Project, pinned: Pinned) -> Iterator[Entry]:
    """The files, links and empty folders in a pinned directory, sorted, with paths relative to what is pinned.

    Raises:
        MissingObject, RemoteError: its manifest is not here, and cannot be had.
        MalformedManifest, DamagedObject: it is not what it should be.
    """
    start = len(pinned.inner) + 1 if pinned.inner else 0
    read = _reader(project, pinned)
    for entry in manifest.walk(read, pinned.pointer.digest, pinned.inner):
        if entry.path != pinned.inner:
            yield entry._replace(path=entry.path[start:])


def bring(project: Project, pinned: Pinned, *, manifests: bool = False, progress: Progress = silent) -> None:
    """Have what is pinned in the store, from a remote; of a directory with `manifests` only what says what is in it.

    Raises:
        MissingObject, DamagedObject: it is nowhere whole.
        MalformedManifest, NewerFormat: its manifest cannot be believed.
        RemoteError: no remote can be asked.
    """
    if not project.config.names("remote.*.url"):
        raise unavailable(project, pinned, pinned.digest or pinned.pointer.digest)
    version = Version(pinned.artifact, pinned.pointer, ())
    paths = (pinned.path,) if pinned.inner else ()
    received = receive(project, [version], paths=paths, manifests=manifests, progress=progress)
    if received.refused:
        raise together([one.error for one in received.refused])


def content(project: Project, pinned: Pinned, progress: Progress = silent) -> bytes:
    """The bytes of a file, verified, from a remote where they are not here; of a link its target, of a value its JSON.

    Raises:
        UsageError: it is a directory.
        MissingObject, DamagedObject, RemoteError: they are nowhere whole, or no remote can be asked.
    """
    if pinned.pointer.kind == "value":
        return canonical_json(pinned.pointer.value) + b"\n"
    digest = file_of(pinned).digest
    try:
        return project.store.read(digest)
    except (MissingObject, DamagedObject):
        bring(project, pinned, progress=progress)
    return project.store.read(digest)


def file_of(pinned: Pinned) -> Entry:
    """The one file that is meant. Raises UsageError for a directory."""
    if pinned.entry is None or pinned.entry.mode == "d":
        raise UsageError(
            f"`{pinned.shown}` is a directory", hint="take one of its files: .files[NAME]      or all: .download(TO)"
        )
    return pinned.entry


def _at(project: Project, item: str, rev: str | None) -> Located:
    """The artifact that a path as typed names, or lies in; else the named artifact that is called so."""
    path = project.relative(item)
    if not path:
        raise UnknownPath(f"`{display(item)}` is the whole working tree and no artifact", hint="track ls")
    if rev is None and (located := _on_disk(project, path)) is not None:
        return located
    try:
        return view.locate(side_at(project, rev) if rev is not None else side_here(project), path)
    except UnknownPath as error:
        if item.startswith(("./", "../", "/")):
            raise
        try:
            return _named(project, item, rev, {})
        except UnknownPath as other:
            if "@" in item or other.details or "did you mean" in (other.hint or ""):
                raise
            raise error from None


def _named(project: Project, item: str, rev: str | None, partitions: Mapping[str, str]) -> Located:
    """The latest version of a named artifact with these partitions, or the one behind its `@`."""
    asked = asked_of(item, partitions)
    found = choose(project, asked._replace(rev=rev) if rev is not None else asked)
    return Located(Side(found.where, ()), found.path, found.pointer, b"")


def _on_disk(project: Project, path: bytes) -> Located | None:
    """The artifact that a path names, or lies in, by pointer files alone; None where there is none."""
    side = Side(HERE, ())
    for candidate in view.readings(path):
        if (pointer := _pointer(project, candidate)) is not None:
            return Located(side, candidate, pointer, b"")
    at = path.find(b"/")
    while at > 0:
        if (pointer := _pointer(project, path[:at])) is not None:
            return Located(side, path[:at], pointer, path[at + 1 :])
        at = path.find(b"/", at + 1)
    return None


def _pointer(project: Project, artifact: bytes) -> Pointer | None:
    name = pointer_of(artifact)
    found = content_at(project, name)
    return None if found is None else parsed(found, name)


def _with_entry(project: Project, pinned: Pinned) -> Pinned:
    """The same, with the file that is meant."""
    pointer, inner = pinned.pointer, pinned.inner
    if pointer.kind != "directory":
        if inner:
            raise UnknownPath(
                f"`{display(pinned.artifact)}` is a {pointer.kind}, with nothing inside it",
                hint=f"track show {typed(pinned.artifact)}",
            )
        return pinned._replace(entry=view.as_entry(pointer)) if pointer.kind == "file" else pinned
    if not inner:
        return pinned
    read = _reader(project, pinned)
    found = manifest.find(read, pointer.digest, inner)
    if found is None and next(manifest.walk(read, pointer.digest, inner), None) is None:
        raise view.nothing_inside(project, _located(pinned))
    return pinned._replace(entry=found)


def _reader(project: Project, pinned: Pinned) -> manifest.Read:
    """Reads nodes of its manifest; what is not here comes from a remote, once."""
    brought: list[bytes] = []

    def read(digest: bytes) -> bytes:
        try:
            return project.store.read(digest)
        except (MissingObject, DamagedObject):
            if brought:
                raise
        brought.append(digest)
        bring(project, pinned._replace(entry=None), manifests=True)
        return project.store.read(digest)

    return lru_cache(maxsize=512)(read)


def unavailable(project: Project, pinned: Pinned, digest: bytes) -> MissingObject:
    """The error for bytes of it that are not here: what they are of, where it was looked for, and what to do."""
    return view.unavailable(project, _located(pinned), digest, pinned.entry.size if pinned.entry is not None else 0)


def _located(pinned: Pinned) -> Located:
    """The same as other flows know it, for what they say of it."""
    return Located(Side(pinned.rev or HERE, ()), pinned.artifact, pinned.pointer, pinned.inner)


def words_of(project: Project, pinned: Pinned) -> str:
    """The artifact as a person would name it anywhere: its path in full, or the digest of a named one's content."""
    if pinned.name is not None:
        return str(pinned.pointer.digest)
    return os.fsdecode(os.path.join(os.fsencode(project.root), pinned.artifact))
