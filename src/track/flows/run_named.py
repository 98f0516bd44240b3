"""Named artifacts in a living run: what it put are its outputs, what it got its inputs."""

from contextlib import suppress
from dataclasses import replace

from track.errors import UsageError
from track.flows.run_start import journal_of
from track.model.pointer import Pointer
from track.model.record import Record, Used
from track.project import Project
from track.runs.journal import Living


def living_run(project: Project, run: str | None) -> Living | None:
    """The living run of this clone with this id; None where none was named, or it has ended."""
    return journal_of(project).find_living(run) if run is not None else None


def note_output(living: Living, path: bytes, pointer: Pointer, size: int) -> None:
    """Make the version at `path`, a pointer's, an output of a run, in place of what it put there before.

    `size` is in bytes; of a value, that of its JSON.
    """
    used = _used("output", path, pointer, size)
    with suppress(UsageError):  # it has ended meanwhile
        living.edit(lambda draft: _with(draft, used, replaces=True))


def note_input(living: Living, path: bytes, pointer: Pointer, size: int) -> None:
    """Make the version at `path`, a pointer's, an input of a run."""
    used = _used("input", path, pointer, size)
    with suppress(UsageError):
        if used not in living.record().artifacts:
            living.edit(lambda draft: _with(draft, used, replaces=False))


def _used(category: str, path: bytes, pointer: Pointer, size: int) -> Used:
    kind = "directory" if pointer.kind == "directory" else "file"
    return Used(category, pointer.digest, size, path=path, kind=kind, type=pointer.type, how="api")


def _with(draft: Record, used: Used, *, replaces: bool) -> Record:
    kept = [one for one in draft.artifacts if not (replaces and one[:1] == used[:1] and one.path == used.path)]
    return replace(draft, artifacts=(*kept, used))
