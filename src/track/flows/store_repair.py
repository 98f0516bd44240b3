"""Repairing the local store: what is bad is put aside, and right copies of what was lost are looked for elsewhere."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, UnknownRevision
from track.flows.hurt import Hurt, hurt_versions
from track.flows.reach import (
    UNBELIEVABLE,
    Version,
    default_refs,
    every_ref,
    known_at_remotes,
    name_losses,
    objects_below,
    versions,
    versions_here,
)
from track.flows.salvage import Salvage, Unasked
from track.flows.shallow import is_away
from track.progress import Progress, silent
from track.project import Project
from track.store.checkup import Bad, check_store
from track.store.lost import drop_lost, read_lost
from track.store.purged import purged_in

_ROUNDS = 8
_SHOWN = 20


class Mended(NamedTuple):
    """One thing that was bad or missing: where it lies now, what was wrong, and where right copies came from.

    `sources` are (place, how many objects); `lost_count` objects of it are right nowhere. Empty `place`: objects that
    were not there at all.
    """

    place: str
    what: str
    sources: tuple[tuple[str, int], ...]
    lost_count: int


class Repair(NamedTuple):
    """What a repair came to. `lost` are objects that are nowhere, and `names` the files that need them, as lines."""

    mended: tuple[Mended, ...]
    restored_count: int
    damaged_lost: frozenset[bytes]
    missing_lost: frozenset[bytes]
    names: tuple[str, ...]
    unasked: tuple[Unasked, ...]


def repair_store(project: Project, *, dry_run: bool, progress: Progress = silent) -> Repair:
    """Read the whole store, put aside what is bad, and bring back what it lost and what pointers here need.

    What is at a remote and was never here is not brought. With `dry_run` nothing is changed in the store.

    Raises:
        TrackError: the store cannot be read or written.
    """
    store = project.store
    before = store.index.vanished() if store.keeps_index else set()
    checked = check_store(store, settles=not dry_run, progress=progress)
    bad = {digest: one for one in checked.bad for digest in one.digests}
    if dry_run:
        bad = _without_other_copies(project, bad, checked.bad)
    noted = read_lost(store.rooms) | store.index.cut | before
    hidden = purged_in(store.rooms).keys()
    salvage = Salvage(project, dry_run=dry_run, progress=progress)
    needed: set[bytes] = set()
    missing: set[bytes] = set()
    hurt: tuple[Hurt, ...] = ()
    found, old = _versions(project)
    for _ in range(_ROUNDS):  # a manifest that came back says what else is needed
        missing, needed = _lacking(project, found, at_remotes_too=False), _lacking(project, [*found, *old])
        noted |= store.absent(store.index.broken())
        hurt = hurt_versions(project, (store.absent(noted) | set(bad)) - needed - hidden)
        needed |= {one.digest for one in hurt}
        gone = set(bad) if dry_run else store.absent(bad)
        wanted = gone | (noted & needed) | missing
        before_count = len(salvage.found)
        salvage.from_working_trees(wanted | needed)
        salvage.from_remotes(wanted)
        if len(salvage.found) == before_count or dry_run:
            break
    left = (wanted - salvage.found.keys()) if dry_run else store.absent(wanted)
    if not dry_run:
        drop_lost(store.rooms, noted - left)
    names = _names(project, [*found, *old], hurt, left)
    return _told(checked.bad, salvage, left, set(bad) | noted)._replace(names=names)


def _names(project: Project, found: Sequence[Version], hurt: Sequence[Hurt], left: set[bytes]) -> tuple[str, ...]:
    """The files that need what is lost, a line each; of older versions where no other needs it."""
    older = tuple(one.line for one in hurt if one.digest in left)[:_SHOWN]
    rest = left - {one.digest for one in hurt}
    return (*(name_losses(found, rest, project.store.read, most=_SHOWN) if rest else ()), *older)


def _told(bad: Sequence[Bad], salvage: Salvage, left: set[bytes], damaged: set[bytes]) -> Repair:
    """What came of each thing that was bad, and of what was not there at all."""
    mended = [_mended(one.place, one.what, one.digests, salvage.found, left) for one in bad]
    rest = (salvage.found.keys() | left) - {digest for one in bad for digest in one.digests}
    if rest:
        mended.append(_mended("", "not in the store", sorted(rest), salvage.found, left))
    lost, missing = frozenset(left & damaged), frozenset(left - damaged)
    return Repair(tuple(mended), len(salvage.found), lost, missing, (), tuple(salvage.unasked))


def _mended(place: str, what: str, digests: Sequence[bytes], found: dict[bytes, str], left: set[bytes]) -> Mended:
    counts: dict[str, int] = {}
    for digest in digests:
        if digest in found and digest not in left:
            counts[found[digest]] = counts.get(found[digest], 0) + 1
    return Mended(place, what, tuple(counts.items()), sum(digest in left for digest in digests))


def _without_other_copies(project: Project, bad: dict[bytes, Bad], files: Sequence[Bad]) -> dict[bytes, Bad]:
    """Those of the bad objects that the store has nowhere else."""
    names = {one.file for one in files}
    index = project.store.index
    elsewhere = {held.digest for held in index.held(bad) if index.pack_name(held.pack) not in names}
    elsewhere |= {digest for digest in bad if digest not in names and project.store.whole(digest) is not None}
    return {digest: one for digest, one in bad.items() if digest not in elsewhere}


def _versions(project: Project) -> tuple[list[Version], list[Version]]:
    """(the versions of the working tree, at HEAD and staged, those of all other branches and tags)."""
    here, old = [*versions_here(project).versions], list[Version]()
    with suppress(UnknownRevision):
        here += versions(project, default_refs(project)).versions
        old += versions(project, every_ref(project)).versions
    return [one for one in here if one.pointer.kind != "value"], [one for one in old if one.pointer.kind != "value"]


def _lacking(project: Project, found: Sequence[Version], *, at_remotes_too: bool = True) -> set[bytes]:
    """What these versions need and the store lacks; or only what those need that no remote is known to have."""
    store = project.store

    def read_here(nodes: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        here = []
        for node in sorted(set(nodes) - store.absent(nodes)):
            with suppress(MissingObject, DamagedObject):
                here.append((node, store.read(node)))
        return here

    unique = {(one.path, one.pointer.digest): one for one in found}
    left_out = set[bytes]()
    if not at_remotes_too:
        left_out = known_at_remotes(project, {bytes(one.pointer.digest) for one in unique.values()})
    lacking: set[bytes] = set()
    for version in unique.values():
        is_asked_for = at_remotes_too or not is_away(project, version.path)
        if is_asked_for and version.pointer.digest not in left_out:
            with suppress(*UNBELIEVABLE):
                lacking |= store.absent(objects_below(version, read_here))
    return lacking
