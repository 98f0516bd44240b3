"""What Git LFS keeps, in commits: which pointers of ours would stand in each of them in place of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from track.errors import Conflict, ForbiddenPath, InsideArtifact, NameTooLong, TrackError
from track.flows import ignoring
from track.flows.adopting import Adopted, Adopter
from track.flows.lfs_reading import ATTRIBUTES, from_lfs, pointer_of
from track.history.lfs import small_contents
from track.history.plumbing import Git
from track.history.rewriting import Changes, Changing, Commit, File, files_in, names_in
from track.model.lfs import LIMIT, LfsPointer, is_lfs_pointer, parse_lfs_pointer, without_lfs
from track.model.names import check_worktree_path, display, pointer_path, typed
from track.model.pointer import dump_pointer
from track.progress import Progress, silent

_NAME_LIMIT = 255
_NOT_OURS = b"*.track -filter\n"


class Left(NamedTuple):
    """A file that stays with Git LFS in commits, and why; `commits_count` of them have it."""

    path: bytes
    error: TrackError
    commits_count: int


class Foreseen(NamedTuple):
    """What changes in each commit, by its id; how many versions of artifacts that makes; and what is left."""

    changes: Changing
    versions_count: int
    left: tuple[Left, ...]


class _Found(NamedTuple):
    """Of pointers of Git LFS what they mean, or why they cannot be read, and of files beside them what is in them."""

    pointers: Mapping[str, LfsPointer | TrackError]
    contents: Mapping[str, bytes]


def foresee(
    git: Git, adopter: Adopter, objects: Path, commits: Sequence[Commit], progress: Progress = silent
) -> Foreseen:
    """Put what pointers of Git LFS in these commits mean into the store, each once, and say what becomes of them.

    `objects` is the folder of Git LFS's own. What is not there, or can be no artifact, stays in its commits as it is.

    Raises:
        GitFailed: Git cannot read its history.
    """
    found = _found(git, commits)
    reading = _Reading(adopter, objects, found, progress)
    changes = Changing()
    progress.begin("reading the history of Git LFS", count=len(found.pointers))
    try:
        for commit in commits:
            changes.put(commit.oid, reading.changes(files_in(git, commit.oid), frozenset(names_in(git, commit.oid))))
    finally:
        progress.end()
    left = [Left(path, error, count) for (path, _), (error, count) in sorted(reading.left.items())]
    return Foreseen(changes, len(reading.versions), tuple(left))


def _found(git: Git, commits: Sequence[Commit]) -> _Found:
    """Every pointer of Git LFS in these commits, and every file of attributes and of what Git ignores."""
    oids: set[str] = set()
    beside: set[str] = set()
    for commit in commits:
        for path, file in files_in(git, commit.oid).items():
            oids.add(file.oid)
            if path.rpartition(b"/")[2] in (ATTRIBUTES, ignoring.FILE):
                beside.add(file.oid)
    pointers = {
        oid: _parsed(content, oid) for oid, content in small_contents(git, oids, LIMIT) if is_lfs_pointer(content)
    }
    return _Found(pointers, dict(git.blobs(sorted(beside))))


def _parsed(content: bytes, oid: str) -> LfsPointer | TrackError:
    try:
        return parse_lfs_pointer(content, oid)
    except TrackError as error:
        return error


class _Reading:
    """What is made of the commits, one after the other; each content is read once."""

    def __init__(self, adopter: Adopter, objects: Path, found: _Found, progress: Progress) -> None:
        self.left: dict[tuple[bytes, str], tuple[TrackError, int]] = {}
        self.versions: dict[tuple[bytes, str, bool], bytes] = {}
        self._adopter = adopter
        self._objects = objects
        self._found = found
        self._progress = progress
        self._adopted: dict[LfsPointer, Adopted | TrackError] = {}

    def changes(self, files: Mapping[bytes, File], names: frozenset[bytes]) -> Changes:
        """What becomes of a commit with these files, of all the `names` in it."""
        made: dict[bytes, bytes | None] = {}
        ignored: dict[bytes, list[bytes]] = {}
        is_all = True
        for path, file in files.items():
            if file.oid not in self._found.pointers:
                continue
            try:
                content = self._pointer(path, file, files, names)
            except TrackError as error:
                is_all = False
                _, count = self.left.get((path, error.message), (error, 0))
                self.left[path, error.message] = error, count + 1
                continue
            made |= {path: None, pointer_path(path): content}
            folder, _, name = path.rpartition(b"/")
            ignored.setdefault(folder + b"/" + ignoring.FILE if folder else ignoring.FILE, []).append(name)
        for file_name, lines in ignored.items():
            made[file_name] = ignoring.including(self._content(files, file_name), lines)
        return made | self._attributes(files, is_all=is_all, is_any=bool(made))

    def _attributes(self, files: Mapping[bytes, File], *, is_all: bool, is_any: bool) -> dict[bytes, bytes | None]:
        """The files of attributes that change: nothing is given to Git LFS any more, or none of our pointers is."""
        changed: dict[bytes, bytes | None] = {}
        for path in files:
            if path.rpartition(b"/")[2] == ATTRIBUTES:
                before = self._content(files, path)
                after = without_lfs(before)
                if after == before:
                    continue
                if is_all:
                    changed[path] = after
                elif is_any:
                    changed[path] = before + (b"" if before.endswith(b"\n") else b"\n") + _NOT_OURS
        return changed

    def _pointer(self, path: bytes, file: File, files: Mapping[bytes, File], names: frozenset[bytes]) -> bytes:
        """The content of our pointer for a file."""
        _refuse(path, files, names)
        known = self.versions.get((path, file.oid, file.executable))
        if known is not None:
            return known
        said = self._found.pointers[file.oid]
        if isinstance(said, TrackError):
            raise said
        content = dump_pointer(pointer_of(path, said, self._read(path, said), executable=file.executable))
        self.versions[path, file.oid, file.executable] = content
        return content

    def _read(self, path: bytes, said: LfsPointer) -> Adopted:
        if said not in self._adopted:
            try:
                self._adopted[said] = from_lfs(self._adopter, path, said, self._objects)
            except TrackError as error:
                self._adopted[said] = error
            self._progress.advance(count=1)
        adopted = self._adopted[said]
        if isinstance(adopted, TrackError):
            raise adopted
        return adopted

    def _content(self, files: Mapping[bytes, File], path: bytes) -> bytes:
        file = files.get(path)
        return b"" if file is None else self._found.contents[file.oid]


def _refuse(path: bytes, files: Mapping[bytes, File], names: frozenset[bytes]) -> None:
    """Refuse a file of a commit that can be no artifact there, or whose pointer or ignore line has no place."""
    if (why := check_worktree_path(path)) is not None:
        raise ForbiddenPath(f"{display(path)} may not be an artifact: it {why}", hint="it stays with Git LFS")
    folder, _, name = path.rpartition(b"/")
    if len(pointer_path(name)) > _NAME_LIMIT:
        raise NameTooLong(f"{display(path)} has a name too long for a pointer beside it", hint="it stays with Git LFS")
    above = path
    while above := above.rpartition(b"/")[0]:
        if pointer_path(above) in names:
            raise InsideArtifact(
                f"{display(path)} lies inside the artifact {display(above)}", hint="look at it in one of these commits"
            )
    ignore_file = folder + b"/" + ignoring.FILE if folder else ignoring.FILE
    for needed in (pointer_path(path), ignore_file):
        if needed in names and (needed != ignore_file or needed not in files):
            raise Conflict(
                f"Git has something itself at {display(needed)}, which {display(path)} would need as an artifact",
                hint=f"see in which commits: git log --oneline -- {typed(needed)}",
            )
