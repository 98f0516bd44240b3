"""Put: a file, files, a folder, what is piped in, or a value becomes the next version of a named artifact."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO

from track.errors import UsageError
from track.flows.cards import card_bytes, card_path
from track.flows.keep import Kept
from track.flows.named import Target, label, target_of
from track.flows.pointers import content_at, pointer_at, put_pointer
from track.flows.pointing import pointer_of_content
from track.flows.run_named import living_run, note_output
from track.flows.sides import side_here
from track.flows.storing import Drained, drained, store_drained, store_paths
from track.flows.undo import Undo
from track.formats.declared import is_written_as_one
from track.history import index
from track.model.canonical import canonical_json
from track.model.digest import Digest, digest_of
from track.model.labels import Key, with_labels
from track.model.names import display
from track.model.pointer import POINTER_LIMIT, Pointer, dump_pointer
from track.progress import Progress, silent
from track.project import Project
from track.runs.journal import Living
from track.store.writer import Writer


@dataclass(frozen=True, slots=True)
class Content:
    """What is put: files and folders at `paths`, all that `stream` gives, or with `is_value` the `value`.

    With `names`, one for each path, it is a directory in which they are called so, also of one file. `staged` is a
    folder of track's own in which the paths may lie.
    """

    paths: tuple[str, ...] = ()
    stream: BinaryIO | None = None
    value: object = None
    is_value: bool = False
    names: tuple[str, ...] = ()
    staged: Path | None = None


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a person says of it: labels and tags join those there are, `type` and `card` (Markdown) replace."""

    labels: Sequence[tuple[Key, object]] = ()
    tags: tuple[str, ...] = ()
    type: str | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """The version that was put. `size` and `stored_bytes` are in bytes, the latter what the store lacked before.

    `is_new` says that there was none with these partitions, `is_changed` that its pointer was written (or would be);
    `run` is the living run of which it became an output.
    """

    name: str
    partitions: Mapping[str, str]
    pointer: bytes
    kind: str
    digest: Digest
    size: int
    files: int | None
    is_new: bool
    is_changed: bool
    stored_bytes: int
    staged: tuple[bytes, ...]
    ignored_count: int
    run: str | None


def put(
    project: Project,
    name: str,
    content: Content,
    *,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    remarks: Remarks | None = None,
    run: str | None = None,
    stage: bool = True,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Put:
    """Store content, and write and stage the pointer that makes it the version of `name` with these partitions.

    There is no working copy: nothing lies beside the code but the pointer. The bytes are durable before it names them.
    The same content once more changes nothing. `time` is floored to the granularity of the artifact; `run` is the id
    of a living run, of which this becomes an output.

    Raises:
        UsageError, UnknownPath: the name, a partition, a label, type or value cannot be, or nothing is there to put.
        Conflict, OutsideRepository: what is to be put is Git's or track's own, or holds it.
        SpecialFile, Unreadable, ChangedWhileAdding: something in it cannot be read as it stands.
        MalformedPointer, NewerFormat: the version before it, or what was declared, cannot be read.
        DiskFull, StoreUnwritable, Locked: nothing was left half-written; the same call finishes.
    """
    remarks = remarks or Remarks()
    _check(content, remarks)
    with ExitStack() as exits:
        piped = exits.enter_context(drained(project, content.stream)) if content.stream is not None else None
        exits.enter_context(project.lock())
        target = target_of(project, side_here(project), name, partitions or {}, time)
        present = pointer_at(project, target.path)
        living = living_run(project, run)
        with project.store.writer() as writer:
            if content.is_value:
                kept = _kept_value(writer, content.value, is_stored=living is not None)
                pointer = _value_pointer(content.value, kept.digest, present)
            else:
                writer.refuse_purges()
                kept = _kept(project, writer, content, piped, progress)
                pointer = _pointer(content, kept, present, target)
            pointer = _with_remarks(_made_by(living, pointer, present), remarks, target)
            if not dry_run:
                writer.commit()
            # Inside the block: the store's lock keeps what was "already here" until the pointer names it.
            staged = () if dry_run else _write(project, target, (present, pointer), remarks.card, stage)
            stored_bytes = writer.new_bytes
    if living is not None and not dry_run:
        note_output(living, target.path, pointer, kept.size)
    changed = (present is None, pointer != present)
    return Put(
        target.name, target.partitions, target.path, pointer.kind, pointer.digest, pointer.size, pointer.files,
        *changed, stored_bytes, staged, kept.ignored_count, living.id if living is not None else None,
    )  # fmt: skip


def _check(content: Content, remarks: Remarks) -> None:
    given = [bool(content.paths), content.stream is not None, content.is_value]
    if sum(given) != 1:
        raise UsageError(
            "nothing to put was named" if not any(given) else "a value and files, or several kinds of content, at once",
            hint="name files or a folder, or - for what is piped in, or give --value",
        )
    if remarks.type is not None and not is_written_as_one(remarks.type):
        hint = "such as text/plain; a type of your own begins with x-, as in application/x-mesh"
        raise UsageError(f"not a media type: '{display(remarks.type)}'", hint=hint)


def _kept(project: Project, writer: Writer, content: Content, piped: Drained | None, progress: Progress) -> Kept:
    if piped is not None:
        return store_drained(project, writer, piped)
    return store_paths(project, writer, content.paths, progress, names=content.names, staged=content.staged)


def _kept_value(writer: Writer, value: object, *, is_stored: bool) -> Kept:
    """A value as runs name it: its JSON, which has the digest of the pointer; in the store where a run wants it."""
    try:
        text = canonical_json(value)
    except ValueError as error:
        raise UsageError(f"not a value: {display(str(error))}", hint="put it as a file instead") from None
    digest = writer.add_content(text) if is_stored else digest_of(text)
    return Kept("file", digest, len(text), None, False, 1, 0, 0, 0)


def _value_pointer(value: object, digest: Digest, present: Pointer | None) -> Pointer:
    if present is not None and (present.kind, present.digest) == ("value", digest):
        return present
    fresh = Pointer(kind="value", digest=digest, value=value)
    if present is None:
        return fresh
    return replace(fresh, tags=present.tags, labels=present.labels, extra=present.extra)


def _pointer(content: Content, kept: Kept, present: Pointer | None, target: Target) -> Pointer:
    path = os.fsencode(content.paths[0]) if len(content.paths) == 1 and not content.names else b""
    pointer = pointer_of_content(path, kept, present)
    if pointer.type is None and kept.kind == "file":
        return replace(pointer, type=target.schema.declaration.type)
    return pointer


def _made_by(living: Living | None, pointer: Pointer, present: Pointer | None) -> Pointer:
    """The pointer with the run that was the first to give these partitions this content."""
    is_new = present is None or (present.kind, present.digest) != (pointer.kind, pointer.digest)
    return replace(pointer, run=living.id) if living is not None and is_new else pointer


def _with_remarks(pointer: Pointer, remarks: Remarks, target: Target) -> Pointer:
    tags = pointer.tags + tuple(tag for tag in remarks.tags if tag not in pointer.tags)
    found = replace(
        pointer,
        tags=tags,
        labels=with_labels(pointer.labels, remarks.labels),
        partitions=target.partitions,
        type=remarks.type or pointer.type,
    )
    try:
        size = len(dump_pointer(found))
    except ValueError as error:
        raise UsageError(f"the pointer cannot say this: {display(str(error))}", hint="put it as a file") from None
    if size > POINTER_LIMIT:
        raise UsageError(
            f"the pointer of {label(target.name, target.partitions)} would be larger than {POINTER_LIMIT >> 20} MiB",
            hint="put the value as a file, and what is said of it into a card",
        )
    return found


def _write(
    project: Project, target: Target, pointers: tuple[Pointer | None, Pointer], card: str | None, stage: bool
) -> tuple[bytes, ...]:
    """Write the pointer, and the card, where they say something new, and stage them; the staged paths, sorted."""
    present, pointer = pointers
    touched = [target.path]
    words = [f"{key}={value}" for key, value in target.partitions.items()]
    undo = Undo(project, "put", target.name, *words, is_staged=stage)
    if pointer != present:
        undo.note_pointer(target.path)
        undo.save()
        put_pointer(project, target.path, dump_pointer(pointer))
    if card is not None:
        place = card_path(target.name, target.partitions)
        content = card_bytes(card)
        if content_at(project, place) != content:
            put_pointer(project, place, content)
        touched.append(place)
    if stage:
        index.stage(project.git, sorted(touched))
    undo.done()
    return tuple(sorted(touched)) if stage else ()
