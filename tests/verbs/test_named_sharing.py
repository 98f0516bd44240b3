"""Named artifacts between clones: pushed, fetched, kept, looked at and merged as everything that has a pointer is."""

import shutil
from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track_here as track
from support.named import NAMED, commit_at, got, new_rides, pointer, put_text
from support.repositories import commit_all, git
from support.scene import duplicate
from support.trees import read_tree

EU1 = "rides/region=eu/time=2024-01-01"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene: `repo` with three partitions of `rides`, an alias, a value and a directory, pushed to `remote`."""
    scene = tmp_path_factory.mktemp("scene")
    repo = new_rides(scene / "repo")
    (scene / "model").mkdir()
    (scene / "model/weights").write_bytes(b"w")
    track("put", "model", scene / "model", cwd=repo).ok()
    track("put", "answer", "--value", "42", cwd=repo).ok()
    track("alias", "rides@HEAD~2", "first", cwd=repo).ok()
    put_text(repo, "rides", "newer\n", "--partition", "region=eu", "--time", "2024-01-01")
    commit_at(repo, "newer", 2023)
    (scene / "remote").mkdir()
    track("remote", "add", "origin", scene / "remote", cwd=repo).ok()
    commit_all(repo, "remote")
    track("push", cwd=repo).ok()
    git("clone", "--quiet", "repo", "clone", cwd=scene)
    track("remote", "add", "origin", scene / "remote", cwd=scene / "clone")
    return scene


@pytest.fixture
def scene(made: Path, tmp_path: Path) -> Path:
    """A copy of that, with the remote where it was."""
    return duplicate(made, tmp_path / "scene")


def told(done: Completed, code: int, *parts: str) -> None:
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    for part in parts:
        assert part in done.err, done.err


def test_a_clone_gets_every_version_that_pointers_name_and_nothing_appears(scene: Path) -> None:
    clone = scene / "clone"
    told(track("get", "rides", cwd=clone), 4, "`.track/artifacts/rides/", "track fetch origin -- ")
    before = read_tree(clone, leave_out=(b".git", b".store", b".track"))
    track("pull", cwd=clone).ok()
    assert read_tree(clone, leave_out=(b".git", b".store", b".track")) == before
    assert got(clone, "rides") == b"newer\n"
    assert got(clone, "rides@first") == b"eu 2024-01-01\n"  # no pointer but the alias has it
    assert got(clone, "answer") == b"42\n"
    track("get", "model", "-o", scene / "back", cwd=clone).ok()
    assert read_tree(scene / "back") == {b"weights": b"w"}
    track("verify", cwd=clone).ok()


def test_one_version_is_fetched_as_the_error_says(scene: Path) -> None:
    clone = scene / "clone"
    told(track("get", "rides", "--partition", "region=us", cwd=clone), 4)
    track("fetch", "origin", "--", f"{NAMED}/rides/region=us/time=2024-01-01.track", cwd=clone).ok()
    assert got(clone, "rides", "--partition", "region=us") == b"us 2024-01-01\n"
    shown = track("artifacts", "show", "rides", "--json", cwd=clone).ok().json["versions"]
    assert {(one["partitions"]["region"] + one["partitions"]["time"]): one["here"] for one in shown} == {
        "eu2024-01-01": False,
        "eu2024-01-02": False,
        "us2024-01-01": True,
    }


def test_status_diff_log_and_the_hooks_know_them_and_miss_no_working_copy(scene: Path) -> None:
    repo = scene / "repo"
    assert track("status", "--porcelain", cwd=repo).ok().out == ""
    track("hooks", "install", cwd=repo).ok()
    put_text(repo, "rides", "again\n", "--partition", "region=us", "--time", "2024-01-01")
    track("put", "answer", "--value", "43", cwd=repo).ok()
    assert "M modified  rides region=us time=2024-01-01" in track("diff", "HEAD", cwd=repo).ok().out
    git("commit", "--quiet", "--message=again", cwd=repo)  # pre-commit
    assert track("diff", "HEAD~1", "HEAD", "--json", cwd=repo).ok().json["artifacts"][0]["name"] in (
        "answer",
        "rides region=us time=2024-01-01",
    )
    logged = track("log", f"{NAMED}/rides/region=us/time=2024-01-01.track", cwd=repo).ok().out
    assert logged.index("again") < logged.index("us 2024-01-01")
    before = read_tree(repo, leave_out=(b".git", b".store", b".track"))
    git("checkout", "--quiet", "HEAD~3", cwd=repo)  # post-checkout
    assert read_tree(repo, leave_out=(b".git", b".store", b".track")) == before
    assert got(repo, "rides", "--partition", "region=us") == b"us 2024-01-01\n"
    git("checkout", "--quiet", "main", cwd=repo)
    git("init", "--quiet", "--bare", "bare.git", cwd=scene)
    git("remote", "add", "server", scene / "bare.git", cwd=repo)
    done = git("push", "--quiet", "server", "main", cwd=repo)  # pre-push sends the new version
    assert "Traceback" not in done
    track("verify", "--remote", "origin", cwd=repo).ok()
    shutil.rmtree(repo / ".git/track/store")
    track("fetch", cwd=repo).ok()
    assert got(repo, "rides", "--partition", "region=us") == b"again\n"


def test_labels_and_tags_are_set_without_the_data(scene: Path) -> None:
    clone = scene / "clone"
    path = f"{NAMED}/{EU1}.track"
    track("label", path, "ticket=AB-7", cwd=clone).ok()
    track("tag", path, "+gold", cwd=clone)
    assert pointer(clone, EU1).labels == {"ticket": "AB-7"}
    told(track("label", "rides", "ticket=AB-7", cwd=clone), 2, "named artifact with 3 partitions", f"{NAMED}/rides/")


def test_a_collection_keeps_what_any_commit_names_and_takes_what_none_does(scene: Path) -> None:
    repo = scene / "repo"
    put_text(repo, "gone", "x" * (2 << 20))
    digest = pointer(repo, "gone").digest
    git("reset", "--quiet", "--hard", cwd=repo)
    shutil.rmtree(repo / ".git/track/trash")  # what `track restore` could bring back counts, too
    track("gc", "--grace", "0", cwd=repo).ok()
    assert got(repo, f"rides@{pointer(repo, EU1).digest.short}") == b"newer\n"
    assert got(repo, "HEAD~4:rides") == b"eu 2024-01-01\n"
    track("gc", "--grace", "0", cwd=repo).ok()
    assert not list((repo / ".git/track/store/objects").rglob(digest.hex()[2:]))
    track("verify", cwd=repo).ok()
    told(track("get", "gone", cwd=repo), 2, "gone")


def test_rm_and_mv_take_a_version_by_its_pointer(scene: Path) -> None:
    repo = scene / "repo"
    track("rm", f"{NAMED}/{EU1}.track", cwd=repo).ok()
    assert track("artifacts", "show", "rides", "--json", cwd=repo).ok().json["count"] == 2
    track("mv", "answer", "reply", cwd=repo).ok()
    assert got(repo, "reply") == b"42\n"
    told(track("rm", "rides", cwd=repo), 2, "named artifact with 2 partitions")
    track("restore", "last", cwd=repo).ok()
    assert got(repo, "answer") == b"42\n"


# ---- two clones ----


def pulled(repo: Path, other: Path) -> str:
    """What Git said when `repo` merged what `other` has."""
    return git("pull", "--quiet", "--no-rebase", "--no-edit", other, "main", cwd=repo, check=False)


def test_two_clones_that_add_partitions_merge_without_a_conflict(scene: Path) -> None:
    ours, theirs = scene / "repo", scene / "clone"
    put_text(ours, "rides", "ours\n", "--partition", "region=eu", "--time", "2024-02-01")
    put_text(theirs, "rides", "theirs\n", "--partition", "region=us", "--time", "2024-02-01")
    track("put", "trips", "--value", "1", "--partition", "city=a", cwd=ours).ok()
    track("put", "trips", "--value", "2", "--partition", "city=b", cwd=theirs).ok()
    commit_all(ours)
    commit_all(theirs)
    pulled(ours, theirs)
    assert git("status", "--porcelain", cwd=ours) == ""
    values = track("artifacts", "values", "rides", "region", "--json", cwd=ours).ok().json["values"]
    assert values == {"region": {"eu": 3, "us": 2}}
    assert track("artifacts", "show", "trips", "--json", cwd=ours).ok().json["count"] == 2


def test_two_clones_that_change_one_partition_conflict_and_merge_settles_it(scene: Path) -> None:
    ours, theirs = scene / "repo", scene / "clone"
    for repo, text in ((ours, "ours\n"), (theirs, "theirs\n")):
        put_text(repo, "rides", text, "--partition", "region=eu", "--time", "2024-01-01")
        commit_all(repo)
    pulled(ours, theirs)
    path = f"{NAMED}/{EU1}.track"
    assert git("status", "--porcelain", cwd=ours).splitlines() == [f"UU {path}"]
    told(track("get", "rides", "--time", "2024-01-01", "--partition", "region=eu", cwd=ours), 6, EU1, "track merge")
    track("merge", path, "--take", "theirs", cwd=ours).ok()
    commit_all(ours)
    assert pointer(ours, EU1).digest == pointer(theirs, EU1).digest
    assert pointer(ours, EU1).partitions == {"region": "eu", "time": "2024-01-01"}


def test_the_same_content_on_both_sides_is_no_conflict(scene: Path) -> None:
    ours, theirs = scene / "repo", scene / "clone"
    for repo in (ours, theirs):
        put_text(repo, "rides", "same\n", "--partition", "region=asia", "--time", "2024-01-01")
        track("declare", "rides", "--key", "vendor", cwd=repo).ok()
        commit_all(repo)
    pulled(ours, theirs)
    assert git("status", "--porcelain", cwd=ours) == ""
