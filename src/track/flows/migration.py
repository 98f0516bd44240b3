"""Migration: from one format of pointers, store or configuration to the next, by a table of steps.

A step turns the bytes of one file into those of the next format. What is to change is made whole, and checked, before
the first file is replaced; each is replaced at once. The committed configuration comes last: until then a migration
that was interrupted is seen as unfinished, and goes on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from track import publish
from track.config import FORMAT
from track.errors import BadConfig, MalformedPointer, NewerFormat, TrackError
from track.flows import setup, sides
from track.history import index
from track.model import toml
from track.model.names import display, is_named_pointer
from track.model.pointer import parse_pointer
from track.project import CONFIG, Project
from track.store.description import parse_description

Kind: TypeAlias = Literal["store", "pointer", "config"]


class Step(NamedTuple):
    """From format `source` of one kind of file to the next: its bytes to its bytes, the same whenever it is done.

    `check` raises a TrackError for what `convert` may not make; it is asked before anything is replaced.
    """

    kind: Kind
    source: int
    convert: Callable[[bytes], bytes]
    check: Callable[[bytes], None]


STEPS: tuple[Step, ...] = ()
"""Every step there is; format 1 is the first and, so far, the last."""


class Change(NamedTuple):
    """A file that changes its format; `path` is from the top of the working tree, or absolute for the store."""

    kind: Kind
    path: bytes
    source: int
    target: int
    content: bytes


class Plan(NamedTuple):
    """What was looked at, and what would change, in the order in which it is done."""

    store_count: int
    pointers_count: int
    changes: tuple[Change, ...]


class _File(NamedTuple):
    kind: Kind
    path: bytes
    content: bytes


def plan(project: Project, steps: Sequence[Step] = STEPS) -> Plan:
    """Look at the store's description, every pointer in the working tree and the committed configuration.

    Nothing is changed; what is of the latest format already is read as every command reads it.

    Raises:
        NewerFormat: something is of a later format than the steps lead to.
        MalformedPointer, NotAStore, BadConfig: something cannot be read; `details` name all of it.
    """
    files = list(_files(project))
    changes: list[Change] = []
    wrong: list[TrackError] = []
    for file in files:
        try:
            change = _change(file, steps)
        except TrackError as error:
            wrong.append(error)
            continue
        if change is not None:
            changes.append(change)
    if wrong:
        wrong[0].details = (*wrong[0].details, *(error.message for error in wrong[1:]))
        raise wrong[0]
    kinds = [file.kind for file in files]
    return Plan(kinds.count("store"), kinds.count("pointer"), tuple(changes))


def carry_out(project: Project, planned: Plan, *, stage: bool) -> tuple[bytes, ...]:
    """Replace the files, each whole; the paths that were staged. The project's lock is held.

    Raises:
        Locked: other commands use the store.
        DiskFull, StoreUnwritable: a file could not be replaced; those before it are, and the same call goes on.
    """
    touched = []
    for change in planned.changes:
        if change.kind == "store":
            with project.store.lock().exclusive(project.config.seconds("lock.timeout")):
                path = Path(os.fsdecode(change.path))
                publish.publish_bytes(path, change.content, mode=path.stat().st_mode & 0o777)
            continue
        own = change.kind == "config" or is_named_pointer(change.path)
        with project.gate.parent(change.path, own=own) as (folder, name):
            publish.publish_bytes(name, change.content, dir_fd=folder)
        touched.append(change.path)
    if stage:
        index.stage(project.git, touched)
    return tuple(touched) if stage else ()


def _files(project: Project) -> Iterator[_File]:
    description = project.store_path / "store.toml"
    if description.is_file():
        yield _File("store", os.fsencode(description), description.read_bytes())
    side = sides.side_here(project)
    for artifact in sorted(side.contents):
        content = side.contents[artifact]
        if content.lstrip().startswith(b"["):  # somebody else's otherwise: `ls` leaves it out too
            yield _File("pointer", sides.pointer_of(artifact), content)
    committed = setup.read(project, CONFIG)
    if committed is not None:
        yield _File("config", CONFIG, committed)


def _change(file: _File, steps: Sequence[Step]) -> Change | None:
    """What becomes of a file; None when it is of the latest format, and sound."""
    source = format_of(file.kind, file.content, display(file.path))
    by_source = {step.source: step for step in steps if step.kind == file.kind}
    content, at = file.content, source
    while (step := by_source.get(at)) is not None:
        content = step.convert(content)
        step.check(content)
        at += 1
    latest = max((FORMAT, *(number + 1 for number in by_source)))
    if at < latest or source > latest:
        raise NewerFormat(
            f"{display(file.path)} has format {source}; this version of track knows no way from there to {latest}",
            hint="pip install --upgrade track-data",
        )
    if at == source:
        _read(file)
        return None
    return Change(file.kind, file.path, source, at, content)


def format_of(kind: Kind, content: bytes, name: str) -> int:
    """The format that a file says it has; 1 when it says nothing.

    Raises:
        MalformedPointer, BadConfig: it is not TOML, or its format is no number.
    """
    broken = MalformedPointer if kind == "pointer" else BadConfig
    try:
        document: Any = toml.parse(content)
        table = document if kind == "config" else document.get("store" if kind == "store" else "artifact", {})
        number = table.get("format", 1)
    except (ValueError, RecursionError, AttributeError) as error:
        raise broken(f"{name} cannot be read: {display(toml.fault(error))}", hint="track doctor") from error
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise broken(f"{name} has a format that is no number from 1 on", hint="track doctor")
    return number


def _read(file: _File) -> None:
    """Read a file of the latest format as every command does. Raises as that does."""
    if file.kind == "store":
        parse_description(file.content, display(file.path))
    elif file.kind == "pointer" and format_of(file.kind, file.content, "") == FORMAT:
        parse_pointer(file.content, display(file.path))
