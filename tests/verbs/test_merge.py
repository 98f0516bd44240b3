"""Data that both sides changed, merged by the real Git with the drivers, and settled with `track merge`."""

import os
from pathlib import Path

import pytest

from support.cli import Completed, track_here
from support.merging import fork, git_says, project, save, with_drivers, without_drivers
from support.repositories import commit_all, git
from track.errors import Conflict, UnknownPath, UsageError
from track.model.pointer import Pointer, parse_pointer
from track.project import Project
from track.verbs.merge import merge
from track.verbs.status import status

BASE = {"images/a": b"a", "images/b": b"b", "images/c": b"c"}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return with_drivers(tmp_path / "programs")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return project(tmp_path / "repo")


def pointer(repo: Path, name: str = "images.track", rev: str | None = None) -> Pointer:
    text = (repo / name).read_bytes() if rev is None else git("show", f"{rev}:{name}", cwd=repo).encode()
    return parse_pointer(text, name)


def inside(repo: Path, rev: str = ":images") -> list[str]:
    return [name.removeprefix("images/") for name in track_here("ls", "-R", rev, cwd=repo).ok().out.split()]


def content(repo: Path, path: str) -> str:
    return track_here("cat", path, cwd=repo).ok().out


def clash(repo: Path, env: dict[str, str]) -> Completed:
    """A directory with two conflicts, and changes on both sides that are none."""
    fork(
        repo,
        BASE,
        {"images/a": b"ours", "images/b": b"ours", "images/new": b"ours", "images/c": None},
        {"images/a": b"theirs", "images/b": b"theirs", "images/other": b"theirs"},
    )
    return git_says("merge", "theirs", cwd=repo, env=env)


def test_a_directory_changed_on_both_sides_merges_by_path(repo: Path, env: dict[str, str]) -> None:
    fork(repo, BASE, {"images/a": b"ours", "images/c": None}, {"images/b": b"theirs", "images/d": b"d"})
    git_says("merge", "-m", "merged", "theirs", cwd=repo, env=env).ok()
    assert inside(repo) == ["a", "b", "d"]
    assert (content(repo, ":images/a"), content(repo, ":images/b")) == ("ours", "theirs")
    track_here("checkout", cwd=repo).ok()
    assert sorted(os.listdir(repo / "images")) == ["a", "b", "d"]
    assert track_here("verify", cwd=repo).code == 0
    assert git("status", "--porcelain", cwd=repo) == ""


def test_what_clashes_is_named_and_the_artifact_stays_usable(repo: Path, env: dict[str, str]) -> None:
    save(repo, {"model": b"m"}, "another")
    said = clash(repo, env)
    assert said.code == 1
    assert "track: images: 2 conflicts" in said.err
    assert "a: both changed" in said.err and "b: both changed" in said.err
    assert "track merge images --take ours|theirs" in said.err
    marked = (repo / "images.track").read_text()
    assert "<<<<<<< ours\n" in marked and ">>>>>>> theirs\n" in marked
    assert (repo / "images/a").read_bytes() == b"ours"
    with Project.open(repo) as opened:
        by_path = {artifact.path: artifact for artifact in status(opened).artifacts}
    assert by_path[b"images"].staged == by_path[b"images"].unstaged == "U"
    assert by_path[b"model"].data == "."
    (repo / "model").unlink()
    track_here("checkout", "model", cwd=repo).ok()
    assert (repo / "model").read_bytes() == b"m"


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_side_settles_the_conflicts_and_the_rest_stays_merged(repo: Path, env: dict[str, str], take: str) -> None:
    clash(repo, env)
    done = track_here("merge", "images", "--take", take, cwd=repo).ok()
    assert "images/  settled" in done.out
    assert "git commit" in done.err
    assert {name.name: name.read_text() for name in (repo / "images").iterdir()} == {
        "a": take, "b": take, "new": "ours", "other": "theirs",
    }  # fmt: skip
    assert git("ls-files", "--unmerged", cwd=repo) == ""
    git_says("commit", "-m", "merged", cwd=repo, env=env).ok()
    assert track_here("verify", cwd=repo).code == 0
    assert git("status", "--porcelain", cwd=repo) == ""


def test_paths_inside_are_settled_one_by_one(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    first = track_here("merge", "images", "--take", "theirs", "a", cwd=repo)
    assert (first.code, "b: both changed" in first.out, "a: both" in first.out) == (6, True, False)
    again = track_here("merge", "images", cwd=repo)
    assert (again.code, "1 conflict" in again.out) == (6, True)
    track_here("merge", "--take", "ours", "images/b", cwd=repo).ok()
    assert (content(repo, ":images/a"), content(repo, ":images/b")) == ("theirs", "ours")
    assert (repo / "images/a").read_text() == "theirs"
    assert not (repo / ".git/track/merge.json").exists()


def test_what_was_chosen_for_another_conflict_is_forgotten(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    assert track_here("merge", "images", "--take", "theirs", "a", cwd=repo).code == 6
    git("merge", "--abort", cwd=repo)
    track_here("checkout", "--force", cwd=repo).ok()
    save(repo, {"images/a": b"ours again"})
    git_says("merge", "theirs", cwd=repo, env=env)
    found = track_here("merge", "images", cwd=repo)
    assert "2 conflicts" in found.out


def test_the_whole_artifact_can_be_taken_from_a_side(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    track_here("merge", "images", "--take", "theirs", "--whole", cwd=repo).ok()
    assert pointer(repo) == pointer(repo, rev="theirs")
    assert sorted(os.listdir(repo / "images")) == ["a", "b", "c", "other"]


def test_labels_merge_by_key_and_a_clash_in_one_is_settled(repo: Path, env: dict[str, str]) -> None:
    save(repo, {"model": b"m"}, "base")
    git("checkout", "-qb", "theirs", cwd=repo)
    track_here("label", "model", "ticket=2", "team=blue", cwd=repo).ok()
    commit_all(repo)
    git("checkout", "-q", "main", cwd=repo)
    track_here("label", "model", "owner=me", cwd=repo).ok()
    commit_all(repo)
    git_says("merge", "-m", "clean", "theirs", cwd=repo, env=env).ok()
    assert pointer(repo, "model.track").labels == {"ticket": 2, "team": "blue", "owner": "me"}
    git("reset", "-q", "--hard", "HEAD~1", cwd=repo)
    track_here("label", "model", "ticket=1", cwd=repo).ok()
    commit_all(repo)
    said = git_says("merge", "theirs", cwd=repo, env=env)
    assert "label ticket: ours 1, theirs 2" in said.err
    assert (repo / "model.track").read_text().count("<<<<<<<") == 1
    track_here("merge", "--take", "theirs", cwd=repo).ok()
    assert pointer(repo, "model.track").labels == {"ticket": 2, "team": "blue", "owner": "me"}


def test_two_files_of_other_content_are_never_merged_in_silence(repo: Path, env: dict[str, str]) -> None:
    fork(repo, {"model": b"m"}, {"model": b"ours"}, {"model": b"theirs!"})
    said = git_says("merge", "theirs", cwd=repo, env=env)
    assert (said.code, "model: 1 conflict" in said.err, "content: ours" in said.err) == (1, True, True)
    assert track_here("merge", cwd=repo).code == 6
    track_here("merge", "model", "--take", "theirs", cwd=repo).ok()
    assert (repo / "model").read_bytes() == b"theirs!"


def test_a_rebase_and_a_cherry_pick_merge_and_go_on(repo: Path, env: dict[str, str]) -> None:
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    git_says("rebase", "theirs", cwd=repo, env=env).ok()
    assert (content(repo, ":images/a"), content(repo, ":images/b")) == ("ours", "theirs")
    track_here("checkout", cwd=repo).ok()
    tip = save(repo, {"images/a": b"mine", "images/x": b"x"})
    git("checkout", "-q", "theirs", cwd=repo)
    track_here("checkout", "--force", cwd=repo).ok()
    save(repo, {"images/a": b"yours", "images/y": b"y"})
    said = git_says("cherry-pick", tip, cwd=repo, env=env)
    assert (said.code, "a: both changed" in said.err) == (1, True)
    done = track_here("merge", "--take", "theirs", cwd=repo).ok()
    assert "git cherry-pick --continue" in done.err
    git_says("-c", "core.editor=true", "cherry-pick", "--continue", cwd=repo, env=env).ok()
    assert content(repo, "HEAD:images/a") == "mine"
    assert inside(repo, "HEAD:images") == ["a", "b", "c", "x", "y"]


def test_a_rebase_with_a_conflict_goes_on(repo: Path, env: dict[str, str]) -> None:
    fork(repo, BASE, {"images/a": b"ours", "images/n": b"n"}, {"images/a": b"theirs"})
    assert git_says("rebase", "theirs", cwd=repo, env=env).code == 1
    done = track_here("merge", "images", "--take", "theirs", cwd=repo).ok()
    assert "git rebase --continue" in done.err
    git_says("-c", "core.editor=true", "rebase", "--continue", cwd=repo, env=env).ok()
    assert content(repo, "HEAD:images/a") == "ours"  # in a rebase, theirs is the commit that is replayed
    assert (repo / "images/n").read_bytes() == b"n"


def test_a_stash_merges_with_what_was_committed_since(repo: Path, env: dict[str, str]) -> None:
    save(repo, BASE)
    (repo / "images/a").write_bytes(b"stashed")
    track_here("add", "images", cwd=repo).ok()
    git_says("stash", cwd=repo, env=env).ok()
    track_here("checkout", "--force", cwd=repo).ok()
    save(repo, {"images/b": b"committed"})
    git_says("stash", "pop", cwd=repo, env=env).ok()
    assert inside(repo, "images") == ["a", "b", "c"]
    assert (content(repo, "images/a"), content(repo, "images/b")) == ("stashed", "committed")


def test_an_artifact_that_both_sides_added_merges_what_only_one_has(repo: Path, env: dict[str, str]) -> None:
    fork(repo, {}, {"images/a": b"same", "images/b": b"b"}, {"images/a": b"same", "images/c": b"c"})
    git_says("merge", "-m", "merged", "theirs", cwd=repo, env=env).ok()
    assert inside(repo) == ["a", "b", "c"]


@pytest.mark.parametrize(("take", "is_there"), [("ours", True), ("theirs", False)])
def test_an_artifact_that_one_side_removed_is_kept_or_goes(
    repo: Path, env: dict[str, str], take: str, is_there: bool
) -> None:
    save(repo, BASE, "base")
    git("checkout", "-qb", "theirs", cwd=repo)
    git("rm", "-q", "images.track", cwd=repo)
    git("commit", "-qm", "gone", cwd=repo)
    git("checkout", "-q", "main", cwd=repo)
    save(repo, {"images/a": b"ours"}, "ours")
    assert git_says("merge", "theirs", cwd=repo, env=env).code == 1
    found = track_here("merge", cwd=repo)
    assert (found.code, "artifact: ours changed, theirs removed" in found.out) == (6, True)
    with pytest.raises(UnknownPath), Project.open(repo) as opened:
        merge(opened, [str(repo / "images/a")], take="ours")
    track_here("merge", "images", "--take", take, cwd=repo).ok()
    assert (repo / "images.track").exists() is is_there
    assert ("images.track" in git("ls-files", cwd=repo)) is is_there
    assert git("ls-files", "--unmerged", cwd=repo) == ""
    assert (repo / "images/a").read_bytes() == b"ours"


def test_a_file_against_a_directory_is_settled_as_a_whole(repo: Path, env: dict[str, str]) -> None:
    save(repo, {"thing": b"t"}, "base")
    git("checkout", "-qb", "theirs", cwd=repo)
    (repo / "thing").unlink()
    save(repo, {"thing/a": b"a"}, "folder")
    git("checkout", "-q", "main", cwd=repo)
    track_here("checkout", "--force", cwd=repo).ok()
    save(repo, {"thing": b"t2"}, "ours")
    assert git_says("merge", "theirs", cwd=repo, env=env).code == 1
    track_here("merge", "thing", "--take", "theirs", cwd=repo).ok()
    assert (repo / "thing/a").read_bytes() == b"a"


def test_a_file_inside_against_a_folder_is_one_conflict(repo: Path, env: dict[str, str]) -> None:
    fork(repo, BASE, {"images/d": b"file"}, {"images/d/e": b"in it", "images/d/f": b"too"})
    said = git_says("merge", "theirs", cwd=repo, env=env)
    assert "d: a file on one side, a folder on the other" in said.err
    track_here("merge", "images/d/e", "--take", "theirs", cwd=repo).ok()
    assert sorted(os.listdir(repo / "images/d")) == ["e", "f"]


def test_octopus_merges_take_pointers_that_one_branch_changed(repo: Path, env: dict[str, str]) -> None:
    save(repo, {**BASE, "model": b"m", "other": b"o"}, "base")
    for name, change in (("one", {"model": b"1"}), ("two", {"other": b"2"})):
        git("checkout", "-qb", name, "main", cwd=repo)
        track_here("checkout", "--force", cwd=repo).ok()
        save(repo, change, name)
    git("checkout", "-q", "main", cwd=repo)
    track_here("checkout", "--force", cwd=repo).ok()
    save(repo, {"images/a": b"ours"}, "ours")
    git_says("merge", "-m", "octopus", "one", "two", cwd=repo, env=env).ok()
    assert [content(repo, f":{name}") for name in ("model", "other", "images/a")] == ["1", "2", "ours"]


def test_an_octopus_over_one_pointer_is_given_up_by_git_and_loses_nothing(repo: Path, env: dict[str, str]) -> None:
    save(repo, BASE, "base")
    for name in ("one", "two"):
        git("checkout", "-qb", name, "main", cwd=repo)
        track_here("checkout", "--force", cwd=repo).ok()
        save(repo, {f"images/{name}": name.encode()}, name)
    git("checkout", "-q", "main", cwd=repo)
    track_here("checkout", "--force", cwd=repo).ok()
    save(repo, {"images/a": b"ours"}, "ours")
    assert git_says("merge", "one", "two", cwd=repo, env=env).code != 0
    git_says("merge", "--abort", cwd=repo, env=env)
    git("reset", "-q", "--hard", cwd=repo)
    git_says("merge", "-m", "1", "one", cwd=repo, env=env).ok()
    git_says("merge", "-m", "2", "two", cwd=repo, env=env).ok()
    assert inside(repo) == ["a", "b", "c", "one", "two"]


@pytest.mark.parametrize("same", [True, False])
def test_histories_that_crossed_merge_also_where_their_common_version_is_a_conflict(
    repo: Path, env: dict[str, str], same: bool
) -> None:
    """Git merges the two common ancestors first, and gives the driver what came of it."""
    fork(repo, BASE, {"images/a": b"x"}, {"images/a": b"y", "images/b": b"theirs"})
    for branch in ("main", "theirs"):
        git("tag", f"old-{branch}", branch, cwd=repo)
    for branch, other, take in (
        ("main", "old-theirs", "ours"),
        ("theirs", "old-main", "ours" if not same else "theirs"),
    ):
        git("checkout", "-q", branch, cwd=repo)
        track_here("checkout", "--force", cwd=repo).ok()
        assert git_says("merge", other, cwd=repo, env=env).code == 1
        track_here("merge", "--take", take, cwd=repo).ok()
        git_says("commit", "-qm", "crossed", cwd=repo, env=env).ok()
        save(repo, {f"images/{branch}": b"since"})
    git("checkout", "-q", "main", cwd=repo)
    track_here("checkout", "--force", cwd=repo).ok()
    said = git_says("merge", "-m", "both", "theirs", cwd=repo, env=env)
    if not same:  # main kept x, theirs kept y
        assert (said.code, "a: both changed" in said.err, "b:" in said.err) == (1, True, False)
        track_here("merge", "--take", "ours", cwd=repo).ok()
    else:
        assert said.code == 0
    assert inside(repo) == ["a", "b", "c", "main", "theirs"]
    assert (content(repo, ":images/a"), content(repo, ":images/b")) == ("x", "theirs")


def test_without_track_the_marks_are_settled_later_by_path(repo: Path, tmp_path: Path) -> None:
    fork(repo, BASE, {"images/a": b"ours"}, {"images/b": b"theirs"})
    said = git_says("merge", "theirs", cwd=repo, env=without_drivers())
    assert said.code == 1
    assert "<<<<<<< ours" in (repo / "images.track").read_text()
    done = track_here("merge", cwd=repo).ok()
    assert "images/  settled, for ours ~1 files" in done.out
    assert [content(repo, f":images/{name}") for name in "ab"] == ["ours", "theirs"]
    assert (repo / "images/b").read_bytes() == b"theirs"


def test_what_is_not_ours_or_cannot_be_read_stops_no_other_artifact(repo: Path, env: dict[str, str]) -> None:
    save(repo, {**BASE, "model": b"m"}, "base")
    (repo / "song.track").write_text("la\n")
    commit_all(repo)
    fork(repo, {}, {"images/a": b"ours", "model": b"ours"}, {"images/b": b"theirs", "model": b"theirs"})
    for branch, word in (("theirs", "lo"), ("main", "li")):
        git("checkout", "-q", branch, cwd=repo)
        (repo / "song.track").write_text(f"{word}\n")
        text = (repo / "model.track").read_text()
        (repo / "model.track").write_text(text.replace("size = ", "size = -") if branch == "theirs" else text)
        git("commit", "-qam", word, cwd=repo)
    assert git_says("merge", "theirs", cwd=repo, env=without_drivers()).code == 1
    done = track_here("merge", cwd=repo)
    assert (done.code, "images/  settled" in done.out, "model  in conflict: " in done.out) == (7, True, True)
    assert "song.track" in git("ls-files", "--unmerged", cwd=repo)
    assert "images.track" not in git("ls-files", "--unmerged", cwd=repo)


def test_a_dry_run_changes_nothing(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    before = (
        git("ls-files", "--stage", cwd=repo),
        (repo / "images.track").read_bytes(),
        os.listdir(repo / ".git/track"),
    )
    done = track_here("merge", "-n", "images", "--take", "theirs", cwd=repo).ok()
    assert "would be settled, for ours +1 ~2 files" in done.out
    assert track_here("merge", "-n", "images", "--take", "theirs", "a", cwd=repo).code == 6
    after = (
        git("ls-files", "--stage", cwd=repo),
        (repo / "images.track").read_bytes(),
        os.listdir(repo / ".git/track"),
    )
    assert after == before


def test_json_says_what_is_settled_and_what_is_not(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    found = track_here("merge", "--json", cwd=repo)
    artifact = found.json["artifacts"][0]
    assert (found.code, found.json["settled"], artifact["path"]) == (6, False, "images")
    assert artifact["paths"] == [{"path": name, "why": "both changed it"} for name in "ab"]
    done = track_here("merge", "--take", "ours", "--json", cwd=repo).ok().json
    assert (done["settled"], done["artifacts"][0]["chosen"], done["artifacts"][0]["added"]) == (True, 2, 1)


def test_unsaved_work_in_the_data_is_left_where_it_is(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    (repo / "images/a").write_bytes(b"not saved anywhere")
    done = track_here("merge", "--take", "theirs", cwd=repo).ok()
    assert "the data of images/ was left as it is" in done.err
    assert (repo / "images/a").read_bytes() == b"not saved anywhere"
    assert pointer(repo) == pointer(repo)
    assert git("ls-files", "--unmerged", cwd=repo) == ""


def test_what_somebody_settled_by_hand_is_theirs(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    by_hand = git("show", "theirs:images.track", cwd=repo) + "\n[labels]\nmine = true\n"
    (repo / "images.track").write_text(by_hand)
    with pytest.raises(Conflict, match="by hand") as caught, Project.open(repo) as opened:
        merge(opened, take="ours")
    assert "git add images.track" in (caught.value.hint or "")
    assert (repo / "images.track").read_text() == by_hand


def test_what_is_asked_for_has_to_be_in_conflict(repo: Path, env: dict[str, str]) -> None:
    assert "no artifact is in conflict" in track_here("merge", cwd=repo).ok().err
    clash(repo, env)
    with Project.open(repo) as opened:
        with pytest.raises(UnknownPath, match="model"):
            merge(opened, [str(repo / "model")], take="ours")
        with pytest.raises(UnknownPath, match="c"):
            merge(opened, [str(repo / "images"), "c"], take="ours")
        with pytest.raises(UsageError):
            merge(opened, [str(repo / "images")], whole=True)
        with pytest.raises(UsageError):
            merge(opened, [str(repo / "images/a")], take="ours", whole=True)


def test_what_was_staged_with_its_marks_is_brought_back_as_git_can(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    git("add", "--all", cwd=repo)
    (repo / "sub").mkdir()
    for words, folder in ((("images", "--take", "theirs"), repo), (("../images/a", "--take", "ours"), repo / "sub")):
        refused = track_here("merge", *words, cwd=folder)
        assert refused.code == 2 and "it was staged as settled" in refused.err, refused.err
    assert "hint: git checkout --merge -- images.track " in track_here("merge", "images", cwd=repo).err
    assert "hint: track status" in track_here("merge", "other", cwd=repo).err
    git("checkout", "--merge", "--", "images.track", cwd=repo)
    track_here("merge", "images", "--take", "theirs", cwd=repo).ok()
    git("commit", "-q", "-m", "merged", cwd=repo)
    assert content(repo, "images/a") == "theirs"


def test_paths_are_from_where_we_are(repo: Path, env: dict[str, str]) -> None:
    clash(repo, env)
    (repo / "sub").mkdir()
    assert track_here("merge", "../images/a", "--take", "theirs", cwd=repo / "sub").code == 6
    track_here("merge", "../images.track", "--take", "ours", cwd=repo / "sub").ok()
    assert (content(repo, ":images/a"), content(repo, ":images/b")) == ("theirs", "ours")


def test_a_linked_worktree_merges_for_itself(repo: Path, env: dict[str, str], tmp_path: Path) -> None:
    fork(repo, BASE, {"images/a": b"ours"}, {"images/a": b"theirs", "images/b": b"theirs"})
    git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "here", "main", cwd=repo)
    linked = tmp_path / "linked"
    assert git_says("merge", "theirs", cwd=linked, env=env).code == 1
    track_here("merge", "--take", "theirs", cwd=linked).ok()
    assert (linked / "images/a").read_bytes() == b"theirs"
    assert git("ls-files", "--unmerged", cwd=repo) == ""
