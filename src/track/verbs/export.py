"""Export: data as plain files in any folder, for whoever has no track."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from track.errors import Conflict, MissingObject, StoreUnwritable, UsageError
from track.flows import landing
from track.flows.copying import copy_out
from track.flows.sides import Side, side_at, side_on_disk
from track.flows.view import Wanted, as_entry, paths_from, reader
from track.model.digest import Digest, digest_of
from track.model.manifest import Entry, Read, walk
from track.model.names import display, is_named_pointer, typed
from track.model.pointer import Pointer
from track.progress import Progress, silent
from track.project import Project
from track.system import sync_filesystem
from track.worktree.paths import Gate

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in the folder now, or in a dry run would be. Sizes are in bytes; files count links, too.

    `artifacts` are those of which something was asked for; `present_count` files were there already with the right
    content; `passed` are named artifacts and values, which have no place among files.
    """

    where: str
    target: Path
    artifacts: tuple[bytes, ...]
    files_count: int
    size: int
    present_count: int
    passed: tuple[bytes, ...]
    is_dry: bool


def export(
    project: Project,
    paths: Sequence[str] = (),
    *,
    to: str,
    rev: str | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Exported:
    """Copy the artifacts at `paths` (none: all), or what of them lies there, into the folder `to`, under their paths.

    They are plain files, links and folders with the modes of the manifest, and never links into the store; every byte
    is checked. Of `rev`, by default of what the pointers in the working tree say; working files are not looked at. A
    folder that is not there appears whole, by one rename; in one that is there every file does, and what differs is
    refused before anything is written.

    Raises:
        UnknownRevision, UnknownPath: there is no such commit, or no such artifact or file there.
        UsageError: no folder was named, or nothing is tracked there.
        OutsideRepository: the folder is Git's or track's own.
        Conflict: something else stands where a file would go.
        MissingObject: bytes are not in the store; nothing is written.
        DamagedObject, MalformedManifest: bytes in the store are not what they should be.
        DiskFull, StoreUnwritable: it cannot be made there.
    """
    if not to:
        raise UsageError("no folder to export to was named", hint="track export --to FOLDER")
    target = Path(os.path.normpath(project.cwd / os.path.expanduser(to)))
    landing.refuse_own(project, target)
    side = side_on_disk(project) if rev is None else side_at(project, rev)
    wanted = Wanted(paths_from(project, paths))
    wanted.refuse_unknown([side])
    chosen = {path: pointer for path, pointer in side.pointers().items() if wanted.artifact(path)}
    plain = {path: pointer for path, pointer in chosen.items() if _is_plain(path, pointer)}
    read = reader(project)
    entries = sorted(entry for path, pointer in plain.items() for entry in _entries(read, wanted, path, pointer))
    if not entries:
        raise UsageError(f"nothing of {display(side.name)} to export", hint="what there is: track ls")
    _refuse_missing(project, side, entries)
    found = _land(project, target, entries, dry_run=dry_run, progress=progress)
    return Exported(
        where=side.name,
        target=target,
        artifacts=tuple(plain),
        files_count=sum(entry.mode != "d" for entry in entries),
        size=sum(entry.size for entry in entries),
        present_count=found,
        passed=tuple(path for path in chosen if path not in plain),
        is_dry=dry_run,
    )


def _is_plain(path: bytes, pointer: Pointer) -> bool:
    return not is_named_pointer(path) and pointer.kind != "value"


def _entries(read: Read, wanted: Wanted, path: bytes, pointer: Pointer) -> Iterator[Entry]:
    """What is asked for of an artifact, its paths from the top."""
    if pointer.kind == "file":
        yield as_entry(pointer, path)
        return
    is_empty = True
    for entry in walk(read, pointer.digest):
        is_empty = False
        whole = path + b"/" + entry.path
        if wanted.file(whole, path):
            yield entry._replace(path=whole)
    if is_empty and wanted.file(path, path):
        yield Entry(path, "d", 0, digest_of(b""))


def _refuse_missing(project: Project, side: Side, entries: Sequence[Entry]) -> None:
    """Refuse what cannot be copied to its end, before anything is written."""
    absent = project.store.absent({Digest(entry.digest) for entry in entries if entry.mode != "d"})
    lacking = [entry.path for entry in entries if entry.mode != "d" and entry.digest in absent]
    if lacking:
        count = "1 file is" if len(lacking) == 1 else f"{len(lacking):,} files are"
        more = (f"and {len(lacking) - _NAMED:,} more",) if len(lacking) > _NAMED else ()
        raise MissingObject(
            f"{count} not in the store, so nothing was exported",
            hint=f"bring what is missing: track fetch -- {typed(lacking[0])}",
            details=(*map(display, lacking[:_NAMED]), *more),
        )


def _land(project: Project, target: Path, entries: list[Entry], *, dry_run: bool, progress: Progress) -> int:
    """Put everything in place, durably; how many files were there already."""
    if os.path.lexists(target):
        if not target.is_dir():
            raise Conflict(f"{display(str(target))} is no folder", hint="name another one with --to")
        found = landing.plan(target, entries, force=None)
        if not dry_run:
            landing.land(project, target, found, progress)
            _sync(target)
        return sum(entry.mode != "d" for entry in entries) - sum(entry.mode != "d" for entry, _ in found.entries)
    if not target.parent.is_dir():
        shown = display(str(target.parent))
        raise StoreUnwritable(f"there is no folder {shown}", hint=f"mkdir -p {shown}")
    landing.plan(target, entries, force=None)
    if not dry_run:
        copy_out(project, target, entries, progress)
        _sync(target)
    return 0


def _sync(target: Path) -> None:
    with Gate(target).directory(b"") as top:
        if not sync_filesystem(top) and hasattr(os, "sync"):
            os.sync()
