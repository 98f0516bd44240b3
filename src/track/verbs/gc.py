"""Gc: take what nothing names any more out of the local store, into its trash first."""

import os
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from track.errors import HistoryIncomplete, TrackError, UsageError
from track.flows.keeping import Keepings, given_up, keepings, kept_here, passed_over, versions_of
from track.flows.leftovers import Source, explain
from track.flows.needed import (
    NO_REFLOGS,
    ByReflogs,
    Reached,
    held_by_reflogs,
    held_by_steps,
    mark_needed,
    repositories,
    shallow_among,
)
from track.flows.opened import sweep_readable
from track.flows.passed import Passed
from track.flows.sharers import HeldBack, keep_last_copies
from track.flows.undo import sweep_trash
from track.history.naming import Repository
from track.model.digest import Digest
from track.model.names import display, typed
from track.model.policy import Policy
from track.progress import Progress, silent
from track.project import Project
from track.store.clients import forget as forget_client
from track.store.clients import registered
from track.store.collect import Found, Taken, dead_objects, drop_partial, look, rewrite, take
from track.store.compact import compact
from track.store.compact_chunks import compact_chunks
from track.store.dropped import Dropped, note_dropped
from track.store.footprint import given_back, on_disk, taken_below
from track.store.marks import Marks
from track.store.objects import Store
from track.store.trash import size_of

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class LostManifest:
    """A manifest, or a part of one, that is neither here nor known to be at a remote; `name` says what names it."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection did, or would do in a dry run; sizes are in bytes, as stored.

    `objects_count` of `object_bytes` went into the trash, with files of `file_bytes` (those of packs that were written
    anew are larger than what was dead in them). `policy` is what was kept of this repository's history; nothing keeps
    `given_up_count` versions of it any more. `emptied_bytes` left the trash for good, `trash_bytes` are in it now;
    `revived_count` files came back from it. Dead objects that stay: younger than the grace period, or among live ones
    in a pack. With something `lost` nothing was taken away, unless it was forced. `sources` are there in a dry run.
    `unheld_count` objects of `unheld_bytes` that the policy passes over stay, for fewer than `min_copies` remotes hold
    them; `passed` are remotes that could not be asked. `by_steps_count` versions that it passes over stay, for steps of
    `track restore` can bring them back; `by_reflogs` are those that only entries of Git's reflogs keep. The store takes
    `freed_bytes` less on the disk than before: what is needed of packs that go was written anew, and what has a name
    elsewhere, too, gives nothing back. It is below 0 where more is taken, until the trash is emptied.
    """

    is_dry: bool
    policy: Policy
    grace_days: int
    repositories: tuple[Path, ...]
    shallow: tuple[Path, ...]
    named_count: int
    needed_count: int
    objects_count: int
    object_bytes: int
    file_bytes: int
    young_count: int
    young_bytes: int
    among_live_count: int
    among_live_bytes: int
    unreadable_count: int
    emptied_bytes: int
    trash_bytes: int
    revived_count: int
    lost: tuple[LostManifest, ...]
    is_stopped: bool
    sources: tuple[Source, ...]
    given_up_count: int = 0
    min_copies: int = 0
    unheld_count: int = 0
    unheld_bytes: int = 0
    passed: tuple[Passed, ...] = ()
    by_steps_count: int = 0
    now_s: float = 0.0
    by_reflogs: ByReflogs = NO_REFLOGS
    freed_bytes: int = 0

    @property
    def exit_code(self) -> int:
        """4 when a manifest is lost and nothing was done for that, else 0."""
        return 4 if self.is_stopped else 0


def gc(
    project: Project,
    *,
    keep: Policy | None = None,
    min_copies: int | None = None,
    grace_days: int | None = None,
    forget: Sequence[str] = (),
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Collected:
    """Take out of the store what no ref, reflog, stash, index, working tree, journal or other repository names.

    What is younger than the grace period stays; what goes is in the trash for as long again. Small packs are merged at
    the end. Interrupted, some has gone and the rest goes with the next collection. `keep` is which versions of this
    repository's history count, instead of `gc.keep`; what it passes over goes only when `min_copies` remotes hold it,
    which are asked (by default `store.min_copies`). `forget` are repositories that use the store no more. `force` goes
    on although some history is shallow, or a needed manifest is lost.

    Raises:
        HistoryIncomplete: a repository or working tree that may name objects cannot be read, or is shallow.
        UsageError: a repository to forget is not known.
        GitFailed: a ref is broken, or commits are not here, as in a partial clone.
        NewerFormat: a pointer was written by a later version.
        Locked: other commands held the store for longer than `lock.timeout`.
        DiskFull, StoreUnwritable, Unreadable: the store cannot be changed or read.
    """
    asked = _Asked(
        policy=kept_here(project, keep),
        days=project.config.number("gc.grace") if grace_days is None else grace_days,
        least=project.config.number("store.min_copies") if min_copies is None else min_copies,
        now_s=time.time(),
        forgotten=_to_forget(project, forget),
        force=force,
    )
    if not dry_run:
        _begin(project, asked)
    with Marks() as marks:
        users = _repositories(project, asked.forgotten, force=force)
        chosen = keepings(project, users, own=asked.policy, now_s=asked.now_s, grace_days=asked.days)
        reached = mark_needed(project, users, marks, progress, keepings=chosen)
        by_user = {user.git.common_dir: list(passed_over([user], chosen, {})) for user in users}
        passed = [one for gone in by_user.values() for one in gone]
        back = keep_last_copies(project, marks, by_user, asked.least, dry_run=dry_run, progress=progress)
        found = look(project.store, marks, asked.before_s, progress)
        did = _Done(bool(reached.lost) and not force, Taken(0, 0, 0), 0, 0)
        if not dry_run and not did.is_stopped:
            users, reached, did = _act(project, marks, asked, _Seen(chosen, reached, found), progress)
        dropped = given_up(passed, marks)
        sources: tuple[Source, ...] = ()
        if dry_run:
            _note_dead(project.store, marks, found)
            sources = explain(marks, users, project.store.read, passed)
            did = _would_do(project.store, found, asked)._replace(is_stopped=did.is_stopped)
        elif not did.is_stopped:
            note_dropped(project.store.rooms, dropped, _why(asked))
        over = versions_of(passed)
        by_steps, by_reflogs = held_by_steps(users, over, chosen), held_by_reflogs(users, over, chosen)
        plan = _Plan(dry_run, marks.count(), len(dropped), back, len(by_steps), by_reflogs)
    return _collected(project, users, reached, found, asked=asked, plan=plan, did=did, sources=sources)


class _Asked(NamedTuple):
    """What a collection was asked for; `now_s` is in seconds since 1970."""

    policy: Policy
    days: int
    least: int
    now_s: float
    forgotten: frozenset[Path]
    force: bool

    @property
    def before_s(self) -> float:
        """What is younger stays."""
        return self.now_s - self.days * _DAY_S


class _Seen(NamedTuple):
    """What was found before the store is held."""

    chosen: Keepings
    reached: Reached
    found: Found


def _act(
    project: Project, marks: Marks, asked: _Asked, seen: _Seen, progress: Progress
) -> tuple[tuple[Repository, ...], Reached, "_Done"]:
    """Take away what is still dead once the store is held alone, and tidy up."""
    before = on_disk(project.store)
    rewritten = rewrite(project.store, marks, seen.found, progress)
    with project.store.lock().exclusive(project.config.seconds("lock.timeout")):
        users = _repositories(project, asked.forgotten, force=asked.force)
        reached = mark_needed(project, users, marks, since=seen.reached, keepings=seen.chosen)
        if reached.lost and not asked.force:
            return users, reached, _Done(True, Taken(0, 0, 0), 0, 0)
        revived, emptied = _tend_trash(project.store, marks, asked.before_s)
        taken = take(project.store, marks, seen.found, rewritten, asked.now_s)
    emptied += _tidy(project, asked.now_s, asked.days, progress)
    return users, reached, _Done(False, taken, revived, emptied, before - on_disk(project.store))


def _begin(project: Project, asked: _Asked) -> None:
    with project.lock():
        sweep_trash(project)
    sweep_readable(project, asked.now_s)
    for client in asked.forgotten:
        forget_client(project.store.rooms, client)


class _Plan(NamedTuple):
    """What is needed, and what is not any more."""

    is_dry: bool
    needed_count: int
    given_up_count: int
    back: HeldBack
    by_steps_count: int
    by_reflogs: ByReflogs


class _Done(NamedTuple):
    """What was done, or would be."""

    is_stopped: bool
    taken: Taken
    revived: int
    emptied: int
    freed: int = 0


def _why(asked: _Asked) -> Dropped:
    return Dropped(time.strftime("%Y-%m-%d", time.gmtime(asked.now_s)), str(asked.policy))


def _would_do(store: Store, found: Found, asked: _Asked) -> _Done:
    """What a collection would do; what it would free is an estimate, for nobody wrote a pack anew."""
    ripe = [one for one in store.trash().batches() if one.taken_s <= asked.before_s or not asked.days]
    freed = sum(taken_below(one.folder) for one in ripe)
    for dead in found.going:
        path = store.rooms.pack(dead.name) if dead.is_pack else store.rooms.object(dead.name)
        with suppress(FileNotFoundError):
            freed -= dead.size - dead.dead_bytes if dead.is_mixed else 0
            freed += 0 if asked.days else given_back(path.lstat())
    going = found.going
    taken = Taken(
        sum(dead.objects_count for dead in going),
        sum(dead.dead_bytes for dead in going),
        sum(dead.size for dead in going),
    )
    return _Done(False, taken, 0, sum(map(size_of, ripe)), freed)


def _collected(
    project: Project, users: Iterable[Repository], reached: Reached, found: Found,
    *, asked: _Asked, plan: _Plan, did: _Done, sources: tuple[Source, ...],
) -> Collected:  # fmt: skip
    return Collected(
        is_dry=plan.is_dry,
        policy=asked.policy,
        grace_days=asked.days,
        repositories=tuple(user.git.common_dir for user in users),
        shallow=reached.shallow,
        named_count=reached.named_count,
        needed_count=plan.needed_count,
        objects_count=did.taken.objects_count,
        object_bytes=did.taken.object_bytes,
        file_bytes=did.taken.file_bytes,
        young_count=found.young_count,
        young_bytes=found.young_bytes,
        among_live_count=found.among_live_count,
        among_live_bytes=found.among_live_bytes,
        unreadable_count=found.unreadable_count,
        emptied_bytes=did.emptied,
        trash_bytes=sum(size_of(batch) for batch in project.store.trash().batches()),
        revived_count=did.revived,
        lost=tuple(LostManifest(one.name, Digest(one.digest)) for one in reached.lost),
        is_stopped=did.is_stopped,
        sources=sources,
        given_up_count=plan.given_up_count,
        min_copies=asked.least,
        unheld_count=plan.back.objects_count,
        unheld_bytes=plan.back.object_bytes,
        passed=plan.back.passed,
        by_steps_count=plan.by_steps_count,
        now_s=asked.now_s,
        by_reflogs=plan.by_reflogs,
        freed_bytes=did.freed,
    )


def _to_forget(project: Project, given: Sequence[str]) -> frozenset[Path]:
    """The repositories among those that use the store that were named, by their folder or their Git directory.

    Raises:
        UsageError: one is not among them.
    """
    known = registered(project.store.rooms)
    found = set()
    for text in given:
        whole = Path(os.path.normpath(project.cwd / os.path.expanduser(text)))
        asked = {whole, whole / ".git", whole.resolve(), whole.resolve() / ".git"}
        matching = asked.intersection(known)
        if not matching:
            listed = tuple(display(str(client)) for client in known) or ("(none: only this repository)",)
            raise UsageError(
                f"no repository at {display(text)} is noted as a user of this store", details=("noted are:", *listed)
            )
        found |= matching
    return frozenset(found)


def _repositories(project: Project, forgotten: Collection[Path], *, force: bool) -> tuple[Repository, ...]:
    users = repositories(project, forgotten)
    shallow = shallow_among(users)
    if shallow and not force:
        where = display(str(shallow[0]))
        raise HistoryIncomplete(
            f"the repository at {where} is a shallow clone: commits that are not here may name what would go",
            hint=f"git -C {typed(str(shallow[0]))} fetch --unshallow\n"
            "track gc --force   counts only the commits that are here; what others name can be fetched from the remote",
        )
    return users


def _tend_trash(store: Store, marks: Marks, before_s: float) -> tuple[int, int]:
    """(files that came back because they are needed again, bytes that went for good); broken-off fetches go too."""
    trash = store.trash()
    store.index.refresh()
    # A pack that was written anew is in the trash with objects that are needed, and that the store still has.
    revived = trash.revive(lambda digests: store.absent(marks.kept(digests)))
    if broken := marks.kept(sorted(store.index.broken())):  # their chunks went while nothing needed them
        revived += trash.revive_packs(store.index.needed(broken))
    if revived:
        store.index.refresh()
    return revived, trash.empty(before_s) + drop_partial(store, before_s)


def _tidy(project: Project, now: float, days: int, progress: Progress) -> int:
    """Merge small packs; without a grace period, empty the trash. How many bytes went for good."""
    compact_chunks(project.store, now_s=now, progress=progress)
    compact(project.store, now_s=now, progress=progress)
    if days:
        return 0
    with project.store.lock().exclusive(project.config.seconds("lock.timeout")):
        return project.store.trash().empty(float("inf"))


def _note_dead(store: Store, marks: Marks, found: Found) -> None:
    for dead in found.going:
        with suppress(FileNotFoundError, TrackError):
            marks.note_dead(dead_objects(store, marks, dead))
