"""Undo: what a command is about to replace or remove is noted in the trash, so that `track restore` can take it back.

A verb that acts makes one `Undo`, notes what it will change, saves it before its first change, and says when it is
done. Interrupted and begun again with the same words, it goes on with the same step, which still says how things were
before the first attempt.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from track.errors import MissingObject, TrackError
from track.flows.here import Here, Local
from track.flows.ignoring import has_line
from track.flows.nodes import saved_if_possible
from track.flows.plan import Plan, unsaved_among
from track.flows.pointers import said_at
from track.flows.sides import pointer_of
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import is_named_pointer
from track.model.node import parse_node
from track.model.pointer import Pointer
from track.project import Project
from track.worktree.parts import parts_of
from track.worktree.reading import stat_of
from track.worktree.trash import Before, Held, Move, Step, Trash, every_trash

FOLDER = "trash"
_DATA = ("file", "directory")
_SWEPT = 4
"""How many old steps a command takes out of the trash at its end, at most."""
_WORTH_WALKING = 100
"""From so many paths on, reading a whole manifest is faster than looking for each in it."""


class Undo:
    """The step of one command; nothing is written before `save`, and nothing at all when nothing was noted."""

    def __init__(self, project: Project, *words: str, undoes: int | None = None, is_staged: bool = False) -> None:
        """For the command `words`; the project's lock is held. An interrupted step of the same words goes on."""
        self.trash = trash_of(project)
        self._project = project
        newest = self.trash.newest()
        if newest is not None and not newest.is_done and newest.words == words:
            self.step, self.is_resumed = newest, True
        else:
            number = max(self.trash.numbers(), default=0) + 1
            self.step = Step(number, int(time.time()), words, undoes=undoes, is_staged=is_staged)
            self.is_resumed = False
        self.was_done = newest is not None and newest.is_done and newest.words == words
        self._known = {before.path: before for before in self.step.artifacts}
        self._is_durable = False

    @property
    def touched(self) -> set[bytes]:
        """The pointers, and the ignore files beside them, that an interrupted step may have changed; else none."""
        if not self.is_resumed:
            return set()
        found = {pointer_of(before.path) for before in self._known.values() if before.has_pointer}
        placed = [path for path in self._known if not is_named_pointer(path)]
        return found | {path.rpartition(b"/")[0] + b"/.gitignore" if b"/" in path else b".gitignore" for path in placed}

    def note_pointer(self, path: bytes) -> None:
        """The pointer of the artifact at `path` (its ignore line too) is about to change."""
        known = self._before(path)
        if not known.has_pointer:
            content = said_at(self._project, pointer_of(path))
            self._known[path] = replace(known, has_pointer=True, pointer=content)

    def note_data(self, path: bytes, held: Held | None) -> None:
        """The working copy at `path`, which holds this (its ignore line too), is about to change."""
        known = self._before(path)
        if not known.has_data:
            parts = parts_of(self._project.worktree_state, path)
            self._known[path] = replace(known, has_data=True, held=held, parts=parts)

    def _before(self, path: bytes) -> Before:
        """What is noted of an artifact; of one that is new, whether its line is in the ignore file now."""
        if (known := self._known.get(path)) is not None:
            return known
        return Before(path, was_ignored=is_named_pointer(path) or has_line(self._project, path))

    def note_all(self, paths: Iterable[bytes], plans: Iterable[Plan]) -> None:
        """The pointers at `paths`, and working copies by `plans`, are about to change; saved when it returns."""
        for path in paths:
            self.note_pointer(path)
        self.note_plans(plans)
        self.save(durable=True)

    def note_moves(self, moves: Iterable[Move]) -> None:
        """These moves are about to be made, in this order."""
        self.step = replace(self.step, moves=tuple(moves))

    def note_plans(self, plans: Iterable[Plan]) -> None:
        """Working copies are about to become what these plans say; what is saved nowhere goes into the trash."""
        plans = list(plans)
        if not plans:
            return
        nodes: dict[Digest, bytes] = {}
        for found in plans:
            known = self._known.get(found.path)
            if known is None or not known.has_data:
                self.note_data(found.path, _held_before(self._project, found, nodes))
        self._is_durable = self._is_durable or any(found.given_up for found in plans)
        with saved_if_possible(self._project, nodes):
            self.save()
        for found in plans:
            for path in found.given_up:
                self._take(found, path)

    def save(self, *, durable: bool = False) -> None:
        """Put the step in place, if anything was noted; before the first change.

        Raises:
            DiskFull, StoreUnwritable: it could not be; nothing may be changed then.
        """
        if self._known:
            self._is_durable = self._is_durable or durable
            artifacts = tuple(self._known[path] for path in sorted(self._known))
            self.step = replace(self.step, artifacts=artifacts)
            self.trash.save(self.step, durable=self._is_durable)

    def done(self) -> int | None:
        """Say that the command has finished, after its last change; the step's number, None when nothing was noted.

        A few steps that are too old go now: the trash stays within its bounds for people who never run `track gc`.
        """
        if not self._known:
            return None
        self.step = replace(self.step, is_done=True)
        self.save()
        config = self._project.config
        self.trash.sweep_some(_SWEPT, steps=config.number("trash.steps"), days=config.number("trash.days"))
        return self.step.number

    def _take(self, found: Plan, path: bytes) -> None:
        """Give a file that is about to go a second name in the trash; its new stat is what will be looked for then."""
        going = found.replaced if path in found.replaced else found.removes
        local = going[path]
        whole = found.path + b"/" + path if path else found.path
        with suppress(FileNotFoundError), self._project.gate.parent(whole) as (fd, name):
            before = stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False))
            self.trash.take(self.step.number, local.digest, fd, name)
            now = stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False))
            # A second name moves the time of the inode, and nothing else; whatever else moved is told when it goes.
            if before._replace(flags=0) == local.stat._replace(flags=0) and now._replace(ctime_ns=0) == before._replace(
                ctime_ns=0
            ):
                going[path] = local._replace(stat=now)


def trash_of(project: Project) -> Trash:
    """The trash of the project's working tree."""
    return Trash(project.worktree_state / FOLDER)


def undone(steps: Iterable[Step]) -> dict[int, int]:
    """Which steps were taken back, and by which, of all steps from the newest to the oldest.

    A restore that was itself taken back does not count.
    """
    found: dict[int, int] = {}
    for step in steps:
        if step.undoes is not None and step.is_done and step.number not in found:
            found.setdefault(step.undoes, step.number)
    return found


def sweep_trash(project: Project) -> int:
    """Remove the steps that are too many or too old by `trash.steps` and `trash.days`; how many.

    For commands that tidy up; nobody should wait for it.
    """
    steps, days = project.config.number("trash.steps"), project.config.number("trash.days")
    return sum(trash.sweep(steps=steps, days=days) for trash in every_trash(project.git.common_dir))


def pointer_of_held(project: Project, held: Held) -> Pointer:
    """A pointer that names what a working copy held.

    Raises:
        MissingObject: a directory's manifest is not here.
    """
    if held.kind == "file":
        size = project.store.sizes([held.digest]).get(held.digest, 0)
        return Pointer(kind="file", digest=held.digest, size=size, executable=held.executable)
    root = parse_node(project.store.read(held.digest))
    return Pointer(kind="directory", digest=held.digest, size=root.size, files=root.files)


def _held_before(project: Project, found: Plan, nodes: dict[Digest, bytes]) -> Held | None:
    """What the working copy holds before a plan is carried out; new manifest nodes go into `nodes`."""
    kind = found.here.seen.kind
    if kind not in _DATA:
        return None
    if kind == "file":
        local = found.replaced.get(b"") or found.removes.get(b"") or found.here.at(b"", sure=True)
        return Held("file", Digest(local.digest), local.mode == "x") if local is not None and local.digest else None
    if found.base is not None:
        with suppress(MissingObject):  # its manifest was purged or lost: what is here says what it is
            changes = _edits(project, found)
            if not changes:
                return Held("directory", found.base)
            root = manifest.update(project.store.read, found.base, changes, nodes.__setitem__)
            return Held("directory", Digest(root.digest))
    root = manifest.build(sorted(map(_entry, _kept_somewhere(project, found))), nodes.__setitem__)
    return Held("directory", Digest(root.digest))


def _kept_somewhere(project: Project, found: Plan) -> Iterator[Local]:
    """What is here and will be somewhere when it is asked for: not what is saved nowhere and stays as it is."""
    going = found.removes.keys() | found.replaced.keys()
    here = [local for local in _looked_at(found.here) if local.digest and local.mode in "fxl"]
    unsaved = unsaved_among(project, (local for local in here if local.path not in going))
    return (local for local in here if local.path in going or local.digest not in unsaved)


def _looked_at(here: Here) -> Iterator[Local]:
    """Everything that is here, read if nobody did: what is left out would go when the step is taken back."""
    for local in here.below(b""):
        with suppress(TrackError):  # then it is saved nowhere, as far as anybody knows, and stays
            yield here.at(local.path, sure=True) or local


def _edits(project: Project, found: Plan) -> dict[bytes, Entry | None]:
    """How what is about to change differs from the version that the rows describe."""
    assert found.base is not None
    read, root = project.store.read, bytes(found.base)
    olds = {old.path: old for old, _ in found.pairs if old is not None}
    differing = olds.keys() | {new.path for _, new in found.pairs if new is not None}
    if len((found.removes.keys() | found.writes.keys()) - differing) > _WORTH_WALKING:
        olds = {entry.path: entry for entry in manifest.walk(read, root)}
        differing = olds.keys() | found.removes.keys() | found.writes.keys()

    def recorded(path: bytes) -> Entry | None:
        return olds.get(path) if path in differing else manifest.find(read, root, path)

    changes: dict[bytes, Entry | None] = {}
    for path, local in {**found.removes, **found.replaced}.items():
        old = recorded(path)
        if local.digest and local.mode in "fxl" and (old is None or not local.is_like(old)):
            changes[path] = _entry(local)
    for path, entry in found.writes.items():
        if path not in found.replaced and entry.mode != "d" and (old := recorded(path)) is not None and old.mode != "d":
            changes[path] = None
    for was, now in found.here.seen.changes():  # what somebody had removed by hand before
        if was is not None and now is None and was.mode != "d":
            changes.setdefault(was.path, None)
    return _without_what_stands_in_the_way(changes, read, root)


def _without_what_stands_in_the_way(
    changes: dict[bytes, Entry | None], read: manifest.Read, root: bytes
) -> dict[bytes, Entry | None]:
    """With the entries gone that cannot be beside a new one: those above it, and those below it."""
    for path, entry in list(changes.items()):
        if entry is None:
            continue
        for inner in manifest.walk(read, root, path):
            if inner.path != path:
                changes.setdefault(inner.path, None)
        for end in (at for at, byte in enumerate(path) if byte == 0x2F):
            if path[:end] not in changes and manifest.find(read, root, path[:end]) is not None:
                changes[path[:end]] = None
    return changes


def _entry(local: Local) -> Entry:
    return Entry(local.path, local.mode, local.stat.size, local.digest)
