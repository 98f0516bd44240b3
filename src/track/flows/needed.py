"""Needed: what every repository that uses a store still names, marked down to the last object."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from track.errors import (
    HistoryIncomplete,
    MalformedManifest,
    MalformedPointer,
    NotAPointer,
)
from track.flows.keeping import Keepings, is_selective, kept_by, kept_since
from track.flows.nodes_anywhere import read_here
from track.flows.reach import children_of
from track.history.naming import Named, Repository, is_shallow, named_now, repository_at, tips_of
from track.history.past import named_at, standing_tips, young_reflog
from track.model.expressions import expression
from track.model.names import display, is_pointer_path
from track.model.pointer import parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.clients import registered
from track.store.known import complete_at
from track.store.marks import Lost, Marks, Root, Waiting
from track.store.objects import Store
from track.store.purged import purged_in
from track.worktree.stat_cache import recorded_in

_DIGEST = expression(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_ROOTS_AT_ONCE = 1000
_STEPS = "trash/*.json"
_STATE = ("journal/**/*", "spool/**/*", "shared/*/*", _STEPS)
"""Files in the state of a clone, or of a working tree, that name digests: runs, and what can be undone."""
_PIECE = 16 << 20
_NONE: frozenset[str] = frozenset()

ReadNodes = Callable[[Iterable[bytes]], Iterable[tuple[bytes, bytes | None]]]
"""Gives (digest, bytes) of each of these nodes from elsewhere; None for what is no node, or is not there.

One that is there and cannot be read is an error: nobody would know what is below it."""


class Reached(NamedTuple):
    """What was marked: how many pointers and records were read, and what lies below them and could not be.

    `tips` are the commits whose whole history was looked at, by the common directory of their repository.
    """

    named_count: int
    lost: tuple[Lost, ...]
    shallow: tuple[Path, ...]
    tips: Mapping[Path, frozenset[str]]


def repositories(project: Project, without: Collection[Path] = ()) -> tuple[Repository, ...]:
    """Every repository that uses the project's store, its own first; apart from those in `without`.

    Raises:
        HistoryIncomplete: one of them cannot be read; the hint says how it is forgotten.
    """
    own = project.git.common_dir.resolve()
    others = [client for client in registered(project.store.rooms) if client != own and client not in without]
    return tuple(repository_at(project.git, common_dir) for common_dir in (own, *others))


def shallow_among(found: Iterable[Repository]) -> tuple[Path, ...]:
    """The common directories of those of which only a part of the history is here."""
    return tuple(repository.git.common_dir for repository in found if is_shallow(repository))


def mark_needed(
    project: Project,
    found: Iterable[Repository],
    marks: Marks,
    progress: Progress = silent,
    *,
    since: Reached | None = None,
    elsewhere: ReadNodes | None = None,
    tips: Mapping[Path, frozenset[str]] | None = None,
    without: frozenset[bytes] = frozenset(),
    keepings: Keepings | None = None,
) -> Reached:
    """Mark all that these repositories need; `since` a time before, what they need by now, besides.

    Then no history is read again, so that nobody waits long for a lock that is held meanwhile. What could not be read,
    here or with `elsewhere`, and is not known to be whole at a remote, is returned as lost. `tips` are commits that
    count although nothing here may name them; versions in `without` do not. `keepings` say of which repositories not
    all of the history counts.

    Raises:
        GitFailed, HistoryIncomplete, Unreadable: a part of a history or of a working tree cannot be read.
        NewerFormat: something was written by a later version, which may need more than this one sees.
        DiskFull: no temporary space.
    """
    found = tuple(found)
    count = 0
    looked: dict[Path, frozenset[str]] = {}
    for repository in found:
        place = repository.git.common_dir
        elsewhere_tips = (tips or {}).get(place, _NONE)
        looked[place] = tips_of(repository) | elsewhere_tips
        # A history that was cut short may have grown at its other end.
        known = since.tips.get(place, _NONE) if since is not None and place not in since.shallow else _NONE
        keeping = (keepings or {}).get(place)
        if since is None:
            named = kept_by(repository, keeping, looked[place], elsewhere_tips)
        else:
            named = kept_since(repository, keeping, looked[place], elsewhere_tips, known)
        batch: list[Root] = []
        for root in _roots(repository, named):
            if root.digest in without:
                continue
            count += 1
            batch.append(root)
            if len(batch) >= _ROOTS_AT_ONCE:
                marks.add_roots(batch)
                batch = []
        marks.add_roots(batch)
    descend(project.store, marks, progress, elsewhere=elsewhere)
    lost = marks.lost()
    at_remotes: set[bytes] = set()
    for repository in found:
        at_remotes |= complete_at(repository.git.common_dir / "track" / "remotes", {one.root for one in lost})
    purged = purged_in(project.store.rooms) if lost else {}  # nobody misses what is below: it was removed, too
    missed = tuple(one for one in lost if one.root not in at_remotes and one.digest not in purged)
    return Reached(since.named_count if since is not None else count, missed, shallow_among(found), looked)


def named_in_use(repository: Repository) -> Iterator[Root]:
    """What the working trees, indexes, working copies and journal of a repository name, and no history.

    Raises:
        HistoryIncomplete, Unreadable: something of it cannot be read.
    """
    for one in named_now(repository):
        yield from _named_in(one)
    yield from _in_states(repository, _STATE[:3])


def named_by_steps(repository: Repository) -> Iterator[Root]:
    """What the steps name that `track restore` can undo in the working trees of a repository.

    Raises:
        HistoryIncomplete, Unreadable: something of it cannot be read.
    """
    for state in _states(repository):
        yield from _in_files(state, _STEPS)


def held_by_steps(found: Iterable[Repository], versions: Collection[bytes], keepings: Keepings) -> set[bytes]:
    """Those of the versions that steps of `track restore` name, and nothing else that a policy keeps or that is in use.

    Raises:
        GitFailed, HistoryIncomplete, Unreadable: a part of a history or of a working tree cannot be read.
    """
    found = tuple(found)
    held = {root.digest for one in found for root in named_by_steps(one)}.intersection(versions)
    for one in found if held else ():
        for named in kept_by(one, keepings.get(one.git.common_dir), tips_of(one), _NONE):
            held.difference_update(root.digest for root in _named_in(named))
        held.difference_update(root.digest for root in _in_states(one, _STATE[:3]))
    return held


class ByReflogs(NamedTuple):
    """How many versions only reflogs keep, and when the first and the last of their entries were written.

    In seconds since 1970; 0 where there are none.
    """

    versions_count: int = 0
    first_s: int = 0
    last_s: int = 0


NO_REFLOGS = ByReflogs()
"""Reflogs keep nothing that is not kept anyway."""


def held_by_reflogs(
    found: Iterable[Repository],
    versions: Collection[bytes],
    keepings: Keepings,
    elsewhere: Mapping[Path, frozenset[str]] | None = None,
) -> ByReflogs:
    """Those of the versions that young reflog entries name, and nothing else that a policy keeps or that is in use.

    `elsewhere` are the tips of Git remotes, by the repository. What `track restore` can undo does not count.

    Raises:
        GitFailed, HistoryIncomplete, Unreadable: a part of a history or of a working tree cannot be read.
    """
    found, tips = tuple(found), elsewhere or {}
    held: set[bytes] = set()
    times: list[int] = []
    for one in found if versions else ():
        place = one.git.common_dir
        keeping = keepings.get(place)
        if keeping is None or not is_selective(one, keeping):
            continue
        firm = standing_tips(one, float("inf"), tips.get(place, _NONE))
        young = {oid: when_s for oid, when_s in young_reflog(one, keeping.reflog_after_s).items() if oid not in firm}
        if here := {root.digest for named in named_at(one, young) for root in _named_in(named)}.intersection(versions):
            held |= here
            times += young.values()
    for one in found if held else ():
        place = one.git.common_dir
        keeping = keepings.get(place)
        without = None if keeping is None else keeping._replace(grace_days=0)
        for named in kept_by(one, without, tips_of(one), tips.get(place, _NONE)):
            held.difference_update(root.digest for root in _named_in(named))
        held.difference_update(root.digest for root in _in_states(one, _STATE[:3]))
    return ByReflogs(len(held), min(times), max(times)) if held else NO_REFLOGS


def _roots(repository: Repository, named: Iterable[Named]) -> Iterator[Root]:
    for one in named:
        yield from _named_in(one)
    yield from _in_states(repository, _STATE)


def _in_states(repository: Repository, patterns: Sequence[str]) -> Iterator[Root]:
    """What the state of a clone and of its working trees names, in files of these patterns and in the stat cache."""
    for state in _states(repository):
        for pattern in patterns:
            yield from _in_files(state, pattern)
        yield from _recorded(state / "stat.db")


def _states(repository: Repository) -> list[Path]:
    """The folders of the state of a clone and of its working trees."""
    common = repository.git.common_dir
    return sorted({common / "track", *(worktree.git_dir / "track" for worktree in repository.worktrees)})


def _named_in(named: Named) -> Iterator[Root]:
    """What a file of the working tree or of the history names."""
    where = f"{display(named.path)} in {named.place}"
    if not is_pointer_path(named.path):
        yield from _mentioned(named.content, where)
        return
    try:
        pointer = parse_pointer(named.content, where)
    except (NotAPointer, MalformedPointer):  # a conflict, or half of a pointer: whatever it names stays
        yield from _mentioned(named.content, where)
        return
    if pointer.kind != "value":
        yield Root(bytes(pointer.digest), pointer.kind == "directory", True, where)


def _mentioned(content: bytes, where: str) -> Iterator[Root]:
    """Whatever looks like a digest; it is kept with what is below it, and not missed when it is not here."""
    for text in set(_DIGEST.findall(content)):
        yield Root(bytes.fromhex(text.decode("ascii")), None, False, where)


def _in_files(folder: Path, pattern: str) -> Iterator[Root]:
    """What the files of a clone's own state mention."""
    for path in sorted(folder.glob(pattern)):
        try:
            if path.is_file():
                with open(path, "rb") as file:
                    rest = b""
                    while piece := file.read(_PIECE):
                        yield from _mentioned(rest + piece, display(str(path)))
                        rest = (rest + piece)[-80:]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise HistoryIncomplete(
                f"{display(str(path))} cannot be read: {error.strerror}; it may name data", hint="make it readable"
            ) from error


def _recorded(path: Path) -> Iterator[Root]:
    """The versions that working copies hold, as far as it is recorded: parts of versions are in no pointer."""
    for recorded in recorded_in(path):
        yield Root(recorded.root, recorded.kind == "directory", False, "a working copy")


def descend(store: Store, marks: Marks, progress: Progress = silent, *, elsewhere: ReadNodes | None = None) -> None:
    """Mark what is below everything that is marked; what is not here is read with `elsewhere`, where there is one.

    Then a root of which nobody said what it is, and that turns out to be a directory, is missed if it is not whole.
    What was absent when somebody looked before is looked for again: it may have come, or be elsewhere.
    """
    progress.begin("following what is needed")
    try:
        marks.look_again()
        while waiting := marks.waiting():
            by_digest = {node.digest: node for node in waiting}
            absent = store.absent(by_digest)
            # What is large is no node: those are always in packs.
            large = store.are_large(by_digest.keys() - absent)
            present = sorted(by_digest.keys() - absent - large)
            for digest in large if elsewhere is not None else large | absent:
                marks.lose(by_digest[digest], is_absent=digest in absent)
            for digest, data in read_here(store, present):
                if data is None and elsewhere is not None:
                    absent.add(digest)
                    continue
                _settle(marks, by_digest[digest], data, is_certain=elsewhere is not None)
                progress.advance(count=1)
            for digest, data in elsewhere(absent) if elsewhere is not None else ():
                _settle(marks, by_digest[digest], data, is_certain=True)
                progress.advance(count=1)
    finally:
        progress.end()


def _settle(marks: Marks, node: Waiting, data: bytes | None, *, is_certain: bool) -> None:
    try:
        if data is None:
            marks.lose(node, is_absent=True)
        else:
            marks.settle(node, *children_of(data), is_certain=is_certain)
    except MalformedManifest:
        marks.lose(node)
