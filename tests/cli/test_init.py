"""`track init` and `track uninit`: what they say, in text and JSON, and their codes."""

import shlex
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree


def test_init_says_what_it_wrote_and_what_comes_next(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = track("init", cwd=repo).ok()
    assert "hooks" not in done.out
    track("uninit", cwd=repo).ok()
    monkeypatch.setenv("TRACK_HOOKS_INSTALL", "true")
    done = track("init", cwd=repo).ok()
    assert done.out.splitlines() == [
        f"track is set up in {repo}",
        "  .gitattributes      new, staged",
        "  .gitignore          new, staged",
        "  .track/config.toml  new, staged",
        f"  .store              link to {repo}/.git/track/store, where the bytes are; ignored by Git",
        "  Git's hooks         have data follow git checkout, and go with git push",
    ]
    assert done.err == "hint: git commit -m 'set up track'\n"


def test_the_second_time_there_is_nothing_to_say(repo: Path) -> None:
    track("init", cwd=repo).ok()
    done = track("init", cwd=repo).ok()
    assert (done.out, done.err) == (f"track is already set up in {repo}\n", "")


def test_data_that_was_found_can_be_added_with_the_line_that_is_shown(repo: Path) -> None:
    write_tree(repo, {"work/two words.csv": b"1,2\n" * 50_000, "code.py": b"x\n"})
    commit_all(repo)
    write_tree(repo, {"work/more.csv": b"1,2\n" * 90_000})
    done = track("init", cwd=repo / "work").ok()
    assert "found 1 large or data-like place not in Git:\n  more.csv  351.6 KiB\n" in done.out
    [line] = [line for line in done.err.splitlines() if "track add" in line]
    track(*shlex.split(line.removeprefix("hint: track ")), cwd=repo / "work").ok()
    assert (repo / "work/more.csv.track").exists()


def test_a_folder_that_is_no_repository_gets_both_ways_out(tmp_path: Path) -> None:
    done = track("init", cwd=tmp_path)
    assert done.code == 3
    assert done.err.endswith("is not in a Git repository\nhint: git init\nhint: track init --git\n")
    assert track("init", "--git", cwd=tmp_path).ok().out.startswith(f"made a Git repository in {tmp_path}\n")


def test_a_dry_run_says_would(repo: Path, tmp_path: Path) -> None:
    done = track("init", "--dry-run", cwd=repo).ok()
    assert "would be set up" in done.out
    assert "nothing was written" in done.err
    (tmp_path / "plain").mkdir()
    assert "would make a Git repository" in track("init", "--git", "-n", cwd=tmp_path / "plain").ok().out


def test_init_as_json(repo: Path) -> None:
    write_tree(repo, {"a.csv": b"1,2\n" * 50_000})
    found = track("init", "--json", cwd=repo).ok().json
    assert (found["version"], found["kind"], found["git_made"]) == (1, "init", False)
    assert found["made"] == found["staged"] == [".gitattributes", ".gitignore", ".track/config.toml"]
    assert found["found"] == [{"path": "a.csv", "size": 200_000, "files": 1, "folder": False}]


def test_a_tracked_store_link_is_warned_of(repo: Path) -> None:
    (repo / ".store").symlink_to("/tmp")
    done = track("init", "--no-stage", cwd=repo).ok()
    assert "warning: `.store` is not the link to this clone's store" in done.err
    assert "link to" not in done.out


def test_uninit_says_what_went(repo: Path) -> None:
    track("init", cwd=repo).ok()
    write_tree(repo, {"a.csv": b"1\n"})
    track("add", "a.csv", cwd=repo).ok()
    assert "would be removed" in track("uninit", "-n", cwd=repo).ok().out
    done = track("uninit", cwd=repo).ok()
    assert done.out.splitlines()[0] == f"track is taken out of {repo}; your files stay"
    assert "  a.csv.track " in done.out
    assert f"  {repo}/.git/track/store  removed, with every object in it" in done.out
    assert (repo / "a.csv").read_bytes() == b"1\n"
    assert track("uninit", cwd=repo).code == 3


def test_uninit_names_three_ways_out_when_bytes_would_be_lost(repo: Path) -> None:
    track("init", cwd=repo).ok()
    for content in (b"1\n", b"2\n"):
        write_tree(repo, {"a.csv": content})
        track("add", "a.csv", cwd=repo).ok()
    done = track("uninit", cwd=repo)
    assert done.code == 6
    assert done.err.count("hint: track ") == 3
    forced = track("uninit", "--force", "--json", cwd=repo).ok().json
    assert (forced["lost_count"], forced["lost_bytes"]) == (1, 2)
    assert forced["store"] == f"{repo}/.git/track/store"
