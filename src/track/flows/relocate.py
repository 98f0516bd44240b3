"""Relocate: data is renamed within the working tree, and what is known of its stats goes along, so nothing is read.

Whatever the content is, saved or not, it moves as it stands. Each rename is one step for the kernel; where it was
made already, by a command that was interrupted, it is passed over.
"""

import errno
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from track import publish
from track.errors import Conflict
from track.flows.moving import Passage
from track.flows.pointers import exists
from track.model.names import display, typed
from track.model.pointer import Pointer
from track.project import Project
from track.worktree.found import is_empty, split
from track.worktree.parts import parts_of, placed_parts, remember
from track.worktree.reading import stat_of
from track.worktree.rows import RowEdit
from track.worktree.stat_cache import DIGEST_SIZE, RACY, STAT, STAT_SIZE, Recorded, Stat
from track.worktree.trash import Move


class _Known(NamedTuple):
    """A file or link that a row knows: its path relative to what moves, its packed stat and digest, the row's age.

    An empty folder has neither stat nor digest.
    """

    path: bytes
    stat: bytes
    digest: bytes
    written: int


def relocate(project: Project, passage: Passage) -> bool:
    """Rename the data of one move, if it is there, and take its rows along; whether data was renamed.

    Raises:
        Conflict: something is at the target by now, or it is on another filesystem; nothing of it was moved.
        ForbiddenPath: the way to one of them goes through a link.
    """
    source, target = passage.source, passage.target
    known = None if passage.is_whole else _known_rows(project, passage)
    before, after = rename(project, Move(source.path, target.path))
    if source.inner:
        remove_empty_above(project, source.path, source.artifact)
    if passage.is_whole:
        _carry_whole(project, passage, before, after)
    elif known is None:
        for artifact in (source.artifact, target.artifact):
            project.stat_cache.forget(artifact)
    else:
        _carry(project, passage, known, before, after)
    return after is not None


def rename(project: Project, move: Move) -> tuple[Stat | None, Stat | None]:
    """Rename what is at the source, if anything is; its stat before, and after, None where nobody renamed it now."""
    if not exists(project, move.source):
        return None, None
    with (
        project.gate.parent(move.source) as (source_fd, source_name),
        project.gate.parent(move.target, create=True) as (target_fd, target_name),
    ):
        before = stat_of(os.stat(source_name, dir_fd=source_fd, follow_symlinks=False))
        try:
            publish.move_new(source_name, target_name, source_dir_fd=source_fd, target_dir_fd=target_fd)
        except FileExistsError as error:
            raise Conflict(f"something is at `{display(move.target)}` already", hint="name another target") from error
        except OSError as error:
            raise _not_moved(move, error) from error
        return before, stat_of(os.stat(target_name, dir_fd=target_fd, follow_symlinks=False))


def refuse_partly(project: Project, passage: Passage) -> None:
    """Refuse to move parts into or out of what is only partly checked out: nobody could say what is here then.

    Raises:
        Conflict: it is.
    """
    for place in (passage.source, passage.target):
        if not passage.is_whole and parts_of(project.worktree_state, place.artifact) is not None:
            raise Conflict(
                f"`{display(place.artifact)}` is only partly checked out",
                hint=f"bring all of it first: track checkout {typed(place.artifact)}",
            )


def _not_moved(move: Move, error: OSError) -> Conflict | OSError:
    if error.errno == errno.EXDEV:
        return Conflict(
            f"`{display(move.target)}` is on another filesystem than `{display(move.source)}`",
            hint="copy it there yourself, then: track add; track rm",
        )
    return error


def remove_empty_above(project: Project, path: bytes, artifact: bytes) -> None:
    """Remove the folders of a directory artifact that a move left empty, but not the artifact's own."""
    folder = path.rpartition(b"/")[0]
    while folder.startswith(artifact + b"/"):
        try:
            with project.gate.parent(folder) as (fd, name):
                publish.remove_directory(name, dir_fd=fd)
        except FileNotFoundError:
            pass
        except OSError:
            return
        folder = folder.rpartition(b"/")[0]


def _carry_whole(project: Project, passage: Passage, before: Stat | None, after: Stat | None) -> None:
    """The rows of an artifact under its new path; a file's row has its name in it, and its stat moved a little."""
    cache, source, target = project.stat_cache, passage.source.path, passage.target.path
    parts = placed_parts(project.worktree_state).get(source)
    if parts is not None:
        remember(project.worktree_state, target, *parts)
        remember(project.worktree_state, source, None)
    recorded = cache.recorded(source)
    if recorded is None:
        return
    found = cache.row(source, b"") if recorded.kind == "file" else None
    if found is not None:
        row, digests = found
        packed = _stat_after(row.stats[:STAT_SIZE], before, after)
        named = row._replace(names=target.rpartition(b"/")[2], stats=packed)
        cache.replace(target, recorded, [(named, digests)])
        cache.forget(source)
    else:
        cache.carry(source, target)


def _stat_after(packed: bytes, before: Stat | None, after: Stat | None) -> bytes:
    """The stat that a row has of a file after it was renamed, which moves its ctime; one that was edited is in doubt.

    Renamed by a command that was interrupted, it is looked at again.
    """
    known = Stat._make(STAT.unpack(packed))
    if before is None or after is None:
        return STAT.pack(*known._replace(flags=known.flags | RACY))
    if known._replace(flags=0) != before._replace(flags=0) or after._replace(ctime_ns=0) != before._replace(ctime_ns=0):
        return packed
    return STAT.pack(*after._replace(flags=known.flags))


def _known_rows(project: Project, passage: Passage) -> list[_Known] | None:
    """What the rows know of what moves; None when they describe other versions than the pointers, or were lost."""
    cache = project.stat_cache
    ends = ((passage.source, passage.source_before), (passage.target, passage.target_before))
    for place, pointer in ends:
        recorded = cache.recorded(place.artifact)
        if pointer is not None and (recorded is None or recorded != Recorded(pointer.kind, bytes(pointer.digest))):
            return None
        if pointer is not None and any(row.boot not in ("", cache.boot) for row in cache.rows(place.artifact)):
            return None
    return list(_rows_of(project, passage))


def _rows_of(project: Project, passage: Passage) -> Iterator[_Known]:
    cache, artifact, inner = project.stat_cache, passage.source.artifact, passage.source.inner
    is_file = passage.source_before.kind == "file"
    for row in cache.rows(artifact):
        if is_empty(row.path, row.names, row.folders) and _is_below(row.path[:-1], inner):
            yield _Known(_relative(row.path[:-1], inner), b"", b"", row.written)
            continue
        digests = cache.digests(artifact, row.path)
        for index, name in enumerate(split(row.names)):
            path = b"" if is_file else row.path + name
            if _is_below(path, inner):
                packed = row.stats[index * STAT_SIZE : (index + 1) * STAT_SIZE]
                digest = digests[index * DIGEST_SIZE : (index + 1) * DIGEST_SIZE]
                yield _Known(_relative(path, inner), packed, digest, row.written)


def _carry(project: Project, passage: Passage, known: list[_Known], before: Stat | None, after: Stat | None) -> None:
    """Take the rows of what moved out of one artifact and into the other; each then describes its new version."""
    source, target = passage.source, passage.target
    now_ns = after.ctime_ns if after is not None else 0
    edits: dict[bytes, RowEdit] = {}
    if source.inner:
        edits[source.artifact] = _edit(project, source.artifact)
        for one in known:
            _drop(edits[source.artifact], _inside(source.inner, one.path), one)
    if target.artifact not in edits:
        is_there = passage.target_before is not None
        edits[target.artifact] = _edit(project, target.artifact) if is_there else RowEdit(lambda _: None)
    for one in known:
        name = _inside(target.inner, one.path) or target.path.rpartition(b"/")[2]
        if not one.stat:
            if inner := _inside(target.inner, one.path):
                edits[target.artifact].put_folder(inner)
            continue
        packed = one.stat if one.path else _stat_after(one.stat, before, after)
        edits[target.artifact].put(name, packed, one.digest, seen_ns=one.written)
    ends = (
        (target.artifact, passage.target_before, passage.target_after),
        (source.artifact, passage.source_before, passage.source_after),
    )
    _write(project, ends[0], edits.get(target.artifact), now_ns)
    if source.artifact != target.artifact:
        _write(project, ends[1], edits.get(source.artifact), now_ns)


def _drop(edit: RowEdit, path: bytes, one: _Known) -> None:
    if one.stat:
        edit.drop(path)
    else:
        edit.drop_folder(path)


def _edit(project: Project, artifact: bytes) -> RowEdit:
    return RowEdit(lambda folder: project.stat_cache.row(artifact, folder))


def _write(
    project: Project, end: tuple[bytes, Pointer | None, Pointer | None], edit: RowEdit | None, now_ns: int
) -> None:
    """The rows of one artifact, (path, pointer before, pointer after), as they were edited."""
    (artifact, old, new), cache = end, project.stat_cache
    if new is None or edit is None:
        cache.forget(artifact)
        return
    rows, gone = edit.finish(now_ns, cache.boot)
    recorded = Recorded(new.kind, bytes(new.digest))
    if old is None:
        cache.replace(artifact, recorded, rows)
    else:
        cache.update(artifact, recorded, rows, gone=gone, base=bytes(old.digest))


def _is_below(path: bytes, folder: bytes) -> bool:
    return not folder or path == folder or path.startswith(folder + b"/")


def _relative(path: bytes, folder: bytes) -> bytes:
    return path[len(folder) :].removeprefix(b"/") if folder else path


def _inside(folder: bytes, path: bytes) -> bytes:
    return folder + b"/" + path if folder and path else folder or path


def is_same_file(project: Project, first: bytes, second: bytes) -> bool:
    """Whether two names are of one file or folder, as on a filesystem that folds letters."""
    found = []
    for path in (first, second):
        try:
            with project.gate.parent(path) as (fd, name):
                seen = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        found.append((seen.st_dev, seen.st_ino, stat.S_IFMT(seen.st_mode)))
    return found[0] == found[1]
