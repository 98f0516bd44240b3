"""Du: how much space artifacts and their versions take, and how much of it they share."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from track.errors import MalformedPointer, MissingObject, NewerFormat, PurgedObject, TrackError
from track.flows import sides, view
from track.flows.view import Wanted
from track.history import log as history
from track.history.log import Event
from track.history.present import present_blobs
from track.model.digest import Digest
from track.model.manifest import Entry, Read, compare
from track.model.names import display, name_of
from track.model.pointer import Pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.purge_notes import purged_at, told
from track.store.tombstones import Purge


@dataclass(frozen=True, slots=True)
class VersionSize:
    """One content of an artifact. `unique_size` is of files that no other version of anything has; sizes in bytes.

    `commit` is the last one that brought it, None while it is in no commit. None for sizes that cannot be known,
    because the manifest is not here.
    """

    digest: Digest
    commit: str | None
    size: int
    unique_size: int | None


@dataclass(frozen=True, slots=True)
class ArtifactSize:
    """One artifact over all its versions, newest first; sizes in bytes, each distinct content counted once.

    `stored_size` is of all its contents, `shared_size` of those that other artifacts have too, `unique_size` the rest.
    The manifests of `lacking_count` versions are not here, of which those of `purged_count` were removed for good.
    """

    path: bytes
    name: str | None
    size: int
    stored_size: int
    shared_size: int
    unique_size: int
    versions: tuple[VersionSize, ...]
    lacking_count: int
    purged_count: int = 0


@dataclass(frozen=True, slots=True)
class Sizes:
    """Every artifact, sorted by path; `stored_size` counts each distinct content once, whoever has it.

    `refused` says which pointers in the working tree, of those asked for, cannot be read; such ones in the history are
    left out, and so are `absent_count` contents of pointers that a partial clone lacks.
    """

    artifacts: tuple[ArtifactSize, ...]
    stored_size: int
    refused: tuple[TrackError, ...] = ()
    absent_count: int = 0


_Found = list[tuple[bytes, list[tuple[Pointer, str | None]]]]


def du(project: Project, paths: Sequence[str] = (), *, progress: Progress = silent) -> Sizes:
    """Measure every artifact, or those at `paths`, over all versions that HEAD and the working tree have.

    What others share is known among all artifacts, whichever were asked for. Only pointers and manifests are read.
    Sizes are of contents, before packing and compressing.

    Raises:
        UnknownPath: nothing lies at a path.
        MalformedManifest, DamagedObject: something is not what it should be.
    """
    wanted = Wanted(view.paths_from(project, paths))
    here = sides.side_here(project)
    pointers, _ = here.readable()
    _, refused = here.readable(path for path in here.contents if wanted.artifact(path))
    absent: set[str] = set()
    found = _versions(project, pointers, absent)
    wanted.refuse_unknown_among({*here.contents, *(name for name, _ in found)})
    read = view.reader(project)
    spans: list[_Spans] = []
    purged = purged_at(project.store_path)
    progress.begin("measuring", count=len(found))
    try:
        for name, versions in found:
            spans.append(_Spans(read, [pointer for pointer, _ in versions], purged))
            project.warnings += [f"{display(name)} is not counted: {text}" for text in spans[-1].purged]
            progress.advance(count=1)
    finally:
        progress.end()
    owners = Counter(digest for each in spans for digest in each.sizes)
    every = {digest: size for each in spans for digest, size in each.sizes.items()}
    sizes = [_sized(name, versions, each, owners) for (name, versions), each in zip(found, spans, strict=True)]
    return Sizes(tuple(size for size in sizes if wanted.artifact(size.path)), sum(every.values()), refused, len(absent))


def _sized(
    artifact: bytes, versions: Sequence[tuple[Pointer, str | None]], spans: "_Spans", owners: Counter[bytes]
) -> ArtifactSize:
    unique = [0] * len(versions)
    shared = 0
    for digest, size in spans.sizes.items():
        if owners[digest] > 1:
            shared += size
        elif spans.counts[digest] == 1:
            unique[spans.first[digest]] += size
    stored = sum(spans.sizes.values())
    return ArtifactSize(
        path=artifact,
        name=name_of(artifact),
        size=versions[0][0].size,
        stored_size=stored,
        shared_size=shared,
        unique_size=stored - shared,
        versions=tuple(
            VersionSize(pointer.digest, commit, pointer.size, alone if is_known else None)
            for (pointer, commit), alone, is_known in zip(versions, unique, spans.known, strict=True)
        ),
        lacking_count=spans.known.count(False),
        purged_count=spans.purged_count,
    )


def _versions(project: Project, here: Mapping[bytes, Pointer], absent: set[str]) -> _Found:
    """Every artifact with its distinct contents, newest first, and the commit that brought each last.

    `absent` takes the ids of pointers that a partial clone lacks.
    """
    found: dict[bytes, dict[Digest, tuple[Pointer, str | None]]] = {}
    for artifact, pointer in here.items():
        found.setdefault(artifact, {})[pointer.digest] = (pointer, None)
    for event, content in _history(project, absent):
        artifact = sides.artifact_of(event.path)
        try:
            pointer_then = sides.parsed(content, event.path)
        except (MalformedPointer, NewerFormat):
            continue
        if pointer_then is None:
            continue
        known = found.setdefault(artifact, {})
        if known.get(pointer_then.digest, (None, None))[1] is None:
            known[pointer_then.digest] = (pointer_then, event.commit.oid)
    return [(artifact, list(found[artifact].values())) for artifact in sorted(found)]


def _history(project: Project, absent: set[str]) -> Iterator[tuple[Event, bytes]]:
    """Every pointer that a commit reached from HEAD brought, newest first, if it is here."""
    if project.git.head() is None:
        return
    events = [event for event in history.history(project.git, ["HEAD"], every_side=True) if event.blob is not None]
    contents = present_blobs(project.git, (event.blob for event in events if event.blob is not None))
    for event in events:
        assert event.blob is not None
        if event.blob in contents:
            yield event, contents[event.blob]
        else:
            absent.add(event.blob)


class _Spans:
    """The distinct contents of one artifact: their sizes, in which version each is first, and in how many it is."""

    def __init__(self, read: Read, versions: Sequence[Pointer], purged: Mapping[bytes, Purge]) -> None:
        self.sizes: dict[bytes, int] = {}
        self.first: dict[bytes, int] = {}
        self.counts: Counter[bytes] = Counter()
        self.known: list[bool] = []
        self.purged: dict[str, None] = {}
        self.purged_count = 0
        self._present: Counter[bytes] = Counter()
        self._since: dict[bytes, int] = {}
        before: Pointer | None = None
        for number, pointer in enumerate(versions):
            if (purge := purged.get(pointer.digest)) is not None:  # of a file, or of what is still here
                self._leave_out(f"object {pointer.digest} {told(purge)}")
                continue
            try:
                pairs = list(_pairs(read, before, pointer))
            except MissingObject as error:
                if isinstance(error, PurgedObject):  # a part of it
                    self._leave_out(error.message)
                else:
                    self.known.append(False)
                continue
            self.known.append(True)
            for old, new in pairs:
                self._move(old, new, number)
            before = pointer
        for digest, since in self._since.items():
            self.counts[digest] += len(versions) - since

    def _leave_out(self, why: str) -> None:
        self.known.append(False)
        self.purged[why] = None
        self.purged_count += 1

    def _move(self, old: Entry | None, new: Entry | None, number: int) -> None:
        if new is not None and new.mode != "d":
            self._present[new.digest] += 1
            self._since.setdefault(new.digest, number)
            self.first.setdefault(new.digest, number)
            self.sizes[new.digest] = new.size
        if old is not None and old.mode != "d":
            self._present[old.digest] -= 1
            if not self._present[old.digest]:
                del self._present[old.digest]
                self.counts[old.digest] += number - self._since.pop(old.digest)


def _pairs(read: Read, old: Pointer | None, new: Pointer) -> Iterator[tuple[Entry | None, Entry | None]]:
    """What differs between two versions, a file artifact being one entry."""
    roots = [pointer.digest if pointer and pointer.kind == "directory" else None for pointer in (old, new)]
    files = [view.as_entry(pointer) if pointer and pointer.kind == "file" else None for pointer in (old, new)]
    if files[0] != files[1]:
        yield files[0], files[1]
    if roots[0] != roots[1]:
        yield from compare(read, roots[0], roots[1])
