"""What a scan finds and an artifact cannot hold: each is an error that says what to do about it."""

import stat
from collections.abc import Iterator
from contextlib import suppress

from track.errors import ForbiddenPath, InsideArtifact, MissingObject, TrackError
from track.model.names import are_suspicious, check_entry_path, display, typed
from track.worktree.found import Folder, split
from track.worktree.reading import read_whole, special
from track.worktree.stat_cache import STAT


def refused(artifact: bytes, kind: str, folder: Folder, fd: int) -> Iterator[TrackError]:
    """What in an open folder cannot be part of an artifact, which is a "file" or a "directory"."""
    base = artifact if kind == "file" else artifact + b"/" + folder.path
    for name in split(folder.folders):
        yield from _bad_name(base + name)
    names = folder.split()
    modes = [row[0] for row in STAT.iter_unpack(folder.stats)]
    here = names if len(folder.pending) == len(names) else [names[index] for index in folder.pending]
    is_odd = are_suspicious(base + name for name in here)
    for index in folder.pending:
        name, mode = names[index], modes[index]
        shown = base if kind == "file" else base + name
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            yield special(shown, mode)
        if is_odd:
            yield from _bad_name(shown)
        if name.endswith(b".track") and kind == "directory" and _is_pointer(fd, name):
            yield InsideArtifact(
                f"{display(shown)} is a pointer inside the artifact {display(artifact)}",
                hint="track either the whole folder or the things in it; move one of them elsewhere",
            )


def dangling(path: bytes) -> MissingObject:
    """The error for a link into the store whose object is gone."""
    return MissingObject(
        f"{display(path)} is a link to an object that is not in the store any more",
        hint=f"track fetch may bring it again; to give it up: track checkout --force -- {typed(path)}",
    )


def _bad_name(path: bytes) -> Iterator[TrackError]:
    why = check_entry_path(path)
    if why == "reaches .git":
        hint = "a repository inside an artifact cannot be versioned: move it elsewhere, or list it in .trackignore"
        yield InsideArtifact(f"{display(path)} is a Git repository inside the artifact, or named like one", hint=hint)
    elif why is not None:
        yield ForbiddenPath(f"{display(path)!r} cannot be kept: it {why}", hint="rename it")


def _is_pointer(fd: int, name: bytes) -> bool:
    with suppress(TrackError):
        return (read_whole(fd, name, limit=4096) or b"").lstrip().startswith(b"[artifact]")
    return False
