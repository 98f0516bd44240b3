"""Overtaken: data that is still the version its pointer named before Git moved it; adding that takes a change back.

After a pull or a checkout of another branch, data follows its pointers by a hook or by `track checkout`. Until then
the rows say which version was placed or added last. When the pointer names another one now, and in some commit it
named that one, Git moved it; an `add` that was interrupted, or whose pointer was thrown away, left no such commit.
"""

from collections.abc import Iterable, Sequence

from track.errors import MalformedManifest, MissingObject, OutOfStep
from track.flows.here import is_under
from track.flows.partly import parts_here, placed_version
from track.history import log
from track.model import manifest
from track.model.digest import Digest
from track.model.names import display, pointer_path, typed
from track.model.pointer import Pointer
from track.project import Project

_SHOWN = 8
_NAMED = 3


def overtaken(project: Project, path: bytes, pointer: Pointer) -> Digest | None:
    """The version that the data at `path` was placed as, when Git moved its pointer from there to `pointer` since.

    None when they are in step, and when nobody can tell.
    """
    holds = placed_version(project, path)
    if holds is None or pointer.kind == "value" or holds == pointer.digest:
        return None
    return holds if log.was_named(project.git, pointer_path(path), holds.hex()) else None


def out_of_step(
    project: Project,
    path: bytes,
    pointer: Pointer | None,
    digest: Digest,
    *,
    read: manifest.Read,
    parts: Sequence[bytes] = (),
) -> OutOfStep | None:
    """Why the data at `path`, or the `parts` inside it, should not be recorded as `digest` in place of `pointer`.

    None when it takes nothing back unseen: when whatever differs between the version that the data was placed as and
    `pointer` was edited here, too. `read` gives manifest nodes, those of `digest` among them.
    """
    if pointer is None or digest == pointer.digest:
        return None
    holds = overtaken(project, path, pointer)
    if holds is None or not _is_taken_back(read, holds, pointer, digest, parts):
        return None
    here = parts_here(project, path, pointer) or ()
    is_edited = digest != holds and not (parts or here)
    shown = display(path + b"/" + parts[0] if len(parts) == 1 else path)
    what = "comes from" if parts or here else "was edited on top of" if is_edited else "is still"
    ways = _ways(path, parts or (here if len(here) <= _NAMED else ()), is_edited=is_edited)
    width = max(len(way) for way, _ in ways)
    return OutOfStep(
        f"{shown} {what} version {holds.hex()[:_SHOWN]}, and Git has moved its pointer to "
        f"{pointer.digest.hex()[:_SHOWN]}: adding it would take back what changed there",
        hint="\n".join(f"{way:{width}}   {why}" for way, why in ways),
    )


def _ways(path: bytes, parts: Sequence[bytes], *, is_edited: bool) -> list[tuple[str, str]]:
    """The commands that lead on, each with what it does: follow the pointer, or record what is here all the same."""
    named = " ".join(typed(path + b"/" + part) for part in parts) or typed(path)
    record = (f"track add --force {named}", "records what is here all the same")
    if is_edited:
        return [("track checkout", "brings what changed around your edits; then add again"), record]
    return [(f"track checkout {named}", "brings the version that the pointer names"), record]


def _is_taken_back(
    read: manifest.Read, holds: Digest, pointer: Pointer, digest: Digest, parts: Sequence[bytes]
) -> bool:
    """Whether something at `parts` that differs in `pointer` is still as in `holds`; not when nobody can tell."""
    if digest == holds or pointer.kind == "file":
        return digest == holds
    try:
        moved = _paths(manifest.compare(read, bytes(holds), bytes(pointer.digest)))
        untouched = moved - _paths(manifest.compare(read, bytes(holds), bytes(digest)))
        return any(is_under(path, parts) for path in untouched)
    except (MissingObject, MalformedManifest):
        return False


def _paths(pairs: Iterable[tuple[manifest.Entry | None, manifest.Entry | None]]) -> set[bytes]:
    return {entry.path for pair in pairs for entry in pair if entry is not None}
