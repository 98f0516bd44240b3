"""Status: what differs between the data, the pointers, Git's index and HEAD, and what no remote has."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from track.errors import MalformedPointer, NewerFormat, NotAPointer, TrackError
from track.flows.look import Look, look
from track.flows.reach import known_at_remotes
from track.flows.totals import other_totals
from track.history import log
from track.history.identity import blob_of
from track.history.left_out import left_out
from track.model.digest import Digest
from track.model.names import data_path, display, is_named_pointer, name_of, typed
from track.model.pointer import Pointer, parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.purge_notes import purged_at, told


class ArtifactStatus(NamedTuple):
    """One artifact. `path` is the data's; a named artifact has no data here and its name stands in `name`.

    `staged` compares Git's index with HEAD and `unstaged` the working tree's pointer with the index: "." same,
    "A" new, "M" changed, "D" gone, "U" in conflict. `data` compares the working copy with the pointer: "." same,
    "M" modified, "D" missing, "S" out of step (the data is another saved version, `holds`), "?" cannot be read,
    with `trouble` saying why; `malformed` is the error where it is the pointer that cannot be read, not being in
    conflict. `pushed` is None when there is no remote, and for values. `is_stored` is whether the local store has what
    is missing from the working tree; it is asked of nothing else.
    """

    path: bytes
    name: str | None
    pointer: bytes
    kind: str
    digest: Digest | None
    size: int
    files: int | None
    staged: str
    unstaged: str
    data: str
    look: Look | None
    pushed: bool | None
    trouble: str | None
    malformed: MalformedPointer | NewerFormat | None = None
    is_stored: bool = True
    purged: str = ""
    """What its purge says of itself, where it was removed for good, as far as is known here."""

    @property
    def is_away(self) -> bool:
        """Whether nothing of it was ever placed in this clone, which is shallow."""
        return self.look is not None and self.look.is_away

    @property
    def is_changed(self) -> bool:
        """Whether anything differs, being pushed apart."""
        return (self.staged, self.unstaged, self.data) != (".", ".", ".")


class Status(NamedTuple):
    """Every artifact, sorted by path; `operation` is what Git is in the middle of, if anything."""

    branch: str | None
    head: str | None
    operation: str | None
    artifacts: tuple[ArtifactStatus, ...]
    has_remote: bool
    left_out_count: int = 0
    """Pointers that a sparse checkout leaves out of the working tree; they are not among the artifacts."""

    @property
    def changed(self) -> tuple[ArtifactStatus, ...]:
        """The artifacts for which anything differs."""
        return tuple(artifact for artifact in self.artifacts if artifact.is_changed)

    @property
    def unpushed(self) -> tuple[ArtifactStatus, ...]:
        """The artifacts that no remote is known to have, apart from those that are not here either, or were purged."""
        return tuple(
            one
            for one in self.artifacts
            if one.pushed is False and one.is_stored and not one.is_away and not one.purged
        )

    @property
    def away(self) -> tuple[ArtifactStatus, ...]:
        """The artifacts of which nothing was ever placed in this clone, which is shallow."""
        return tuple(artifact for artifact in self.artifacts if artifact.is_away)


class _Pointers(NamedTuple):
    """Pointer files by path: their Git ids in HEAD and the index, those in conflict, and contents on disk."""

    head: Mapping[bytes, str]
    staged: Mapping[bytes, str]
    unmerged: frozenset[bytes]
    disk: Mapping[bytes, bytes]
    blobs: Mapping[str, bytes]
    left_out: Mapping[bytes, str]


def status(project: Project, paths: Sequence[str] = (), *, progress: Progress = silent) -> Status:
    """Compare data, pointers, index and HEAD, of everything or of what lies at `paths`.

    No file is opened unless its stat changed since it was last hashed. Nothing is written but the stat cache, and
    no remote is asked: what is there is known from what push and fetch last confirmed.

    Raises:
        OutsideRepository: a path is not in this repository.
    """
    wanted = [project.relative(path) for path in paths]
    pointers = _read(project)
    names = sorted({*pointers.head, *pointers.staged, *pointers.unmerged, *pointers.disk} - pointers.left_out.keys())
    found = [_artifact(project, pointers, name, progress) for name in names if _is_wanted(name, wanted)]
    artifacts = _with_purged(project, _with_stored(project, [artifact for artifact in found if artifact is not None]))
    has_remote = bool(project.config.names("remote.*.url"))
    return Status(
        branch=project.git.branch(),
        head=project.git.head(),
        operation=project.git.operation(),
        artifacts=tuple(_with_pushed(project, artifacts) if has_remote else artifacts),
        has_remote=has_remote,
        left_out_count=sum(_is_wanted(name, wanted) for name in pointers.left_out),
    )


def _read(project: Project) -> _Pointers:
    files = project.git.pointer_files()
    head = project.git.tree_pointers("HEAD") if project.git.head() is not None else {}
    disk = dict(log.pointers_in_worktree(project.git, files))
    apart = left_out(project.git, files.staged.keys() - disk.keys())
    there = disk.keys() | apart.keys()
    gone = {
        known for path in (*files.staged, *head) if path not in there if (known := files.staged.get(path) or head[path])
    }
    contents = dict(project.git.blobs(sorted(gone)))
    return _Pointers(head, files.staged, frozenset(files.unmerged), disk, contents, apart)


def _is_wanted(pointer: bytes, wanted: Sequence[bytes]) -> bool:
    """Whether the artifact of a pointer was named: itself, a folder above it, or a path inside it."""
    if not wanted:
        return True
    data = pointer if is_named_pointer(pointer) else data_path(pointer)
    return any(
        not path or path in (data, pointer) or data.startswith(path + b"/") or path.startswith(data + b"/")
        for path in wanted
    )


def _artifact(project: Project, pointers: _Pointers, name: bytes, progress: Progress) -> ArtifactStatus | None:
    """The state of one artifact; None when the file is somebody else's."""
    content = pointers.disk.get(name)
    known = pointers.staged.get(name) or pointers.head.get(name)
    text = content if content is not None else pointers.blobs.get(known or "", b"")
    malformed: MalformedPointer | NewerFormat | None = None
    pointer: Pointer | None = None
    try:
        pointer = parse_pointer(text, name)
    except NotAPointer:
        if known is None or not _is_pointer(project, known):
            return None
        malformed = MalformedPointer(
            f"{display(name)} was a pointer and is none any more", hint=f"git checkout HEAD -- {typed(name)}"
        )
    except (MalformedPointer, NewerFormat) as error:
        malformed = error
    found = None
    if pointer is not None and content is not None and not is_named_pointer(name):
        found = look(project, data_path(name), pointer, progress=progress)
        malformed = other_totals(project, data_path(name), pointer)
    return ArtifactStatus(
        path=name if is_named_pointer(name) else data_path(name),
        name=name_of(name),
        pointer=name,
        kind=pointer.kind if pointer else "unknown",
        digest=pointer.digest if pointer else None,
        size=pointer.size or 0 if pointer else 0,
        files=pointer.files if pointer else None,
        staged=_staged(pointers, name),
        unstaged=_unstaged(pointers, name),
        data="?" if malformed else found.state if found else ".",
        look=found,
        pushed=None,
        trouble=malformed.message if malformed else found.trouble if found else None,
        malformed=None if name in pointers.unmerged else malformed,
    )


def _is_pointer(project: Project, known: str) -> bool:
    """Whether what Git has under an id is a pointer of ours, whole or not."""
    (content,) = (content for _, content in project.git.blobs([known]))
    try:
        parse_pointer(content, "")
    except NotAPointer:
        return False
    except (MalformedPointer, NewerFormat):
        return True
    return True


def _staged(pointers: _Pointers, name: bytes) -> str:
    """How the index differs from HEAD."""
    if name in pointers.unmerged:
        return "U"
    before, after = pointers.head.get(name), pointers.staged.get(name)
    if before == after:
        return "."
    return "A" if before is None else "D" if after is None else "M"


def _unstaged(pointers: _Pointers, name: bytes) -> str:
    """How the working tree's pointer differs from the index."""
    if name in pointers.unmerged:
        return "U"
    content, staged = pointers.disk.get(name), pointers.staged.get(name)
    if staged is None:
        return "." if content is None else "A"
    if content is None:
        return "D"
    return "." if blob_of(content, staged) == staged else "M"


def _with_stored(project: Project, artifacts: list[ArtifactStatus]) -> list[ArtifactStatus]:
    """With what the store lacks of what is missing, as in a clone that Git made; no store to ask is no answer."""
    missing = {bytes(artifact.digest) for artifact in artifacts if artifact.data == "D" and artifact.digest is not None}
    if not missing:
        return artifacts
    try:
        lacking = project.store.absent(missing)
    except TrackError:
        return artifacts
    return [
        artifact._replace(is_stored=False) if artifact.data == "D" and artifact.digest in lacking else artifact
        for artifact in artifacts
    ]


def _with_pushed(project: Project, artifacts: Sequence[ArtifactStatus]) -> list[ArtifactStatus]:
    """With what the remotes are known to have; a value is whole in its pointer and goes with Git alone."""
    sent = [artifact.digest for artifact in artifacts if artifact.digest is not None and artifact.kind != "value"]
    known, asked = known_at_remotes(project, set(sent)), set(sent)
    return [
        artifact._replace(pushed=artifact.digest in known) if artifact.digest in asked else artifact
        for artifact in artifacts
    ]


def _with_purged(project: Project, artifacts: Sequence[ArtifactStatus]) -> list[ArtifactStatus]:
    """With what is known of those that were removed for good."""
    purged = purged_at(project.store_path)
    return [
        artifact._replace(purged=told(purge))
        if artifact.digest is not None
        and (purge := purged.get(artifact.digest)) is not None
        and "D" not in (artifact.staged, artifact.unstaged)
        else artifact
        for artifact in artifacts
    ]
