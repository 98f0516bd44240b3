"""Keeping: what a keep policy takes of a repository's history, and what it gives up.

Whatever the policy, what is in use stays: every working tree and index, stashes, operations in progress, and what a
reflog came from or went to within the grace period. While a bisect goes on, everything does.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track.config import read_file
from track.errors import BadConfig, HistoryIncomplete, TrackError, UsageError
from track.history.naming import Gone, Named, Repository, everything_named, named_now, read_contents
from track.history.past import Change, changes, is_bisecting, named_at, standing_tips
from track.model.names import display, is_pointer_path
from track.model.pointer import parse_pointer
from track.model.policy import ALL, Policy, parse_policy, widest
from track.project import Project
from track.store.marks import Marks

_DAY_S = 86_400


class Keeping(NamedTuple):
    """What is kept of one repository's history, as of `now_s` (seconds since 1970).

    A reflog counts with what it says of the last `grace_days`.
    """

    policy: Policy
    now_s: float
    grace_days: int

    @property
    def reflog_after_s(self) -> float:
        """Reflog entries that were written later count as tips."""
        return self.now_s - self.grace_days * _DAY_S


Keepings = Mapping[Path, Keeping]
"""By the common directory of each repository; one that is not in it keeps everything."""


def keepings(
    project: Project,
    users: Iterable[Repository],
    *,
    own: Policy,
    now_s: float,
    grace_days: int,
    others: Iterable[Policy] = (),
) -> Keepings:
    """How each repository that uses the store keeps its history: this one by `own`, others by their own `gc.keep`.

    What the policies of `others` keep, clones elsewhere, is kept of every history besides.

    Raises:
        HistoryIncomplete: the setting of another repository cannot be read.
    """
    here = project.git.common_dir.resolve()
    found = {}
    for user in users:
        place = user.git.common_dir
        policy = own if place == here else _chosen_in(place)
        found[place] = Keeping(widest((policy, *others)), now_s, grace_days)
    return found


def kept_here(project: Project, given: Policy | None = None) -> Policy:
    """The policy of this repository: the one that was `given`, else its setting."""
    return parse_policy(project.config.text("gc.keep") or "all") if given is None else given


def _chosen_in(common_dir: Path) -> Policy:
    """What a repository's own file says; without a word, everything is kept."""
    path = common_dir / "track" / "config.toml"
    try:
        table = read_file(path).get("gc")
        text = table.get("keep") if isinstance(table, dict) else None
        return ALL if text is None else parse_policy(str(text))
    except (BadConfig, UsageError) as error:
        raise HistoryIncomplete(
            f"what the repository at {display(str(common_dir))} keeps cannot be read: {error.message}",
            hint=f"correct gc.keep in {display(str(path))}",
        ) from error


def kept_by(
    repository: Repository, keeping: Keeping | None, tips: frozenset[str], elsewhere: frozenset[str]
) -> Iterator[Named]:
    """Every pointer and record that a repository keeps.

    `tips` are all commits from which its history is looked at; `elsewhere` are those among them that are tips of Git
    remotes. Raises as `everything_named` does.
    """
    if not is_selective(repository, keeping):
        yield from everything_named(repository, tips)
        return
    assert keeping is not None
    yield from named_now(repository)
    yield from named_at(repository, standing_tips(repository, keeping.reflog_after_s, elsewhere))
    if not keeping.policy.is_only_tips:
        yield from _kept_of_history(repository, keeping, elsewhere)


def kept_since(
    repository: Repository, keeping: Keeping | None, tips: frozenset[str], elsewhere: frozenset[str],
    known: frozenset[str],
) -> Iterator[Named]:  # fmt: skip
    """The same a second time, when `known` tips were looked at: whatever is new, and whatever is a tip by now."""
    yield from everything_named(repository, tips - known, without=known)
    if is_selective(repository, keeping):
        assert keeping is not None
        yield from named_at(repository, standing_tips(repository, keeping.reflog_after_s, elsewhere))
    elif keeping is not None and not keeping.policy.is_all:  # a bisect has begun
        yield from everything_named(repository, tips)


def is_selective(repository: Repository, keeping: Keeping | None) -> bool:
    """Whether anything of the history is given up."""
    return keeping is not None and not keeping.policy.is_all and not is_bisecting(repository)


def passed_over(
    users: Iterable[Repository], chosen: Keepings, elsewhere: Mapping[Path, frozenset[str]]
) -> Iterator[Gone]:
    """Every pointer in the history of those that do not keep all of it, with the commit that made it.

    Whether something else keeps the same is for the caller to see.
    """
    for user in users:
        place = user.git.common_dir
        if not is_selective(user, chosen.get(place)):
            continue
        made: dict[str, Change] = {}
        for change in changes(user, elsewhere.get(place, ())):
            if change.after is not None and is_pointer_path(change.path):
                made[change.after] = change  # the oldest commit with this content made it
        for oid, content in user.git.blobs(sorted(made)):
            change = made[oid]
            yield Gone(change.path, content, change.commit, change.committed, change.subject, is_reached=True)


def given_up(passed: Iterable[Gone], marks: Marks) -> frozenset[bytes]:
    """The versions among these that nothing keeps, by their digests."""
    found = versions_of(passed)
    return frozenset(found - marks.kept(sorted(found)))


def versions_of(passed: Iterable[Gone]) -> set[bytes]:
    """The versions that these pointers name, by their digests; values are none."""
    found = set()
    for one in passed:
        with suppress(TrackError):
            pointer = parse_pointer(one.content, display(one.path))
            if pointer.kind != "value":
                found.add(bytes(pointer.digest))
    return found


def _kept_of_history(repository: Repository, keeping: Keeping, elsewhere: frozenset[str]) -> Iterator[Named]:
    """What is new enough, or one of the last versions of its artifact."""
    policy = keeping.policy
    after_s = keeping.now_s - policy.newer_days * _DAY_S if policy.newer_days else float("inf")
    places: dict[str, tuple[bytes, str]] = {}
    older: list[Change] = []
    for change in changes(repository, elsewhere):
        place = (change.path, f"commit {change.commit[:10]}")
        if change.committed > after_s:
            places |= {oid: place for oid in (change.after, change.before) if oid is not None}
        if change.after is not None and policy.last:
            older.append(change)
    yield from read_contents(repository.git, places)
    if older:
        yield from _last_versions(repository, older, policy.last)


def _last_versions(repository: Repository, newest_first: list[Change], count: int) -> Iterator[Named]:
    """Of each artifact the last versions that differ in content; a record of a run is a version of its own."""
    contents = dict(repository.git.blobs(sorted({change.after for change in newest_first if change.after})))
    seen: dict[bytes, set[bytes]] = {}
    for change in newest_first:
        if change.after is None:
            continue
        content = contents[change.after]
        known = seen.setdefault(change.path, set())
        version = _version_of(change.path, content)
        if version in known or len(known) < count:
            known.add(version)
            yield Named(change.path, content, f"commit {change.commit[:10]}")


def _version_of(path: bytes, content: bytes) -> bytes:
    """What tells the versions of an artifact apart: the digest of a pointer, else all of the content."""
    if is_pointer_path(path):
        with suppress(TrackError):
            return bytes(parse_pointer(content, display(path)).digest)
    return content
