"""Verify: is every byte what its digest says, in the working tree, in the store, or at a remote?"""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import SystemRandom
from typing import NamedTuple, TypeAlias

from track.errors import ConflictedPointer, MalformedPointer, NotAPointer, TrackError, UnknownPath, UnknownRevision
from track.flows import remotes
from track.flows.data_check import check_data
from track.flows.findings import Findings, Problem
from track.flows.history_below import absent_of_history, look_in_history
from track.flows.hurt import lost_before, note_hurt
from track.flows.pointers import overwritten
from track.flows.reach import INDEX, every_ref
from track.flows.recorded import pointers_of, versions_of
from track.flows.remote_below import look_below
from track.flows.remote_findings import check_runs, note_losses
from track.flows.sampling import Portion, sample
from track.flows.version_check import check_version, read_all
from track.history import log
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import data_path, display, is_named_pointer, typed
from track.model.pointer import Pointer, parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.checkup import check_store
from track.store.verified import Round, VerifiedRecord

_Versions: TypeAlias = dict[tuple[bytes, Digest], Pointer]
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and every problem, sorted by path. `fetchable_count` objects are at a remote alone, as far as
    is known here, and `old_count` of them are of older versions; `unasked_count` are not here, and no remote was asked:
    a shallow clone never asked for them.

    Of a sample, `total_count` objects of `total_bytes` are all that there are; at a remote, those are bytes of files.
    Where the time was over sooner, `left_count` files (folders of working data) of `left_bytes` were not come to; what
    was verified longest ago among them was so at `oldest_s` (seconds since 1970; 0: never). `is_quick`: nothing was
    read.

    Of a remote, `unpushed_count` versions that are staged or at HEAD were never all there, and `unread_count` were not
    looked for there, for their manifests are not here and were not read, or the time was over. `absent_count` pointers
    were not looked at, as a partial clone lacks them; with `is_cut`, history before some commits was not, as in a
    shallow clone.
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
    left_count: int = 0
    left_bytes: int = 0
    oldest_s: int | None = None
    is_quick: bool = False
    unpushed_count: int = 0
    unread_count: int = 0
    unasked_count: int = 0
    old_count: int = 0
    absent_count: int = 0
    is_cut: bool = False

    @property
    def exit_code(self) -> int:
        """7 with damage, 4 when bytes are missing, 1 when data is modified, else 0."""
        kinds = {problem.kind for problem in self.problems}
        return 7 if "damaged" in kinds else 4 if "missing" in kinds else 1 if kinds else 0


class _How(NamedTuple):
    """How much is done, and when nothing more is begun (`until_s`, of the monotonic clock)."""

    portion: Portion | None
    until_s: float | None
    deep: bool
    quick: bool
    history: bool
    progress: Progress


def verify(
    project: Project,
    paths: Sequence[str] = (),
    *,
    remote: str | None = None,
    portion: Portion | None = None,
    max_s: float | None = None,
    deep: bool = False,
    quick: bool = False,
    history: bool = False,
    progress: Progress = silent,
) -> Verified:
    """Read and hash: working data against its pointers, the whole store, and that it holds what pointers name.

    With `paths`, only these artifacts and their objects; with `remote`, that remote instead of what is here. What was
    verified longest ago comes first, and nothing more is begun after `max_s` seconds: the next time goes on. With
    `portion`, of the store objects chosen by chance and no working data, of a remote the files that come first. `deep`
    expands packed objects one by one, and looks at the versions of every ref; `history` at those of every commit, for
    being there; `quick` only asks a remote whether everything is there. At a remote, what is staged and at HEAD is
    looked for, too, unless it is a sample. Bad objects are put aside, so that a fetch brings them again. Data that is
    not checked out is not missed.

    Raises:
        NoRemote, RemoteError: the remote is not known, not there, or not a store.
        UnknownPath: nothing that track knows lies at one of the paths.
    """
    how = _How(portion, None if max_s is None else time.monotonic() + max_s, deep, quick, history, progress)
    if remote is not None:
        return _verify_remote(project, remote, how)
    found = Findings()
    asked = [project.relative(path) for path in paths]
    in_worktree = list(log.pointers_in_worktree(project.git))
    here = _pointers(in_worktree, asked, found)
    _note_overwritten(project, in_worktree, asked, found)
    every = _recorded(project, asked, found, deep=deep) | here
    for path in asked:
        if path and not any(_covers(path, artifact) for artifact in found.artifacts):
            raise UnknownPath(f"nothing that track knows lies at `{display(path)}`", hint="track ls")
    rounds: list[Round] = []
    lost = set[bytes]() if asked else lost_before(project)
    if portion is not None:
        _verify_sample(project, portion, found, how)
    elif not asked:
        with VerifiedRecord(project.store.verified_path, project.store.id) as record:
            rounds.append(Round(record, until_s=how.until_s))
            _verify_store(project, found, rounds[-1], how)
    if portion is None:
        with VerifiedRecord(project.worktree_state / "verified.db") as record:
            rounds.append(Round(record, until_s=how.until_s))
            _verify_data(project, here, found, rounds[-1], how)
            if not asked:
                rounds[-1].forget_others()
    for (path, _), pointer in sorted(every.items(), key=_by_path):
        check_version(project, path, pointer, found, reads=bool(asked))
    if not asked:
        note_hurt(project, lost, found, absent_of_history(project, found, progress) if history else ())
    _name_the_rest(found)
    return _verified(None, found, rounds)


def _by_path(one: tuple[tuple[bytes, Digest], Pointer]) -> tuple[bytes, Digest]:
    return one[0]


def _verified(remote: str | None, found: Findings, rounds: Iterable[Round], *, is_quick: bool = False) -> Verified:
    counts = (len(found.artifacts), found.files_count, found.objects_count, found.read_bytes, len(found.fetchable))
    problems = tuple(sorted(found.problems, key=lambda one: (one.path, one.kind, one.what)))
    over = [turn for turn in rounds if turn.left_count]
    return Verified(
        remote,
        *counts,
        problems,
        found.total_count,
        found.total_bytes,
        sum(turn.left_count for turn in over),
        sum(turn.left_bytes for turn in over),
        min((turn.oldest_s or 0 for turn in over), default=None),
        is_quick,
        found.unpushed_count,
        found.unread_count,
        len(found.unasked),
        len(found.old),
        len(found.absent),
        found.is_cut,
    )


def _pointers(pointers: Iterable[tuple[bytes, bytes]], asked: Sequence[bytes], found: Findings) -> _Versions:
    """The versions that pointers name; the path is the data's, or the pointer's own for a named artifact."""
    versions_here: _Versions = {}
    for name, content in pointers:
        path = name if is_named_pointer(name) else data_path(name)
        if asked and not any(_covers(one, path) or one == name for one in asked):
            continue
        found.artifacts.add(path)
        try:
            pointer = parse_pointer(content, name)
            versions_here[path, pointer.digest] = pointer
        except ConflictedPointer as error:
            found.add("modified", name, error.message, None, f"track merge {typed(name)} --take ours")
        except MalformedPointer as error:
            found.add("damaged", name, error.message, None, f"git checkout -- {typed(name)}")
        except NotAPointer:
            found.artifacts.discard(path)
    return versions_here


def _note_overwritten(
    project: Project, pointers: Iterable[tuple[bytes, bytes]], asked: Sequence[bytes], found: Findings
) -> None:
    """Note files that are no pointers and were some."""
    foreign = [name for name, content in pointers if not _is_ours(content, name)]
    for name, error in overwritten(project, foreign).items():
        path = name if is_named_pointer(name) else data_path(name)
        if not asked or any(_covers(one, path) or one == name for one in asked):
            found.artifacts.add(path)
            found.add("damaged", name, error.message, None, error.hint or "")


def _is_ours(content: bytes, name: bytes) -> bool:
    try:
        parse_pointer(content, name)
    except NotAPointer:
        return False
    except TrackError:
        return True
    return True


def _recorded(project: Project, asked: Sequence[bytes], found: Findings, *, deep: bool) -> _Versions:
    """The versions that are staged and at HEAD; or (`deep`) at every ref."""
    every = _pointers(pointers_of(project, [INDEX], found.absent), asked, found)
    with suppress(UnknownRevision):
        every |= _pointers(pointers_of(project, ["HEAD"], found.absent), asked, found)
        for version in versions_of(project, every_ref(project), found.absent) if deep else ():
            if not asked or any(_covers(one, version.path) for one in asked):
                every[version.path, version.pointer.digest] = version.pointer
    return every


def _covers(asked: bytes, path: bytes) -> bool:
    return not asked or asked == path or path.startswith(asked + b"/") or asked.startswith(path + b"/")


def _verify_store(project: Project, found: Findings, turn: Round, how: _How) -> None:
    checked = check_store(project.store, deep=how.deep, turn=turn, progress=how.progress)
    found.objects_count += checked.objects_count
    found.read_bytes += checked.read_bytes
    for bad in checked.bad:
        found.bad |= dict.fromkeys(bad.digests, bad.place)
        found.add("damaged", bad.place.encode(), bad.what, None, "track repair")


def _verify_data(project: Project, here: _Versions, found: Findings, turn: Round, how: _How) -> None:
    """Read working data, the artifact that was verified longest ago first."""
    every = sorted(here.items(), key=_by_path)
    for number in turn.ordered([path for (path, _), _ in every]):
        (path, _), pointer = every[number]
        check_data(project, path, pointer, found, turn=turn, progress=how.progress)


def _verify_sample(project: Project, portion: Portion, found: Findings, how: _How) -> None:
    chosen, found.total_count, found.total_bytes = sample(project, portion, SystemRandom())
    how.progress.begin("verifying a sample", size_bytes=sum(length for _, length in chosen), count=len(chosen))
    try:
        for at in range(0, len(chosen), _AT_ONCE):
            if at and how.until_s is not None and time.monotonic() >= how.until_s:
                break
            part = [Entry(b"", "f", length, digest) for digest, length in chosen[at : at + _AT_ONCE]]
            read_all(project, part, found)
            how.progress.advance(size_bytes=sum(entry.size for entry in part), count=len(part))
    finally:
        how.progress.end()


def _name_the_rest(found: Findings) -> None:
    """Objects that are damaged and that no version needs, as far as was looked."""
    for digest in found.bad.keys() - found.named:
        what = f"object {Digest(digest)} is damaged; no pointer here or in any commit needs it"
        found.add("damaged", found.bad[digest].encode(), what, digest, "track repair")


def _verify_remote(project: Project, name: str, how: _How) -> Verified:
    """Read what a remote has; what is lost there is named by the artifacts here that need it."""
    found = Findings()
    take = None if how.portion is None else how.portion.first_of
    path = project.state / "remotes" / f"{name}.verified"
    named = remotes.choose(project, name)
    with (
        remotes.connected(project, named, sending=False) as remote,
        VerifiedRecord(path, remote.store_id) as record,
    ):
        turn = Round(record, until_s=how.until_s, take=take)
        checked = remote.verify(read_all=not how.quick, deep=how.deep, turn=turn, progress=how.progress)
        here = _recorded(project, (), found, deep=False)
        every = sorted(here.items(), key=_by_path)
        note_losses(project, name, checked, [(path, pointer) for (path, _), pointer in every], found)
        if not how.quick and how.portion is None and remotes.shares_runs(named):
            check_runs(project, remote, found)
        if how.portion is None and (how.until_s is None or time.monotonic() < how.until_s):
            others = versions_of(project, every_ref(project), found.absent) if how.deep else ()
            look_below(project, remote, here, found, reads=not how.quick, others=others)
            if how.history:
                seen = {bytes(digest) for _, digest in here}
                look_in_history(project, remote, found, but=seen, reads=not how.quick, progress=how.progress)
        else:
            found.unread_count = sum(pointer.kind != "value" for pointer in here.values())
    if how.portion is not None:
        found.total_count, found.total_bytes = checked.total_count, checked.total_bytes
    return _verified(name, found, [turn], is_quick=how.quick)
