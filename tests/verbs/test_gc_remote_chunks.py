"""Gc of a remote with large files in chunks: what a needed version shares stays, the rest goes."""

import os
import random
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, files_below
from support.trees import write_tree
from track.flows.remotes import choose, connected
from track.model.digest import digest_of
from track.project import Project
from track.store import pack
from track.store.chunk_reading import load_chunked
from track.store.chunked import dump_chunked
from track.store.pack_there import publish_pack
from track.store.recipe import RECIPE
from track.verbs.gc_remote import CollectedRemote, gc_remote

DAY_S = 86_400
FIRST = random.Random(1).randbytes(6 << 20)
EDIT = random.Random(2).randbytes(1 << 20)
DEAD = random.Random(3).randbytes(3 << 20)
SECOND = FIRST[: 2 << 20] + EDIT + FIRST[3 << 20 :]
"""The first with a part of it replaced: most chunks are the same."""
LAST = FIRST[: 2 << 20] + EDIT
"""A third of the first, and something new."""


@pytest.fixture
def here(repo: Path) -> Path:
    """Three versions pushed; only the last one is named: an edit of the first, while the second shares nothing."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    for content, message in ((FIRST, "first"), (DEAD, "dead"), (SECOND, "second")):
        write_tree(repo, {"big.bin": content})
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, message)
        track("push", cwd=repo).ok()
    git("checkout", "-q", "--orphan", "other", cwd=repo)
    commit_all(repo, "only the last")
    git("branch", "-q", "-M", "other", "main", cwd=repo)
    forget(repo)
    age(repo)
    return repo


def forget(repo: Path) -> None:
    """As if everything that only a reflog or a step knows were from long ago."""
    for path in (repo / ".git/track/trash").rglob("*.json"):
        path.unlink()
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=repo)
    (repo / ".git/ORIG_HEAD").unlink(missing_ok=True)


def age(repo: Path) -> None:
    """Two days pass at the remote."""
    for path in (repo.parent / "remote").rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - 2 * DAY_S
            os.utime(path, (then, then))


def collected(repo: Path) -> CollectedRemote:
    with Project.open(repo) as project:
        done = gc_remote(project)
    age(repo)
    return done


def at_remote(repo: Path, piece: bytes) -> bool:
    return any(piece in content for content in files_below(repo.parent / "remote").values())


def is_whole(repo: Path, name: str, content: bytes) -> None:
    track("verify", "--remote", "origin", "--deep", cwd=repo).ok()
    clone = cloned(repo, name)
    track("pull", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == content


def middle(content: bytes, at: int) -> bytes:
    """A few bytes, which lie within one chunk; what is random is not compressed."""
    return content[at : at + 400]


def test_chunks_that_a_needed_version_shares_stay_and_those_of_dead_ones_go(here: Path) -> None:
    shared, dead = middle(FIRST, 5 << 20), middle(DEAD, 1 << 20)
    assert at_remote(here, shared) and at_remote(here, dead)
    assert collected(here).condemned_count > 0
    assert at_remote(here, dead)
    done = collected(here)
    assert done.deleted_count > 0 and done.deleted_bytes > len(DEAD) * 0.9
    assert not at_remote(here, dead) and at_remote(here, shared) and at_remote(here, middle(EDIT, 500_000))
    is_whole(here, "clone", SECOND)
    assert [done.condemned_count for done in (collected(here), collected(here))] == [0, 0]
    is_whole(here, "again", SECOND)


def test_what_stays_of_large_files_beside_what_is_needed_is_told(here: Path) -> None:
    """A sixth of the first version is in no other that is needed."""
    for _ in range(2):
        done = collected(here)
        assert 700_000 < done.partly_bytes < 1_500_000
    out = track("gc", "--remote", "-n", cwd=here).ok()
    assert "KiB of large files beside pieces that are needed: kept until that is most of a pack" in out.err
    assert track("gc", "--remote", "-n", "--json", cwd=here).ok().json["partly"]["bytes"] == done.partly_bytes


def test_a_push_that_counts_on_chunks_of_a_dead_version_keeps_them(here: Path) -> None:
    """A clone makes a version anew of which most is in a pack that nothing else needs any more."""
    collected(here)
    clone = cloned(here, "other")
    track("remote", "add", "origin", "../remote", cwd=clone).ok()
    again = DEAD[: 1 << 20] + b"an edit" + DEAD[1 << 20 :]
    write_tree(clone, {"big.bin": again})
    track("add", "big.bin", cwd=clone).ok()
    commit_all(clone, "dead, edited")
    track("push", cwd=clone).ok()
    for _ in range(3):
        collected(here)
    is_whole(clone, "of the clone", again)
    is_whole(here, "of here", SECOND)


def test_a_pack_that_is_mostly_dead_is_written_anew_beside_large_files(here: Path) -> None:
    """Small objects go into packs of their own; those of large files that are needed stay as they are."""
    many = [random.Random(number).randbytes(9000) for number in range(20)]
    write_tree(here, {f"many/{number:02}": content for number, content in enumerate(many)})
    track("add", "many", cwd=here).ok()
    commit_all(here, "many")
    track("push", cwd=here).ok()
    for number in range(2, 20):
        (here / f"many/{number:02}").unlink()
    track("add", "many", cwd=here).ok()
    git("commit", "-q", "--amend", "-m", "few", cwd=here)
    track("push", cwd=here).ok()
    forget(here)
    age(here)
    assert at_remote(here, many[7])
    assert collected(here).copied_count == 2
    collected(here)
    assert not at_remote(here, many[7])
    is_whole(here, "clone", SECOND)
    assert (here.parent / "clone/many/01").read_bytes() == many[1]


@pytest.fixture
def scattered(repo: Path) -> Path:
    """Two versions were pushed, of which the needed one shares two of six MiB with the other."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    for content, message in ((FIRST, "first"), (LAST, "last")):
        write_tree(repo, {"big.bin": content})
        track("add", "big.bin", cwd=repo).ok()
        commit_all(repo, message)
        track("push", cwd=repo).ok()
    git("checkout", "-q", "--orphan", "other", cwd=repo)
    commit_all(repo, "only the last")
    git("branch", "-q", "-M", "other", "main", cwd=repo)
    forget(repo)
    age(repo)
    return repo


def bytes_of(repo: Path) -> int:
    return sum(len(content) for content in files_below(repo.parent / "remote/packs").values())


def test_a_pack_of_chunks_that_is_mostly_dead_is_written_anew_with_the_recipes_that_name_it(scattered: Path) -> None:
    before = bytes_of(scattered)
    dry = track("gc", "--remote", "--dry-run", cwd=scattered).ok()
    assert "chunks of large files among them would be kept in new packs" in dry.err
    assert bytes_of(scattered) == before
    done = collected(scattered)
    assert (done.chunks_count > 10) and 1 << 20 < done.chunks_bytes < 3 << 20
    assert at_remote(scattered, middle(FIRST, 5 << 20))
    is_whole(scattered, "between", LAST)
    done = collected(scattered)
    assert done.deleted_bytes > len(FIRST) and done.spared_count == 0
    assert not at_remote(scattered, middle(FIRST, 5 << 20)) and at_remote(scattered, middle(FIRST, 1 << 20))
    assert bytes_of(scattered) < len(LAST) + 100_000 < before - (3 << 20)
    is_whole(scattered, "after", LAST)
    again = (collected(scattered), collected(scattered))
    assert [(one.condemned_count, one.partly_bytes) for one in again] == [(0, 0), (0, 0)]
    assert list((scattered.parent / "remote/tombstones").iterdir()) == []


def test_a_push_after_chunks_moved_sends_only_what_is_new(scattered: Path) -> None:
    collected(scattered)
    write_tree(scattered, {"big.bin": LAST[: 1 << 20] + b"an edit" + LAST[1 << 20 :]})
    track("add", "big.bin", cwd=scattered).ok()
    commit_all(scattered, "edited")
    before = bytes_of(scattered)
    track("push", cwd=scattered).ok()
    assert bytes_of(scattered) - before < 500_000
    collected(scattered)
    is_whole(scattered, "after", LAST[: 1 << 20] + b"an edit" + LAST[1 << 20 :])


def test_a_version_that_is_needed_again_keeps_what_was_condemned_of_it(scattered: Path) -> None:
    """A clone that knows the first version pushes it again, after its chunks moved away from those of the last."""
    collected(scattered)
    clone = cloned(scattered, "other")
    track("remote", "add", "origin", "../remote", cwd=clone).ok()
    write_tree(clone, {"big.bin": FIRST})
    track("add", "big.bin", cwd=clone).ok()
    commit_all(clone, "first again")
    track("push", cwd=clone).ok()
    for _ in range(3):
        collected(scattered)
    is_whole(clone, "of the clone", FIRST)
    is_whole(scattered, "of here", LAST)


def test_a_clone_with_an_old_index_finds_the_chunks_where_they_are_now(scattered: Path) -> None:
    """It knows only the old recipe, whose packs are gone by now."""
    clone = cloned(scattered, "old")
    track("remote", "add", "origin", "../remote", cwd=clone).ok()
    track("push", cwd=clone)
    for _ in range(2):
        collected(scattered)
    track("pull", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == LAST
    track("verify", "--remote", "origin", "--deep", cwd=clone).ok()


def test_a_damaged_pack_of_chunks_stays_with_the_recipes_that_name_it(scattered: Path) -> None:
    largest = max(
        (scattered.parent / "remote/packs").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size
    )
    at = largest.read_bytes().index(middle(FIRST, 1 << 20))
    content = bytearray(largest.read_bytes())
    content[at] ^= 1
    then = largest.stat().st_mtime
    largest.chmod(0o600)
    largest.write_bytes(content)
    os.utime(largest, (then, then))
    assert collected(scattered).condemned_count <= 1
    collected(scattered)
    assert largest.exists()


def test_a_new_pack_that_is_lost_keeps_the_old_one(scattered: Path) -> None:
    """What was copied is gone a day later: the copy does not count, and what was condemned is spared."""
    before = {path for path in (scattered.parent / "remote/packs").rglob("*") if path.is_file()}
    collected(scattered)
    new = {path for path in (scattered.parent / "remote/packs").rglob("*") if path.is_file()} - before
    chunks = max(new, key=lambda path: path.stat().st_size)
    chunks.unlink()
    done = collected(scattered)
    assert done.spared_count >= 2 and at_remote(scattered, middle(FIRST, 1 << 20))
    clone = cloned(scattered, "clone")
    track("pull", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == LAST


def test_a_recipe_that_says_more_of_a_pack_than_is_in_it_moves_nothing(scattered: Path) -> None:
    """Whoever may write there can say so; the pack stays as it is, with whatever names it."""
    with Project.open(scattered) as project, connected(project, choose(project, None), sending=True) as connection:
        digest = bytes(digest_of(LAST))
        recipe = load_chunked(connection.place, connection.known.chunked(digest)[0])
        first, *rest = recipe.stretches
        packs = tuple(one._replace(entries_count=one.entries_count + 1) for one in recipe.packs)
        beyond = first._replace(first=packs[first.pack].entries_count - 1, chunks_count=1)
        stored = dump_chunked(recipe._replace(packs=packs, stretches=(beyond, *rest)))
        writer = pack.PackWriter(project.store.rooms.staging)
        entry = pack.PackEntry(digest, RECIPE, 0, 0, len(stored), recipe.length, digest_of(stored))
        writer.add_entry(entry, stored)
        sealed = writer.seal()
        assert sealed is not None
        publish_pack(connection.place, connection.known, sealed, without=b"")
    age(scattered)
    before = at_remote(scattered, middle(FIRST, 1 << 20))
    for _ in range(2):
        collected(scattered)
    assert before and at_remote(scattered, middle(FIRST, 1 << 20))


def test_a_dead_recipe_among_live_ones_does_not_count_once_its_chunks_are_gone(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pack stays for the others; whoever pushes that version again has to send it."""
    monkeypatch.setattr(pack, "PACK_SIZE", 2 << 20)
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    small = sorted((random.Random(number).randbytes(1_250_000) for number in range(10, 13)), key=digest_of)
    tries = (random.Random(number).randbytes(5 << 20) for number in range(20, 60))
    large = next(content for content in tries if digest_of(content) > digest_of(small[-1]))  # it is cut last
    write_tree(repo, {"large.bin": large, **{f"small/{number}": content for number, content in enumerate(small)}})
    track("add", "large.bin", "small", cwd=repo).ok()
    commit_all(repo, "all")
    track("push", cwd=repo).ok()
    write_tree(repo, {"large.bin": b"small by now"})
    track("add", "large.bin", cwd=repo).ok()
    git("checkout", "-q", "--orphan", "other", cwd=repo)
    commit_all(repo, "without it")
    git("branch", "-q", "-M", "other", "main", cwd=repo)
    forget(repo)
    age(repo)
    assert sum(collected(repo).deleted_bytes for _ in range(5)) > 3 << 20
    write_tree(repo, {"large.bin": large})
    track("add", "large.bin", cwd=repo).ok()
    commit_all(repo, "again")
    track("push", cwd=repo).ok()
    clone = cloned(repo, "clone")
    track("pull", cwd=clone).ok()
    assert (clone / "large.bin").read_bytes() == large
