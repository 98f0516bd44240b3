"""Reading a run back: its artifacts by name, brought here where they are not, and noted as inputs of who reads them."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from track.errors import UnknownPath, UsageError
from track.flows.reach import Version
from track.flows.run_find import Found
from track.flows.run_journal import journal_of
from track.flows.run_needs import need
from track.model.digest import Digest
from track.model.names import display
from track.model.nearest import like
from track.model.pointer import Pointer
from track.model.record import Record, Used
from track.model.run_words import CATEGORIES
from track.progress import Progress, silent
from track.project import Project

_LISTED = 10


class RunArtifact(NamedTuple):
    """An artifact of a run: what it is called, its category, what it is, and how that is known.

    `size` is in bytes, `kind` is file or directory, `type` the media type, `metadata` what was said of it by name.
    `place` is where it goes below a folder, in bytes.
    """

    name: str
    category: str
    digest: Digest
    size: int
    type: str | None
    kind: str
    how: str
    metadata: tuple[tuple[str, Any], ...]
    place: bytes


def artifacts_of(found: Found, category: str | None = None) -> tuple[RunArtifact, ...]:
    """The artifacts of a run, or those of one category, by category and name.

    Raises:
        UsageError: there is no such category.
    """
    if category is not None and category not in CATEGORIES:
        raise UsageError(f"not a category: '{display(str(category))}'", hint=f"one of {', '.join(CATEGORIES)}")
    wanted = found.record.artifacts if category is None else found.record.of(category)
    return tuple(map(_artifact, wanted))


def artifact_named(found: Found, name: str, category: str | None = None) -> RunArtifact:
    """The artifact of a run that is called so.

    Raises:
        UnknownPath: the run has none; the nearest names are told.
        UsageError: there is no such category, or several have this name and differ.
    """
    known = artifacts_of(found, category)
    named = [each for each in known if each.name == name]
    if not named:
        raise _unknown(found, name, category, known)
    if len({each.digest for each in named}) > 1:
        raise UsageError(
            f"`{display(name)}` of run {display(found.record.name)} is not the same as {_and(named)}",
            hint=f"say which: --category {named[0].category} (in Python: category='{named[0].category}')",
        )
    return named[-1]


def bring_here(project: Project, found: Found, artifacts: Iterable[RunArtifact], progress: Progress = silent) -> None:
    """Have these artifacts in the store, from a remote where they are not here.

    Raises:
        MissingObject: something is nowhere.
        DamagedObject, MalformedManifest: it is not what it should be.
        NoRemote, RemoteError: no remote can be asked.
    """
    need(project, found, [_version(each) for each in artifacts], fetch=True, again="", progress=progress)


def note_inputs(project: Project, reader: str | None, found: Found, artifacts: Sequence[RunArtifact]) -> None:
    """Note what was read as inputs of the living run `reader`, an id; nothing where that is none of this clone.

    What the run has by the same name with other content is called by the run that it came from, too.
    """
    living = journal_of(project).find_living(reader) if reader is not None else None
    if living is None or living.id == found.record.id or not artifacts:
        return
    with suppress(UsageError):  # it has ended meanwhile
        known = living.record()
        if _with_inputs(known, found, artifacts) != known:
            living.edit(lambda draft: _with_inputs(draft, found, artifacts))


def _with_inputs(draft: Record, found: Found, artifacts: Sequence[RunArtifact]) -> Record:
    taken = {used.shown: used.digest for used in draft.artifacts}
    there = {(used.shown, used.digest) for used in draft.of("input")}
    added = []
    for each in artifacts:
        name = next(
            name
            for name in (each.name, f"{found.record.short}/{each.name}", f"{found.record.id}/{each.name}")
            if taken.get(name, each.digest) == each.digest or name.startswith(found.record.id)
        )
        if (name, each.digest) not in there:
            taken[name] = each.digest
            there.add((name, each.digest))
            kind = each.kind
            added.append(Used("input", each.digest, each.size, name=name, kind=kind, type=each.type, how="api"))
    return replace(draft, artifacts=(*draft.artifacts, *added)) if added else draft


def _artifact(used: Used) -> RunArtifact:
    place = used.path if used.path is not None else (used.name or "").encode("utf-8")
    return RunArtifact(
        used.shown, used.category, used.digest, used.size, used.type, used.kind, used.how, used.metadata, place
    )


def _version(artifact: RunArtifact) -> Version:
    files = 0 if artifact.kind == "directory" else None
    pointer = Pointer(kind=artifact.kind, digest=artifact.digest, size=artifact.size, files=files, type=artifact.type)
    return Version(artifact.place or os.fsencode("artifact"), pointer, ())


def _unknown(found: Found, name: str, category: str | None, known: Sequence[RunArtifact]) -> UnknownPath:
    names = list(dict.fromkeys(each.name for each in known))
    near = like(name, names, 3, 0.5)
    what = f"{category} artifact" if category is not None else "artifact"
    if near:
        hint = f"did you mean {' or '.join(map(display, near))}?"
    else:
        hint = f"it has {', '.join(map(display, names[:_LISTED]))}" if names else "it has none"
        hint += f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return UnknownPath(
        f"run {display(found.record.name)} has no {what} `{display(name)}`",
        hint=hint,
    )


def _and(named: Sequence[RunArtifact]) -> str:
    return " and ".join(dict.fromkeys(each.category for each in named))
