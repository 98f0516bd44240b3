"""`--include` and `--exclude`: only the files that are meant come and are placed; the rest was never here."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, consented, files_below, opened, shared
from support.trees import write_tree
from track.errors import UsageError
from track.flows.choice import Choice
from track.model.manifest import walk
from track.worktree.parts import all_parts

PNG = [f"data/cats/{number}.png" for number in range(20)]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Pictures and their raw files, pushed."""
    repo = shared(tmp_path)
    for number, name in enumerate(PNG):
        write_tree(repo, {name: b"png %d" % number, name.replace(".png", ".raw"): os.urandom(3000)})
    write_tree(repo, {"data/cats/raw/x.png": b"in raw", "data/dogs/1.png": b"dog", "data/dogs/2.png": b"dog 2"})
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "pictures")
    track("push", cwd=repo).ok()
    return repo


@pytest.mark.parametrize(
    ("include", "exclude", "path", "taken"),
    [
        (["*.png"], [], b"a/b.png", True),
        (["*.png"], [], b"a/b.raw", False),
        (["*.png"], ["raw/"], b"raw/b.png", False),
        (["*.png"], ["raw/"], b"raw", False),
        ([], ["*.raw"], b"a/b.png", True),
        ([], ["*.raw"], b"a/b.raw", False),
        (["cats/"], [], b"cats/x/y", True),
        (["cats/"], [], b"cats", False),
        (["/cats"], [], b"deep/cats/x", False),
        (["a/*.csv"], [], b"a/b.csv", True),
        (["a/*.csv"], [], b"a/b/c.csv", False),
        (["a/**/*.csv"], [], b"a/b/c.csv", True),
        (["*", "!*.tmp"], [], b"x.tmp", False),
        ([b"caf\xe9".decode("utf-8", "surrogateescape")], [], b"caf\xe9", True),
    ],
)
def test_a_choice_speaks_the_language_of_ignore_files(
    include: list[str], exclude: list[str], path: bytes, taken: bool
) -> None:
    assert Choice(include, exclude).takes(path) is taken


@pytest.mark.parametrize("word", ["", "#", "a\nb", "[", "\\"])
def test_a_pattern_that_can_match_nothing_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="can match nothing"):
        Choice([word])


def test_a_pull_brings_and_places_only_what_is_meant(repo: Path) -> None:
    clone = cloned(repo)
    done = track("pull", "data/cats", "--include", "*.png", "--exclude", "raw/", "--json", cwd=clone).ok().json
    assert sorted(files_below(clone / "data")) == sorted(name.removeprefix("data/") for name in PNG)
    assert done["objects"] <= len(PNG) + 3 and done["artifacts"][0]["created"] == len(PNG)
    assert not (clone / "model.bin").exists()
    status = track("status", cwd=clone).ok().out
    assert "partly checked out" in status and track("status", "--exit-code", "data", cwd=clone).code == 0
    with opened(clone) as project:
        digests = {e.path: e.digest for e in walk(project.store.read, project.pointers()[b"data.track"].digest)}
        here = {path for path, digest in digests.items() if not project.store.absent([digest])}
        assert b"cats/0.png" in here and b"cats/0.raw" not in here and b"a.txt" not in here
        assert all_parts(project.worktree_state)[b"data"] == tuple(sorted(path.encode()[5:] for path in PNG))


def test_the_rest_comes_when_it_is_asked_for(repo: Path) -> None:
    clone = cloned(repo)
    track("pull", "--include", "*.png", cwd=clone).ok()
    assert not (clone / "model.bin").exists() and (clone / "data/dogs/1.png").exists()
    track("pull", cwd=clone).ok()
    assert files_below(clone / "data") == files_below(repo / "data") and (clone / "model.bin").exists()
    with opened(clone) as project:
        assert all_parts(project.worktree_state) == {}


def test_a_folder_of_which_everything_is_meant_is_one_part(repo: Path) -> None:
    clone = cloned(repo)
    track("pull", "data", "--exclude", "*.raw", "--exclude", "deep/", cwd=clone).ok()
    with opened(clone) as project:
        parts = all_parts(project.worktree_state)[b"data"]
    assert {b"dogs", b"cats/raw"} <= set(parts) and b"dogs/1.png" not in parts and b"deep" not in parts


def test_when_everything_is_meant_the_artifact_is_whole(repo: Path) -> None:
    clone = cloned(repo)
    track("pull", "data", "--exclude", "*.nonesuch", cwd=clone).ok()
    with opened(clone) as project:
        assert all_parts(project.worktree_state) == {}
    assert files_below(clone / "data") == files_below(repo / "data")


def test_a_file_artifact_is_chosen_by_its_name(repo: Path) -> None:
    clone = cloned(repo)
    track("pull", "--include", "*.csv", cwd=clone).ok()
    assert (clone / "table.csv").exists() and not (clone / "model.bin").exists() and not (clone / "data").exists()


def test_what_is_chosen_can_be_changed_added_and_pushed(repo: Path) -> None:
    clone = consented(cloned(repo))
    track("pull", "data", "--include", "*.png", cwd=clone).ok()
    (clone / "data/cats/0.png").write_bytes(b"edited")
    (clone / "data/cats/1.png").unlink()
    (clone / "data/cats/new.png").write_bytes(b"new")
    track("add", "data", cwd=clone).ok()
    commit_all(clone, "changed")
    track("push", cwd=clone).ok()
    expected = files_below(repo / "data")
    expected["cats/0.png"], expected["cats/new.png"] = b"edited", b"new"
    del expected["cats/1.png"]
    other = cloned(clone, "other")
    track("pull", cwd=other).ok()
    assert files_below(other / "data") == expected


def test_fetch_brings_only_the_objects_that_are_meant(repo: Path) -> None:
    clone = cloned(repo)
    track("fetch", "--include", "*.png", "--", "data", cwd=clone).ok()
    assert not (clone / "data").exists()
    (repo.parent / "remote").rename(repo.parent / "away")
    track("checkout", "data", "--include", "*.png", cwd=clone).ok()
    assert "cats/0.png" in files_below(clone / "data") and "cats/0.raw" not in files_below(clone / "data")
    lacking = track("checkout", "data", cwd=clone)
    assert lacking.code == 4 and "not here" in lacking.err


def test_checkout_at_a_revision_leaves_the_pointer_alone(repo: Path) -> None:
    git("tag", "v1", cwd=repo)
    (repo / "data/dogs/1.png").write_bytes(b"another dog")
    (repo / "data/a.txt").write_bytes(b"second\n")
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "second")
    before = (repo / "data.track").read_bytes()
    track("checkout", "v1", "--include", "*.png", "--", "data", cwd=repo).ok()
    assert (repo / "data/dogs/1.png").read_bytes() == b"dog" and (repo / "data/a.txt").read_bytes() == b"second\n"
    assert (repo / "data.track").read_bytes() == before


def test_unsaved_edits_of_what_is_meant_are_kept(repo: Path) -> None:
    (repo / "data/dogs/1.png").write_bytes(b"unsaved")
    assert track("checkout", "data", "--include", "*.raw", cwd=repo).code == 0
    refused = track("checkout", "data", "--include", "*.png", cwd=repo)
    assert refused.code == 6 and "data/dogs/1.png" in refused.err
    assert (repo / "data/dogs/1.png").read_bytes() == b"unsaved"


def test_get_copies_only_what_is_meant(repo: Path) -> None:
    track("get", "data", "--include", "*.png", "--exclude", "cats/", "-o", "pngs", cwd=repo).ok()
    assert files_below(repo / "pngs") == {"dogs/1.png": b"dog", "dogs/2.png": b"dog 2"}
    vain = track("get", "data", "--include", "*.nonesuch", "-o", "none", cwd=repo)
    assert vain.code == 2 and "nothing in data matches" in vain.err and not (repo / "none").exists()


@pytest.mark.parametrize("verb", ["pull", "fetch", "checkout"])
def test_patterns_that_match_nothing_say_so(repo: Path, verb: str) -> None:
    done = track(verb, "--include", "*.nonesuch", cwd=repo)
    assert done.code == 2 and "nothing in 3 artifacts matches --include *.nonesuch" in done.err
    assert "hint: what there is: track ls -R" in done.err
