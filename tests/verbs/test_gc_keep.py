"""Gc with a keep policy: of the history only what it says stays; what is in use stays whatever it says."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.scene import BIG, FULL
from support.trees import write_tree
from track.errors import GitFailed, HistoryIncomplete
from track.model.digest import digest_of
from track.model.policy import TIPS, Policy, parse_policy
from verbs.test_gc import PLACES, age, change, collected, forget_history, forget_steps, objects

DAY_S = 86_400
NOW_S = 1_900_000_000
GIVEN_UP = {"reflog", "side_of_a_merge", "made_in_a_merge", "replaced"}
"""Those places of `test_gc` that are history."""


def commit_at(repo: Path, message: str, days_ago: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of everything, made so long before `NOW_S`."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{NOW_S - int(days_ago * DAY_S)} +0000")
    commit_all(repo, message)
    monkeypatch.delenv("GIT_COMMITTER_DATE")


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five versions, 100, 60, 40, 20 and 1 days old; the second is tagged, the third the tip of a branch."""
    monkeypatch.setattr("track.verbs.gc.time.time", lambda: float(NOW_S))
    track("init", cwd=repo).ok()
    track("config", "--clone", "store.min_copies", "0", cwd=repo).ok()
    for number, days in enumerate((100, 60, 40, 20, 1), 1):
        change(repo, b"version %d" % number)
        commit_at(repo, f"version {number}", days, monkeypatch)
    git("tag", "-a", "-m", "release", "release", "HEAD~3", cwd=repo)
    git("branch", "side", "HEAD~2", cwd=repo)
    forget_history(repo)
    return repo


def whole(repo: Path) -> set[int]:
    """The numbers of the versions of which everything is here."""
    there = objects(repo)
    texts = {number: b"version %d" % number for number in range(1, 6)}
    return {number for number, text in texts.items() if {digest_of(text), digest_of(BIG + text)} <= there}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("all", {1, 2, 3, 4, 5}),
        ("tips", {2, 3, 5}),
        ("last 2", {2, 3, 4, 5}),
        ("newer than 10d", {2, 3, 4, 5}),
        ("newer than 30d", {2, 3, 4, 5}),
        ("newer than 80d", {1, 2, 3, 4, 5}),
        ("last 5", {1, 2, 3, 4, 5}),
        ("last 1, newer than 15d", {2, 3, 4, 5}),
    ],
)
def test_of_the_history_only_what_the_policy_says_stays(here: Path, text: str, kept: set[int]) -> None:
    done = collected(here, keep=parse_policy(text), grace_days=0)
    assert whole(here) == kept
    assert done.given_up_count == 2 * (5 - len(kept))
    track("verify", cwd=here).ok()


def test_every_commit_of_the_days_that_are_kept_checks_out_whole(here: Path) -> None:
    """What a new commit replaced was the version of its parent until then, however old it was."""
    git("branch", "-D", "side", cwd=here)
    git("tag", "-d", "release", cwd=here)
    collected(here, keep=parse_policy("newer than 45d"), grace_days=0)
    assert whole(here) == {2, 3, 4, 5}


def test_what_a_merge_replaced_counts_until_the_merge(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch from long ago, merged today: until today, main was something else."""
    git("checkout", "-q", "-b", "old", "HEAD~4", cwd=here)
    change(here, b"of the branch")
    commit_at(here, "long ago", 99, monkeypatch)
    git("checkout", "-q", "main", cwd=here)
    git("merge", "-q", "-s", "ours", "--no-commit", "old", cwd=here)
    git("checkout", "-q", "old", "--", ".", cwd=here)
    commit_at(here, "theirs", 0, monkeypatch)
    git("branch", "-D", "old", cwd=here)
    forget_history(here)
    collected(here, keep=parse_policy("newer than 1d"), grace_days=0)
    assert {2, 3, 5} <= whole(here)
    assert digest_of(b"of the branch") in objects(here)


@pytest.mark.parametrize("name_it", PLACES if FULL else PLACES[1::3], ids=lambda place: place.__name__.strip("_"))
def test_what_is_in_use_stays_whatever_the_policy(repo: Path, name_it: Callable[[Path], None]) -> None:
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/a": b"first a", "data/deep/b": b"first b", "big.bin": BIG})
    track("add", "data", "big.bin", cwd=repo).ok()
    commit_all(repo, "first")
    name_it(repo)
    for rows in (repo / ".git").rglob("stat.db"):
        rows.unlink()
    wanted = {digest_of(b"wanted"), digest_of(b"wanted b"), digest_of(BIG + b"wanted")}

    collected(repo, keep=TIPS, min_copies=0, grace_days=0)

    if name_it.__name__.strip("_") in GIVEN_UP:
        assert not wanted & objects(repo)
    else:
        assert wanted <= objects(repo)


def test_a_reflog_counts_for_as_long_as_the_grace_period(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was reset away an hour ago can be had back, however old the commit is; a month later it is history."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{NOW_S - 3600} +0000")
    git("reset", "-q", "--hard", "HEAD~1", cwd=here)
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    track("checkout", "--force", cwd=here).ok()
    forget_steps(here)
    (here / ".git/ORIG_HEAD").unlink(missing_ok=True)
    age(here, days=60)
    collected(here, keep=TIPS, grace_days=14)
    assert whole(here) == {2, 3, 4, 5}
    collected(here, keep=TIPS, grace_days=0)
    assert whole(here) == {2, 3, 4}


def test_a_bisect_may_go_anywhere(here: Path) -> None:
    git("bisect", "start", "main", "main~4", cwd=here)
    track("checkout", "--force", cwd=here).ok()
    forget_steps(here)
    collected(here, keep=TIPS, grace_days=0)
    assert whole(here) == {1, 2, 3, 4, 5}
    git("bisect", "reset", cwd=here)
    track("checkout", "--force", cwd=here).ok()
    forget_history(here)
    collected(here, keep=TIPS, grace_days=0)
    assert whole(here) == {2, 3, 5}


@pytest.mark.parametrize("wanted", ["tree:0", "blob:none"])
def test_a_partial_clone_is_refused_under_a_policy_too(here: Path, wanted: str) -> None:
    """A tip of which the tree is not here names something; passing it over would give that up."""
    git("config", "uploadpack.allowFilter", "true", cwd=here)
    clone = here.parent / "partial"
    git("clone", "-q", "--no-checkout", f"--filter={wanted}", here.as_uri(), str(clone), cwd=here.parent)
    git("remote", "remove", "origin", cwd=clone)
    track("init", "--no-hooks", cwd=clone)
    with pytest.raises((GitFailed, HistoryIncomplete)):
        collected(clone, keep=TIPS, min_copies=0, grace_days=0)


def test_a_version_that_came_back_later_is_among_the_last(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(here, b"version 1")
    commit_at(here, "as at first", 0, monkeypatch)
    forget_history(here)
    collected(here, keep=Policy(False, last=2), grace_days=0)
    assert whole(here) == {1, 2, 3, 5}


def test_another_repository_of_the_store_is_kept_by_its_own_policy(here: Path, tmp_path: Path) -> None:
    other = new_repository(tmp_path / "other")
    track("init", "--store", str(here / ".git/track/store"), cwd=other)
    track("config", "--clone", "store.path", str(here / ".git/track/store"), cwd=other).ok()
    git("fetch", "-q", str(here), "main:taken", cwd=other)
    track("status", cwd=other)
    git("checkout", "-q", "taken", cwd=other)
    track("checkout", cwd=other).ok()
    forget_history(other)
    collected(here, keep=TIPS, grace_days=0)
    assert whole(here) == {1, 2, 3, 4, 5}
    track("config", "--clone", "gc.keep", "last 2", cwd=other).ok()
    collected(here, keep=TIPS, grace_days=0)
    assert whole(here) == {2, 3, 4, 5}
    (other / ".git/track/config.toml").write_text('[gc]\nkeep = "what?"\n')
    with pytest.raises(HistoryIncomplete, match="keeps cannot be read"):
        collected(here, keep=TIPS, grace_days=0)


def test_what_is_committed_while_it_looks_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch that is made between the two looks, at a commit that the policy had passed over."""
    looked = []

    def branch_then_look(*args: object, **options: object) -> object:
        if options.get("since") is not None:
            git("branch", "late", "main~4", cwd=here)
        looked.append(1)
        return mark_needed(*args, **options)  # type: ignore[arg-type]  # as it was called

    from track.verbs import gc as verb

    mark_needed = verb.mark_needed
    monkeypatch.setattr(verb, "mark_needed", branch_then_look)
    collected(here, keep=TIPS, grace_days=0)
    assert len(looked) == 2
    assert whole(here) == {1, 2, 3, 5}


def test_a_dry_run_explains_by_artifact_and_by_commit(here: Path) -> None:
    done = track("gc", "-n", "--grace", "0", "--keep", "tips", cwd=here).ok()
    lines = done.out.splitlines()
    assert lines[0].startswith("big.bin  2 versions  2 objects  2.5 MiB  made by ")
    assert "(version 4), which the keep policy passes over" in lines[0]
    assert lines[1].startswith("data  2 versions  6 objects")
    assert "4 versions of the history would be given up: kept is `tips`" in done.err
    assert whole(here) == {1, 2, 3, 4, 5}
    as_json = track("gc", "-n", "--grace", "0", "--keep", "tips", "--json", cwd=here).ok().json
    assert (as_json["keep"], as_json["given_up"]) == ("tips", 4)
    assert [source["in_history"] for source in as_json["sources"]] == [True, True]


def test_the_setting_is_the_persons_alone_and_the_flag_goes_over_it(here: Path) -> None:
    (here / ".track/config.toml").write_text('[gc]\nkeep = "tips"\n')
    done = track("gc", "-n", "--grace", "0", cwd=here).ok()
    assert "committed configuration does not choose what is deleted here" in done.err
    assert done.out == "nothing would go\n"
    track("config", "--clone", "gc.keep", "last 1,tips", cwd=here).ok()
    assert track("config", "gc.keep", cwd=here).ok().out.strip() == "last 1"
    assert "would go" in track("gc", "-n", "--grace", "0", cwd=here).ok().out
    assert track("gc", "-n", "--grace", "0", "--keep", "all", cwd=here).ok().out == "nothing would go\n"
    refused = track("config", "--clone", "gc.keep", "some", cwd=here)
    assert refused.code == 3 and "newer than 90d" in refused.err
    refused = track("gc", "--keep", "some", cwd=here)
    assert refused.code == 2 and "newer than 90d" in refused.err


def test_whoever_misses_it_is_told_that_it_was_given_up(here: Path) -> None:
    track("gc", "--grace", "0", "--keep", "tips", cwd=here).ok()
    done = track("checkout", "HEAD~1", cwd=here)
    assert done.code == 4
    assert "big.bin: given up here by 2030-03-17, keeping `tips` (gc.keep)" in done.err
    assert "in a clone that still has it: track push" in done.err
    assert os.path.exists(here / "big.bin")


def test_what_a_step_can_bring_back_is_named_as_the_reason_that_it_stays(repo: Path) -> None:
    track("init", cwd=repo).ok()
    track("config", "--clone", "store.min_copies", "0", cwd=repo).ok()
    for number in range(3):
        change(repo, b"version %d" % number)
        commit_all(repo, f"version {number}")
    git("reflog", "expire", "--expire=now", "--all", cwd=repo)
    for options in (["-n"], []):
        done = track("gc", "--keep", "tips", "--grace", "0", *options, cwd=repo).ok()
        assert "4 versions that `tips` passes over: kept, for track restore can bring them back" in done.err
        assert "trash.days" in done.err and done.out.splitlines()[-1] in ("nothing would go", "nothing to take away")
    assert track("gc", "--keep", "tips", "-n", "--json", cwd=repo).ok().json["by_steps"] == 4
    assert "track restore" not in track("gc", "--keep", "all", "-n", cwd=repo).ok().err
    shutil.rmtree(repo / ".git/track/trash")
    done = track("gc", "--keep", "tips", "--grace", "0", cwd=repo).ok()
    assert "track restore" not in done.err and "are gone" in done.out


def test_what_only_a_reflog_keeps_is_named_with_the_age_of_its_entries(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track("init", cwd=repo).ok()
    track("config", "--clone", "store.min_copies", "0", cwd=repo).ok()
    for number, hours in enumerate((50, 4, 0)):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"@{int(time.time()) - hours * 3600 - 60} +0000")
        change(repo, b"version %d" % number)
        commit_all(repo, f"version {number}")
    shutil.rmtree(repo / ".git/track/trash")
    done = track("gc", "--keep", "tips", "-n", cwd=repo).ok()
    assert "4 versions that `tips` passes over: kept, for git reflog has entries of them, " in done.err
    assert " to 2 days old, and those of the last 14 days count (gc.grace)" in done.err
    assert "git reflog expire --expire=now --all" in done.err and "given up" not in done.err
    told = track("gc", "--keep", "tips", "-n", "--json", cwd=repo).ok().json["by_reflogs"]
    assert told["versions"] == 4 and told["first"] < told["last"] <= time.time()
    assert "git reflog" not in track("gc", "--keep", "all", "-n", cwd=repo).ok().err
    assert "git reflog" not in track("gc", "--keep", "last 3", "-n", cwd=repo).ok().err, "the policy keeps them itself"
    git("reflog", "expire", "--expire=now", "--all", cwd=repo)
    done = track("gc", "--keep", "tips", "-n", cwd=repo).ok()
    assert "git reflog" not in done.err and "4 versions of the history would be given up" in done.err


def test_a_version_that_an_alias_names_stays_under_every_policy(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    track("config", "--clone", "store.min_copies", "0", cwd=repo).ok()
    file = tmp_path / "rides.csv"
    for number in range(3):
        file.write_bytes(b"version %d" % number)
        track("put", "rides", file, cwd=repo).ok()
        if number == 0:
            track("alias", "rides", "prod", cwd=repo).ok()
        commit_all(repo, f"version {number}")
    forget_history(repo)
    collected(repo, keep=TIPS, grace_days=0)
    assert {digest_of(b"version 0"), digest_of(b"version 2")} <= objects(repo)
    assert digest_of(b"version 1") not in objects(repo)
    track("get", "rides@prod", "-o", tmp_path / "prod", cwd=repo).ok()
    assert (tmp_path / "prod").read_bytes() == b"version 0"

    track("alias", "rides", "prod", "--remove", cwd=repo).ok()
    commit_all(repo, "no alias")
    forget_history(repo)
    collected(repo, keep=TIPS, grace_days=0)
    assert digest_of(b"version 0") not in objects(repo)
