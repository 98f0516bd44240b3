"""Why: who made what a path holds, from what, and with which code."""

from typing import NamedTuple

from track.errors import TrackError, UnknownPath
from track.flows.named_place import place_named
from track.flows.named_versions import version_path
from track.flows.pointers import owner_of, pointer_at
from track.flows.run_code import matching_commits
from track.flows.run_find import Found, producers
from track.flows.run_known import runs_making
from track.flows.version_ids import place_of, versions_with_id
from track.flows.view import Located
from track.history import log
from track.model.digest import Digest
from track.model.names import data_path, display, is_pointer_path, name_of, pointer_called, pointer_path, typed
from track.model.pointer import Pointer, parse_pointer
from track.project import Project


class Reason(NamedTuple):
    """Why a path holds what it holds.

    `run` made it, or None where no run is known; `others` made the same content too, newest first. `recorded` is the
    commit that added the run's record, `matching` are commits with exactly the code that the run saw.
    """

    path: bytes
    digest: Digest
    run: Found | None
    others: tuple[Found, ...]
    recorded: str | None
    matching: tuple[str, ...]
    refused: tuple[TrackError, ...]


def why(project: Project, path: str, rev: str | None = None) -> Reason:
    """Tell which run made what `path` holds, by its pointer in the working tree or at `rev`.

    The run that the pointer names counts; else the latest that made this content. A run that had the content already,
    and made a copy of it elsewhere, did not. No data is read, nothing is written but a list of code trees, which may be
    deleted.

    Raises:
        UnknownPath: it is no artifact, nor in one.
        UnknownRevision: there is no such commit.
        MalformedPointer, NewerFormat: its pointer cannot be read.
    """
    given = pointer_called(path) or project.relative(path)
    asked = data_path(given) if is_pointer_path(given) else given
    artifact = owner_of(project, asked) or asked
    if not artifact:
        raise UnknownPath(f"`{display(path)}` is the whole working tree and no artifact", hint="track ls")
    name = pointer_path(artifact)
    content = log.pointer_at(project.git, rev, name) if rev is not None else None
    pointer = pointer_at(project, name) if rev is None else None if content is None else parse_pointer(content, name)
    if pointer is None:
        artifact, pointer = _named(project, path, rev)
    runs = runs_making(project, pointer.digest)
    made = [each for each in producers(runs.found, pointer.digest) if _made_it(each, artifact, pointer)]
    chosen = next((found for found in made if found.record.id == pointer.run), made[0] if made else None)
    others = tuple(found for found in made if found is not chosen)
    recorded: str | None = None
    matching: tuple[str, ...] = ()
    if chosen is not None:
        recorded = _recorded(project, chosen)
        if chosen.record.revision is not None:
            matching = matching_commits(project, chosen.record.revision.tree)
    return Reason(artifact, pointer.digest, chosen, others, recorded, matching, runs.refused)


def _made_it(found: Found, artifact: bytes, pointer: Pointer) -> bool:
    """Whether a run that has the content among its outputs made it, here or there, and did not copy what was there."""
    alike = [used for used in found.record.artifacts if used.digest == pointer.digest]
    is_here = any(used.category == "output" and used.path == artifact for used in alike)
    return is_here or found.record.id == pointer.run or all(used.category == "output" for used in alike)


def _named(project: Project, name: str, rev: str | None) -> tuple[bytes, Pointer]:
    """Where the version lies that `NAME[@VERSION]`, or the path of its pointer, means, and its pointer."""
    try:
        located = place_named(project, name if rev is None else f"{rev}:{name}")
    except UnknownPath as error:
        versions = versions_with_id(project, name) if rev is None else []
        if len(versions) == 1 and isinstance(place := place_of(project, versions[0]), Located):
            return place.artifact, place.pointer
        where = f" at {display(rev)}" if rev is not None else ""
        shown, hint = display(name), error.hint if "did you mean" in (error.hint or "") else None
        raise UnknownPath(f"`{shown}` is no artifact{where}", hint=hint or "see what is tracked: track ls") from None
    return version_path(located.artifact, located.pointer), located.pointer


def _recorded(project: Project, found: Found) -> str | None:
    """The commit that added the record; None where a shallow clone begins with it, and may have had it before."""
    if found.path is None or project.git.head() is None:
        return None
    args = ("log", "-1", "--format=%H", "--diff-filter=A", "--", found.path)
    commit = project.git.run(*args, check=False).decode("ascii").strip()
    try:
        cut = (project.git.common_dir / "shallow").read_text("ascii").split()
    except OSError:
        cut = []
    return commit if commit and commit not in cut else None


def hint_of(reason: Reason) -> str:
    """What to do where no run is known."""
    if (name := name_of(reason.path)) is not None:
        return (
            f"nobody said how it was made: track run -- COMMAND, which calls track put {typed(name.partition(' ')[0])}"
        )
    return f"nobody said how it was made: track run -o {typed(reason.path)} -- COMMAND"
