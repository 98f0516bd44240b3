"""Bring: make working files what pointers say, out of the store; what is unsaved is never lost.

Everything is planned before anything changes, and everything new is made aside, every byte verified, before the
first file is replaced. Interrupted at any point, the same command again finishes the work: what is placed already is
found to be so, and what was made aside is swept away.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from track.errors import MissingObject, StoreUnwritable, TrackError, UnsavedWork
from track.flows.choice import Choice, parts_taken
from track.flows.contents import StoreContents
from track.flows.partly import parts_with, version_with
from track.flows.plan import Plan, plan, unsaved_among
from track.flows.reach import UNBELIEVABLE, Refused, Version, refusal
from track.flows.recording import record
from track.flows.staying import Leaves, Yielding
from track.flows.undo import Undo
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import display, typed
from track.progress import Progress, silent
from track.project import Project
from track.store.purge_notes import told
from track.store.purged import purged_in
from track.worktree.parts import placed_parts, remember
from track.worktree.place import Placer


@dataclass(frozen=True, slots=True)
class BroughtArtifact:
    """What was done for one artifact; counts are of files and links, `size` is what was written, in bytes.

    `stays` are the paths of edited files that were left alone: they are the same in both versions.
    """

    path: bytes
    kind: str
    digest: str
    created_count: int
    replaced_count: int
    removed_count: int
    size: int
    stays: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """An artifact of which nothing was placed: `count` objects of `size` bytes are not in the store.

    Both are 0 when its manifest itself is not here, so that nobody can tell. `purged` says of what was removed for good
    when that was, by whom and why, as far as it is known here.
    """

    path: bytes
    count: int
    size: int
    purged: str = ""


class Kept(NamedTuple):
    """What was left as it is: `files` of it, that are unsaved and would have been lost, or all of it, and `why`."""

    path: bytes
    files: tuple[bytes, ...]
    why: str | None


@dataclass(frozen=True, slots=True)
class Brought:
    """What was done, sorted by path; artifacts that were as they should be are left out.

    `given_up` are the files that went into the trash, because they were saved nowhere and `force` was asked for.
    `refused` were left as they are, as what their pointer or manifest says cannot be.
    """

    artifacts: tuple[BroughtArtifact, ...]
    lacking: tuple[Lacking, ...]
    given_up: tuple[bytes, ...] = ()
    kept: tuple[Kept, ...] = ()
    refused: tuple[Refused, ...] = ()


def bring(
    project: Project,
    versions: Sequence[Version],
    *,
    paths: Sequence[bytes] = (),
    choice: Choice | None = None,
    force: bool = False,
    dry_run: bool = False,
    undo: Undo | None = None,
    yielding: Yielding = "",
    progress: Progress = silent,
) -> Brought:
    """Make the data of each version what its pointer says; only the parts that `paths` name, and `choice` takes.

    Call it with the project's lock held. An artifact of which something is not in the store is left as it is and
    reported as lacking; one whose pointer or manifest cannot be believed is refused; the others are placed. With
    `force`, unsaved edits and unknown files go into the trash. Where no `paths` are named, edits beside a pointer that
    did not move stay. `undo` notes how everything was before; its owner says when the command is done.
    `yielding`, every unsaved file stays, and an artifact that cannot be looked at, too; both are reported as kept.

    Raises:
        UnsavedWork: files whose content is saved nowhere would go, every one named; nothing was changed.
        UnknownPath: a version has nothing at one of the paths.
        MalformedManifest, MalformedPointer, NewerFormat: what `paths` name cannot be believed; nothing was placed.
        DamagedObject: bytes in the store are not what they should be; nothing of it was placed.
        ForbiddenPath, Unreadable, ChangedWhileAdding: what is in the working tree cannot be looked at.
    """
    plans: list[Plan] = []
    lacking: list[Lacking] = []
    kept: list[Kept] = []
    refused: list[Refused] = []
    for version in versions:
        if version.pointer.kind == "value" or version.path.startswith(b".track/"):
            continue
        try:
            if (found := _planned(project, version, paths, choice, force=force, yielding=yielding)) is None:
                continue
        except MissingObject:
            lacking.append(Lacking(version.path, 0, 0, _purged(project, [version.pointer.digest])))
            continue
        except TrackError as error:
            if yielding:
                kept.append(Kept(version.path, (), error.message))
            elif isinstance(error, UNBELIEVABLE):
                refused.append(refusal(version, paths, error))
            else:
                raise
            continue
        if found.absent:
            lacking.append(_lacking(project, found))
            continue
        if found.kept:
            kept.append(Kept(version.path, tuple(_full_paths(found, found.kept)), _why_gone(project, found)))
        plans.append(found)
    refuse_losses(project, plans)
    if not dry_run:
        carry_out(project, plans, None if yielding else undo or Undo(project, "checkout"), progress)
    done = tuple(_outcome(found) for found in plans if not found.is_done or (found.stays and not yielding))
    return Brought(done, tuple(lacking), _given_up(plans), tuple(kept), tuple(refused))


def _lacking(project: Project, found: Plan) -> Lacking:
    sizes = {entry.digest: entry.size for entry in found.writes.values() if entry.digest in found.absent}
    return Lacking(found.path, len(found.absent), sum(sizes.values()), _purged(project, sorted(found.absent)))


def _purged(project: Project, absent: Iterable[bytes]) -> str:
    """What the purge of the first of these that was removed for good says of itself."""
    purged = purged_in(project.store.rooms)
    return next((told(purged[digest]) for digest in absent if digest in purged), "")


def _given_up(plans: Sequence[Plan]) -> tuple[bytes, ...]:
    return tuple(path for found in plans for path in _full_paths(found, found.given_up))


def _planned(
    project: Project,
    version: Version,
    paths: Sequence[bytes],
    choice: Choice | None,
    *,
    force: bool,
    yielding: Yielding,
) -> Plan | None:
    """The plan for what is meant of an artifact; None when nothing of it is."""
    is_asked = bool(paths) or choice is not None
    leaves: Leaves = yielding or ("nothing" if is_asked or force else "edits")
    if (parts := parts_taken(project, version, paths, choice)) is None:
        return None
    return plan(project, version.path, version.pointer, parts=parts, asked=is_asked, force=force, leaves=leaves)


def _full_paths(found: Plan, paths: Iterable[bytes]) -> list[bytes]:
    return [found.path + b"/" + path if path else found.path for path in paths]


def refuse_losses(project: Project, plans: Sequence[Plan]) -> None:
    """Refuse plans by which something would go that is saved nowhere.

    Raises:
        UnsavedWork: every such file is named.
    """
    lost = [path for found in plans for path in _full_paths(found, found.lost)]
    if not lost:
        return
    what = display(lost[0]) if len(lost) == 1 else f"{len(lost):,} files"
    first = next(found for found in plans if found.lost)
    saved = lost[0] if first.pointer.kind == first.here.seen.kind else first.path  # a part can only join a directory
    gone = {path: why for found in plans for path, why in _gone(project, found, found.lost)}
    hint = f"save it with `track add {typed(saved)}`, or have it moved to the trash with --force"
    if len(gone) == len(lost):
        hint = f"nothing stores it again: have it moved to the trash with --force, or delete it: rm {typed(lost[0])}"
    raise UnsavedWork(
        f"{what} would be lost: the content is saved nowhere",
        hint=hint,
        details=tuple(f"{display(path)}  it {gone[path]}" if path in gone else display(path) for path in lost),
    )


def _gone(project: Project, found: Plan, paths: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """(path, what its purge says) of those of these files whose content here was removed for good."""
    here = found.removes | found.replaced | found.unsaved
    purged = purged_in(project.store.rooms)
    for path in paths:
        if (purge := purged.get(here[path].digest)) is not None:
            yield _full_paths(found, [path])[0], told(purge)


def _why_gone(project: Project, found: Plan) -> str | None:
    """Why files that are left as they are cannot be saved, where all of them were removed for good."""
    gone = dict(_gone(project, found, found.kept))
    if len(gone) < len(found.kept):
        return None
    return f"it {next(iter(gone.values()))}; to give it up: track checkout --force {typed(found.path)}"


def carry_out(project: Project, plans: Sequence[Plan], undo: Undo | None, progress: Progress = silent) -> None:
    """Stage everything, note how things are, then place it, an artifact at a time. Nobody may lose by these plans.

    Raises as `bring` does.
    """
    busy = [found for found in plans if not found.is_done]
    entries = [entry for found in busy for entry in found.writes.values() if entry.mode != "d"]
    progress.begin("placing files", count=len(entries), size_bytes=sum(entry.size for entry in entries))
    link = project.config.text("checkout.link") or "copy"
    try:
        staging = project.worktree_state / "staging"
        with (
            holding_store(project, busy),
            Placer(project.gate, StoreContents(project), staging, link=link, progress=progress) as placer,
        ):
            staged = [_Staged(placer, found, project.store.read) for found in busy]
            if undo is not None:
                undo.note_plans(busy)
            now_ns = placer.wait() if entries else 0
            for one in staged:
                parts, version = _parts_after(project, one.plan)
                one.place()
                record(project, one.plan, one.stats, now_ns)
                remember(project.worktree_state, one.plan.path, parts, version)
    finally:
        progress.end()
    for found in plans:
        if found.is_done and not found.is_left:
            parts, version = _parts_after(project, found)
            record(project, found, {}, 0)
            remember(project.worktree_state, found.path, parts, version)


def _parts_after(project: Project, found: Plan) -> tuple[tuple[bytes, ...] | None, Digest]:
    """What is checked out when a plan is done, None for all of it, and of which version.

    From now on it is known that not all of it is.
    """
    version = found.pointer.digest
    if not found.parts:
        return None, version
    is_there = found.here.seen.kind == "directory"
    after = parts_with(project, found.path, found.pointer, found.parts) if is_there else found.parts
    if after is not None:
        before = placed_parts(project.worktree_state).get(found.path) if is_there else None
        version = version_with(project, found.path, found.pointer, found.parts) if is_there else version
        remember(project.worktree_state, found.path, *(before or ((), version)))
    return after, version


@contextmanager
def holding_store(project: Project, plans: Iterable[Plan]) -> Iterator[None]:
    """Hold the store while files go because it has their content; a store that we may not write holds nothing back.

    Raises:
        UnsavedWork: since the plans were made, a collection took what was only there.
    """
    plans = [found for found in plans if found.removes or found.replaced]
    with ExitStack() as stack:
        if plans:
            with suppress(StoreUnwritable):
                stack.enter_context(project.store.writer())
            for found in plans:
                _weigh_again(project, found)
            refuse_losses(project, plans)
        yield


def _weigh_again(project: Project, found: Plan) -> None:
    known = set(found.given_up)
    going = [local for local in (*found.removes.values(), *found.replaced.values()) if local.path not in known]
    unsaved = unsaved_among(project, going)
    found.lost = sorted(local.path for local in going if local.digest in unsaved)


class _Staged:
    """The new files of one artifact, made aside; and how they come into place."""

    def __init__(self, placer: Placer, found: Plan, read: manifest.Read) -> None:
        self.plan = found
        self._read = read
        self.stats: dict[bytes, bytes] = {}
        self._placer = placer
        trees, singles = _grouped(found)
        self._trees = [placer.make_tree(self._full(top), entries) for top, entries in trees]
        self._tops = [top for top, _ in trees]
        self._folders = [path for path, entry in singles.items() if entry.mode == "d"]
        files = [(path, entry) for path, entry in singles.items() if entry.mode != "d"]
        self._files = [path for path, _ in files]
        self._made = placer.make([(self._full(path), entry) for path, entry in files])

    def place(self) -> None:
        """Remove what goes, then rename in what comes; `stats` has the packed stat of each path afterwards."""
        found = self.plan
        for path, local in sorted(found.removes.items(), reverse=True):
            if path not in found.replaced:
                self._placer.remove(self._full(path), local.stat)
        self._remove_folders()
        for top, made in zip(self._tops, self._trees, strict=True):
            stats = self._placer.place(made, None)
            prefix = top + b"/" if top else b""
            self.stats.update((prefix + entry.path, stat) for entry, stat in zip(made.entries, stats, strict=True))
        for path, made in zip(self._files, self._made, strict=True):
            old = found.replaced.get(path)
            (self.stats[path],) = self._placer.place(made, old.stat if old is not None else None)
        for path in self._folders:
            self._placer.make_folder(self._full(path))

    def _full(self, path: bytes) -> bytes:
        return self.plan.path + b"/" + path if path else self.plan.path

    def _remove_folders(self) -> None:
        """The folders that are empty now, deepest first; the artifact's own stays."""
        wanted = {entry.path for _, entry in self.plan.pairs if entry is not None and entry.mode == "d"}
        wanted.update(self._kept_empty())
        candidates = set(self.plan.empties)
        for path in (*self.plan.removes, *self.plan.empties):
            folder = path.rpartition(b"/")[0]
            while folder and folder not in candidates:
                candidates.add(folder)
                folder = folder.rpartition(b"/")[0]
        for path in sorted(candidates - wanted, key=lambda path: -path.count(b"/") if path else 1):
            if path or self.plan.pointer.kind == "file":
                self._placer.remove_folder(self._full(path))

    def _kept_empty(self) -> Iterator[bytes]:
        """The folders that files of no version, or edited ones, leave empty, and that are so in the version wanted."""
        found, root = self.plan, bytes(self.plan.pointer.digest)
        known = {old.path for old, _ in found.pairs if old is not None}
        for folder in {path.rpartition(b"/")[0] for path in found.removes if path not in known}:
            entry = manifest.find(self._read, root, folder) if folder and found.pointer.kind == "directory" else None
            if entry is not None and entry.mode == "d":
                yield folder


def _grouped(found: Plan) -> tuple[list[tuple[bytes, list[Entry]]], dict[bytes, Entry]]:
    """Whole new folders, each with its entries relative to it, and the single entries for folders that are there."""
    trees: dict[bytes, list[Entry]] = {}
    singles: dict[bytes, Entry] = {}
    here = found.here
    if found.pointer.kind == "directory" and here.seen.kind != "directory":
        trees[b""] = []
    for path, entry in sorted(found.writes.items()):
        top = b"" if b"" in trees else _topmost_missing(found, path)
        if top is None:
            singles[path] = entry
        else:
            trees.setdefault(top, []).append(entry._replace(path=path[len(top) + 1 :]) if top else entry)
    return list(trees.items()), singles


def _topmost_missing(found: Plan, path: bytes) -> bytes | None:
    """The highest folder above `path` that is not there, and at whose place nothing is; None when all are."""
    if not path:
        return None
    parts = path.split(b"/")
    for end in range(1, len(parts)):
        folder = b"/".join(parts[:end])
        if not found.here.is_folder(folder):
            return folder
    return None


def _outcome(found: Plan) -> BroughtArtifact:
    files = [path for path, entry in found.writes.items() if entry.mode != "d"]
    return BroughtArtifact(
        path=found.path,
        kind=found.pointer.kind,
        digest=str(found.pointer.digest),
        created_count=sum(path not in found.replaced for path in files),
        replaced_count=len(found.replaced),
        removed_count=sum(path not in found.writes for path in found.removes),
        size=sum(found.writes[path].size for path in files),
        stays=tuple(sorted(found.stays)),
    )
