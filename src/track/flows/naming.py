"""Naming: the artifacts, and the parts inside them, that a person's words mean, for verbs that move or remove them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import MissingObject, NotAPointer, TrackError, UnknownPath, UsageError
from track.flows.pointers import content_at, exists
from track.flows.sides import artifact_of, pointer_of
from track.flows.view import Wanted, unknown
from track.history import log
from track.history.left_out import is_sparse, left_out, present_among
from track.model import manifest
from track.model.names import artifact_pointer, data_path, display, is_named_pointer, is_pointer_path, typed
from track.model.pointer import Pointer, parse_pointer
from track.project import Project


class Meant(NamedTuple):
    """An artifact, or with `parts` only those inside it (relative to it, sorted).

    `pointer` is None where its file is gone from the working tree, or cannot be understood.
    """

    path: bytes
    pointer: Pointer | None
    parts: tuple[bytes, ...] = ()


def meant(project: Project, words: Sequence[str]) -> tuple[Meant, ...]:
    """What words mean: paths of data or pointers, names, patterns, and paths inside a directory; sorted, each once.

    What only Git's index still knows of is meant, too. Named whole wins over named parts.

    Raises:
        UnknownPath: one of the words means nothing, or a folder that is no artifact.
        UsageError: the top of the working tree was named.
        OutsideRepository, ForbiddenPath: one of them is in no place that track may look at.
    """
    known = _known(project)
    found: dict[bytes, set[bytes]] = {}
    for word in words:
        for path, part in _readings(project, word, known):
            found.setdefault(path, set()).add(part)
    return tuple(
        Meant(path, known[path], () if b"" in parts else tuple(sorted(parts))) for path, parts in sorted(found.items())
    )


def everything(project: Project) -> dict[bytes, Pointer]:
    """Every artifact whose pointer can be understood: in the working tree, or left out of it by a sparse checkout."""
    known = _known(project)
    if is_sparse(project.git):
        names = frozenset(pointer_of(path) for path, pointer in known.items() if pointer is None)
        for name, content in present_among(project.git, left_out(project.git, names)).items():
            with suppress(TrackError):
                known[artifact_of(name)] = parse_pointer(content, display(name))
    return {path: pointer for path, pointer in known.items() if pointer is not None}


def _known(project: Project) -> dict[bytes, Pointer | None]:
    """Every artifact of the working tree, with its pointer, and those of which only the index knows."""
    files = project.git.pointer_files()
    found: dict[bytes, Pointer | None] = {artifact_of(path): None for path in (*files.staged, *files.unmerged)}
    for path, content in log.pointers_in_worktree(project.git, files):
        found[artifact_of(path)] = None
        try:
            found[artifact_of(path)] = parse_pointer(content, display(path))
        except NotAPointer:
            found.pop(artifact_of(path))
        except TrackError:
            continue
    return found


def _readings(project: Project, word: str, known: Mapping[bytes, Pointer | None]) -> Iterator[tuple[bytes, bytes]]:
    """(artifact, part) for everything that one word means; an empty part is all of it."""
    path = project.relative(word)
    if not path:
        raise UsageError("the top of the working tree is no artifact", hint="track ls")
    candidates = [path]
    if is_pointer_path(path) and not is_named_pointer(path):
        candidates.append(data_path(path))
    with suppress(TrackError, UnicodeEncodeError):
        candidates.append(artifact_pointer(word))
    for candidate in candidates:
        if candidate in known:
            yield candidate, b""
            return
    owner = next((path[:at] for at in _slashes(path) if path[:at] in known), None)
    if owner is not None:
        part = path[len(owner) + 1 :]
        if _has(project, owner, known[owner], part):
            yield owner, part
            return
    matches = list(_matches(project, path, known)) if set(word) & set("*?[") else []
    if not matches:
        raise _unknown(project, path, word, known)
    yield from matches


def _has(project: Project, owner: bytes, pointer: Pointer | None, part: bytes) -> bool:
    """Whether a directory artifact has something at `part`, by its manifest or on disk."""
    if pointer is None or pointer.kind != "directory":
        return False
    try:
        if next(iter(manifest.walk(project.store.read, pointer.digest, part)), None) is not None:
            return True
    except MissingObject as error:
        error.hint = f"bring its manifest here first: track fetch -- {typed(owner)}"
        raise
    return exists(project, owner + b"/" + part)


def _matches(project: Project, path: bytes, known: Mapping[bytes, Pointer | None]) -> Iterator[tuple[bytes, bytes]]:
    """The artifacts that a pattern matches, and the entries of directories that it matches."""
    wanted = Wanted([path])
    for artifact, pointer in known.items():
        if not wanted.artifact(artifact):
            continue
        if wanted.file(artifact, artifact):
            yield artifact, b""
        elif pointer is not None and pointer.kind == "directory":
            for entry in manifest.walk(project.store.read, pointer.digest):
                if wanted.file(artifact + b"/" + entry.path, artifact):
                    yield artifact, entry.path


def _unknown(project: Project, path: bytes, word: str, known: Mapping[bytes, Pointer | None]) -> UnknownPath:
    below = sorted(artifact for artifact in known if artifact.startswith(path + b"/"))
    if below:
        return UnknownPath(
            f"`{display(word)}` is a folder with {len(below)} artifacts in it, and none itself",
            hint=f"name them, such as {typed(below[0])}",
        )
    if exists(project, path) and content_at(project, pointer_of(path)) is None:
        return UnknownPath(f"`{display(word)}` is not tracked by track", hint="track ls      lists what is")
    return unknown(path, known)


def _slashes(path: bytes) -> list[int]:
    return [at for at, byte in enumerate(path) if byte == 0x2F]
