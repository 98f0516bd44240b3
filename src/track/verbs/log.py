"""Log: the versions of one artifact, newest first."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from track.errors import MalformedPointer, MissingObject, NewerFormat, NotAPointer, UnknownPath
from track.flows import sides, view
from track.flows.catalogued import catalog_of
from track.history import log as history
from track.history.catalog import Scope
from track.history.log import Event
from track.model.manifest import Read, compare
from track.model.names import display
from track.model.pointer import Pointer, parse_pointer
from track.project import Project


@dataclass(frozen=True, slots=True)
class Version:
    """What one commit did to an artifact: `op` is A, M, D, or R when it was at `renamed_from` before.

    `before` is the pointer in the commit's first parent and None where there is none; `pointer` is None for D, and
    for a file that is no readable pointer, with `trouble` saying why. `authored` is in seconds since 1970. Deltas are
    in bytes and files. `counts` are files added, modified and deleted; None where they were not asked for, or the
    manifests are not here.
    """

    commit: str
    parents: tuple[str, ...]
    author: str
    email: str
    authored: int
    subject: str
    op: str
    path: bytes
    renamed_from: bytes | None
    pointer: Pointer | None
    before: Pointer | None
    size_delta: int
    files_delta: int
    counts: tuple[int, int, int] | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Logged:
    """The versions of one artifact that a revision reaches, newest first."""

    path: bytes
    name: str | None
    versions: tuple[Version, ...]


def log(project: Project, path: str, rev: str = "HEAD", *, stat: bool = False, follow: bool = True) -> Logged:
    """List the commits that made, changed or removed the pointer of the artifact at `path`.

    With `follow`, a pointer that appeared where another with the same content went is followed to there. `stat`
    counts the files inside that changed.

    Raises:
        UnknownRevision: there is no such commit.
        UnknownPath: no commit that the revision reaches has an artifact there.
    """
    artifact = _artifact(project, path, rev)
    found = tuple(_versions(project, artifact, rev, view.reader(project) if stat else None, follow))
    if not found:
        names = catalog_of(project).ask(Scope(every=True, history=True), lambda known: known.names())
        raise UnknownPath(
            f"no commit that `{display(rev)}` reaches has an artifact called `{display(artifact)}`",
            hint=view.nearest(os.fsdecode(artifact), names) or "track ls; track status shows what is not committed yet",
        )
    return Logged(artifact, view.name_of(artifact), found)


def _artifact(project: Project, path: str, rev: str) -> bytes:
    """The artifact that a path names in the working tree or at the revision; else the path itself."""
    (asked,) = view.paths_from(project, [path])
    if not asked:
        raise UnknownPath(f"`{display(path)}` is the whole working tree and no artifact", hint="track ls")
    for side in (sides.side_here(project), sides.side_at(project, rev)):
        try:
            return view.locate(side, asked).artifact
        except (UnknownPath, MalformedPointer, NewerFormat):
            continue
    return asked


def _versions(project: Project, artifact: bytes, rev: str, read: Read | None, follow: bool) -> Iterator[Version]:
    events = list(history.versions_of(project.git, sides.pointer_of(artifact), rev))
    made = [event.commit.oid for event, _, _ in events if event.op == "A" and event.commit.parents]
    removed = history.removed_in(project.git, made) if follow else {}
    for event, content, before in events:
        source = _source(event, removed.get(event.commit.oid, {}))
        yield _version(artifact, event, content, content if source is not None else before, source=source, read=read)
        if source is not None:
            parent = event.commit.parents[0]
            yield from _versions(project, sides.artifact_of(source), parent, read, follow)
            return


def _source(event: Event, removed: Mapping[bytes, str]) -> bytes | None:
    """The pointer that went in the commit in which an equal one appeared."""
    if event.op != "A":
        return None
    return next((path for path in sorted(removed) if removed[path] == event.blob), None)


def _version(
    artifact: bytes,
    event: Event,
    content: bytes | None,
    before: bytes | None,
    *,
    source: bytes | None,
    read: Read | None,
) -> Version:
    pointer, trouble = _parsed(content, event.path)
    old, _ = _parsed(before, event.path)
    size, files = _totals(pointer)
    old_size, old_files = _totals(old)
    return Version(
        commit=event.commit.oid,
        parents=event.commit.parents,
        author=event.commit.author,
        email=event.commit.email,
        authored=event.commit.authored,
        subject=event.commit.subject,
        op="R" if source is not None else event.op,
        path=artifact,
        renamed_from=None if source is None else sides.artifact_of(source),
        pointer=pointer,
        before=old,
        size_delta=size - old_size,
        files_delta=files - old_files,
        counts=_counts(old, pointer, read) if read is not None else None,
        trouble=trouble,
    )


def _parsed(content: bytes | None, path: bytes) -> tuple[Pointer | None, str | None]:
    if content is None:
        return None, None
    try:
        return parse_pointer(content, path), None
    except (MalformedPointer, NotAPointer, NewerFormat) as error:
        return None, error.message


def _totals(pointer: Pointer | None) -> tuple[int, int]:
    if pointer is None:
        return 0, 0
    return pointer.size, pointer.files if pointer.files is not None else int(pointer.kind == "file")


def _counts(old: Pointer | None, new: Pointer | None, read: Read) -> tuple[int, int, int] | None:
    """Files added, modified and deleted inside; None where that cannot be known."""
    sides = [pointer.digest if pointer is not None and pointer.kind == "directory" else None for pointer in (old, new)]
    if sides == [None, None]:
        return None
    added = modified = deleted = 0
    try:
        for before, after in compare(read, sides[0], sides[1]):
            added += before is None
            deleted += after is None
            modified += before is not None and after is not None
    except MissingObject:
        return None
    return added, modified, deleted
