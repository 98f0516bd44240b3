"""Assembling: large objects are put together from chunks, those that are here already, and the rest from packs.

A pack is asked for once for all objects that need it and are put together at the same time. Chunks are hashed wherever
they come from, and the whole at the end. What was put together stays in `partial/` of the local store when this is
interrupted; whoever goes on hashes what lies there, and asks for the rest.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from track.errors import DamagedObject, TrackError
from track.model.digest import digest_of
from track.progress import Progress, Share
from track.publish import create, remove, stage
from track.store.chunk_gathering import Gathered, Goal, Needs, Own, gather
from track.store.chunk_reading import load_table, recipes_there
from track.store.chunked import ChunkedRecipe, NeededPack, Stretch, parse_needed_table
from track.store.hashing import hash_fd
from track.store.objects import Store
from track.store.place import NoSuchKey, Place, Staged
from track.store.segment import Held
from track.store.spare_room import check_room, free_bytes, taken_bytes
from track.store.tables import Tables

WINDOW = 64 << 20
"""Bytes of objects for which packs are asked together."""

_OBJECTS_PER_WINDOW = 64
_IN_FLIGHT = 4
_REPORT_S = 0.1
_READ_WRITE = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Assembled(NamedTuple):
    """One object: the file that was put together, or None; then whether something is damaged, and not only missing.

    `bad_packs` are packs of chunks that were missing, or not what they should be. `is_placed`: there is no file, it is
    in the store's chunks already.
    """

    held: Held
    staged: Staged | None
    is_damaged: bool
    bad_packs: frozenset[bytes]
    is_placed: bool = False


class _Target:
    """One object under way. `holds` counts what has to happen before its file can be hashed."""

    def __init__(self, held: Held, recipe: ChunkedRecipe, path: Path, fd: int, *, is_new: bool) -> None:
        self.held, self.recipe, self.path = held, recipe, path
        self.goal = Goal(fd, Share(recipe.length), is_new)
        self.holds = 1
        self.bad_packs: set[bytes] = set()
        self.is_damaged = False
        self.needed_bytes = recipe.length
        """On the disk, as far as is known."""

    @property
    def left_bytes(self) -> int:
        """Of those, what its file does not take yet."""
        return max(0, self.needed_bytes - taken_bytes(os.fstat(self.goal.fd)))


class _Window:
    """Stretches of several objects, by the pack in which they lie."""

    def __init__(self) -> None:
        self.size = 0
        self.packs: dict[NeededPack, list[tuple[_Target, int, Stretch]]] = {}
        self.ended: list[_Target] = []

    def add(self, target: _Target, at: int, stretch: Stretch) -> None:
        """This is to be had, for that offset of the object."""
        self.packs.setdefault(target.recipe.packs[stretch.pack], []).append((target, at, stretch))
        self.size += stretch.length // stretch.times

    @property
    def is_full(self) -> bool:
        """Whether it is time to ask for it."""
        return self.size >= WINDOW or len(self.ended) >= _OBJECTS_PER_WINDOW


class Assembly:
    """Puts objects together, from one remote; used in one thread, by way of `run`."""

    def __init__(self, place: Place, store: Store, tables: Tables, folder: Path | None, progress: Progress) -> None:
        """`folder` is where what is interrupted stays; None: nothing does."""
        self._place, self._store, self._tables, self._folder = place, store, tables, folder
        self._progress = progress
        self._active: dict[bytes, _Target] = {}
        self._lost: list[Assembled] = []
        self.received_bytes = 0
        """What came from the remote, as it travelled."""

    def run(self, groups: Iterable[list[Held]]) -> Iterator[Assembled]:
        """Each of the objects whose recipes these are, a pack of recipes at a time, in whatever order is fast.

        Raises:
            RemoteError: the remote does not answer.
            DiskFull, StoreUnwritable, Unreadable: the disk is in the way.
        """
        jobs = self._jobs(groups)
        gathering: dict[Future[Gathered], tuple[NeededPack, list[_Target]]] = {}
        hashing: dict[Future[Staged], _Target] = {}
        more = True
        with ThreadPoolExecutor(_IN_FLIGHT) as threads:
            try:
                while more or gathering or hashing:
                    while more and len(gathering) < _IN_FLIGHT:
                        if (job := next(jobs, None)) is None:
                            more = False
                            break
                        needs, targets = job
                        gathering[threads.submit(gather, self._place, needs)] = needs.pack, targets
                    yield from self._take_lost()
                    flying: list[Future[Any]] = [*gathering, *hashing]
                    done = wait(flying, timeout=_REPORT_S, return_when=FIRST_COMPLETED).done
                    self._report()
                    for future in done:
                        if future in gathering:
                            for target in self._take_gathered(*gathering.pop(future), future.result()):
                                if target.bad_packs:
                                    yield self._given_up(target)
                                else:
                                    hashing[threads.submit(_hashed, target)] = target
                        else:
                            yield self._take_hashed(hashing.pop(future), future.result())
                yield from self._take_lost()
            finally:
                for target in self._active.values():
                    target.goal.share.stop()
                wait(list[Future[Any]]([*gathering, *hashing]))
                self._let_go()

    def _take_lost(self) -> Iterator[Assembled]:
        lost, self._lost = self._lost, []
        yield from lost

    def _report(self) -> None:
        self._progress.advance(size_bytes=sum(target.goal.share.take() for target in self._active.values()))

    def _let_go(self) -> None:
        """Close what was interrupted; what nobody can go on with is removed."""
        for target in self._active.values():
            with suppress(OSError):
                os.close(target.goal.fd)
            if self._folder is None:
                with suppress(OSError, TrackError):
                    remove(target.path)
        self._active = {}

    def _take_gathered(self, pack: NeededPack, targets: list[_Target], gathered: Gathered) -> list[_Target]:
        """Take note of what came of one pack; the objects of which everything was tried now."""
        self.received_bytes += gathered.received_bytes
        if gathered.records is not None:
            with self._tables.together():
                self._tables.note_table(pack, gathered.records)
        ended = []
        for target in targets:
            if target.goal.fd in gathered.failed:
                target.bad_packs.add(pack.digest)
                target.is_damaged = target.is_damaged or gathered.is_damaged
            ended += self._released(target)
        return ended

    def _released(self, target: _Target) -> list[_Target]:
        target.holds -= 1
        return [] if target.holds else [target]

    def _take_hashed(self, target: _Target, staged: Staged) -> Assembled:
        self._close(target)
        if staged.digest == target.held.digest:
            self._tables.note_object(target.recipe)
            return Assembled(target.held, staged, False, frozenset())
        remove(target.path)  # every chunk is as the recipe says, and it is not it
        return Assembled(target.held, None, True, frozenset())

    def _given_up(self, target: _Target) -> Assembled:
        """What came of it stays, for when the rest can be had."""
        self._close(target)
        if self._folder is None:
            remove(target.path)
        return Assembled(target.held, None, target.is_damaged, frozenset(target.bad_packs))

    def _close(self, target: _Target) -> None:
        del self._active[target.held.digest]
        self._progress.advance(size_bytes=target.goal.share.rest())
        os.close(target.goal.fd)

    # What to ask for.

    def _jobs(self, groups: Iterable[list[Held]]) -> Iterator[tuple[Needs, list[_Target]]]:
        window = _Window()
        for held, recipe in recipes_there(self._place, groups, self._lose):
            if held.digest in self._active or (target := self._target(held, recipe)) is None:
                continue
            for at, stretch in recipe.between(0, recipe.length):
                window.add(target, at, stretch)
                if at + stretch.length == recipe.length:
                    window.ended.append(target)
                if window.is_full:
                    yield from self._jobs_of(window)
                    window = _Window()
        yield from self._jobs_of(window)

    def _jobs_of(self, window: _Window) -> Iterator[tuple[Needs, list[_Target]]]:
        jobs = []
        for pack, wanted in window.packs.items():
            targets = list(dict.fromkeys(target for target, _, _ in wanted))
            for target in targets:
                target.holds += 1
            goals = [(target.goal, at, stretch) for target, at, stretch in wanted]
            jobs.append((Needs(pack, self._tables.records(pack), goals, self._owned(pack.digest)), targets))
        for target in window.ended:
            target.holds -= 1  # never the last: its end is in one of these jobs
        yield from jobs

    def _owned(self, pack: bytes) -> list[Own]:
        """The stretches of a pack that objects here have; those that are gone are forgotten."""
        found = []
        for owned in self._tables.owned(pack):
            if (large := self._store.large(owned.object)) is None:
                self._tables.forget_object(owned.object)
            else:
                found.append(Own(large, owned.at, owned.first, owned.chunks_count))
        return found

    def _lose(self, held: Held, is_damaged: bool) -> None:
        self._lost.append(Assembled(held, None, is_damaged, frozenset()))

    def _target(self, held: Held, recipe: ChunkedRecipe) -> _Target | None:
        """A file to put an object together in; None when something else is in its place."""
        folder = self._folder or self._store.rooms.staging
        needed = self._needed_bytes(folder, folder / held.digest.hex(), recipe)
        path = stage(folder) if self._folder is None else folder / held.digest.hex()
        is_new = not os.path.lexists(path)
        try:
            fd = create(path, mode=0o600, readable=True) if is_new else os.open(path, _READ_WRITE)
        except (PermissionError, IsADirectoryError):  # another user of this store began it
            path, is_new = stage(self._store.rooms.staging), True
            fd = create(path, mode=0o600, readable=True)
        os.ftruncate(fd, recipe.length)
        target = self._active[held.digest] = _Target(held, recipe, path, fd, is_new=is_new)
        target.needed_bytes = needed
        return target

    def _needed_bytes(self, folder: Path, path: Path, recipe: ChunkedRecipe) -> int:
        """What the file of an object takes. Raises DiskFull unless that has room beside what is under way."""
        begun = 0
        with suppress(FileNotFoundError):
            begun = taken_bytes(path.lstat())
        free, needed = free_bytes(folder), recipe.length
        if needed - begun + sum(target.left_bytes for target in self._active.values()) <= free:
            return needed
        needed -= self._holes(recipe)
        for target in self._active.values():
            target.needed_bytes = target.recipe.length - self._holes(target.recipe)
        left = sum(target.left_bytes for target in self._active.values())
        check_room(folder, needed - begun + left, f"an object of {needed:,} bytes", under_way_bytes=left)
        return needed

    def _holes(self, recipe: ChunkedRecipe) -> int:
        """How many bytes are zeros that take no room in a file, as far as its recipe has them one after another."""
        size = 0
        for stretch in recipe.stretches:
            if stretch.times == 1 or stretch.chunks_count > 1:
                continue
            with suppress(NoSuchKey, DamagedObject):  # who asks for chunks is told
                pack = recipe.packs[stretch.pack]
                if (records := self._tables.records(pack)) is None:
                    records = load_table(self._place, pack)
                    with self._tables.together():
                        self._tables.note_table(pack, records)
                entry = parse_needed_table(records, pack)[stretch.first]
                if entry.digest == digest_of(bytes(entry.length)):
                    size += stretch.length
        return size


def _hashed(target: _Target) -> Staged:
    """The file of an object, hashed; for a thread."""
    return Staged(target.path, hash_fd(target.goal.fd, target.recipe.length), target.recipe.length)
