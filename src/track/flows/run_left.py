"""What a run left behind whose executor was killed: its streams, and the inputs that were noticed until then.

    before      in the folder of a living run: where it ran, and what was tracked there when its command began

It is there before the command starts. Cut short, nothing had been opened yet.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from track.errors import DiskFull, TrackError
from track.flows.run_artifacts import owner_among, save_inputs
from track.flows.run_environment import python_facts, streams_of
from track.model.digest import Digest
from track.model.record import Record, Used
from track.project import Project
from track.publish import create_with, remove
from track.runs.journal import Living
from track.runs.observe import Python, forget, observed

_BEFORE = "before"
_HEAD = b"track-before 1"
_T = TypeVar("_T")


class Left(NamedTuple):
    """What is known of a run besides its draft: what it used and said, and the Python that it ran in, if any."""

    artifacts: tuple[Used, ...] = ()
    environment: tuple[tuple[str, object], ...] = ()


def note_before(project: Project, living: Living, usable: Iterable[Used]) -> None:
    """Note in the folder of a living run what its command may use: tracked paths as they are now.

    Raises:
        DiskFull, StoreUnwritable: it cannot be written.
    """
    fields = [_HEAD, os.fsencode(project.root)]
    for used in usable:
        assert used.path is not None
        facts = (used.how, used.kind, str(used.size), str(used.digest), used.type or "")
        fields += ["\n".join(facts).encode("utf-8", "backslashreplace"), used.path]
    create_with(living.folder / _BEFORE, b"".join(field + b"\0" for field in fields))


def left_of(project: Project, living: Living) -> Left:
    """What a living run left until now; of inputs that are saved nowhere, those that still are as they were are stored.

    Nothing of it stands in the way of ending the run: what cannot be read or stored is left out, or not stored.
    """
    said: tuple[Used, ...] = ()
    with suppress(TrackError, OSError):
        said = streams_of(project, living.folder)
    top, usable = _noted(living)
    if top is None:
        return Left(said)
    seen = observed(living.folder, top)
    opened = {owner_among(usable, path) for path in seen.read}
    inputs = tuple(used for path, used in usable.items() if used.how == "declared" or path in opened)
    if os.path.realpath(top) == os.path.realpath(project.root):
        with suppress(TrackError, OSError), project.lock():
            save_inputs(project, inputs)
    return Left((*inputs, *said), _environment(project, seen.python))


def with_left(draft: Record, left: Left) -> Record:
    """The draft with what its run left, each thing once."""
    known = {_said(used) for used in draft.artifacts}
    new = (used for used in left.artifacts if _said(used) not in known)
    return replace(
        draft, artifacts=(*draft.artifacts, *new), environment={**dict(left.environment), **draft.environment}
    )


def with_room(living: Living, act: Callable[[], _T]) -> _T:
    """Do what ends a run of which all that was noted is known; on a full disk once more, in the room of those notes.

    Raises as `act` does; of DiskFull the hint says how the run is ended later.
    """
    try:
        return act()
    except DiskFull:
        forget(living.folder)
        with suppress(FileNotFoundError):
            remove(living.folder / _BEFORE)
    try:
        return act()
    except DiskFull as error:
        error.hint = f"free some space (df -h, df -i), and end the run, which goes on: track runs abort {living.id}"
        raise


def began_at(living: Living) -> Path | None:
    """The top of the working tree in which a living run executes a command; None where that was not noted."""
    return _noted(living)[0]


def _noted(living: Living) -> tuple[Path | None, dict[bytes, Used]]:
    """Where a living run began, and what it may use, by path; nothing where that was not noted, or by a later form."""
    try:
        fields = (living.folder / _BEFORE).read_bytes().split(b"\0")[:-1]
    except (FileNotFoundError, NotADirectoryError):
        return None, {}
    if len(fields) < 2 or fields[0] != _HEAD:
        return None, {}
    return Path(os.fsdecode(fields[1])), {used.path: used for used in _usable(fields[2:]) if used.path is not None}


def _usable(fields: list[bytes]) -> Iterator[Used]:
    for facts, path in zip(fields[::2], fields[1::2], strict=False):
        how, kind, size, digest, type_ = facts.decode("utf-8", "replace").split("\n")
        yield Used("input", Digest.parse(digest), int(size), path=path, kind=kind, type=type_ or None, how=how)


def _environment(project: Project, python: Python | None) -> tuple[tuple[str, object], ...]:
    with suppress(TrackError, OSError):
        return tuple(python_facts(project, python).items())
    return ()


def _said(used: Used) -> tuple[str, bytes | None, str | None, bytes]:
    return used.category, used.path, used.name, used.digest
