"""What commits did to artifacts and runs, as `track log` and `track show` tell it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from track.errors import MalformedPointer, MalformedRecord, MissingObject, NewerFormat, NotAPointer
from track.flows.sides import artifact_of
from track.history import log as history
from track.history.log import Commit, Event
from track.history.present import present_blobs
from track.model.manifest import Read, compare
from track.model.names import is_record_path
from track.model.pointer import Pointer, parse_pointer
from track.model.record import Record
from track.model.record_file import parse_record
from track.project import Project

ABSENT = "not here, as in a partial clone"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Version:
    """What one commit did to an artifact: `op` is A, M, D, or R when it was at `renamed_from` before.

    `before` is the pointer in the commit's first parent and None where there is none; `pointer` is None for D, and
    for a file that is no readable pointer, with `trouble` saying why. `authored` is in seconds since 1970. Deltas are
    in bytes and files. `counts` are files added, modified and deleted; None where they were not asked for, or the
    manifests are not here.
    """

    commit: str
    parents: tuple[str, ...]
    author: str
    email: str
    authored: int
    subject: str
    op: str
    path: bytes
    renamed_from: bytes | None
    pointer: Pointer | None
    before: Pointer | None
    size_delta: int
    files_delta: int
    counts: tuple[int, int, int] | None
    trouble: str | None

    @property
    def is_absent(self) -> bool:
        """Whether its pointer is in the history and not in this clone."""
        return self.trouble == ABSENT


@dataclass(frozen=True, slots=True)
class RunLogged:
    """What one commit did to the record of a run at `path`: `op` is A, M or D, `record` what it says after it.

    Of D, it is what it said before; None where it cannot be read, with `trouble` saying why.
    """

    op: str
    path: bytes
    record: Record | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class CommitLogged:
    """What one commit did to artifacts and to the records of runs, each sorted by path."""

    commit: Commit
    versions: tuple[Version, ...]
    runs: tuple[RunLogged, ...]

    @property
    def id(self) -> str:
        """The full id of the commit."""
        return self.commit.oid

    @property
    def absent_count(self) -> int:
        """How many of the pointers and records are not here."""
        return sum(one.is_absent for one in self.versions) + sum(one.trouble == ABSENT for one in self.runs)


def commit_logged(project: Project, commit: str) -> CommitLogged:
    """What a commit did, by its id; a merge, what it did that none of its parents had."""
    parents = project.git.run("rev-parse", f"{commit}^@").decode("ascii").split()
    events = list(history.commits(project.git, [commit], parents))
    return next(_told(project, events))


def commits_logged(project: Project, tips: Sequence[str], known: Sequence[str], most: int) -> tuple[CommitLogged, ...]:
    """The newest commits, at most so many, that `tips` reach and `known` do not, and that did something."""
    did = ((commit, events) for commit, events in history.commits(project.git, tips, known) if events)
    chosen = list(islice(did, most))
    return tuple(_told(project, chosen))


def record_logged(project: Project, tip: str, path: bytes) -> tuple[CommitLogged, ...]:
    """The commits that `tip` reaches and that did something to one record, newest first."""
    every = history.commits(project.git, [tip])
    did = ((commit, [one for one in events if one.path == path]) for commit, events in every)
    return tuple(_told(project, [(commit, events) for commit, events in did if events]))


def version_logged(
    artifact: bytes,
    event: Event,
    contents: Mapping[str, bytes],
    *,
    source: bytes | None = None,
    read: Read | None = None,
) -> Version:
    """What an event did to an artifact; `contents` are those that are here, `source` the pointer that it was before."""
    pointer, trouble = _parsed(event.blob, contents, event.path)
    old = pointer if source is not None else _parsed(event.before, contents, event.path)[0]
    size, files = _totals(pointer)
    old_size, old_files = _totals(old)
    return Version(
        commit=event.commit.oid,
        parents=event.commit.parents,
        author=event.commit.author,
        email=event.commit.email,
        authored=event.commit.authored,
        subject=event.commit.subject,
        op="R" if source is not None else event.op,
        path=artifact,
        renamed_from=None if source is None else artifact_of(source),
        pointer=pointer,
        before=old,
        size_delta=size - old_size,
        files_delta=files - old_files,
        counts=_counts(old, pointer, read) if read is not None else None,
        trouble=trouble,
    )


def contents_of(project: Project, events: Iterable[Event]) -> dict[str, bytes]:
    """The contents after and before these events, as far as they are here."""
    ids = {blob for event in events for blob in (event.blob, event.before) if blob is not None}
    return present_blobs(project.git, ids)


def _told(project: Project, commits: Sequence[tuple[Commit, list[Event]]]) -> Iterator[CommitLogged]:
    for start in range(0, len(commits), _AT_ONCE):
        few = commits[start : start + _AT_ONCE]
        contents = contents_of(project, (event for _, events in few for event in events))
        for commit, events in few:
            ordered = sorted(events, key=lambda event: event.path)
            runs = tuple(_run(event, contents) for event in ordered if is_record_path(event.path))
            pointers = (event for event in ordered if not is_record_path(event.path))
            ours = (event for event in pointers if not _is_of_others(event, contents))
            yield CommitLogged(
                commit, tuple(version_logged(artifact_of(event.path), event, contents) for event in ours), runs
            )


def _is_of_others(event: Event, contents: Mapping[str, bytes]) -> bool:
    """Whether it is somebody else's file that has the name of a pointer."""
    content = contents.get(event.blob or event.before or "")
    try:
        if content is not None:
            parse_pointer(content, event.path)
    except NotAPointer:
        return True
    except (MalformedPointer, NewerFormat):
        pass
    return False


def _run(event: Event, contents: Mapping[str, bytes]) -> RunLogged:
    blob = event.blob or event.before
    if blob is None or blob not in contents:
        return RunLogged(event.op, event.path, None, ABSENT)
    try:
        return RunLogged(event.op, event.path, parse_record(contents[blob], event.path), None)
    except (MalformedRecord, NewerFormat) as error:
        return RunLogged(event.op, event.path, None, error.message)


def _parsed(blob: str | None, contents: Mapping[str, bytes], path: bytes) -> tuple[Pointer | None, str | None]:
    if blob is None:
        return None, None
    if blob not in contents:
        return None, ABSENT
    try:
        return parse_pointer(contents[blob], path), None
    except (MalformedPointer, NotAPointer, NewerFormat) as error:
        return None, error.message


def _totals(pointer: Pointer | None) -> tuple[int, int]:
    if pointer is None:
        return 0, 0
    return pointer.size, pointer.files if pointer.files is not None else int(pointer.kind == "file")


def _counts(old: Pointer | None, new: Pointer | None, read: Read) -> tuple[int, int, int] | None:
    """Files added, modified and deleted inside; None where that cannot be known."""
    both = [pointer.digest if pointer is not None and pointer.kind == "directory" else None for pointer in (old, new)]
    if both == [None, None]:
        return None
    added = modified = deleted = 0
    try:
        for before, after in compare(read, both[0], both[1]):
            added += before is None
            deleted += after is None
            modified += before is not None and after is not None
    except MissingObject:
        return None
    return added, modified, deleted
