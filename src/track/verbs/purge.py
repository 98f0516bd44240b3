"""Purge: remove a version for good, from every remote and from here, and leave word of it."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from track.errors import (
    Conflict,
    MissingObject,
    RemoteError,
    TrackError,
    UnknownPath,
    UnknownRevision,
    UsageError,
)
from track.flows.collecting import is_whole
from track.flows.named import Names
from track.flows.named_versions import asked_of, choose
from track.flows.needed_beside import Beside, answering, needed_beside
from track.flows.nodes_anywhere import read_at_any, read_here
from track.flows.reach import Version, objects_below, versions, versions_here
from track.flows.remotes import Named, all_named, clone_id, connected, is_read_only
from track.flows.same_bytes import SameBytes, named_here, named_there
from track.flows.sides import side_here
from track.model.digest import Digest
from track.model.names import display, pointer_path, typed
from track.progress import Progress, silent
from track.project import Project
from track.store.clock import now_at
from track.store.holders import read_holders
from track.store.pack import SMALL
from track.store.purged import note_purged, purge_here, purged_in, take_over, unreadable_packs
from track.store.purging import purge_there
from track.store.remote import Remote
from track.store.tombstones import EMPTY, Purge, read_tombstones, together


@dataclass(frozen=True, slots=True)
class PurgedRemote:
    """What a purge did at one remote; `kept_packs` are damaged, so that pieces of it are left beside what others need.

    `doubtful_packs` are damaged, too, and maybe have pieces of it: its recipe had gone before. `lost` objects of other
    versions were damaged there, in packs that it was in, and are not there any more. `aside_count` files went from the
    quarantine there, `unreadable_count` of them because nobody can read what is in them.
    `error` says why it was not done there; the same command tries again. From what `is_read_only` nothing is removed:
    `left_count` objects of it are there when all was done elsewhere, None where nobody could look.
    """

    remote: str
    url: str
    objects_count: int
    kept_packs: tuple[Digest, ...]
    error: TrackError | None
    doubtful_packs: tuple[Digest, ...] = ()
    lost: tuple[Digest, ...] = ()
    aside_count: int = 0
    unreadable_count: int = 0
    is_read_only: bool = False
    left_count: int | None = 0


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed for good, or would be in a dry run.

    `shared_count` objects stay, for other versions are made of them too. `here_count` were in the local store. `names`
    are all that name the same bytes. `unreadable` are packs in quarantine here that may hold some of it: nobody can
    read what is in them.
    """

    path: bytes
    digest: Digest
    is_dry: bool
    objects_count: int
    shared_count: int
    here_count: int
    remotes: tuple[PurgedRemote, ...]
    names: tuple[SameBytes, ...] = ()
    unreadable: tuple[Path, ...] = ()

    @property
    def exit_code(self) -> int:
        """5 when a remote was not reached, 1 when something stays, or may, or more is lost, else 0."""
        if any(one.error is not None for one in self.remotes):
            return max(one.error.exit_code for one in self.remotes if one.error is not None)
        stays = any(one.kept_packs or one.doubtful_packs or one.lost for one in self.remotes)
        return 1 if self.shared_count or self.unreadable or stays else 0


def purge(
    project: Project,
    artifact: str,
    rev: str | None = None,
    *,
    reason: str,
    shared: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Purged:
    """Remove a version of an artifact for good: from every remote, and from the local store with its trash.

    The version is that of the pointer here, or at `rev`, which may stand behind the artifact and an `@`; or that of a
    named artifact, where `rev` is an alias, a digest or a revision, and none means the latest. Objects that other
    versions are made of too, here or in what other clones pushed, stay, unless `shared`: then those versions are not
    whole any more. What was removed, when, by whom and why is written down at every remote and here; no push sends it
    again. The working copy is not touched. From remotes that are only read nothing is removed: what is left there is in
    the result. Interrupted, the same goes on.

    Raises:
        UnknownPath, UnknownRevision: there is no such version.
        UsageError: no reason is given, or it is no file or directory.
        Conflict: all of it belongs to other versions too, or it is empty.
        MissingObject: its manifest, or that of a version that others need, is nowhere: nobody knows what is in it.
        HistoryIncomplete: other versions that may be made of the same, or who needs them, cannot be read.
        Locked: other commands are at work, here or at a remote.
    """
    if not reason.strip():
        said = typed(artifact if rev is None else f"{artifact}@{rev}")
        raise UsageError(
            "a purge needs a reason, for those who miss the data",
            hint=f"track purge {'-n ' if dry_run else ''}{said} --because 'WHY'",
        )
    version = _version(project, *(_split(project, artifact) if rev is None else (artifact, rev)))
    remotes = all_named(project)
    objects = _objects(project, version, remotes)
    if not objects:
        raise Conflict(
            f"{display(version.path)} has no bytes: there is nothing to remove",
            hint=f"to let the name go: track rm --cached {typed(version.path)}",
        )
    others = set() if shared else needed_beside(project, version.pointer.digest, objects, remotes, progress)
    going = frozenset(objects - others)
    if not going:
        raise Conflict(
            f"all of {display(version.path)} belongs to other versions too: nothing was removed",
            hint="purge those too, or, to leave them without it: track purge --shared "
            f"{typed(version.path)} --because 'WHY'",
        )
    names = (*named_here(project, version.pointer.digest), *_said_there(project, remotes, version.pointer.digest))
    unreadable = unreadable_packs(project.store.rooms)
    digest = version.pointer.digest
    done = Purged(version.path, digest, dry_run, len(going), len(others), 0, (), names, unreadable)
    if dry_run:
        return done
    at = partial(_at_remote, project, version, going, remotes, reason=reason, shared=shared, progress=progress)
    is_mirror = partial(is_read_only, project)
    there = tuple(map(at, sorted(remotes, key=is_mirror)))  # a mirror shows what was done at another one
    here = _here(project, version, going, reason, progress)
    return replace(done, here_count=here, remotes=there, unreadable=unreadable_packs(project.store.rooms))


def _split(project: Project, artifact: str) -> tuple[str, str | None]:
    """(artifact, revision) of ARTIFACT@VERSION, of which both may have `@` and `/` in them.

    What is the name of an artifact here is that, the longest first; else it is what a revision has.
    """
    pointers = project.pointers()
    ends = [at for at, letter in enumerate(artifact) if letter == "@" and at]
    splits = [(artifact[:at], artifact[at + 1 :] or None) for at in reversed(ends)]
    for path, rev in ((artifact, None), *splits):
        if pointer_path(project.relative(path)) in pointers:
            return path, rev
    for path, rev in splits:
        with suppress(UnknownPath, UnknownRevision, UsageError):
            _at_path(project, path, rev)
            return path, rev
    return splits[0] if "@" in artifact.rpartition("/")[2] and splits else (artifact, None)


def _version(project: Project, artifact: str, rev: str | None) -> Version:
    try:
        version = _at_path(project, artifact, rev)
    except (UnknownPath, UnknownRevision, UsageError):
        if (named := _named(project, artifact, rev)) is None:
            raise
        version = named
    if version.pointer.kind == "value":
        shown = display(version.path)
        raise UsageError(f"`{shown}` is a value: it stands in its pointer, which is in Git's history")
    return version


def _named(project: Project, artifact: str, rev: str | None) -> Version | None:
    """A version of a named artifact; None where there is no artifact of that name."""
    words = artifact if rev is None else f"{artifact}@{rev}"
    try:
        found = choose(project, asked_of(words))
    except UnknownPath:
        if asked_of(artifact).name in Names(side_here(project)).found:
            raise
        return None
    return Version(found.path, found.pointer, ())


def _said_there(project: Project, remotes: Sequence[Named], digest: Digest) -> Iterator[SameBytes]:
    """What other clones said of a version, at the remotes that answer."""
    for named in remotes:
        with suppress(RemoteError), connected(project, named, sending=False) as connection:
            yield from named_there(named.name, read_holders(connection.place), digest, clone_id(project))


def _at_path(project: Project, artifact: str, rev: str | None) -> Version:
    path = project.relative(artifact)
    reached = versions_here(project, [path]) if rev is None else versions(project, [rev], [path])
    found = [version for version in reached.versions if path in (version.path, version.path + b".track")]
    if not found:
        raise UsageError(
            f"`{display(path)}` is not an artifact of its own: a whole version is purged, not a part of one",
            hint="track ls      lists artifacts",
        )
    return found[0]


def _objects(project: Project, version: Version, remotes: Sequence[Named]) -> set[bytes]:
    """Everything below a version; parts of its manifest that are not sound here come from remotes.

    What was purged before counts too. What lay below a part that was purged with another version went with that one.
    """
    store, known = project.store, purged_in(project.store.rooms)
    root = bytes(version.pointer.digest)
    with ExitStack() as stack:
        there = cache(lambda: answering(project, remotes, stack))

        def read_many(nodes: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
            elsewhere: list[bytes] = []
            for digest, data in read_here(store, nodes):
                if data is None:
                    elsewhere.append(digest)
                else:
                    yield digest, data
            for digest, data in read_at_any(there() if elsewhere else (), elsewhere):
                if data is not None:
                    yield digest, data
                elif digest == root or digest not in known:
                    raise _unreadable(version, digest, remotes, there())

        try:
            return objects_below(version, read_many) - EMPTY
        except MissingObject:
            if root not in known:
                raise
            return {digest for digest, purge in known.items() if purge == known[root]}


def _unreadable(version: Version, node: bytes, remotes: Sequence[Named], there: Sequence[Remote]) -> MissingObject:
    """The error for a manifest of which a part is nowhere."""
    silent_ones = sorted({one.name for one in remotes} - {one.name for one in there})
    shown = display(version.path)
    hint = f"track verify {typed(version.path)}      tells what is damaged\nwhere it is whole: track repair --remote"
    return MissingObject(
        f"part of the manifest of {shown} (object {node.hex()[:8]}) is neither here nor at a remote, "
        "so nobody knows what is in it",
        hint=hint,
        details=tuple(f"remote `{display(name)}` did not answer" for name in silent_ones),
    )


def _at_remote(
    project: Project,
    version: Version,
    objects: frozenset[bytes],
    remotes: Sequence[Named],
    named: Named,
    *,
    reason: str,
    shared: bool,
    progress: Progress,
) -> PurgedRemote:
    if is_read_only(project, named):
        return _at_mirror(project, objects, named)
    others = [one for one in remotes if one != named]

    def look_again() -> Collection[bytes]:
        with ExitStack() as stack:
            beside = Beside(project, version.pointer.digest, connection, lambda: answering(project, others, stack))
            if shared:
                return beside.broken_without(objects)
            beside.refuse(objects, progress)
            return ()

    try:
        with connected(project, named, sending=True) as connection:
            now = now_at(connection.place)
            done = purge_there(
                connection.place, connection.known, project.store, objects, _purge(project, version, reason, now),
                writer=clone_id(project),
                is_whole=lambda claim: is_whole(connection, project.store, claim),
                look_again=look_again,
                patience_s=project.config.seconds("lock.timeout"), remote=named.name,
                in_chunks=version.pointer.size >= SMALL, progress=progress,
            )  # fmt: skip
            connection.publish_again()
            purged = together(read_tombstones(connection.place)).purged
            note_purged(project.store.rooms, {one: purged[one] for one in objects if one in purged}, clone_id(project))
    except TrackError as error:
        return PurgedRemote(named.name, named.url, 0, (), error)
    found = (done.kept_packs, done.doubtful_packs, done.lost)
    kept, doubtful, lost = (tuple(map(Digest, each)) for each in found)
    return PurgedRemote(
        named.name, named.url, done.objects_count, kept, None, doubtful, lost, len(done.aside.keys), len(done.aside.may)
    )


def _at_mirror(project: Project, objects: frozenset[bytes], named: Named) -> PurgedRemote:
    """What is still at a remote that is only read, whoever has to remove it there."""
    left: int | None = None
    with suppress(TrackError), connected(project, named, sending=False) as connection:
        left = len(objects - connection.absent(objects))
    return PurgedRemote(named.name, named.url, 0, (), None, is_read_only=True, left_count=left)


def _here(project: Project, version: Version, objects: frozenset[bytes], reason: str, progress: Progress) -> int:
    store = project.store
    purge_of = _purge(project, version, reason, time.time())
    note_purged(store.rooms, dict.fromkeys(objects, purge_of), clone_id(project))
    count = purge_here(store, objects, timeout_s=project.config.seconds("lock.timeout"), progress=progress)
    take_over(store.rooms, objects, clone_id(project))
    return count


def _purge(project: Project, version: Version, reason: str, now_s: float) -> Purge:
    who = project.git.run("var", "GIT_COMMITTER_IDENT", check=False).decode("utf-8", "replace").rpartition(">")[0]
    on = time.strftime("%Y-%m-%d", time.gmtime(now_s))
    return Purge(on, f"{who}>" if who else "somebody", reason.strip(), (display(version.path),))
