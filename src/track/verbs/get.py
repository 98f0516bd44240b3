"""Get: a copy of an artifact, or of a part of it, at any place outside of what is tracked."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from track import publish
from track.errors import (
    Conflict,
    MissingObject,
    NameTooLong,
    UnknownPath,
    UsageError,
)
from track.flows import view
from track.flows.choice import Choice
from track.flows.content import pieces
from track.flows.copying import copy_out, making_in
from track.flows.landing import refuse_own
from track.flows.named_place import place_named
from track.flows.named_versions import version_path
from track.flows.run_named import living_run, note_input
from track.flows.view import Located
from track.model.canonical import canonical_json
from track.model.manifest import Entry, walk
from track.model.names import (
    check_entry_path,
    display,
    is_named_pointer,
    name_of,
    parse_artifact_name,
    typed,
)
from track.progress import Progress, silent
from track.project import Project

_NAME_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Got:
    """What was copied and where to (None: it was given to the caller); `size` in bytes, `files` with links. `name` is
    that of a named artifact, with its partitions.
    """

    where: str
    path: bytes
    target: Path | None
    kind: str
    size: int
    files: int
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of a named artifact: with these partitions, and of those the latest, with `every` at any ref."""

    partitions: Mapping[str, object]
    time: str | date | None = None
    every: bool = False


def get(
    project: Project,
    words: str,
    target: str | None = None,
    *,
    version: Version | None = None,
    choice: Choice | None = None,
    force: bool = False,
    run: str | None = None,
    out: Callable[[bytes], object] | None = None,
    progress: Progress = silent,
) -> Got:
    """Copy what is at `[REV:]PATH`, or the version `[REV:]NAME[@VERSION]` of a named artifact, to `target` (default:
    its name, here; ending with `/`: into that folder).

    With `choice`, only the files of a directory that it takes. It appears there whole, by one rename. With `force` an
    existing file is replaced, and never a folder with anything in it. Of a name the latest version is meant that has
    the partitions asked for; in the living run with the id `run` that is one of its inputs. With `out` nothing is made:
    the bytes of one file are given to it, a piece at a time.

    Raises:
        UnknownRevision, UnknownPath: nothing lies there, no such version is, or nothing that `choice` takes.
        UsageError: the words are a path and a name, a partition was not declared, several versions may be meant, or
            several files where there is room for one.
        Conflict: something stands at the target.
        StoreUnwritable, NameTooLong: nothing of that name can be made there.
        OutsideRepository: the target is Git's or track's own.
        MissingObject: bytes are not in the store.
    """
    version = version or Version({})
    located = place_named(project, words, version.partitions, version.time, every=version.every)
    entry = view.entry_at(project, located)
    if out is not None:
        got = _give(project, located, entry, choice, out)
    else:
        chosen = _target(project, located, target)
        refuse_own(project, chosen)
        got = _get(project, located, entry, chosen, choice=choice, force=force, progress=progress)
    living = living_run(project, run)
    if living is not None and is_named_pointer(located.artifact):
        note_input(
            living, version_path(located.artifact, located.pointer), located.pointer, located.pointer.size or got.size
        )
    return got


def _get(
    project: Project,
    located: Located,
    entry: Entry | None,
    chosen: Path,
    *,
    choice: Choice | None,
    force: bool,
    progress: Progress,
) -> Got:
    if located.pointer.kind == "value":
        _make_room(chosen, force)
        content = canonical_json(located.pointer.value) + b"\n"
        with making_in(chosen.parent):
            publish.publish_bytes(chosen, content)
        name = name_of(located.artifact)
        return Got(located.side.name, located.path, chosen, "value", len(content), 1, name)
    try:
        entries = _entries(project, located, entry, choice)
        _make_room(chosen, force)
        return _place(project, located, chosen, entries, progress)
    except MissingObject as error:
        size = entry.size if entry is not None else 0
        raise view.unavailable(project, located, (entry or located.pointer).digest, size) from error


def _give(
    project: Project, located: Located, entry: Entry | None, choice: Choice | None, out: Callable[[bytes], object]
) -> Got:
    """Give the bytes of the one file that is meant to `out`."""
    name = name_of(located.artifact)
    if located.pointer.kind == "value":
        content = canonical_json(located.pointer.value) + b"\n"
        out(content)
        return Got(located.side.name, located.path, None, "value", len(content), 1, name)
    digest = (entry or located.pointer).digest
    try:
        files = [each for each in _entries(project, located, entry, choice) if each.mode != "d"]
        if len(files) != 1:
            raise _no_one_file(located, len(files))
        digest, size = files[0].digest, files[0].size
        for piece in pieces(project.store, digest):
            out(piece)
    except MissingObject as error:
        raise view.unavailable(project, located, digest, entry.size if entry is not None else 0) from error
    return Got(located.side.name, located.path, None, "file", size, 1, name)


def _no_one_file(located: Located, count: int) -> UsageError:
    shown = typed(located.path)
    return UsageError(
        f"`-` takes one file, and there are {count:,} in {display(located.path)}",
        hint=f"track ls -R {shown}      lists them\ntrack get {shown} -o FOLDER      copies them\n"
        "-o ./-      makes a file or a folder that is called so",
    )


def _entries(project: Project, located: Located, entry: Entry | None, choice: Choice | None) -> list[Entry]:
    """What is copied, relative to the target; a file alone has an empty path."""
    if entry is not None and entry.mode != "d":
        path = entry.path or located.artifact.rpartition(b"/")[2]
        found = [entry._replace(path=b"")] if choice is None or choice.takes(path) else []
    else:
        inside = located.inner + b"/" if located.inner else b""
        found = [
            each._replace(path=each.path[len(inside) :])
            for each in walk(view.reader(project), located.pointer.digest, located.inner)
            if each.path != located.inner and (choice is None or choice.takes(each.path))
        ]
    if not found and choice is not None:
        shown = display(located.path)
        raise UnknownPath(
            f"nothing in {shown} matches {display(' '.join(choice.words))}",
            hint=f"what there is: track ls -R {typed(located.path)}",
        )
    return found


def _target(project: Project, located: Located, target: str | None) -> Path:
    name = _own_name(located)
    if target is None or target.endswith("/"):
        _check_name(name, located)
    if target is None:
        return project.cwd / name
    if not target:
        raise UsageError("the target is empty", hint=f"track get {typed(located.path)} -o {typed(name)}")
    place = Path(os.path.normpath(project.cwd / os.path.expanduser(target)))
    return place / name if target.endswith("/") else place


def _own_name(located: Located) -> str:
    """What a copy is called where nobody says it: as its file, or the last part of its name."""
    if is_named_pointer(located.artifact) and not located.inner:
        return parse_artifact_name(located.artifact).rpartition("/")[2]
    return os.fsdecode(located.path.rpartition(b"/")[2])


def _check_name(name: str, located: Located) -> None:
    """Refuse to make a file of a name that a stranger chose and that leads elsewhere."""
    if (why := check_entry_path(os.fsencode(name))) is not None:
        raise UsageError(f"nothing can be called `{display(name)}`: it {why}", hint="name a target with -o")


def _make_room(target: Path, force: bool) -> None:
    """Refuse a target where something stands; with `force`, allow a file, a link or an empty folder."""
    if len(os.fsencode(target.name)) > _NAME_LIMIT:
        raise NameTooLong(f"{display(target.name)} is too long for a name", hint="name another target with -o")
    if not target.parent.is_dir():
        shown = display(str(target.parent))
        raise UsageError(f"there is no folder {shown}", hint=f"mkdir -p {shown}")
    if not os.path.lexists(target):
        return
    shown = display(str(target))
    if target.is_dir() and not target.is_symlink():
        if os.listdir(target):
            raise Conflict(f"{shown} is a folder with files in it", hint="name another target with -o, or remove it")
        if not force:
            raise Conflict(f"{shown} is there already", hint="add --force, or name another target with -o")
        publish.remove_directory(target)
    elif target.exists() and not target.is_file() and not target.is_dir():
        raise Conflict(f"{shown} is a device, a pipe or a socket and no file", hint="name another target with -o")
    elif not force:
        raise Conflict(f"{shown} is there already", hint="add --force to replace it, or name another target with -o")


def _place(project: Project, located: Located, target: Path, entries: list[Entry], progress: Progress) -> Got:
    kind = copy_out(project, target, entries, progress)
    files = sum(1 for entry in entries if entry.mode != "d")
    size = sum(entry.size for entry in entries)
    return Got(located.side.name, located.path, target, kind, size, files, name_of(located.artifact))
