"""Pointing: the pointer that content gets, from what was said of the content before it; and what can get none."""

from collections.abc import Sequence
from dataclasses import replace

from track.errors import AlreadyInGit, InsideArtifact
from track.flows.keep import Kept
from track.formats.media import type_of
from track.model.names import data_path, display, is_pointer_path, typed
from track.model.pointer import Pointer
from track.project import Project


def pointer_of_content(path: bytes, kept: Kept, present: Pointer | None, *, run: str | None = None) -> Pointer:
    """The pointer for what the data at `path` holds: the present one where it is the same, else without what was said
    of the old content. A type that somebody declared stays, as labels do. `run` is the run that made it; it stands
    only where it was the first to give this path this content.
    """
    if present is not None and (present.digest, present.kind) == (kept.digest, kept.kind):
        return replace(present, executable=kept.executable, size=kept.size, files=kept.files)
    said = present.type if present is not None and present.kind == kept.kind else None
    fresh = Pointer(
        kind=kept.kind,
        digest=kept.digest,
        size=kept.size,
        executable=kept.executable,
        files=kept.files,
        type=said or (type_of(path) if kept.kind == "file" else None),
        run=run,
    )
    if present is None:
        return fresh
    return replace(fresh, tags=present.tags, labels=present.labels, partitions=present.partitions, extra=present.extra)


def refuse_in_git(project: Project, paths: Sequence[bytes]) -> None:
    """Refuse to make artifacts of paths that Git has, or has something in.

    Raises:
        AlreadyInGit, InsideArtifact: a file there, or the pointer of another artifact, is in Git.
    """
    in_git = project.git.is_tracked(paths) if paths else ()
    if not in_git:
        return
    pointers = [path for path in in_git if is_pointer_path(path)]
    first = pointers[0] if pointers else in_git[0]
    owner = next(path for path in paths if first == path or first.startswith(path + b"/"))
    if pointers and first != owner:
        inner = data_path(first)
        raise InsideArtifact(
            f"`{display(inner)}` is an artifact already, inside `{display(owner)}`",
            hint=f"track add {typed(inner)}      changes that one; to track the whole folder, move it elsewhere first",
        )
    more = f" and {len(in_git) - 1} more" if len(in_git) > 1 else ""
    raise AlreadyInGit(
        f"`{display(first)}`{more} is already tracked by Git",
        hint=f"let Git forget it, keeping the file: git rm -r --cached -- {typed(owner)}",
    )
