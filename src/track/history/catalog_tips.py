"""What a repository's history is reached from now, and what the catalog was brought up to."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from track.errors import GitFailed
from track.history import ahead
from track.history.plumbing import Git
from track.model.digest import digest_of


class Tips(NamedTuple):
    """What a repository's history is reached from: commits, and `shape`, which changes when Git shows commits with
    other parents than before (shallow clones, grafts, replacements).
    """

    commits: frozenset[str]
    shape: str


def tips_of(git: Git, *, is_early: bool = False) -> Tips:
    """The tips of every ref, which may be those that were asked for ahead, and of HEAD in every working tree."""
    shape: list[bytes] = []
    tips: set[str] = set()
    loose: list[str] = []
    for line in _refs(git, is_early=is_early).decode("utf-8", "replace").splitlines():
        name, oid, kind, inner, inner_kind = (line.split(" ") + [""] * 3)[:5]
        if name.startswith("refs/replace/"):
            shape.append(line.encode())
        if "commit" in (kind, inner_kind):
            tips.add(oid if kind == "commit" else inner)
        elif inner_kind == "tag" or not kind:
            loose.append(oid)
    tips.update(_peeled(git, loose))
    others = (git.common_dir / "HEAD", *git.common_dir.glob("worktrees/*/HEAD"))
    heads = [git.head(), *map(_detached, others)]
    tips.update(head for head in heads if head)
    for name in ("shallow", "info/grafts"):
        try:
            shape.append((git.common_dir / name).read_bytes())
        except OSError:
            continue
    return Tips(frozenset(tips), digest_of(b"\n".join(shape)).hex())


def written_tips(database: sqlite3.Connection) -> Tips | None:
    """What the catalog was brought up to; None where that was not finished, or never done."""
    shape = database.execute("SELECT value FROM state WHERE name = 'shape'").fetchone()
    is_unfinished = database.execute("SELECT 1 FROM state WHERE name = 'unfinished'").fetchone()
    if shape is None or is_unfinished is not None:
        return None
    return Tips(frozenset(oid.hex() for (oid,) in database.execute("SELECT oid FROM tip")), shape[0])


def reached(database: sqlite3.Connection, tips: Iterable[str]) -> set[bytes]:
    """The ids of all commits that these reach, as far as they are in the catalog."""
    parents = dict(database.execute("SELECT oid, parents FROM commits"))
    waiting = [oid for tip in tips if (oid := bytes.fromhex(tip)) in parents]
    found = set(waiting)
    while waiting:
        oid = waiting.pop()
        above, size = parents[oid], len(oid)
        for start in range(0, len(above), size):
            parent = above[start : start + size]
            if parent not in found and parent in parents:
                found.add(parent)
                waiting.append(parent)
    return found


def _refs(git: Git, *, is_early: bool) -> bytes:
    """A line for each ref; where one is broken, the ids alone."""
    try:
        return ahead.answers(git, "refs", is_early=is_early)[0]
    except GitFailed:
        return git.run("for-each-ref", "--format=%(refname) %(objectname)", check=False)


def _peeled(git: Git, oids: list[str]) -> Iterator[str]:
    """The commits that these stand for, however many tags lie between."""
    if oids:
        asked = "".join(f"{oid}^{{commit}}\n" for oid in oids).encode()
        for line in git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", input=asked).splitlines():
            oid, _, kind = line.decode("ascii", "replace").partition(" ")
            if kind == "commit":
                yield oid


def _detached(head: Path) -> str | None:
    try:
        with open(head, encoding="ascii", errors="replace") as file:
            found = file.readline(128).strip()
    except OSError:
        return None
    return found if len(found) in (40, 64) and set(found) <= set("0123456789abcdef") else None
