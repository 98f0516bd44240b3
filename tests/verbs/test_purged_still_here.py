"""A clone that has what was purged elsewhere hears of it when it next asks a remote, which costs nothing else."""

import random
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned
from support.trees import write_tree
from track.flows import remotes
from track.flows.remotes import clone_id
from track.model.digest import digest_of
from track.project import Project
from track.store.backends.folder import FolderPlace
from track.store.layout import TOMBSTONES
from track.store.place import Place
from track.store.purge_notes import heard_at
from track.verbs.pull import pull
from track.verbs.push import push

BIG = random.Random(1).randbytes(1_500_000)
WORDS = ("big.bin was purged on 20", "by Ada Lovelace <ada@example.org>", "because: asked for", "still here")


@pytest.fixture
def clone(repo: Path) -> Path:
    """A clone that has everything; then something was purged elsewhere, and let go of, and Git says so here, too."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    write_tree(repo, {"people/a": b"a name", "people/b": b"another", "big.bin": BIG, "table.csv": b"a,b\n"})
    track("add", "people", "big.bin", "table.csv", cwd=repo).ok()
    commit_all(repo, "first")
    track("push", cwd=repo).ok()
    clone = cloned(repo)
    track("trust", "--yes", cwd=clone).ok()
    track("pull", cwd=clone).ok()
    track("push", cwd=clone).ok()
    for artifact in ("people", "big.bin"):
        track("purge", "--yes", artifact, "--because", "asked for", cwd=repo).ok()
        track("rm", "--cached", artifact, cwd=repo).ok()
    commit_all(repo, "without")
    git("pull", "-q", cwd=clone)
    return clone


@pytest.mark.parametrize("first", ["fetch", "push", "pull"])
def test_whoever_asks_a_remote_with_nothing_to_do_is_told_what_is_still_here(clone: Path, first: str) -> None:
    before = git("rev-parse", "HEAD~", cwd=clone)[:12]
    for command in (first, "status", "pull", "fetch", "push"):
        done = track(command, cwd=clone).ok()
        assert all(word in done.err for word in WORDS), done.err
        assert f"1 object of it is still here: track purge big.bin@{before} --because='asked for'" in done.err
        assert "3 objects of it are still here: track purge people@" in done.err
    assert "still here" not in track("status", "--json", cwd=clone).out


def test_what_is_told_is_done_by_the_command_that_is_told(clone: Path) -> None:
    told = track("fetch", cwd=clone).err
    for line in (line for line in told.splitlines() if "still here" in line):
        words = line.partition("still here: track ")[2].replace("--because='asked for'", "--because=asked-for").split()
        track(*words, "--yes", cwd=clone).ok()
    for command in ("status", "fetch", "pull", "push"):
        assert "still here" not in track(command, cwd=clone).ok().err
    with Project.open(clone) as project:
        assert project.store.absent([digest_of(BIG)]) == {digest_of(BIG)}
        assert not heard_at(project.store_path, clone_id(project)), "nobody has to look for it here again"


def test_it_is_asked_for_once_and_only_where_the_index_was_written_anew(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    listing = FolderPlace.list

    def count(place: FolderPlace, prefix: str) -> object:
        looked.append(prefix)
        return listing(place, prefix)

    monkeypatch.setattr(FolderPlace, "list", count)
    counts = []
    for _ in range(3):
        with Project.open(clone) as project:
            counts.append((push(project).requests_count, looked.count(TOMBSTONES)))
        looked.clear()
    assert counts[0][1] == 1 and counts[1][1] == counts[2][1] == 0
    assert counts[1] == counts[2] and counts[2][0] <= 5


def test_a_pull_with_nothing_to_do_asks_no_more_than_a_push_with_nothing_to_do(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track("pull", cwd=clone).ok()
    places: list[Place] = []
    opening = remotes.open_remote

    def opened(*args: object, **options: object) -> object:
        remote = opening(*args, **options)  # type: ignore[arg-type]  # as given
        places.append(remote.place)
        return remote

    monkeypatch.setattr(remotes, "open_remote", opened)
    with Project.open(clone) as project:
        assert pull(project).remotes == ()
        assert [place.requests_count for place in places] == [push(project).requests_count - 1]


@pytest.mark.parametrize("setting", [("fetch.from", "gone"), ("remote.odd.url", "ftp://host/there")])
def test_a_pull_with_nothing_to_do_is_done_also_where_a_remote_of_the_settings_cannot_be(
    clone: Path, setting: tuple[str, str]
) -> None:
    track("config", *setting, cwd=clone)  # what it says of an address is what a later version would not say
    done = track("pull", cwd=clone).ok()
    assert "warning: no remote was asked whether something was purged there: " in done.err
    assert track("pull", "--from", "nowhere", cwd=clone).code == 5


def test_a_clone_that_has_nothing_of_it_is_told_nothing(clone: Path) -> None:
    fresh = cloned(clone, "fresh")
    track("trust", "--yes", cwd=fresh)
    for command in ("pull", "fetch", "status"):
        assert "still here" not in track(command, cwd=fresh).ok().err


def test_no_version_is_told_to_be_purged_that_was_not(clone: Path) -> None:
    write_tree(clone, {"mine/copy.bin": BIG, "mine/precious": b"nowhere else"})
    track("add", "mine", cwd=clone).ok()
    commit_all(clone, "mine")
    commit = git("rev-parse", "HEAD", cwd=clone)[:12]
    told = track("fetch", cwd=clone).ok().err
    assert "track purge mine" not in told, told
    assert "track purge big.bin@" in told and "track purge people@" in told
    assert f"; mine at {commit} needs it too" in told
