"""DVC's data in commits: which pointers of ours would stand in each of them in place of DVC's."""

import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from track.errors import Conflict, InsideArtifact, TrackError
from track.flows.adopting import Adopter
from track.flows.dvc_found import LOCK, PIPELINE, POINTER, Declared, is_dvcs, outputs_in
from track.flows.dvc_reading import Content, Reader, summed
from track.flows.dvc_saying import pointer_for
from track.history.plumbing import Git
from track.history.rewriting import Changes, Changing, Commit, File, files_in, names_in
from track.model.names import display, pointer_path
from track.model.pointer import dump_pointer
from track.progress import Progress, silent
from track.project import Project

_HOME = b".dvc/config"


class Left(NamedTuple):
    """A file of DVC's that stays in commits as it is, and why; `commits_count` of them have it."""

    file: bytes
    error: TrackError
    commits_count: int


class Foreseen(NamedTuple):
    """What changes in each commit, by its id; how many versions of artifacts that makes; and what is left."""

    changes: Changing
    versions_count: int
    left: tuple[Left, ...]


class _File(NamedTuple):
    """A file of DVC's in a commit, by what it says: equal ones are read once."""

    path: bytes
    content: str
    pipeline: str | None
    home: bytes


_Made = dict[bytes, bytes] | TrackError
"""The pointers that a file of DVC's becomes, or why it stays."""

_Kept = dict[tuple[_File, bytes | None], int]
"""How many commits keep a file: for the output that one of its own lies inside or is, or for what Git has itself."""


def foresee(
    project: Project, adopter: Adopter, reader: Reader, commits: Sequence[Commit], progress: Progress = silent
) -> Foreseen:
    """Put what DVC's files in these commits name into the store, each object once, and say what becomes of them.

    A file of which anything is not here or is no artifact stays in its commits as it is.

    Raises:
        GitFailed: Git cannot read its history.
    """
    seen: dict[str, tuple[_File, ...]] = {}
    wanted: dict[_File, _File] = {}
    alike: dict[tuple[_File, ...], tuple[_File, ...]] = {}
    for commit in commits:
        if files := tuple(wanted.setdefault(file, file) for file in _files(files_in(project.git, commit.oid))):
            seen[commit.oid] = alike.setdefault(files, files)
    contents = _contents(project.git, wanted)
    progress.begin("reading DVC's history", count=len(wanted))
    made: dict[_File, _Made] = {}
    try:
        for file in sorted(wanted, key=lambda one: (one.path, one.content, one.pipeline or "")):
            made[file] = _made(adopter, reader, file, contents)
            progress.advance(count=1)
    finally:
        progress.end()
    changes = Changing()
    kept: _Kept = {}
    for oid, found in seen.items():  # asked again: the names of every commit together would fill the memory
        changes.put(oid, _changes(found, made, names_in(project.git, oid), kept))
    versions_count = sum(len(one) for one in made.values() if isinstance(one, dict))
    in_the_way = [_in_the_way(file, what, count) for (file, what), count in kept.items()]
    return Foreseen(changes, versions_count, (*_left(seen, made), *in_the_way))


def _files(files: dict[bytes, File]) -> list[_File]:
    found = []
    for path, file in files.items():
        if is_dvcs(path):
            folder = path.rpartition(b"/")[0]
            pipeline = files.get(posixpath.join(folder, PIPELINE)) if path.endswith(LOCK) else None
            found.append(_File(path, file.oid, pipeline.oid if pipeline else None, _home(files, folder)))
    return found


def _home(files: dict[bytes, File], folder: bytes) -> bytes:
    while folder and posixpath.join(folder, _HOME) not in files:
        folder = folder.rpartition(b"/")[0]
    return folder


def _contents(git: Git, wanted: Iterable[_File]) -> dict[str, bytes]:
    return dict(git.blobs(sorted({oid for file in wanted for oid in (file.content, file.pipeline) if oid is not None})))


def _made(adopter: Adopter, reader: Reader, file: _File, contents: dict[str, bytes]) -> _Made:
    """The pointers for everything that a file declares; one of a pipeline, which stays, for what can be had."""
    found: dict[bytes, bytes] = {}
    try:
        pipeline = contents[file.pipeline] if file.pipeline is not None else None
        for declared in outputs_in(file.path, contents[file.content], pipeline, file.home):
            if declared.output.is_gits:
                continue
            if declared.output.why_not is not None:
                raise TrackError(f"{display(declared.path)} {declared.output.why_not}", hint="it stays with DVC")
            found[declared.path] = _pointer(adopter, declared, reader.read(declared, is_here=False))
    except TrackError as error:
        return error
    return found


def _pointer(adopter: Adopter, declared: Declared, content: Content) -> bytes:
    digest, sizes = summed(adopter, content)
    return dump_pointer(pointer_for(declared, content, digest=digest, sizes=sizes).pointer)


def _changes(files: Sequence[_File], made: dict[_File, _Made], names: Sequence[bytes], kept: _Kept) -> Changes:
    """What becomes of a commit: DVC's pointers go where ours come; what Git has there itself stays, and is counted.

    So does a file of which an output lies inside another one.
    """
    able: list[tuple[_File, dict[bytes, bytes]]] = []
    for file in files:
        pointers = made[file]
        if not isinstance(pointers, dict):
            continue
        if any(_is_taken(path, names) or _is_taken(pointer_path(path), names) for path in pointers):
            kept[file, None] = kept.get((file, None), 0) + 1
            continue
        able.append((file, pointers))
    outputs = {path for _, pointers in able for path in pointers}
    found: dict[bytes, bytes | None] = {}
    for file, pointers in able:
        other = next(filter(None, (_around(path, outputs, found) for path in pointers)), None)
        if other is not None:
            kept[file, other] = kept.get((file, other), 0) + 1
            continue
        found |= {pointer_path(path): content for path, content in pointers.items()}
        if file.path.endswith(POINTER):
            found[file.path] = None
    return found


def _around(path: bytes, outputs: set[bytes], found: Changes) -> bytes | None:
    """The output that this one lies inside, or itself where another file declared it before."""
    above = path
    while above := above.rpartition(b"/")[0]:
        if above in outputs:
            return above
    return path if pointer_path(path) in found else None


def _is_taken(path: bytes, names: Sequence[bytes]) -> bool:
    """Whether Git has something at a path, below it, or a file or link in the place of a folder above it."""
    above = (path[:end] for end, byte in enumerate(path) if byte == 0x2F)
    return any(_next(name, names) == name for name in (path, *above)) or _next(path + b"/", names).startswith(
        path + b"/"
    )


def _next(name: bytes, names: Sequence[bytes]) -> bytes:
    """The first of the names, which are sorted, that does not come before this one; empty behind the last."""
    at = bisect_left(names, name)
    return names[at] if at < len(names) else b""


def _in_the_way(file: _File, other: bytes | None, commits_count: int) -> Left:
    name = display(file.path)
    if other is not None:
        error: TrackError = InsideArtifact(
            f"{name} declares what lies inside {display(other)}, or is it, and that becomes an artifact already",
            hint="an artifact holds all that is below it: what is to be apart has to lie beside it",
        )
    else:
        error = Conflict(
            f"Git has something itself where pointers for {name} would stand",
            hint="what DVC tracks cannot be in Git, too: look at it in one of these commits",
        )
    return Left(file.path, error, commits_count)


def _left(seen: dict[str, tuple[_File, ...]], made: dict[_File, _Made]) -> list[Left]:
    counts: dict[_File, int] = {}
    for files in seen.values():
        for file in files:
            counts[file] = counts.get(file, 0) + 1
    refused = [(file, one) for file, one in made.items() if isinstance(one, TrackError)]
    return [Left(file.path, error, counts[file]) for file, error in refused]
