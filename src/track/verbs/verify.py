"""Verify: is every byte what its digest says, in the working tree, in the store, or at a remote?"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Literal, TypeAlias

from track.errors import (
    ChangedWhileAdding,
    ConflictedPointer,
    DamagedObject,
    MalformedManifest,
    MalformedPointer,
    MissingObject,
    NotAPointer,
    TrackError,
    UnknownPath,
    UnknownRevision,
)
from track.flows import remotes
from track.flows.keep import scan_of
from track.flows.plan import refuse_other_totals
from track.flows.reach import known_at_remotes
from track.flows.rehash import rehash
from track.flows.sampling import Portion, sample
from track.history import log
from track.model.digest import Digest
from track.model.manifest import Entry, build, walk
from track.model.names import data_path, display, is_named_pointer, pointer_path, typed
from track.model.pointer import Pointer, parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.checkup import check_store

Kind: TypeAlias = Literal["damaged", "missing", "modified"]
_Versions: TypeAlias = dict[tuple[bytes, Digest], Pointer]
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    `kind`: "damaged" (bytes that are not what their digest says), "missing" (in the store and, as far as is known, at
    no remote), "modified" (working data that differs from its pointer, as an edit makes it differ). `path` is in the
    working tree, or a place in a store; `digest` is None where none is concerned; `next_step` can be pasted.
    """

    path: bytes
    kind: Kind
    what: str
    digest: Digest | None
    next_step: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and every problem, sorted by path. `fetchable_count` objects are at a remote alone.

    Of a sample, `total_count` objects of `total_bytes` are all that there are.
    """

    remote: str | None
    artifacts_count: int
    files_count: int
    objects_count: int
    read_bytes: int
    fetchable_count: int
    problems: tuple[Problem, ...]
    total_count: int | None = None
    total_bytes: int | None = None

    @property
    def exit_code(self) -> int:
        """7 with damage, 4 when bytes are missing, 1 when data is modified, else 0."""
        kinds = {problem.kind for problem in self.problems}
        return 7 if "damaged" in kinds else 4 if "missing" in kinds else 1 if kinds else 0


@dataclass(slots=True)
class _Found:
    """What comes together on the way.

    `bad` are digests found damaged in the store, with the place of each; `in_place` the versions (path and digest)
    that working data holds, byte for byte.
    """

    problems: set[Problem] = field(default_factory=set)
    bad: dict[bytes, str] = field(default_factory=dict)
    named: set[bytes] = field(default_factory=set)
    in_place: set[tuple[bytes, Digest]] = field(default_factory=set)
    artifacts: set[bytes] = field(default_factory=set)
    fetchable: set[bytes] = field(default_factory=set)
    files_count: int = 0
    objects_count: int = 0
    read_bytes: int = 0
    total_count: int | None = None
    total_bytes: int | None = None

    def add(self, kind: Kind, path: bytes, what: str, digest: bytes | None, next_step: str) -> None:
        self.problems.add(Problem(path, kind, what, Digest(digest) if digest else None, next_step))


def verify(
    project: Project,
    paths: Sequence[str] = (),
    *,
    remote: str | None = None,
    portion: Portion | None = None,
    progress: Progress = silent,
) -> Verified:
    """Read and hash: working data against its pointers, the whole store, and that it holds what pointers name.

    With `paths`, only these artifacts and their objects; with `remote`, that remote instead of what is here; with
    `portion`, objects of the store chosen by chance, and no working data. Bad objects are put aside, so that a fetch
    brings them again. Data that is not checked out is not missed.

    Raises:
        NoRemote, RemoteError: the remote is not known, not there, or not a store.
        UnknownPath: nothing that track knows lies at one of the paths.
    """
    found = _Found()
    if remote is not None:
        return _verify_remote(project, remote, found, progress)
    asked = [project.relative(path) for path in paths]
    here = _pointers(log.pointers_in_worktree(project.git), asked, found)
    every = _pointers(log.pointers_staged(project.git), asked, found)
    with suppress(UnknownRevision):
        every |= _pointers(log.pointers_at(project.git, "HEAD"), asked, found)
    every |= here
    for path in asked:
        if path and not any(_covers(path, artifact) for artifact in found.artifacts):
            raise UnknownPath(f"nothing that track knows lies at `{display(path)}`", hint="track ls")
    if portion is not None:
        _verify_sample(project, portion, found, progress)
    elif not asked:
        _verify_store(project, found, progress)
    for (path, _), pointer in sorted(here.items(), key=_by_path) if portion is None else ():
        _verify_data(project, path, pointer, found, progress)
    for (path, _), pointer in sorted(every.items(), key=_by_path):
        _verify_version(project, path, pointer, found, reads=bool(asked))
    _name_the_rest(found)
    return _verified(None, found)


def _by_path(one: tuple[tuple[bytes, Digest], Pointer]) -> tuple[bytes, Digest]:
    return one[0]


def _verified(remote: str | None, found: _Found) -> Verified:
    counts = (len(found.artifacts), found.files_count, found.objects_count, found.read_bytes, len(found.fetchable))
    problems = tuple(sorted(found.problems, key=lambda one: (one.path, one.kind, one.what)))
    return Verified(remote, *counts, problems, found.total_count, found.total_bytes)


def _pointers(pointers: Iterable[tuple[bytes, bytes]], asked: Sequence[bytes], found: _Found) -> _Versions:
    """The versions that pointers name; the path is the data's, or the pointer's own for a named artifact."""
    versions: _Versions = {}
    for name, content in pointers:
        path = name if is_named_pointer(name) else data_path(name)
        if asked and not any(_covers(one, path) or one == name for one in asked):
            continue
        found.artifacts.add(path)
        try:
            pointer = parse_pointer(content, name)
            versions[path, pointer.digest] = pointer
        except ConflictedPointer as error:
            found.add("modified", name, error.message, None, f"track merge {typed(name)} --take ours")
        except MalformedPointer as error:
            found.add("damaged", name, error.message, None, f"git checkout -- {typed(name)}")
        except NotAPointer:
            found.artifacts.discard(path)
    return versions


def _covers(asked: bytes, path: bytes) -> bool:
    return not asked or asked == path or path.startswith(asked + b"/") or asked.startswith(path + b"/")


def _verify_store(project: Project, found: _Found, progress: Progress) -> None:
    checked = check_store(project.store, progress=progress)
    found.objects_count += checked.objects_count
    found.read_bytes += checked.read_bytes
    for bad in checked.bad:
        found.bad |= dict.fromkeys(bad.digests, bad.place)
        found.add("damaged", bad.place.encode(), bad.what, None, "track fetch")


def _verify_sample(project: Project, portion: Portion, found: _Found, progress: Progress) -> None:
    chosen, found.total_count, found.total_bytes = sample(project, portion, SystemRandom())
    progress.begin("verifying a sample", size_bytes=sum(length for _, length in chosen), count=len(chosen))
    try:
        for at in range(0, len(chosen), _AT_ONCE):
            part = [Entry(b"", "f", length, digest) for digest, length in chosen[at : at + _AT_ONCE]]
            _read_all(project, part, found)
            progress.advance(size_bytes=sum(entry.size for entry in part), count=len(part))
    finally:
        progress.end()


def _name_the_rest(found: _Found) -> None:
    """Objects that are damaged and that no pointer looked at needs."""
    for digest in found.bad.keys() - found.named:
        what = f"object {Digest(digest)} is damaged; no pointer at HEAD, staged or in the working tree needs it"
        found.add("damaged", found.bad[digest].encode(), what, digest, "track fetch --all")


def _verify_version(project: Project, path: bytes, pointer: Pointer, found: _Found, *, reads: bool) -> None:
    """The store must have every object of a version; with `reads` they are read, otherwise they were.

    The rows of data of which something is lost are forgotten, so that adding it again stores all of it.
    """
    if pointer.kind == "value":
        return
    is_at_remote = pointer.digest in known_at_remotes(project, [pointer.digest])
    is_in_place = (path, pointer.digest) in found.in_place
    step = f"track add {typed(path)}" if is_in_place else f"track fetch -- {typed(path)}"
    before = len(found.problems)
    if pointer.kind == "file":
        entries: Iterator[Entry] = iter([Entry(b"", "f", pointer.size or 0, pointer.digest)])
    else:
        entries = walk(project.store.read, pointer.digest)
    try:
        refuse_other_totals(project, path, pointer)
        while batch := [entry for _, entry in zip(range(_AT_ONCE), entries, strict=False)]:
            wanted = [entry for entry in batch if entry.mode != "d"]
            found.files_count += len(wanted)
            if reads:
                _read_all(project, wanted, found)
            lost = project.store.absent(entry.digest for entry in wanted)
            for entry in wanted:
                if entry.digest in lost:
                    place = path + b"/" + entry.path if entry.path else path
                    _note_lost(place, entry.digest, found, step, is_at_remote=is_at_remote)
    except MissingObject:
        _note_lost(path, pointer.digest, found, step, is_at_remote=is_at_remote, what="part of its manifest")
    except (MalformedManifest, DamagedObject) as error:
        found.add("damaged", path, error.message, pointer.digest, step)
    except MalformedPointer as error:
        name = path if is_named_pointer(path) else pointer_path(path)
        found.add("damaged", name, error.message, pointer.digest, f"git log -p -- {typed(name)}")
    if len(found.problems) > before:
        project.stat_cache.forget(path)


def _note_lost(
    place: bytes, digest: bytes, found: _Found, step: str, *, is_at_remote: bool, what: str = "its content"
) -> None:
    found.named.add(digest)
    if digest in found.bad:
        found.add("damaged", place, f"{what} is damaged in the store", digest, step)
    elif is_at_remote:
        found.fetchable.add(digest)
    else:
        found.add("missing", place, f"{what} is not in the store, nor known to be at a remote", digest, step)


def _read_all(project: Project, entries: Sequence[Entry], found: _Found) -> None:
    """Read every object that the store has; what is damaged is noted, and no longer there afterwards."""
    store = project.store
    waiting = {entry.digest for entry in entries} - store.absent({entry.digest for entry in entries})
    for digest in sorted(waiting):
        if store.whole(digest) is None:
            continue
        waiting.discard(digest)
        with _noting(found, digest):
            found.read_bytes += store.open_verified(digest).stat().st_size
            found.objects_count += 1
    try:
        for digest, content in store.read_many(sorted(waiting)):
            waiting.discard(digest)
            found.read_bytes += len(content)
            found.objects_count += 1
    except (DamagedObject, MissingObject):
        for digest in sorted(waiting):
            with _noting(found, digest):
                found.read_bytes += len(store.read(digest))
                found.objects_count += 1


@contextmanager
def _noting(found: _Found, digest: bytes) -> Iterator[None]:
    """Note an object that the store just had as bad when it cannot be read in the block."""
    try:
        yield
    except (DamagedObject, MissingObject) as error:
        found.bad[digest] = error.message


def _verify_data(project: Project, path: bytes, pointer: Pointer, found: _Found, progress: Progress) -> None:
    """Working data must be what its pointer says; what is not checked out is not looked for."""
    if pointer.kind == "value" or is_named_pointer(path):
        return
    try:
        seen = rehash(project, path, progress=progress)
    except ChangedWhileAdding as error:
        found.add("modified", path, error.message, pointer.digest, f"track verify {typed(path)}")
        return
    except TrackError as error:
        found.add("damaged", path, error.message, pointer.digest, f"track checkout -- {typed(path)}")
        return
    for trouble in seen.errors:
        found.add("modified", path, trouble.message, pointer.digest, "track status")
    if seen.kind == "missing":
        return
    if seen.kind != pointer.kind:
        what = f"is a {seen.kind}, the pointer says {pointer.kind}"
        found.add("modified", path, what, pointer.digest, "track status")
        return
    whole = build(seen.entries(), lambda *_: None)
    found.read_bytes += whole.size
    if whole.digest == pointer.digest:
        found.in_place.add((path, pointer.digest))
        return
    try:
        pairs = list(_differences(_recorded(project, pointer), seen.entries()))
    except (MissingObject, DamagedObject, MalformedManifest):
        what = "differs from its pointer; its manifest is not here to say where"
        found.add("modified", path, what, pointer.digest, f"track fetch -- {typed(path)}")
        return
    if not pairs and pointer.kind == "file":
        found.in_place.add((path, pointer.digest))
    _judge(project, path, pairs, found)


def _recorded(project: Project, pointer: Pointer) -> Iterator[Entry]:
    if pointer.kind == "file":
        return iter([Entry(b"", "f", pointer.size or 0, pointer.digest)])
    return walk(project.store.read, pointer.digest)


def _differences(recorded: Iterator[Entry], seen: Iterator[Entry]) -> Iterator[tuple[Entry | None, Entry]]:
    """(as recorded, as it is) of what is there and differs."""
    old = next(recorded, None)
    for new in seen:
        while old is not None and old.path < new.path and new.path and old.path:
            old = next(recorded, None)
        if old is not None and (old.path == new.path or not old.path):
            if old.digest != new.digest or (old.path and old.mode != new.mode):
                yield old, new
        elif new.mode != "d":
            yield None, new


def _judge(project: Project, path: bytes, pairs: Sequence[tuple[Entry | None, Entry]], found: _Found) -> None:
    """Tell an edit, which a file's stat shows, from bytes that changed behind everybody's back."""
    believed = {entry.path: entry.digest for entry in scan_of(project, path).entries()}
    for old, new in pairs:
        place = path + b"/" + new.path if old is None or old.path else path
        if old is None:
            found.add("modified", place, "is not in the recorded version", None, "track status")
        elif old.digest == new.digest:
            found.add("modified", place, "has another mode than recorded", old.digest, "track status")
        elif believed.get(new.path) == old.digest:
            what = "has other bytes than recorded, though its stat says that nobody wrote to it"
            found.add("damaged", place, what, old.digest, f"track checkout --force -- {typed(place)}")
        else:
            found.add("modified", place, "was modified", old.digest, "track status")


def _verify_remote(project: Project, name: str, found: _Found, progress: Progress) -> Verified:
    """Read everything that a remote has; what is lost there is named by the artifacts here that need it."""
    with remotes.connected(project, remotes.choose(project, name), sending=False) as remote:
        checked = remote.verify(progress=progress)
    found.objects_count, found.read_bytes = checked.objects_count, checked.read_bytes
    kinds: dict[bytes, Kind] = {
        digest: "missing" if problem.what == "missing" else "damaged"
        for problem in checked.problems
        for digest in problem.digests
    }
    step = f"track push {display(name)}"
    versions = _pointers(log.pointers_staged(project.git), (), found)
    for (path, _), pointer in sorted(versions.items(), key=_by_path) if kinds else ():
        _name_losses(project, path, pointer, kinds, found, step=step)
    for problem in checked.problems:
        kind: Kind = "missing" if problem.what == "missing" else "damaged"
        digest = problem.digests[0] if len(problem.digests) == 1 else None
        is_old = bool(problem.digests) and found.named.isdisjoint(problem.digests)
        what = f"{problem.what} at {display(name)}{', with older versions' * is_old}"
        found.add(kind, problem.key.encode(), what, digest, step + " $(git rev-list --all)" * is_old)
    return _verified(name, found)


def _name_losses(
    project: Project, path: bytes, pointer: Pointer, kinds: dict[bytes, Kind], found: _Found, *, step: str
) -> None:
    """Say which files of a version need what a remote has lost."""
    if pointer.digest in kinds:
        found.named.add(pointer.digest)
        found.add(kinds[pointer.digest], path, "is lost at the remote", pointer.digest, step)
    if pointer.kind != "directory":
        return
    with suppress(TrackError):  # a manifest that is not here cannot say which files it has
        for entry in walk(project.store.read, pointer.digest):
            if entry.digest in kinds:
                found.named.add(entry.digest)
                place = path + b"/" + entry.path
                found.add(kinds[entry.digest], place, "is lost at the remote", entry.digest, step)
