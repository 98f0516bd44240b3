"""Gc of a remote with a keep policy: what any clone that pushed there keeps stays; the rest goes, and is told."""

import shutil
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, consented
from support.trees import write_tree
from track.flows.remotes import clone_id
from track.model.digest import digest_of
from track.model.policy import ALL, TIPS, parse_policy
from track.project import Project
from track.store import remote
from track.store.backends.folder import open_folder
from track.store.holders import read_holders, say_kept
from track.store.layout import object_key
from verbs.test_gc_remote import BIG, age, at_remote, collected, forget

COUNT = 4


def version(repo: Path, number: int) -> None:
    """A version of a large file and a directory, committed and pushed."""
    write_tree(repo, {"big.bin": BIG + b"%d" % number, "data/a": b"a%d" % number})
    track("add", "big.bin", "data", cwd=repo).ok()
    commit_all(repo, f"version {number}")
    track("push", cwd=repo).ok()


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four versions, pushed one after the other; none is young."""
    monkeypatch.setattr(remote, "chunker_of", lambda _: None)
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    for number in range(COUNT):
        version(repo, number)
    forget(repo)
    track("config", "--clone", "gc.grace", "0", cwd=repo).ok()
    age(repo)
    return repo


def whole(repo: Path) -> set[int]:
    """The numbers of the versions that are at the remote."""
    there = at_remote(repo)
    return {number for number in range(9) if object_key(digest_of(BIG + b"%d" % number)) in there}


def twice(repo: Path, **options: object) -> None:
    """Condemn, wait a day, delete."""
    collected(repo, **options)
    age(repo)
    collected(repo, **options)


def keep(repo: Path, text: str) -> None:
    track("config", "--clone", "gc.keep", text, cwd=repo).ok()


def test_of_the_history_only_what_the_policy_says_stays(here: Path) -> None:
    twice(here)
    assert whole(here) == {0, 1, 2, 3}
    twice(here, keep=parse_policy("last 2"))
    assert whole(here) == {2, 3}
    git("tag", "two", "HEAD~1", cwd=here)
    twice(here, keep=TIPS)
    assert whole(here) == {2, 3}
    git("tag", "-d", "two", cwd=here)
    twice(here, keep=TIPS)
    assert whole(here) == {3}
    track("verify", "--remote", "origin", cwd=here).ok()
    track("pull", cwd=consented(cloned(here))).ok()


def test_what_only_a_reflog_keeps_there_is_named_with_the_age_of_its_entries(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track("config", "--clone", "gc.grace", "14", cwd=here).ok()
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"@{int(time.time()) - 7300} +0000")
    for number in (4, 5):
        version(here, number)
    shutil.rmtree(here / ".git/track/trash", ignore_errors=True)
    done = track("gc", "--remote", "-n", "--keep", "tips", cwd=here).ok()
    # What the first of the two commits replaced has an entry, too.
    assert "4 versions that `tips` passes over: kept, for git reflog has entries of them, 2 hours old" in done.err
    assert "git reflog expire --expire=now --all" in done.err
    assert track("gc", "--remote", "-n", "--keep", "tips", "--json", cwd=here).ok().json["by_reflogs"]["versions"] == 4
    forget(here)
    assert "git reflog" not in track("gc", "--remote", "-n", "--keep", "tips", cwd=here).ok().err


def test_what_another_clone_keeps_by_default_stays(here: Path) -> None:
    """It pushed one version, and relies on all of the history: also on what only this clone pushed."""
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()
    version(clone, 4)
    git("pull", "-q", str(clone), "main", cwd=here)
    track("pull", cwd=here).ok()
    forget(here)
    age(here)
    keep(here, "tips")

    twice(here)
    assert whole(here) == {0, 1, 2, 3, 4}
    done = track("gc", "--remote", "-n", cwd=here).ok()
    assert "keeps `all` of the history (its gc.keep): so does this collection" in done.err
    assert "track gc --remote --forget CLONE" in done.err

    keep(clone, "last 2")
    track("gc", "--remote", cwd=clone).ok()  # says so
    twice(here)
    assert whole(here) == {3, 4}

    keep(clone, "all")
    version(clone, 5)  # says so with its push
    git("pull", "-q", str(clone), "main", cwd=here)
    track("pull", cwd=here).ok()
    forget(here)
    age(here)
    twice(here)
    assert whole(here) == {3, 4, 5}


def test_what_a_clone_keeps_stays_though_nothing_that_it_pushed_is_left(here: Path) -> None:
    """All that it pushed was purged; that it keeps all of the history is known all the same."""
    clone = consented(cloned(here))
    track("config", "--clone", "lock.timeout", "5", cwd=clone).ok()
    write_tree(clone, {"alone.bin": BIG + b"alone"})
    track("add", "alone.bin", cwd=clone).ok()
    git("checkout", "-q", "--orphan", "theirs", cwd=clone)
    track("rm", "--cached", "big.bin", "data", cwd=clone)
    commit_all(clone, "of the clone alone")
    track("push", cwd=clone).ok()
    place = open_folder(here.parent / "remote")
    (writer,) = {one.writer for one in read_holders(place).entries} - {clone_id_of(here)}
    track("purge", "--yes", "alone.bin", "--because", "asked for", cwd=clone).ok()
    assert read_holders(place).policies()[writer] == ALL
    assert [one.entry.refs for one in read_holders(place).entries if one.writer == writer] == [{}]
    age(here)
    keep(here, "tips")
    twice(here)
    assert whole(here) == {0, 1, 2, 3}
    track("gc", "--remote", "--forget", writer[:8], cwd=here).ok()
    assert writer not in read_holders(place).policies()
    age(here)
    twice(here)
    assert whole(here) == {3}


def clone_id_of(repo: Path) -> str:
    with Project.open(repo) as project:
        return clone_id(project)


def test_what_another_clone_pushed_stays_until_it_collects(here: Path) -> None:
    clone = consented(cloned(here))
    keep(here, "tips")
    keep(clone, "tips")
    track("pull", cwd=clone).ok()
    version(clone, 4)
    version(clone, 5)
    git("pull", "-q", str(clone), "main", cwd=here)
    track("pull", cwd=here).ok()
    forget(here)
    age(here)
    twice(here, keep=TIPS)
    assert whole(here) == {4, 5}
    git("push", "-q", "origin", "HEAD:refs/heads/elsewhere", cwd=clone, check=False)
    forget(clone)
    track("config", "--clone", "gc.grace", "0", cwd=clone).ok()
    git("fetch", "-q", "--all", cwd=clone)
    collected(clone)
    age(here)
    twice(here, keep=TIPS)
    assert whole(here) == {4, 5}  # nothing that this clone knows of has another copy
    twice(clone)
    assert whole(here) == {5}


def test_a_clone_that_is_forgotten_keeps_nothing_by_its_policy(here: Path) -> None:
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()
    track("push", cwd=clone).ok()
    age(here)
    twice(here, keep=TIPS)
    assert whole(here) == {0, 1, 2, 3}
    own = (clone / ".git/track/clone-id").read_text("ascii").split()[0]
    collected(here, keep=TIPS, forget=[own[:8]])
    age(here)
    collected(here, keep=TIPS)
    assert whole(here) == {3}


def test_a_clone_that_needs_nothing_and_is_forgotten_has_no_say_any_more(here: Path) -> None:
    """It only said once what it keeps."""
    other = "e" * 32
    say_kept(open_folder(here.parent / "remote"), other, parse_policy("last 3"), frozenset())
    twice(here, keep=TIPS)
    assert whole(here) == {1, 2, 3}
    collected(here, keep=TIPS, forget=["eeee"])
    assert other not in read_holders(open_folder(here.parent / "remote")).policies()
    age(here)
    collected(here, keep=TIPS)
    assert whole(here) == {3}


def test_a_flag_is_for_one_collection_and_not_what_the_clone_keeps(here: Path) -> None:
    collected(here, keep=TIPS)
    assert set(read_holders(open_folder(here.parent / "remote")).policies().values()) == {ALL}


def test_a_tip_of_the_git_remote_stays(here: Path) -> None:
    bare = here.parent / "bare.git"
    git("init", "-q", "--bare", str(bare), cwd=here)
    git("remote", "add", "origin", str(bare), cwd=here)
    git("push", "-q", "origin", "HEAD~2:refs/heads/theirs", cwd=here)
    git("fetch", "-q", "origin", cwd=here)
    forget(here)
    twice(here, keep=TIPS)
    assert whole(here) == {1, 3}


def test_the_policy_is_said_at_the_remote_and_taken_back(here: Path) -> None:
    place = open_folder(here.parent / "remote")
    with Project.open(here):
        own = (here / ".git/track/clone-id").read_text("ascii").split()[0]
    assert dict(read_holders(place).policies()) == {own: ALL}
    keep(here, "last 2")
    twice(here)
    holders = read_holders(place)
    assert dict(holders.policies()) == {own: parse_policy("last 2")}
    assert {digest_of(BIG + b"0"), digest_of(BIG + b"1")} <= holders.dropped().keys()
    keep(here, "all")
    collected(here)
    holders = read_holders(place)
    assert (dict(holders.policies()), len(holders.entries)) == ({own: ALL}, 1)


def test_a_push_with_nothing_to_send_says_a_policy_that_has_changed(here: Path) -> None:
    other = cloned(here)
    consented(other)
    track("pull", cwd=other).ok()
    write_tree(other, {"more": b"theirs"})
    track("add", "more", cwd=other).ok()
    commit_all(other, "theirs")
    keep(other, "tips")
    track("push", cwd=other).ok()
    keep(other, "all")
    track("push", cwd=other).ok()
    assert set(read_holders(open_folder(here.parent / "remote")).policies().values()) == {ALL}
    keep(here, "tips")
    age(here)
    twice(here)
    assert whole(here) == {0, 1, 2, 3}
    keep(other, "tips")
    track("push", cwd=other).ok()
    twice(here)
    assert whole(here) == {3}


def test_a_dry_run_says_nothing_at_the_remote_and_explains(here: Path) -> None:
    before = at_remote(here)
    done = track("gc", "--remote", "--keep", "tips", "-n", cwd=here).ok()
    assert done.out.splitlines()[0].startswith("big.bin  3 versions  3 objects  4.4 MiB  made by ")
    assert "(version 2), which the keep policy passes over" in done.out
    assert "6 versions of the history would be given up: kept is `tips`" in done.err
    assert at_remote(here) == before


def test_whoever_misses_it_is_told_that_it_was_given_up_and_by_whom(here: Path) -> None:
    keep(here, "tips")
    twice(here)
    shutil.rmtree(here / ".git/track/store")
    clone = cloned(here)
    track("pull", cwd=clone).ok()
    done = track("fetch", "origin", "HEAD~1", cwd=clone)
    own = (here / ".git/track/clone-id").read_text("ascii").split()[0]
    assert done.code == 4
    assert f"big.bin: given up at origin (clone {own[:8]}) by " in done.err
    assert "keeping `tips` (gc.keep)" in done.err
    assert "hint: in a clone that still has it: track push" in done.err
    done = track("checkout", "HEAD~1", cwd=clone)
    assert done.code == 4 and "given up at origin" in done.err


# ---- the last copies ----


def lose_here(repo: Path, *numbers: int) -> None:
    """The local store has the large file of these versions no longer."""
    for number in numbers:
        (repo / ".git/track/store" / object_key(digest_of(BIG + b"%d" % number))).unlink()


def test_the_last_copy_stays_until_it_is_said_that_it_may_go(here: Path) -> None:
    lose_here(here, 0, 1)
    done = collected(here, keep=TIPS)
    assert (done.unheld_count, done.min_copies) == (2, 1)
    age(here)
    assert collected(here, keep=TIPS).unheld_count == 2
    assert whole(here) == {0, 1, 3}
    track("verify", "--remote", "origin", cwd=here).ok()
    track("fetch", "origin", "HEAD~3", cwd=here).ok()
    assert (here / ".git/track/store" / object_key(digest_of(BIG + b"0"))).read_bytes() == BIG + b"0"
    lose_here(here, 0)
    twice(here, keep=TIPS, min_copies=0)
    assert whole(here) == {3}


def test_another_remote_holds_a_copy(here: Path) -> None:
    lose_here(here, 0, 1)
    track("fetch", "origin", "HEAD~3", cwd=here).ok()
    track("remote", "add", "second", "../second", cwd=here).ok()
    track("push", "second", "HEAD~3", cwd=here).ok()
    lose_here(here, 0)
    twice(here, keep=TIPS)
    assert whole(here) == {1, 3}
    twice(here, keep=TIPS, min_copies=2)
    track("fetch", "second", "HEAD~3", cwd=here).ok()


def test_the_same_store_under_another_name_is_no_other_place(here: Path) -> None:
    lose_here(here, 0)
    track("remote", "add", "alias", here.parent / "remote", cwd=here).ok()
    twice(here, keep=TIPS)
    assert whole(here) == {0, 3}


def test_a_copy_that_went_in_between_spares_what_was_condemned(here: Path) -> None:
    assert collected(here, keep=TIPS).unheld_count == 0
    lose_here(here, 0)
    age(here)
    assert collected(here, keep=TIPS).unheld_count == 1
    assert whole(here) == {0, 3}


def test_two_copies_are_wanted(here: Path) -> None:
    track("remote", "add", "second", "../second", cwd=here).ok()
    track("push", "second", "HEAD~3", cwd=here).ok()
    twice(here, keep=TIPS, min_copies=2)  # here and at the other remote
    assert whole(here) == {1, 2, 3}


def test_a_remote_that_does_not_answer_holds_nothing(here: Path) -> None:
    track("remote", "add", "second", "../second", cwd=here).ok()
    track("push", "second", "HEAD~3", cwd=here).ok()
    (here.parent / "second").rename(here.parent / "away")
    lose_here(here, 0)
    said = track("gc", "--remote", "origin", "--keep", "tips", cwd=here).ok()
    assert "`second` (../second) was passed over" in said.err
    assert "1 version that `tips` passes over: kept, for fewer than 1 other place verifiably hold" in said.err
    assert "--min-copies 0" in said.err
    age(here)
    said = track("gc", "--remote", "origin", "--keep", "tips", "--json", "-n", cwd=here).ok()
    assert said.json["unheld"] == {"versions": 1, "copies": 1} and len(said.json["passed"]) == 1
    age(here)
    track("gc", "--remote", "origin", "--keep", "tips", cwd=here).ok()
    assert whole(here) == {0, 3}
    for _ in range(2):
        track("gc", "--remote", "origin", "--keep", "tips", "--min-copies", "0", cwd=here).ok()
        age(here)
    assert whole(here) == {3}


def test_the_budget_is_about_the_local_store_alone(here: Path) -> None:
    assert track("gc", "--remote", "--max-size", "1GB", cwd=here).code == 2
