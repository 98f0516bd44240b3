"""Shrink: keep the local store within its budget, by letting go of what remotes verifiably hold."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from track.flows.needed import named_in_use, repositories
from track.flows.passed import Passed
from track.flows.ranking import below_here, newest_first
from track.flows.sharers import held_for_all, needs_of
from track.flows.sides import artifact_of
from track.model.digest import Digest
from track.progress import Progress, silent
from track.project import Project
from track.publish import remove_tree
from track.store.collect import Taken, look, rewrite, take
from track.store.footprint import Weights, footprint, stored_sizes


@dataclass(frozen=True, slots=True)
class Leaving:
    """A version of which objects go: `size` bytes, as stored; those that several versions have count for each.

    `named_by` is a commit that names it, or `HEAD` for a tip.
    """

    path: bytes
    digest: Digest
    named_by: str
    objects_count: int
    size: int


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What left the local store, or would in a dry run; sizes are in bytes, as stored.

    It took `before_bytes`, and may take `budget_bytes`. `objects_count` of `object_bytes` went: each is held by at
    least `copies` of the remotes `asked`. `unheld_count` of `unheld_bytes` should have gone, and stay because fewer
    hold them; what is in use stays in any case. `passed` are remotes that could not be asked. `leaving` says in a dry
    run of which versions they are, those first that were needed last.
    """

    is_dry: bool
    budget_bytes: int
    before_bytes: int
    objects_count: int
    object_bytes: int
    file_bytes: int
    copies: int
    unheld_count: int
    unheld_bytes: int
    asked: tuple[str, ...]
    passed: tuple[Passed, ...]
    leaving: tuple[Leaving, ...] = ()

    @property
    def over_bytes(self) -> int:
        """How much more the store takes than it may."""
        return max(0, self.before_bytes - self.file_bytes - self.budget_bytes)


def shrink(
    project: Project,
    max_bytes: int | None = None,
    *,
    min_copies: int | None = None,
    quick: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Shrunk | None:
    """Let objects go out of the local store that remotes hold, those first that were needed longest ago.

    The store may take `max_bytes`, by default `store.max_size`; None when it takes no more, or no budget is set. Each
    object that goes is held by `min_copies` remotes (by default `store.min_copies`, and one at least), which are asked
    now; what this clone has only there from now on, also to undo a step, it says there that it needs. Where several
    repositories use the store, each counts on remotes of its own, and says so there. What working trees, indexes and
    runs that are not committed need stays. `quick`, no remote is asked of which the record says that it has nothing
    that should go. What went comes back with `track fetch` or `pull`. Interrupted, some has gone.

    Raises:
        HistoryIncomplete, GitFailed: a repository that uses the store cannot be read.
        Locked: other commands held the store for longer than `lock.timeout`.
        DiskFull, StoreUnwritable: the store cannot be changed.
    """
    budget = project.config.size("store.max_size") if max_bytes is None else max_bytes
    if max_bytes is None and not budget:
        return None
    before = footprint(project.store)
    if before <= budget:
        return None
    least = max(1, project.config.number("store.min_copies") if min_copies is None else min_copies)
    going = _choose(project, budget)
    needs = [needs_of(project, user, going) for user in repositories(project)]
    found = held_for_all(project, going, needs, least, relying=not dry_run, quick=quick, progress=progress)
    done = _let_go(project, found.objects, dry_run=dry_run, progress=progress)
    unheld = stored_sizes(project.store, going - found.objects)
    return Shrunk(
        is_dry=dry_run,
        budget_bytes=budget,
        before_bytes=before,
        objects_count=done.objects_count,
        object_bytes=done.object_bytes,
        file_bytes=done.file_bytes,
        copies=least,
        unheld_count=len(unheld),
        unheld_bytes=sum(unheld.values()),
        asked=found.asked,
        passed=found.passed,
        leaving=_leaving(project, found.objects) if dry_run else (),
    )


def _leaving(project: Project, going: set[bytes]) -> tuple[Leaving, ...]:
    """The versions that some of these objects belong to."""
    found = []
    for one in newest_first(repositories(project)):
        below = below_here(project.store, one.digest, one.is_directory, set())
        if hit := below.keys() & going:
            size = sum(below[digest] for digest in hit)
            found.append(Leaving(artifact_of(one.pointer), Digest(one.digest), one.named_by, len(hit), size))
    return tuple(found)


class _Going:
    """As marks: everything but what goes is needed."""

    def __init__(self, going: set[bytes]) -> None:
        self.going = going

    def kept(self, digests: Sequence[bytes]) -> set[bytes]:
        return set(digests) - self.going


def _in_use(project: Project) -> set[bytes]:
    """The objects here that working trees, indexes and runs need, of every repository that uses the store."""
    found: set[bytes] = set()
    for user in repositories(project):
        for root in named_in_use(user):
            found |= below_here(project.store, root.digest, root.is_directory, found).keys()
    return found


def _choose(project: Project, budget_bytes: int) -> set[bytes]:
    """What should go: all but what is in use, and the versions that were needed last, as far as there is room."""
    store = project.store
    kept = _in_use(project)
    weights = Weights(store)
    size = sum(weights.sizes(kept).values())
    for one in newest_first(repositories(project)) if size <= budget_bytes else ():
        new = below_here(store, one.digest, one.is_directory, kept, weights)
        size += sum(new.values())
        if size > budget_bytes:
            break
        kept |= new.keys()
    return {digest for digest, _ in store.objects()} - kept


def _let_go(project: Project, held: set[bytes], *, dry_run: bool, progress: Progress) -> Taken:
    """Take these out of the store at once, whatever their age, unless something in use needs them by now."""
    store, going = project.store, _Going(held)
    found = look(store, going, float("inf"), progress)
    if dry_run:
        files = found.going
        return Taken(
            sum(one.objects_count for one in files), sum(one.dead_bytes for one in files),
            sum(one.dead_bytes if one.is_mixed else one.size for one in files),
        )  # fmt: skip
    before = footprint(store)
    rewritten = rewrite(store, going, found, progress)
    with store.lock().exclusive(project.config.seconds("lock.timeout")):
        going.going = held - _in_use(project)
        batches = {batch.folder for batch in store.trash().batches()}
        done = take(store, going, found, rewritten, time.time())
        for batch in store.trash().batches():
            if batch.folder not in batches:
                remove_tree(batch.folder)
        return done._replace(file_bytes=before - footprint(store))
