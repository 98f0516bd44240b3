"""Declare: what is agreed of a named artifact, its keys, time and type, as a small file that is reviewed like code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from track.errors import Conflict, UsageError
from track.flows.named import Names, Schema, Versions, schema_of
from track.flows.pointers import content_at, put_pointer
from track.flows.sides import side_here
from track.formats.declared import is_written_as_one
from track.history import index
from track.model.declaration import (
    Declaration,
    UndeclaredKey,
    artifact_name,
    check_keys,
    declaration_path,
    dump_declaration,
    ordered,
)
from track.model.moments import GRANULARITIES
from track.model.names import artifact_pointer, display, typed
from track.project import Project


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to agree. `keys` are added behind those there are; None leaves a fact as it is.

    `has_time` without a `granularity` means days.
    """

    keys: tuple[str, ...] = ()
    has_time: bool = False
    granularity: str | None = None
    type: str | None = None
    is_strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What is agreed now. `path` is the file's; `is_new` and `is_changed` say what was done with it."""

    name: str
    declaration: Declaration
    path: bytes
    is_new: bool
    is_changed: bool
    staged: tuple[bytes, ...]


def declare(project: Project, name: str, wanted: Wanted, *, stage: bool = True, dry_run: bool = False) -> Declared:
    """Write and stage what is agreed of a named artifact; what was agreed before and is not named stays.

    Keys go behind those there are, because the versions lie by their order. The same once more changes nothing.

    Raises:
        UsageError: the name, a key, the granularity or the type cannot be.
        Conflict: versions that are there would not fit.
        MalformedPointer, NewerFormat: what was declared before cannot be read.
        DiskFull, StoreUnwritable, Locked: nothing was changed.
    """
    name = artifact_name(name)
    if wanted.type is not None and not is_written_as_one(wanted.type):
        hint = "such as text/csv; a type of your own begins with x-, as in application/x-mesh"
        raise UsageError(f"not a media type: '{display(wanted.type)}'", hint=hint)
    if wanted.granularity is not None and wanted.granularity not in GRANULARITIES:
        raise UsageError(
            f"not a granularity: '{display(wanted.granularity)}'", hint=f"one of {', '.join(GRANULARITIES)}"
        )
    with project.lock():
        names = Names(side_here(project))
        before = schema_of(project, names, name)
        declaration = _merged(before, wanted)
        _refuse_misfits(name, declaration, names.found.get(name, Versions()))
        path, content = declaration_path(name), dump_declaration(declaration)
        is_changed = content_at(project, path) != content
        if dry_run:
            return Declared(name, declaration, path, not before.is_declared, is_changed, ())
        put_pointer(project, path, content)
        if stage:
            index.stage(project.git, [path])
    return Declared(name, declaration, path, not before.is_declared, is_changed, (path,) if stage else ())


def _merged(before: Schema, wanted: Wanted) -> Declaration:
    known = before.declaration
    time = wanted.granularity or (known.time or "day" if wanted.has_time else known.time)
    return replace(
        known,
        keys=check_keys((*known.keys, *(key for key in wanted.keys if key not in known.keys))),
        time=time,
        type=wanted.type or known.type,
        strict=known.strict if wanted.is_strict is None else wanted.is_strict,
    )


def _refuse_misfits(name: str, declaration: Declaration, found: Versions) -> None:
    """Refuse what would leave a version where it could not be found any more."""
    misfits: list[str] = []
    for path, partitions in found.places.items():
        given = {key: value for key, value in partitions.items() if key != "time"}
        try:
            fits = artifact_pointer(name, ordered(declaration, given, partitions.get("time"))) == path
        except (UndeclaredKey, UsageError):
            fits = False
        if not fits or (declaration.strict and set(partitions) != set(declaration.order)):
            misfits.append(display(path))
    if misfits:
        raise Conflict(
            f"{_count(misfits)} of `{display(name)}` would not fit what is declared",
            hint=f"put {'it' if len(misfits) == 1 else 'them'} again under another name, or remove: "
            f"track rm {typed(name)}",
            details=tuple(misfits[:10]),
        )


def _count(misfits: Sequence[str]) -> str:
    return "a version" if len(misfits) == 1 else f"{len(misfits):,} versions"
