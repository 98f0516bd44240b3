"""In step: after Git moved pointers, the data follows them, out of the store alone and without losing unsaved work.

What a hook does, and so it never asks a remote, never fails for one artifact because of another, and touches only
data whose pointer is another version than the one that was placed last: edits beside a pointer that stayed are the
user's business. A file beside the index says which pointers the data followed last, so that the next hook can tell
within milliseconds that nothing is to do.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from track import publish
from track.errors import ConflictedPointer, NotAPointer, TrackError
from track.flows.bring import BroughtArtifact, Kept, Lacking, bring
from track.flows.leave import leave
from track.flows.partly import as_checked_out
from track.flows.reach import Version
from track.flows.shallow import not_away
from track.history import log
from track.history.identity import blob_of
from track.history.plumbing import PointerFiles
from track.model.names import data_path, display, is_named_pointer, pointer_path
from track.model.pointer import parse_pointer
from track.progress import Progress, silent
from track.project import IN_STEP, Project
from track.worktree.parts import Parts, placed_parts
from track.worktree.stat_cache import Recorded

_MOVING = b"moving"
_CAME = "came"


class Followed(NamedTuple):
    """What was done so that data and pointers are in step.

    `artifacts` were placed, `removed` are the paths of those whose pointer is gone. `kept` stayed as they were, for
    something unsaved would have been lost or something could not be read; `lacking` need a pull. `troubles` are
    messages about pointers that cannot be read.
    """

    artifacts: tuple[BroughtArtifact, ...]
    removed: tuple[bytes, ...]
    kept: tuple[Kept, ...]
    lacking: tuple[Lacking, ...]
    troubles: tuple[str, ...]


def follow(project: Project, left: Iterable[str] = (), *, progress: Progress = silent) -> Followed:
    """Make data what the pointers on disk say, where that loses nothing unsaved and everything is in the store.

    `left` are commits that Git just left: data whose pointer one of them has, and nothing has now, is removed when
    all of it is saved. Git's index is only read. Killed anywhere, the next call goes on.

    Raises:
        Locked: another `track` works here for longer than `lock.timeout`.
        DamagedObject, DiskFull, StoreUnwritable: some of what was to be placed could not be.
    """
    stamp = os.fsencode(project.worktree_state / IN_STEP)
    was_interrupted = _read(stamp) == _MOVING
    with project.lock():
        files = project.git.pointer_files()
        contents = dict(log.pointers_in_worktree(project.git, files))
        versions, troubles = _parsed(contents, files)
        placed = project.stat_cache.artifacts()
        partly = placed_parts(project.worktree_state)
        moved = [
            version
            for version in as_checked_out(project, versions)
            if was_interrupted
            or version.path not in placed
            or _placed_as(placed, partly, version.path) != version.pointer.digest
        ]
        known = {*files.staged, *files.unmerged, *contents}
        came = _came(project)
        gone = {*_pointers_of(project, left), *(path for path in came - known if _is_new(project, path))} - known
        publish.publish_bytes(stamp, _MOVING, durable=False)
        going = sorted(data_path(path) for path in gone if data_path(path) in placed)
        removed, kept = leave(project, going, progress=progress)
        brought = bring(project, moved, yielding="interrupted" if was_interrupted else "unsaved", progress=progress)
        fresh = {pointer_path(one.path) for one in brought.artifacts if one.path not in placed}
        _note_came(project, came, (came | fresh) & known)
        _remember(project, stamp, files, contents)
        lacking = tuple(not_away(project, brought.lacking))
    return Followed(brought.artifacts, removed, tuple(sorted((*kept, *brought.kept))), lacking, tuple(troubles))


def _placed_as(placed: Mapping[bytes, Recorded], partly: Mapping[bytes, Parts], path: bytes) -> bytes | None:
    """The version that data was placed or added as; None: nobody knows. As `partly.placed_version`, for many."""
    return partly[path].version if path in partly else placed[path].root


def _parsed(contents: Mapping[bytes, bytes], files: PointerFiles) -> tuple[list[Version], list[str]]:
    """The versions that have a working copy, and what is wrong with other pointers, those in conflict apart."""
    versions, troubles = [], []
    for name, content in contents.items():
        if is_named_pointer(name):
            continue
        try:
            pointer = parse_pointer(content, display(name))
        except (NotAPointer, ConflictedPointer):
            continue
        except TrackError as error:
            if name not in files.unmerged:
                troubles.append(error.message)
            continue
        if pointer.kind != "value":
            versions.append(Version(data_path(name), pointer, ()))
    return versions, troubles


def _pointers_of(project: Project, commits: Iterable[str]) -> set[bytes]:
    """The pointers that these commits have; a commit that is not here has none."""
    found: set[bytes] = set()
    for commit in dict.fromkeys(commits):
        with suppress(TrackError):
            found.update(path for path in project.git.tree_pointers(commit) if not is_named_pointer(path))
    return found


def _came(project: Project) -> set[bytes]:
    """The pointers whose data a hook placed and that were there ever since, committed by now or not."""
    return set(filter(None, _read(os.fsencode(project.worktree_state / _CAME)).split(b"\0")))


def _note_came(project: Project, before: set[bytes], now: set[bytes]) -> None:
    if now != before:
        path = project.worktree_state / _CAME
        publish.publish_bytes(path, b"".join(one + b"\0" for one in sorted(now)), durable=False)


def _is_new(project: Project, pointer: bytes) -> bool:
    """Whether no commit below HEAD ever had a pointer: then Git alone put it there, and took it back."""
    return not project.git.run("rev-list", "-1", "HEAD", "--", pointer, check=False)


def _remember(project: Project, stamp: bytes, files: PointerFiles, contents: Mapping[bytes, bytes]) -> None:
    """Write down which pointers the data follows now; nothing when some on disk are not those in the index."""
    is_staged = not files.untracked and not files.unmerged
    for path, known in files.staged.items():
        is_staged &= path not in contents or blob_of(contents[path], known) == known
    if is_staged:
        listed = project.git.run("ls-files", "--stage", "--", "*.track", globs=True)
        like = listed.split(b" ", 2)[1].decode("ascii") if listed else project.git.head() or "0" * 40
        publish.publish_bytes(stamp, blob_of(listed, like).encode("ascii") + b"\n", durable=False)
    else:
        publish.remove(stamp)


def _read(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read().rstrip(b"\n")
    except OSError:
        return b""
