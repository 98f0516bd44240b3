"""Gc of a remote: delete there what no clone needs any more, in two steps, a day of the remote's own time apart."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from track.errors import HistoryIncomplete, MissingObject, UsageError
from track.flows.collecting import Collecting, Outcome, View
from track.flows.keeping import Keepings, given_up, keepings, kept_here, passed_over, versions_of
from track.flows.last_copies import LastCopies, keep_last_copies_there
from track.flows.leftovers import Source, explain
from track.flows.needed import (
    NO_REFLOGS,
    ByReflogs,
    Reached,
    ReadNodes,
    held_by_reflogs,
    mark_needed,
    repositories,
    shallow_among,
)
from track.flows.passed import Passed
from track.flows.remotes import Named, choose, clone_id, connected
from track.history.gitrepo import asking_place, tips_elsewhere
from track.history.naming import Gone, Repository, missing_here
from track.model.digest import Digest
from track.model.names import display, typed
from track.model.policy import Policy, widest
from track.progress import Progress, silent
from track.project import Project
from track.store.address import WebFolder
from track.store.clock import now_at
from track.store.dead_file import DeadFile
from track.store.holders import read_holders, say_kept
from track.store.inventory import by_pack
from track.store.marks import Marks
from track.store.remote import Remote

_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Keeper:
    """Another clone that needs versions at the remote which this one does not, or keeps more of the history.

    `clone` is its id; `modified_s` is when it last said so, in seconds since 1970 by the remote's clock; `keep` is
    its policy.
    """

    clone: str
    versions_count: int
    modified_s: float
    keep: Policy


@dataclass(frozen=True, slots=True)
class LostVersion:
    """A manifest, or a part of one, that is neither here nor at the remote; `name` says what names it."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class CollectedRemote:
    """What a collection did at a remote, or would do in a dry run; sizes are in bytes, as stored.

    `deleted_count` files of `deleted_bytes` went for good; `spared_count` were condemned and are needed again.
    `condemned_count` files of `condemned_bytes` may go at the next collection, a day from now at the earliest;
    `waiting_count` are condemned in all, the first of them until `next_s` (by the remote's clock, of which `now_s` is
    now). `copied_count` objects that are needed were written anew, out of packs that are mostly dead, and
    `chunks_count` chunks of large files. What was written less than a day ago, and dead objects among live ones, stay.
    `keep` is what was kept of the history: what this clone keeps (`own`), and what any other one does; nothing keeps
    `given_up_count` versions of it any more. `keepers` are other clones that keep something. With something `lost`
    nothing was done, unless it was forced. `sources` are there in a dry run. `unheld_count` versions that the policy
    passes over stay, for fewer than `min_copies` other places hold all of them; `passed` are remotes that could not be
    asked for it. `by_reflogs` are versions that it passes over and only entries of Git's reflogs, of the last
    `grace_days`, keep.
    """

    remote: str
    url: str
    is_dry: bool
    own: Policy
    keep: Policy
    given_up_count: int
    files_count: int
    deleted_count: int
    deleted_bytes: int
    spared_count: int
    condemned_count: int
    condemned_bytes: int
    waiting_count: int
    copied_count: int
    copied_bytes: int
    young_count: int
    young_bytes: int
    among_live_count: int
    among_live_bytes: int
    now_s: float
    next_s: float | None
    keepers: tuple[Keeper, ...]
    lost: tuple[LostVersion, ...]
    is_stopped: bool
    sources: tuple[Source, ...]
    min_copies: int = 0
    unheld_count: int = 0
    passed: tuple[Passed, ...] = ()
    chunks_count: int = 0
    chunks_bytes: int = 0
    partly_bytes: int = 0
    """About how much is not needed in packs of chunks of which more than half is."""
    grace_days: int = 0
    by_reflogs: ByReflogs = NO_REFLOGS

    @property
    def exit_code(self) -> int:
        """4 when a manifest is lost and nothing was done for that, else 0."""
        return 4 if self.is_stopped else 0


def gc_remote(
    project: Project,
    remote: str | None = None,
    *,
    keep: Policy | None = None,
    min_copies: int | None = None,
    forget: Sequence[str] = (),
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> CollectedRemote:
    """Condemn what is not needed at a remote, and delete what was condemned a day ago and is still not needed.

    Needed is what every ref, reflog, stash, index, working tree and journal here names, and every branch and tag of
    the Git remotes; what every other clone said that it needs when it pushed; and what pushes that are under way claim.
    Of the history, those commits count that `keep` (else the setting `gc.keep`) says, or the policy of any other clone
    that pushed there. What they pass over goes only when `min_copies` other places have it, other remotes and the local
    store (by default `store.min_copies`); the remotes are asked. Clones to `forget`, by the beginning of their id,
    count no more. With `force` what lies below a lost manifest is given up. Interrupted, the same command goes on.
    A dry run only lists and reads there, and tells ages by the clock of this machine.

    Raises:
        HistoryIncomplete: some of the history, a branch of a Git remote, or what another clone needs is not known here.
        UsageError: a clone to forget is not known at the remote.
        MissingObject: a manifest at the remote cannot be read.
        Locked: another collection, or a push, is under way.
        NoRemote, RemoteError: there is no such remote, it does not answer, or this clone may not write to it.
        NewerFormat: something was written by a later version.
    """
    named = choose(project, remote)
    users = _repositories(project)
    own = kept_here(project, keep)
    with connected(project, named, sending=not _only_reads(named, dry_run)) as connection, Marks() as marks:
        least = project.config.number("store.min_copies") if min_copies is None else min_copies
        clock = time.time if dry_run else partial(now_at, connection.place)
        view = _View(project, users, connection, own=own, least=least, clock=clock, progress=progress)
        collecting = Collecting(
            connection, project.store,
            writer=clone_id(project), forget=_to_forget(connection, forget, clone_id(project)),
            patience_s=project.config.seconds("lock.timeout"), clock=clock, progress=progress,
        )  # fmt: skip
        outcome = collecting.run(marks, view, dry_run=dry_run, force=force)
        is_stopped = bool(outcome.lost) and not force
        dropped = given_up(view.passed_over, marks)
        if not dry_run:
            if not is_stopped:
                say_kept(connection.place, clone_id(project), kept_here(project), dropped)
            connection.publish_again()
        sources: tuple[Source, ...] = ()
        if dry_run and not is_stopped:
            _note_dead(connection, marks, outcome.verdict.dead)
            sources = explain(marks, users, lambda digest: _read(project, collecting, digest), view.passed_over)
        kept = widest((own, *view.others.values()))
        by_reflogs = held_by_reflogs(users, versions_of(view.passed_over), view.chosen, view.tips)
        plan = _Plan(dry_run, own, kept, len(dropped), is_stopped, least, view.last_copies, view.grace_days, by_reflogs)
        return _collected(named.name, named.url, outcome, sources, plan)


def _only_reads(named: Named, dry_run: bool) -> bool:
    """Whether the right to write is not needed: for a plan. A web server's folder says of nothing how old it is."""
    return dry_run and not isinstance(named.address, WebFolder)


class _Plan(NamedTuple):
    """What was asked for, and what that came to."""

    is_dry: bool
    own: Policy
    keep: Policy
    given_up_count: int
    is_stopped: bool
    least: int
    last_copies: LastCopies
    grace_days: int
    by_reflogs: ByReflogs


class _View:
    """Marks what is kept of the history of this clone; the second time what it names by then."""

    def __init__(
        self, project: Project, users: tuple[Repository, ...], connection: Remote,
        *, own: Policy, least: int, clock: Callable[[], float], progress: Progress,
    ) -> None:  # fmt: skip
        self._project, self._users, self._own, self._progress = project, users, own, progress
        self._connection, self._least, self._clock = connection, least, clock
        self.grace_days = project.config.number("gc.grace")
        self._reached: Reached | None = None
        self.others: Mapping[str, Policy] = {}
        self.tips: Mapping[Path, frozenset[str]] = {}
        self.chosen: Keepings = {}
        self.passed_over: list[Gone] = []
        self.last_copies = LastCopies()

    def __call__(self, marks: Marks, elsewhere: ReadNodes, others: Mapping[str, Policy]) -> View:
        self.tips = _tips(self._users)
        chosen = self._choose(others)
        since = self._reached if chosen == self.chosen else None
        self.others, self.chosen = others, chosen
        self._reached = mark_needed(
            self._project, self._users, marks, self._progress,
            since=since, elsewhere=elsewhere, tips=self.tips, keepings=chosen,
        )  # fmt: skip
        self.passed_over = list(passed_over(self._users, chosen, self.tips))
        found = keep_last_copies_there(
            self._project, self._connection, marks, self.passed_over, self._least,
            read=elsewhere, progress=self._progress,
        )  # fmt: skip
        count = self.last_copies.versions_count + found.versions_count
        self.last_copies = LastCopies(count, found.passed or self.last_copies.passed)
        return View(self._reached.lost)

    def _choose(self, others: Mapping[str, Policy]) -> Keepings:
        if self.chosen and others == self.others:
            return self.chosen
        return keepings(
            self._project, self._users, own=self._own, others=others.values(),
            now_s=self._clock(), grace_days=self.grace_days,
        )  # fmt: skip


def _repositories(project: Project) -> tuple[Repository, ...]:
    users = repositories(project)
    if shallow := shallow_among(users):
        where = typed(str(shallow[0]))
        raise HistoryIncomplete(
            f"the repository at {display(str(shallow[0]))} is a shallow clone: commits that are not here may name what "
            "would go",
            hint=f"git -C {where} fetch --unshallow      or run it in a whole clone",
        )
    return users


def _tips(users: Sequence[Repository]) -> Mapping[Path, frozenset[str]]:
    """The branches and tags of the Git remotes. Raises HistoryIncomplete when one of them is not here."""
    found: dict[Path, frozenset[str]] = {}
    for user in users:
        tips = {oid: (name, ref) for name, ref, oid in tips_elsewhere(user.git)}
        if missing := missing_here(user, tips):
            name, ref = min(tips[oid] for oid in missing)
            raise HistoryIncomplete(
                f"{display(ref)} of the Git remote `{display(name)}` is not here: it may name what would go",
                hint=f"git -C {typed(str(asking_place(user.git)))} fetch --all --tags      then the same command again",
            )
        found[user.git.common_dir] = frozenset(tips)
    return found


def _to_forget(connection: Remote, given: Sequence[str], own: str) -> Collection[str]:
    """The ids of the clones that were named by the beginning of them."""
    if not given:
        return ()
    holders = read_holders(connection.place)
    known = {one.writer for one in (*holders.entries, *holders.claims)}
    found: set[str] = set()
    for text in given:
        matching = {writer for writer in known if len(text) >= _SHORTEST and writer.startswith(text.lower())}
        if len(matching) != 1 or own in matching:
            what = "this clone itself" if own in matching else f"{len(matching)} clones"
            raise UsageError(
                f"`{display(text)}` is {what}: name one other clone by the beginning of its id",
                hint="track gc --remote -n      lists the clones that keep something",
                details=tuple(sorted(known - {own})),
            )
        found |= matching
    return found


def _note_dead(connection: Remote, marks: Marks, dead: Sequence[DeadFile]) -> None:
    packs = {one.digest for one in dead if one.is_pack}
    for content in by_pack(connection.known):
        if content.pack.digest in packs:
            live = marks.kept([held.digest for held in content.held])
            marks.note_dead((held.digest, held.stored_length) for held in content.held if held.digest not in live)
    marks.note_dead((one.digest, one.size) for one in dead if not one.is_pack)


def _read(project: Project, collecting: Collecting, digest: bytes) -> bytes:
    if not project.store.absent([digest]):
        return project.store.read(digest)
    for _, data in collecting.read_nodes([digest]):
        if data is not None:
            return data
    raise MissingObject(f"object {digest.hex()[:8]} is neither here nor there")


def _collected(name: str, url: str, outcome: Outcome, sources: tuple[Source, ...], plan: _Plan) -> CollectedRemote:
    is_dry = plan.is_dry
    verdict, condemned, deleted = outcome.verdict, outcome.condemned, outcome.deleted
    ripe = [one for one in verdict.dead if one.digest in outcome.ripe]
    anew = verdict.scattered
    new = [one for one in verdict.dead if one.digest not in outcome.ripe] + list(anew.files)
    return CollectedRemote(
        remote=name,
        url=url,
        is_dry=is_dry,
        own=plan.own,
        keep=plan.keep,
        given_up_count=plan.given_up_count,
        files_count=verdict.files_count,
        deleted_count=len(ripe) if is_dry else deleted.files_count,
        deleted_bytes=sum(one.size for one in ripe) if is_dry else deleted.file_bytes,
        spared_count=deleted.spared_count,
        condemned_count=len(new) if is_dry else len(condemned.files),
        condemned_bytes=sum(one.size for one in new) if is_dry else condemned.file_bytes,
        waiting_count=outcome.waiting_count,
        copied_count=sum(one.live_count for one in new if one not in anew.files) if is_dry else condemned.copied_count,
        copied_bytes=condemned.copied_bytes,
        young_count=verdict.young_count,
        young_bytes=verdict.young_bytes,
        among_live_count=verdict.among_live_count,
        among_live_bytes=verdict.among_live_bytes,
        partly_bytes=verdict.partly_bytes,
        grace_days=plan.grace_days,
        by_reflogs=plan.by_reflogs,
        now_s=outcome.now_s,
        next_s=outcome.next_s,
        keepers=tuple(
            Keeper(one.writer, one.versions_count, one.modified_s, one.policy)
            for one in outcome.others
            if one.versions_count or widest((plan.own, one.policy)) != plan.own
        ),
        lost=tuple(LostVersion(one.name, Digest(one.digest)) for one in outcome.lost),
        is_stopped=plan.is_stopped,
        sources=sources,
        min_copies=plan.least,
        unheld_count=plan.last_copies.versions_count,
        passed=plan.last_copies.passed,
        chunks_count=anew.chunks_count if is_dry else condemned.chunks_count,
        chunks_bytes=anew.chunks_bytes if is_dry else condemned.chunks_bytes,
    )
