"""Noted: what a program reads of tracked data inside a run becomes an input of that run, once."""

from contextlib import suppress
from dataclasses import replace

from track.errors import UsageError
from track.flows.pinned import Pinned
from track.flows.run_named import living_run, note_input
from track.model.canonical import canonical_json
from track.model.names import display, text_of
from track.model.record import Record, Used
from track.project import Project


def note_read(project: Project, reader: str | None, pinned: Pinned) -> None:
    """Note the artifact that was read from as an input of the living run `reader`, an id; nothing where none lives.

    What is tracked by a path is called by it. Another version than the working tree's is called as it was asked for,
    `REV:PATH`: the path would speak of two.
    """
    living = living_run(project, reader)
    if living is None:
        return
    pointer = pinned.pointer
    if pinned.name is not None:
        size = len(canonical_json(pointer.value)) if pointer.kind == "value" else pointer.size
        note_input(living, pinned.artifact, pointer, size)
        return
    if pointer.kind == "value":
        return
    used = input_of(pinned)
    with suppress(UsageError):  # it has ended meanwhile
        if _is_new(living.record(), used):
            living.edit(lambda draft: _with(draft, used))


def input_of(pinned: Pinned) -> Used:
    """What is pinned of a tracked path as an entry of a record: all of the artifact, whatever was read of it."""
    pointer, is_here = pinned.pointer, pinned.rev is None
    path = pinned.artifact if is_here else None
    name = None if is_here else f"{display(pinned.rev or '')}:{text_of(pinned.artifact)}"
    return Used(
        "input", pointer.digest, pointer.size, path=path, name=name, kind=pointer.kind, type=pointer.type, how="api"
    )


def _is_new(record: Record, used: Used) -> bool:
    return all((each.digest, each.shown) != (used.digest, used.shown) for each in record.of("input"))


def _with(draft: Record, used: Used) -> Record:
    return replace(draft, artifacts=(*draft.artifacts, used)) if _is_new(draft, used) else draft
