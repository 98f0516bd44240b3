"""Landing: files come out of the store into any folder, where nothing that differs is overwritten."""

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.errors import Conflict, OutsideRepository, SpecialFile, StoreUnwritable, TrackError
from track.flows.contents import StoreContents
from track.model.digest import digest_of
from track.model.manifest import Entry
from track.model.names import display, typed
from track.progress import Progress, silent
from track.project import Project
from track.store.hashing import hash_fd
from track.system import process_tag
from track.work import cores
from track.worktree.paths import Gate
from track.worktree.place import Placer
from track.worktree.reading import open_checked, stat_of
from track.worktree.stat_cache import Stat

_LISTED = 10
_OR_FORCE = "move it away, take another folder, or replace files: --force (in Python: force=True)"
_THREADS = 8
_WORTH_A_THREAD = 8 << 20


class Landed(NamedTuple):
    """What a folder has now: paths that were placed, and those that were there with the right content; sorted."""

    placed: tuple[bytes, ...]
    present: tuple[bytes, ...]


class Plan(NamedTuple):
    """What has to be placed, each with the stat of what may be replaced there, and what is there already."""

    entries: tuple[tuple[Entry, Stat | None], ...]
    present: tuple[bytes, ...]


def refuse_own(project: Project, target: Path) -> None:
    """Refuse a target in Git's directory, in the store or among track's own files. Raises OutsideRepository."""
    real = Path(os.path.realpath(target.parent)) / target.name
    own = (project.git.git_dir, project.git.common_dir, project.store_path, project.root / ".track")
    for folder in own:
        if real == Path(os.path.realpath(folder)) or Path(os.path.realpath(folder)) in real.parents:
            raise OutsideRepository(f"{display(str(target))} is in a place that is Git's or track's own")


def plan(folder: Path, entries: Sequence[Entry], *, force: bool | None = False) -> Plan:
    """Look at what stands in `folder` where these entries go; their paths are relative to it. Nothing is written.

    `force` is None where nobody can ask for it.

    Files are compared by their content, several at once. One of the right content that may be executed where it should
    not, or the other way round, is placed anew: nothing is lost with it.

    Raises:
        Conflict: something else stands there; with `force` only what is no file or link. Or two of the entries cannot
            both be: one is there twice, or lies below another.
        ForbiddenPath: a path leaves the folder, goes through a link, or reaches `.git`.
    """
    _refuse_clashes(entries)
    if not os.path.lexists(folder):
        gate = Gate(folder)
        for entry in entries:
            _check(gate, entry)
        return Plan(tuple((entry, None) for entry in entries), ())
    gate = Gate(folder)
    with ThreadPoolExecutor(min(_THREADS, cores() * 2)) as pool:
        seen = list(pool.map(lambda entry: _look(gate, entry), entries))
    wrong = [
        entry.path
        for entry, (here, is_same) in zip(entries, seen, strict=True)
        if here is not None and not is_same and (not force or _is_other(here))
    ]
    if wrong:
        shown = display(os.fsdecode(os.path.join(os.fsencode(folder), wrong[0])))
        more = f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        raise Conflict(
            f"{shown}{more} would be overwritten: what stands there is something else",
            hint="move it away, or take another folder" if force is None else _OR_FORCE,
            details=tuple(display(path) for path in wrong[:_LISTED]),
        )
    pairs = list(zip(entries, seen, strict=True))
    is_right = [is_same and (here is None or _may_run_as(entry, here)) for entry, (here, is_same) in pairs]
    todo = tuple((entry, here) for (entry, (here, _)), right in zip(pairs, is_right, strict=True) if not right)
    return Plan(todo, tuple(sorted(entry.path for entry, right in zip(entries, is_right, strict=True) if right)))


def land(project: Project, folder: Path, found: Plan, progress: Progress = silent) -> Landed:
    """Carry a plan out: every file appears whole, by a rename; large amounts by several threads.

    Raises:
        Conflict: something else stands there by now.
        StoreUnwritable, DiskFull: nothing can be made there.
        MissingObject, DamagedObject: bytes are not in the store.
    """
    if not found.entries:
        return Landed((), found.present)
    try:
        publish.make_directories(folder)
        staging = folder / f".track-get-{process_tag()}-{os.urandom(4).hex()}"
        publish.make_directory(staging)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StoreUnwritable(
            f"nothing can be made in {display(str(folder))}: {why}", hint="name another folder"
        ) from error
    progress.begin("copying", count=len(found.entries), size_bytes=sum(entry.size for entry, _ in found.entries))
    try:
        shares = _shares(found.entries)
        if len(shares) == 1:
            _place(StoreContents(project), folder, staging, shares[0], progress)
        else:
            with ThreadPoolExecutor(len(shares)) as pool:
                work = [pool.submit(_place_apart, project, folder, staging, share) for share in shares]
                for each in work:
                    each.result()
    finally:
        progress.end()
        publish.remove_tree(staging)
    return Landed(tuple(sorted(entry.path for entry, _ in found.entries)), found.present)


def _shares(entries: Sequence[tuple[Entry, Stat | None]]) -> list[list[tuple[Entry, Stat | None]]]:
    """The entries, dealt to as many threads as their bytes are worth, the largest first."""
    total = sum(entry.size for entry, _ in entries)
    count = max(1, min(_THREADS, cores() * 2, len(entries), total // _WORTH_A_THREAD))
    ordered = sorted(entries, key=lambda each: each[0].size, reverse=True)
    return [ordered[number::count] for number in range(count)]


def _place_apart(project: Project, folder: Path, staging: Path, entries: list[tuple[Entry, Stat | None]]) -> None:
    contents = StoreContents(project).apart()
    try:
        _place(contents, folder, staging / os.urandom(8).hex(), entries, silent)
    finally:
        contents.close()


def _place(
    contents: StoreContents,
    folder: Path,
    staging: Path,
    entries: list[tuple[Entry, Stat | None]],
    progress: Progress,
) -> None:
    with Placer(Gate(folder), contents, staging, progress=progress) as placer:
        for entry, _ in entries:
            if entry.mode == "d":
                placer.make_folder(entry.path)
        files = [(entry, here) for entry, here in entries if entry.mode != "d"]
        made = placer.make([(entry.path, entry) for entry, _ in files])
        for one, (_, here) in zip(made, files, strict=True):
            placer.place(one, here)


def _refuse_clashes(entries: Sequence[Entry]) -> None:
    """Refuse entries that cannot stand beside each other: artifacts of one tree may claim the same place."""
    files: set[bytes] = set()
    for entry in entries:
        if entry.mode != "d":
            if entry.path in files:
                raise _clash(entry.path, entry.path)
            files.add(entry.path)
    folders = {entry.path.rpartition(b"/")[0] for entry in entries} - {b""}
    while folders:
        if not folders.isdisjoint(files):
            above = min(folders & files)
            raise _clash(above, min(one.path for one in entries if one.path.startswith(above + b"/")))
        folders = {folder.rpartition(b"/")[0] for folder in folders} - {b""}


def _clash(first: bytes, second: bytes) -> Conflict:
    both = f"{display(second)} is there twice" if first == second else f"{display(second)} lies below a file"
    return Conflict(
        f"nothing was copied: {both}, so that two artifacts claim one place",
        hint=f"take one of them alone, or see which pointers there are: track ls {typed(first)}",
    )


def _check(gate: Gate, entry: Entry) -> None:
    """Refuse a path by its name, before anything is made."""
    try:
        with gate.parent(entry.path):
            pass
    except (FileNotFoundError, NotADirectoryError):
        return


def _look(gate: Gate, entry: Entry) -> tuple[Stat | None, bool]:
    """What stands where an entry goes, and whether that is the entry."""
    try:
        with gate.parent(entry.path) as (fd, name):
            here = stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False))
            if stat.S_ISDIR(here.mode):
                return here, entry.mode == "d"
            if stat.S_ISLNK(here.mode):
                return here, entry.mode == "l" and digest_of(os.fsencode(os.readlink(name, dir_fd=fd))) == entry.digest
            if not stat.S_ISREG(here.mode) or here.size != entry.size or entry.mode in "dl":
                return here, False
            with open_checked(fd, name, here, path=entry.path) as content:
                return here, hash_fd(content, here.size) == entry.digest
    except FileNotFoundError:
        return None, False
    except NotADirectoryError:
        raise Conflict(
            f"a file is in the way of {display(entry.path)}", hint="move it away, or take another folder"
        ) from None
    except (SpecialFile, OSError) as error:
        if isinstance(error, TrackError):
            raise
        raise Conflict(f"{display(entry.path)} cannot be looked at: {error.strerror}", hint="move it away") from error


def _may_run_as(entry: Entry, here: Stat) -> bool:
    """Whether a file may be executed exactly if the entry says so; of links and folders there is nothing to say."""
    return entry.mode not in "fx" or bool(here.mode & stat.S_IXUSR) == (entry.mode == "x")


def _is_other(here: Stat) -> bool:
    """Whether it is neither a file nor a link, and so is never replaced."""
    return not (stat.S_ISREG(here.mode) or stat.S_ISLNK(here.mode))
