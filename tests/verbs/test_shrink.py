"""Shrink: the local store fits its budget again by what remotes verifiably hold, and nothing is lost by it."""

import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.scene import BIG
from support.sharing import cloned, consented
from support.trees import write_tree
from track.model.digest import digest_of
from track.project import Project
from track.store import remote
from track.store.backends.folder import open_folder
from track.store.footprint import footprint
from track.store.holders import read_holders
from track.store.layout import object_key
from track.store.roots import dump_roots, parse_roots
from track.store.tombstones import Tombstone, write_tombstone
from track.verbs.shrink import Shrunk, shrink

MB = 1_000_000
BUDGET = 4 * MB
"""Room for three versions of 1.3 MB each."""


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five versions, all pushed to `origin`, where large files are whole, so that one of them can be taken away."""
    monkeypatch.setattr(remote, "chunker_of", lambda _: None)
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    for number in range(1, 6):
        version(repo, number)
        track("push", cwd=repo).ok()
    return repo


def version(repo: Path, number: int) -> None:
    write_tree(repo, {"big.bin": BIG + b"%d" % number, "data/a": b"a%d" % number})
    track("add", "big.bin", "data", cwd=repo).ok()
    commit_all(repo, f"version {number}")


def big(number: int) -> bytes:
    return digest_of(BIG + b"%d" % number)


def whole(repo: Path) -> set[int]:
    """The numbers of the versions of the large file that are in the store."""
    with Project.open(repo) as project:
        return {number for number in range(1, 9) if project.store.whole(big(number)) is not None}


def shrunk(repo: Path, max_bytes: int | None = BUDGET, **options: object) -> Shrunk | None:
    with Project.open(repo) as project:
        return shrink(project, max_bytes, **options)  # type: ignore[arg-type]  # each test names its own options


def size(repo: Path) -> int:
    with Project.open(repo) as project:
        return footprint(project.store)


def test_what_was_needed_longest_ago_goes_and_comes_back(here: Path) -> None:
    before = size(here)
    done = shrunk(here)
    assert done is not None and done.object_bytes >= 2 * len(BIG)
    assert (done.before_bytes, done.unheld_count, done.over_bytes, done.asked) == (before, 0, 0, ("origin",))
    assert whole(here) == {3, 4, 5}
    assert size(here) == before - done.file_bytes <= BUDGET
    assert shrunk(here) is None
    track("verify", cwd=here).ok()
    missing = track("checkout", "HEAD~4", cwd=here)
    assert missing.code == 4 and "track fetch origin HEAD~4" in missing.err
    track("fetch", "origin", "HEAD~4", cwd=here).ok()
    track("checkout", "HEAD~4", cwd=here).ok()
    assert (here / "big.bin").read_bytes() == BIG + b"1"


def test_a_version_that_is_the_tip_of_a_branch_goes_after_the_history(here: Path) -> None:
    git("tag", "release", "HEAD~4", cwd=here)
    shrunk(here)
    assert whole(here) == {1, 4, 5}


def test_what_is_in_use_stays_however_small_the_budget(here: Path) -> None:
    git("worktree", "add", "-q", "../second", "HEAD~3", cwd=here)
    write_tree(here, {"big.bin": BIG + b"1"})
    track("add", "big.bin", cwd=here).ok()
    done = shrunk(here, MB)
    assert whole(here) == {1, 2}
    assert done is not None and done.over_bytes > 0
    line = track("gc", "--max-size", "1MiB", cwd=here).ok().err
    assert "more than it may: that is what is in use" in line


def test_what_is_at_no_remote_stays_and_is_told(here: Path) -> None:
    shutil.rmtree(here.parent / "remote")
    done = track("gc", "--max-size", "4MB", cwd=here).ok()
    assert whole(here) == {1, 2, 3, 4, 5}
    assert "stay: fewer than 1 remote verifiably hold them" in done.err
    assert "git rev-list --all | xargs track push REMOTE" in done.err
    assert "origin" in done.err


def test_what_the_hint_says_sends_the_past(here: Path) -> None:
    track("remote", "add", "backup", "../backup", cwd=here).ok()
    track("config", "--clone", "store.min_copies", "2", cwd=here).ok()
    done = track("gc", "--max-size", "4MB", cwd=here).ok()
    assert whole(here) == {1, 2, 3, 4, 5} and "fewer than 2 remotes" in done.err
    track("push", "backup", *git("rev-list", "--all", cwd=here).split(), cwd=here).ok()
    track("gc", "--max-size", "4MB", cwd=here).ok()
    assert whole(here) == {3, 4, 5}


def test_what_a_remote_lost_since_stays(here: Path) -> None:
    """The record says that it is there; whoever is asked finds that it is not."""
    (here.parent / "remote" / object_key(big(1))).unlink()
    done = shrunk(here)
    assert done is not None and done.unheld_count == 1
    assert whole(here) == {1, 3, 4, 5}


def test_what_a_collection_has_condemned_there_does_not_count(here: Path) -> None:
    place = open_folder(here.parent / "remote")
    write_tombstone(place, Tombstone("condemned", "e" * 32, wholes=frozenset([big(2)])))
    shrunk(here)
    assert 2 in whole(here) and 1 not in whole(here)


def test_two_copies_are_wanted_and_one_remote_lost_an_object(here: Path) -> None:
    track("remote", "add", "backup", "../backup", cwd=here).ok()
    track("config", "--clone", "store.min_copies", "2", cwd=here).ok()
    done = shrunk(here)
    assert done is not None and (done.objects_count, done.copies) == (0, 2) and whole(here) == {1, 2, 3, 4, 5}
    for number in range(5):
        git("tag", f"v{5 - number}", f"HEAD~{number}", cwd=here)
    track("push", "backup", "--all", cwd=here).ok()
    for number in range(1, 6):
        git("tag", "-d", f"v{number}", cwd=here)
    (here.parent / "backup" / object_key(big(2))).unlink()
    done = shrunk(here)
    assert done is not None and done.unheld_count == 1
    assert whole(here) == {2, 3, 4, 5}
    assert shrunk(here, min_copies=1) is not None
    assert whole(here) == {3, 4, 5}


def test_of_several_remotes_it_does_not_say_that_each_has_what_went(here: Path) -> None:
    track("remote", "add", "backup", "../backup", cwd=here).ok()
    done = track("gc", "--max-size", str(BUDGET), cwd=here).ok()
    assert "at least 1 of `backup` and `origin` has each of them" in done.out
    assert whole(here) == {3, 4, 5}


def test_one_store_under_two_names_is_one_copy(here: Path) -> None:
    track("remote", "add", "twin", str(here.parent / "remote"), cwd=here).ok()
    done = shrunk(here, min_copies=2)
    assert done is not None and (done.objects_count, done.asked) == (0, ("origin", "twin"))
    assert whole(here) == {1, 2, 3, 4, 5}


def test_a_policy_gives_up_no_last_copy(here: Path) -> None:
    (here.parent / "remote" / object_key(big(1))).unlink()
    shutil.rmtree(here / ".git/track/trash")
    git("reflog", "expire", "--expire=now", "--all", cwd=here)
    done = track("gc", "--keep", "tips", "--grace", "0", cwd=here).ok()
    assert whole(here) == {1, 5}
    assert (
        "of what `tips` passes over: kept, for fewer than 1 remote verifiably hold them (store.min_copies)" in done.err
    )
    assert "track gc --min-copies 0" in done.err
    track("gc", "--keep", "tips", "--grace", "0", "--min-copies", "0", cwd=here).ok()
    assert whole(here) == {5}


def test_what_only_a_remote_has_then_is_said_to_be_needed_there(here: Path) -> None:
    """Another clone pushed it; its word is withdrawn, and a collection still keeps what this clone let go of."""
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()
    track("fetch", "origin", "HEAD~4", cwd=clone).ok()
    own = clone / ".git/track/clone-id"
    assert shrunk(clone, MB) is not None
    writer = own.read_text("ascii").split()[0]
    said = {bytes(one) for held in read_holders(open_folder(here.parent / "remote")).entries
            if held.writer == writer for one in held.entry.digests}  # fmt: skip
    assert big(1) in said


@pytest.mark.parametrize("is_dry", [True, False])
def test_what_a_policy_leaves_to_a_remote_is_said_to_be_needed_there(here: Path, is_dry: bool) -> None:
    clone = consented(cloned(here))
    track("pull", cwd=clone).ok()
    track("fetch", "origin", "HEAD~4", cwd=clone).ok()
    shutil.rmtree(clone / ".git/track/trash", ignore_errors=True)
    git("reflog", "expire", "--expire=now", "--all", cwd=clone)
    track("gc", "--keep", "tips", "--grace", "0", *["-n"] * is_dry, cwd=clone).ok()
    assert whole(clone) == ({1, 5} if is_dry else {5})
    writer = (clone / ".git/track/clone-id").read_text("ascii").split()[0] if not is_dry else ""
    said = {bytes(one) for held in read_holders(open_folder(here.parent / "remote")).entries
            if held.writer == writer for one in held.entry.digests}  # fmt: skip
    assert (big(1) in said) is not is_dry


def test_push_pull_and_fetch_keep_the_store_within_its_budget(here: Path) -> None:
    track("config", "--clone", "store.max_size", "4 MB", cwd=here).ok()
    version(here, 6)
    assert whole(here) == {1, 2, 3, 4, 5, 6}, "add asks no remote, and takes nothing away"
    done = track("push", cwd=here).ok()
    assert whole(here) == {4, 5, 6}
    assert "left the local store, which may take 3.8 MiB: `origin` has them" in done.err
    track("fetch", "origin", "HEAD~5", cwd=here).ok()
    assert whole(here) == {4, 5, 6}
    git("checkout", "-q", "HEAD~5", cwd=here)
    track("pull", cwd=here).ok()
    assert 1 in whole(here) and len(whole(here)) == 3
    assert (here / "big.bin").read_bytes() == BIG + b"1"


def test_a_push_asks_no_other_remote_for_what_it_never_had(here: Path) -> None:
    """Over the budget by what is pushed nowhere: that is no reason to ask everybody each time."""
    shutil.rmtree(here.parent / "remote")
    for record in (here / ".git/track/remotes").glob("origin*"):
        record.unlink()
    track("remote", "add", "backup", "../backup", cwd=here).ok()
    track("config", "--clone", "store.max_size", "4 MB", cwd=here).ok()
    done = track("push", "backup", cwd=here).ok()
    assert "origin" not in done.err
    assert "stay: fewer than 1 remote verifiably hold them" in done.err
    assert whole(here) == {1, 2, 3, 4, 5}


def test_a_dry_run_says_what_would_go_and_changes_nothing(here: Path) -> None:
    before = size(here)
    done = track("gc", "-n", "--max-size", "4MB", cwd=here).ok()
    assert "would leave the local store, which may take 3.8 MiB: `origin` has them" in done.out
    assert size(here) == before
    lines = [line.split() for line in done.out.splitlines() if line.startswith("  big.bin")]
    assert len(lines) == 2 and all(line[-1] != "HEAD" for line in lines), done.out
    as_json = track("gc", "-n", "--max-size", "4MB", "--json", cwd=here).ok().json
    leaving = as_json["shrunk"]["leaving"]
    assert {one["path"] for one in leaving} == {"big.bin", "data"}
    assert sum(one["bytes"] for one in leaving if one["path"] == "big.bin") >= 2 * len(BIG)
    assert as_json["shrunk"]["object_bytes"] >= 2 * len(BIG) and as_json["shrunk"]["remotes"] == ["origin"]
    assert track("gc", "--max-size", "much", cwd=here).code == 2
    assert track("gc", "--remote", "--max-size", "4MB", cwd=here).code == 2


def test_the_budget_is_the_persons_alone(here: Path) -> None:
    (here / ".track/config.toml").write_text(
        '[store]\nmax_size = "1 MiB"\nmin_copies = 0\n[remote.origin]\nurl = "../remote"\n'
    )
    done = track("gc", cwd=here).ok()
    assert done.err.count("committed configuration does not choose what is deleted here") == 2
    assert whole(here) == {1, 2, 3, 4, 5}


def test_removing_a_remote_warns_of_what_may_be_nowhere_else(here: Path) -> None:
    track("remote", "add", "backup", "../backup", cwd=here).ok()
    done = track("remote", "remove", "origin", cwd=here).ok()
    assert "2 versions at branches and tags may be nowhere else than there" in done.err
    assert "track push --all --to OTHER" in done.err
    track("remote", "add", "origin", "../remote", cwd=here).ok()
    track("push", "origin", cwd=here).ok()
    track("push", "backup", cwd=here).ok()
    assert "nowhere else" not in track("remote", "remove", "origin", cwd=here).ok().err


# ---- several repositories, one store ----


@pytest.fixture
def sharers(here: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Another repository that uses the same store, with a history and a remote of its own."""
    other = new_repository(tmp_path / "other")
    track("init", cwd=other).ok()
    track("config", "--clone", "store.path", here / ".git/track/store", cwd=other).ok()
    track("remote", "add", "theirs", "../theirs", cwd=other).ok()
    for number in (6, 7):
        version(other, number)
    return here, other


def said_at(place: Path, repo: Path) -> set[bytes]:
    """What a repository said at a remote that it needs."""
    writer = (repo / ".git/track/clone-id").read_text("ascii").split()[0]
    held = read_holders(open_folder(place)).entries
    return {bytes(one) for each in held if each.writer == writer for one in each.entry.digests}


def test_a_copy_at_a_remote_of_another_repository_is_none(sharers: tuple[Path, Path]) -> None:
    """This one's remote has what the other one needs, and the other one does not know that remote."""
    here, other = sharers
    write_tree(here, {"big.bin": BIG + b"6"})
    track("add", "big.bin", cwd=here).ok()
    commit_all(here, "the same as theirs")
    track("push", cwd=here).ok()
    version(here, 8)
    track("push", cwd=here).ok()
    done = shrunk(here, MB)
    assert done is not None and 6 in whole(here) and 1 not in whole(here)
    track("push", "theirs", "HEAD~1", cwd=other).ok()
    shrunk(here, MB)
    assert 6 not in whole(here)
    assert big(6) in said_at(here.parent / "theirs", other)
    track("fetch", "theirs", "HEAD~1", cwd=other).ok()
    assert 6 in whole(here)


def test_what_a_policy_of_another_repository_gives_up_has_to_be_at_its_own_remote(sharers: tuple[Path, Path]) -> None:
    here, other = sharers
    track("config", "--clone", "gc.keep", "tips", cwd=other).ok()
    for repo in sharers:
        shutil.rmtree(repo / ".git/track/trash")
        git("reflog", "expire", "--expire=now", "--all", cwd=repo)
    track("gc", "--grace", "0", cwd=here).ok()
    assert {6, 7} <= whole(here)
    track("push", "theirs", "HEAD~1", cwd=other).ok()
    track("gc", "--grace", "0", cwd=here).ok()
    assert whole(here) == {1, 2, 3, 4, 5, 7}


def test_a_repository_that_cannot_be_opened_keeps_what_it_needs(sharers: tuple[Path, Path]) -> None:
    here, other = sharers
    track("push", "theirs", "HEAD~1", cwd=other).ok()
    (other / ".track/config.toml").write_text("nonsense = [")
    done = shrunk(here, MB)
    assert done is not None and 6 in whole(here) and 1 not in whole(here)
    assert [str(other / ".git") in one.name for one in done.passed] == [True]


def test_what_a_step_can_bring_back_is_said_to_be_needed_where_it_is_left(sharers: tuple[Path, Path]) -> None:
    """It was added, never committed and added over; a third clone pushed the same to that remote."""
    here, other = sharers
    write_tree(other, {"big.bin": BIG + b"8"})
    track("add", "big.bin", cwd=other).ok()
    track("push", "theirs", cwd=other).ok()  # what is staged
    write_tree(other, {"big.bin": BIG + b"7"})
    track("add", "big.bin", cwd=other).ok()
    for path in (here.parent / "theirs/roots").rglob("*"):
        if path.is_file():  # its own word is taken back, and somebody else needs the same
            entry = parse_roots(path.read_bytes(), "")
            target = here.parent / "theirs/roots" / ("e" * 32) / path.name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(dump_roots(entry._replace(writer="e" * 32)))
            path.unlink()
    shrunk(here, MB)
    assert 8 not in whole(here)
    assert big(8) in said_at(here.parent / "theirs", other)
