"""Sides: the artifacts of one place, a commit, the index or the working tree, that verbs which ask compare."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from track.errors import MalformedPointer, NewerFormat, NotAPointer, TrackError, UnknownRevision, together
from track.history import log
from track.history.pointers_here import pointers_here
from track.model import reading
from track.model.expressions import expression
from track.model.names import data_path, is_named_pointer, pointer_path
from track.model.nearest import nearest
from track.project import Project

TYPE_CHECKING = False
if TYPE_CHECKING:  # what no question needs that reads none
    from track.model.pointer import Pointer

HERE = "the working tree"
STAGED = "the index"
_REFS = ("--count=500", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
"""What is compared with a revision that is none."""
_SUFFIX = expression(r"[~^]|@\{")
"""What may stand behind the name in a revision, as in `main~2`."""


class Side:
    """The artifacts of one place: a commit, the index, or the working tree; a pointer is parsed when asked for.

    An artifact is known by the path of its data, one without data by the path of its pointer.
    """

    def __init__(self, name: str, contents: Iterable[tuple[bytes, bytes]], left_out: Iterable[bytes] = ()) -> None:
        """`contents` are the pointer files, by path; those `left_out` are none, for a sparse checkout has them so."""
        self.name = name
        self.left_out = frozenset(map(artifact_of, left_out))
        self.contents: Mapping[bytes, bytes] = {artifact_of(path): content for path, content in contents}
        self._parsed: dict[bytes, Pointer | None] = {}

    def pointer(self, path: bytes) -> "Pointer | None":
        """The pointer of an artifact; None when it is not there, or the file is somebody else's.

        Raises:
            MalformedPointer, NewerFormat: it breaks the rules of its format.
        """
        if path not in self._parsed:
            self._parsed[path] = self._parse(path)
        return self._parsed[path]

    def pointers(self) -> dict[bytes, "Pointer"]:
        """Every artifact, sorted by path. Raises as `pointer` does, naming all that cannot be read."""
        found, refused = self.readable()
        if refused:
            raise together(refused)
        return found

    def readable(self, paths: Iterable[bytes] | None = None) -> tuple[dict[bytes, "Pointer"], tuple[TrackError, ...]]:
        """Every artifact, or those of `paths`, sorted by path; and why other pointers cannot be read."""
        found: dict[bytes, Pointer] = {}
        refused: list[TrackError] = []
        for path in sorted(self.contents if paths is None else paths):
            try:
                pointer = self.pointer(path)
            except (MalformedPointer, NewerFormat) as error:
                refused.append(error)
                continue
            if pointer is not None:
                found[path] = pointer
        return found, tuple(refused)

    def _parse(self, path: bytes) -> "Pointer | None":
        content = self.contents.get(path)
        return None if content is None else parsed(content, pointer_of(path))


def parsed(content: bytes, path: bytes) -> "Pointer | None":
    """The pointer in the bytes of a pointer file; None when it is somebody else's. Raises as `parse_pointer` does."""
    try:
        return reading.parse_pointer(content, path)
    except NotAPointer:
        return None


def side_at(project: Project, rev: str) -> Side:
    """The artifacts in a commit.

    Raises:
        UnknownRevision: there is no such commit.
    """
    with naming_nearest(project):
        return Side(rev, log.pointers_at(project.git, rev))


@contextmanager
def naming_nearest(project: Project) -> Iterator[None]:
    """Where a revision is unknown inside, the error says which branch or tag is called most like it."""
    try:
        yield
    except UnknownRevision as error:
        name_nearest(project, error)
        raise


def name_nearest(project: Project, error: UnknownRevision) -> None:
    """Have the error say which branch or tag is called most like the revision."""
    if error.rev is not None and "did you mean" not in (error.hint or ""):
        error.hint = nearest(_SUFFIX.split(error.rev)[0], ref_names(project)) or error.hint


def ref_names(project: Project) -> list[str]:
    """The short names of branches and tags, some hundreds at most."""
    return os.fsdecode(project.git.run("for-each-ref", *_REFS, check=False)).split()


def side_staged(project: Project) -> Side:
    """The artifacts in Git's index."""
    return Side(STAGED, log.pointers_staged(project.git))


def side_here(project: Project) -> Side:
    """The artifacts whose pointers are in the working tree, or left out of it by a sparse checkout."""
    here = pointers_here(project.git)
    return Side(HERE, here.found, here.left_out)


def side_on_disk(project: Project) -> Side:
    """The artifacts whose pointers are files in the working tree."""
    return Side(HERE, log.pointers_in_worktree(project.git))


def artifact_of(pointer: bytes) -> bytes:
    """What an artifact is known by: the path of its data, or of its pointer where there is none."""
    return pointer if is_named_pointer(pointer) else data_path(pointer)


def pointer_of(artifact: bytes) -> bytes:
    """The path of an artifact's pointer."""
    return artifact if is_named_pointer(artifact) else pointer_path(artifact)
