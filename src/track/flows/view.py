"""View: what verbs that ask share: words -> revisions and paths -> pointers -> entries, without a network."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from track.errors import (
    DamagedObject,
    MalformedManifest,
    MalformedPointer,
    MissingObject,
    NewerFormat,
    TrackError,
    UnknownPath,
    UnknownRevision,
    UsageError,
)
from track.flows.reach import known_at_remotes
from track.flows.sides import HERE, STAGED, Side, artifact_of, pointer_of, ref_names, side_at, side_here, side_staged
from track.model.digest import Digest
from track.model.manifest import Entry, Read, find, walk
from track.model.names import (
    SUFFIX,
    artifact_pointer,
    display,
    is_named_pointer,
    is_pointer_path,
    parse_artifact_name,
    pointer_path,
    typed,
)
from track.model.nearest import nearest
from track.model.pointer import Pointer
from track.project import Project

_COMPARED = 256
"""So many names in a folder of an artifact are compared with one that is not in it."""


class Located(NamedTuple):
    """A place at a side: the artifact there and the path inside it (empty: the artifact itself)."""

    side: Side
    artifact: bytes
    pointer: Pointer
    inner: bytes

    @property
    def path(self) -> bytes:
        """The path from the top of the working tree."""
        return self.artifact + b"/" + self.inner if self.inner else self.artifact


class Wanted:
    """Which artifacts and files were asked for: all, or what some paths and patterns name."""

    def __init__(self, paths: Sequence[bytes] = ()) -> None:
        """`paths` are from the top; each names an artifact, its pointer, a folder, or something inside."""
        self._paths = [path for path in paths if path]
        self._all = len(self._paths) < len(paths) or not paths
        self._patterns = [os.fsdecode(path) for path in self._paths if set(path) & set(b"*?[")]

    def artifact(self, path: bytes) -> bool:
        """Whether an artifact, or something that may be inside it, was asked for."""
        return (
            self._all
            or any(_covers(one, path) or one.startswith(path + b"/") for one in self._paths)
            or (any(_may_match(pattern, os.fsdecode(path)) for pattern in self._patterns))
        )

    def file(self, path: bytes, artifact: bytes) -> bool:
        """Whether a file of an artifact was asked for; `path` is from the top."""
        if self._all or any(_covers(one, artifact) or _covers(one, path) for one in self._paths):
            return True
        text = os.fsdecode(path)
        return any(fnmatchcase(text, one) or fnmatchcase(os.fsdecode(artifact), one) for one in self._patterns)

    def refuse_unknown(self, sides: Sequence[Side]) -> None:
        """Refuse a path that no artifact of these sides has anything to do with.

        Raises:
            UnknownPath: the first of them, with the nearest name.
        """
        self.refuse_unknown_among({path for side in sides for path in side.contents})

    def refuse_unknown_among(self, known: set[bytes]) -> None:
        """As `refuse_unknown`, among these artifacts."""
        for one in self._paths:
            if not any(Wanted([one]).artifact(path) for path in known):
                raise unknown(one, known)


def place(project: Project, words: str, *, top_too: bool = False) -> tuple[Side, bytes]:
    """The side and path that `[REV:]PATH` means: REV empty is the index, without REV the working tree.

    As in Git, a path behind a colon is from the top unless it begins with `./` or `../`; all others are from where we
    are. `top_too` allows no path at all.

    Raises:
        UnknownRevision: what stands before the colon is no commit, and the whole is no path either.
        UnknownPath: there is no path.
        OutsideRepository: the path is in no place that track may look at.
    """
    rev, colon, name = words.partition(":")
    here = side_here(project)
    if not colon or _is_here(project, here, words):
        side, path = here, project.relative(words or ".")
    else:
        side = side_at(project, rev) if rev else side_staged(project)
        is_near = name.startswith(("./", "../"))
        path = project.relative(name if is_near else os.path.join(project.root, name.lstrip("/")))
    if not path and not top_too:
        raise UnknownPath(f"`{display(words)}` names no artifact", hint="track ls")
    return side, path


def locate(side: Side, path: bytes) -> Located:
    """The artifact that a path names, or lies in; a pointer's path and the name of a named artifact mean the same.

    Raises:
        UnknownPath: there is none, with the nearest name.
        MalformedPointer, NewerFormat: its pointer breaks the rules of its format.
    """
    for candidate in readings(path):
        pointer = side.pointer(candidate)
        if pointer is not None:
            return Located(side, candidate, pointer, b"")
    at = path.find(b"/")
    while at > 0:
        pointer = side.pointer(path[:at])
        if pointer is not None:
            return Located(side, path[:at], pointer, path[at + 1 :])
        at = path.find(b"/", at + 1)
    raise unknown(path, side.contents, side.name)


def reader(project: Project) -> Read:
    """Reads manifest nodes from the store, and keeps the last ones."""
    return lru_cache(maxsize=512)(project.store.read)


def entry_at(project: Project, located: Located) -> Entry | None:
    """The file or link at a place, its path empty for a file artifact; None for a directory or a value.

    Raises:
        UnknownPath: nothing of that name is in the artifact.
        MissingObject: the manifest is not in the store.
    """
    pointer, inner = located.pointer, located.inner
    if pointer.kind != "directory":
        if inner:
            raise UnknownPath(f"`{display(located.artifact)}` is a {pointer.kind}, with nothing inside it")
        return as_entry(pointer) if pointer.kind == "file" else None
    if not inner:
        return None
    try:
        read = reader(project)
        found = find(read, pointer.digest, inner)
        if found is None and next(walk(read, pointer.digest, inner), None) is None:
            raise nothing_inside(project, located)
        return found
    except MissingObject as error:
        raise unavailable(project, located, pointer.digest, 0) from error


def nothing_inside(project: Project, located: Located) -> UnknownPath:
    """The error for a path that is not in a directory artifact, with the nearest name where a few lie beside it."""
    artifact = display(located.artifact)
    said = f"`{display(located.inner)}` is not in the artifact `{artifact}` at {display(located.side.name)}"
    near = nearest(os.fsdecode(located.inner), map(os.fsdecode, _beside(project, located)))
    return UnknownPath(said, hint=near or f"track ls {typed(located.artifact)}")


def _beside(project: Project, located: Located) -> list[bytes]:
    """What is in the folder in which a path should be, or in the artifact; nothing where that is much, or not here."""
    with suppress(MissingObject, DamagedObject, MalformedManifest, NewerFormat):
        for folder in dict.fromkeys((located.inner.rpartition(b"/")[0], b"")):
            found = list(islice(walk(project.store.read, located.pointer.digest, folder), _COMPARED + 1))
            if found:
                return [entry.path for entry in found] if len(found) <= _COMPARED else []
    return []


def as_entry(pointer: Pointer, path: bytes = b"") -> Entry:
    """A file artifact as an entry."""
    return Entry(path, "x" if pointer.executable else "f", pointer.size, pointer.digest)


def unavailable(project: Project, located: Located, digest: bytes, size: int) -> MissingObject:
    """The error for bytes that are not here: the file, the object, where it was looked for, and what to do."""
    remotes = sorted(project.config.names("remote.*.url"))
    known = known_at_remotes(project, [located.pointer.digest]) if remotes else set()
    said = "has it" if known else "not asked"
    size_said = f" ({size:,} bytes)" if size else ""
    looked = [f"{project.store_path} (missing)", *(f"remote {display(name)} ({said})" for name in remotes)]
    rev = "" if located.side.name in (HERE, STAGED) else f" {display(located.side.name)}"
    if remotes:
        hint = f"track fetch {display(remotes[0])}{rev} -- {typed(located.artifact)}"
        if located.pointer.kind == "directory" and digest == located.pointer.digest:  # nobody knows here what is in it
            hint += f"\ntrack fetch --manifests {display(remotes[0])}{rev} -- {typed(located.artifact)}"
            hint += "      brings only what says which files it has"
    else:
        hint = "no remote is set up: `track remote add NAME URL`, then `track fetch`"
    return MissingObject(
        f"`{display(located.path)}` is not available",
        details=(
            f"object  {Digest(digest).short}{size_said}, named by {display(pointer_of(located.artifact))} "
            f"at {display(located.side.name)}",
            f"looked  {' · '.join(looked)}",
        ),
        hint=hint,
    )


def arguments(project: Project, words: Sequence[str], most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(revisions, paths) of words without a `--`: revisions come first, at most so many.

    Raises:
        UsageError: a word may be both; too many revisions.
        UnknownPath: a word is neither.
    """
    revs: list[str] = []
    for number, word in enumerate(words):
        is_rev = _is_revision(project, word)
        if is_rev and _is_on_disk(project, word):
            shown = display(word)
            raise UsageError(
                f"`{shown}` is both a revision and a path",
                hint=f"track diff {shown} --      (the revision)\ntrack diff -- {shown}      (the path)",
            )
        if not is_rev:
            if not _is_path(project, word):
                if word.startswith("HEAD"):
                    project.git.resolve(word)  # says that nothing is committed yet
                raise _neither(project, word)
            return tuple(revs), tuple(words[number:])
        revs.append(word)
        if len(revs) > most:
            raise UsageError(f"more than {most} revisions", hint="paths stand behind `--`")
    return tuple(revs), ()


def paths_from(project: Project, words: Iterable[str]) -> tuple[bytes, ...]:
    """Paths as typed, from the top; a pointer's path means its data.

    Raises:
        OutsideRepository: one of them is in no place that track may look at.
    """
    found = (project.relative(word) for word in words)
    return tuple(artifact_of(path) if is_pointer_path(path) else path for path in found)


def _neither(project: Project, word: str) -> TrackError:
    """The error for what is neither a revision nor a path: of `A..B` the end that is none."""
    for end in range_of(word) or ():
        try:
            project.git.resolve(end or "HEAD")
        except UnknownRevision as error:
            return error
    found = unknown(os.fsencode(word), side_here(project).contents, "artifact, revision or path")
    if "did you mean" not in (found.hint or ""):
        found.hint = nearest(word, ref_names(project)) or found.hint
    return found


def unknown(path: bytes, known: Iterable[bytes], where: str = "artifact or path") -> UnknownPath:
    """The error for a path that is nothing, with the nearest name."""
    known = tuple(known)
    if (versions := _partitions_of(path, known)) is not None:
        return versions
    names = (_called(name) for name in known if name != path)
    if where in (HERE, STAGED):
        said = f"no artifact is called `{display(path)}` in {where}"
    elif " " in where:
        said = f"no {where} is called `{display(path)}`"
    else:
        said = f"no artifact is called `{display(path)}` at {display(where)}"
    return UnknownPath(said, hint=nearest(os.fsdecode(path), names) or "track ls")


def _called(artifact: bytes) -> str:
    """What a person would type for an artifact: its path, or its name, whichever partition it is."""
    if is_named_pointer(artifact):
        with suppress(MalformedPointer):
            return parse_artifact_name(artifact)
    return os.fsdecode(artifact)


def _partitions_of(path: bytes, known: Sequence[bytes]) -> UnknownPath | None:
    """The error for the name of a named artifact whose versions are partitions; None where it is none."""
    try:
        below = artifact_pointer(path.decode("utf-8"))[: -len(SUFFIX)] + b"/"
    except (TrackError, UnicodeDecodeError):
        return None
    inside = sorted(artifact for artifact in known if artifact.startswith(below) and b"=" in artifact[len(below) :])
    if not inside:
        return None
    shown = display(path)
    return UnknownPath(
        f"`{shown}` is a named artifact with {len(inside)} partition{'s' if len(inside) > 1 else ''}, and none itself",
        hint=f"name one, such as {typed(inside[0])}\ntrack artifacts show {typed(os.fsdecode(path))}      lists them",
    )


def readings(path: bytes) -> list[bytes]:
    """What a path may mean: the artifact there, the one whose pointer it is, and the named one of that name."""
    found = [path]
    if is_pointer_path(path):
        found.append(artifact_of(path))
    with suppress(TrackError, UnicodeDecodeError):
        found.append(artifact_pointer(path.decode("utf-8")))
    return found


def _covers(one: bytes, path: bytes) -> bool:
    return one == path or path.startswith(one + b"/")


def _may_match(pattern: str, artifact: str) -> bool:
    """Whether a pattern names an artifact, or might name something inside it."""
    if fnmatchcase(artifact, pattern):
        return True
    parts, wanted = artifact.split("/"), pattern.split("/")
    return len(wanted) > len(parts) and all(map(fnmatchcase, parts, wanted))


def _is_here(project: Project, here: Side, words: str) -> bool:
    """Whether words with a colon in them are a path of the working tree, and not a revision and a path."""
    try:
        path = project.relative(words)
        located = locate(here, path)
    except TrackError:
        return False
    return not located.inner or _is_on_disk(project, words) or not _is_revision(project, words.partition(":")[0])


def _is_revision(project: Project, word: str) -> bool:
    for one in range_of(word) or (word,):
        try:
            project.git.resolve(one or "HEAD")
        except UnknownRevision:
            return False
    return True


def _is_path(project: Project, word: str) -> bool:
    try:
        path = project.relative(word)
    except TrackError:
        return False
    if _is_on_disk(project, word):
        return True
    wanted = Wanted([artifact_of(path) if is_pointer_path(path) else path])
    return any(wanted.artifact(artifact) for artifact in side_here(project).contents)


def _is_on_disk(project: Project, word: str) -> bool:
    """Whether a file or a pointer has this name, without asking Git."""
    name = os.path.join(os.fsencode(project.cwd), os.fsencode(word))
    return os.path.lexists(name) or os.path.lexists(pointer_path(name))


def range_of(word: str) -> tuple[str, str] | None:
    """The two ends of `A..B` or `A...B`, as typed; None for anything else."""
    if word.startswith(("../", "./", "/")) or word == "..":
        return None
    first, dots, second = word.partition("...")
    if not dots:
        first, dots, second = word.partition("..")
    return (first, second) if dots else None
