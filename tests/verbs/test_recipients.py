"""Who can open an encrypted remote: identities are made and shown, and recipients are added."""

import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import Locked, RemoteError
from track.store import turn as turn_module
from track.store.abilities import note_abilities
from track.store.address import Access
from track.store.backends.folder import FolderPlace, open_folder
from track.store.backends.keys import add_recipients, recipients_at
from track.store.description import parse_description
from track.store.layout import TURNS
from track.store.turn import in_turn

FILES = {"d/a": b"one" * 9, "d/b": b"two" * 9}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a person who has nothing yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "ada"))
    return tmp_path / "ada" / "track"


@pytest.fixture
def pushed(repo: Path, home: Path) -> Path:
    track("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo, FILES)
    track("add", "d", cwd=repo).ok()
    mine = track("remote", "identity", "--new", cwd=repo).ok().out.strip()
    track("remote", "add", "origin", "../origin", "--encrypt", mine, cwd=repo).ok()
    commit_all(repo, "data")
    track("push", cwd=repo).ok()
    return repo


def somebody(repo: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """From here on we are somebody else, who has an identity; their recipient."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(repo.parent / name))
    return track("remote", "identity", "--new", cwd=repo).ok().out.strip()


def test_an_identity_is_made_once_for_its_owner_alone(repo: Path, home: Path) -> None:
    track("init", "--no-hooks", cwd=repo).ok()
    missing = track("remote", "identity", cwd=repo)
    assert missing.code == 5 and "track remote identity --new" in missing.err
    made = track("remote", "identity", "--new", cwd=repo).ok()
    assert made.out.startswith("age1") and "keep a copy" in made.err and "AGE-SECRET" not in made.out + made.err
    assert stat.S_IMODE((home / "age.txt").stat().st_mode) == 0o600
    before = (home / "age.txt").read_bytes()
    again = track("remote", "identity", "--new", cwd=repo)
    assert again.code == 6 and "is there already" in again.err and (home / "age.txt").read_bytes() == before
    assert track("remote", "identity", cwd=repo).ok().out == made.out
    assert [path.name for path in home.iterdir()] == ["age.txt"]


def test_an_identity_is_not_made_in_the_repository(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track("init", "--no-hooks", cwd=repo).ok()
    monkeypatch.setenv("TRACK_AGE_IDENTITY", str(repo / "keys/age.txt"))
    done = track("remote", "identity", "--new", cwd=repo)
    assert done.code == 5 and "lies in this repository" in done.err and not (repo / "keys").exists()


def test_who_is_added_reads_all_of_it_and_writes(pushed: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = somebody(pushed, "grace", monkeypatch)
    git("clone", "-q", str(pushed), "clone", cwd=pushed.parent)
    clone = pushed.parent / "clone"
    refused = track("pull", cwd=clone)
    assert refused.code == 5 and "track remote recipients add NAME" in refused.err

    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    assert track("remote", "recipients", "add", "origin", theirs, cwd=pushed).ok().out.startswith(theirs)
    again = track("remote", "recipients", "add", "origin", theirs, cwd=pushed).ok()
    assert again.out == "" and "already" in again.err
    listed = track("remote", "recipients", "list", "--json", cwd=pushed).ok().json["recipients"]
    assert listed[1:] == [theirs] and track("remote", "recipients", "list", cwd=pushed).ok().out.split() == listed

    monkeypatch.setenv("XDG_CONFIG_HOME", str(pushed.parent / "grace"))
    track("pull", cwd=clone).ok()
    assert {name: (clone / name).read_bytes() for name in FILES} == FILES
    write_tree(clone, {"new": b"more"})
    track("add", "new", cwd=clone).ok()
    commit_all(clone, "more")
    track("trust", "--yes", "origin", cwd=clone).ok()
    track("push", cwd=clone).ok()

    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    git("pull", "-q", str(clone), "HEAD", cwd=pushed)
    track("pull", cwd=pushed).ok()
    assert (pushed / "new").read_bytes() == b"more"


@pytest.mark.parametrize("word", ["age1nonsense", "AGE-SECRET-KEY-1QQ", "ada"])
def test_what_is_no_recipient_changes_nothing(pushed: Path, word: str) -> None:
    before = (pushed.parent / "origin/store.toml").read_bytes()
    done = track("remote", "recipients", "add", "origin", word, cwd=pushed)
    assert done.code == 2 and "is no recipient" in done.err
    assert (pushed.parent / "origin/store.toml").read_bytes() == before


def test_a_remote_that_is_not_encrypted_has_none(pushed: Path) -> None:
    mine = track("remote", "identity", cwd=pushed).ok().out.strip()
    track("remote", "add", "plain", "../plain", cwd=pushed).ok()
    listed = track("remote", "recipients", "list", "plain", cwd=pushed).ok()
    assert listed.out == "" and "is not encrypted" in listed.err
    done = track("remote", "recipients", "add", "plain", mine, cwd=pushed)
    assert done.code == 2 and "that is decided when a store is made" in done.err


def test_a_recipient_that_somebody_else_overwrites_is_added_again(pushed: Path, home: Path) -> None:
    """Two read the description at the same time, and both write it."""
    place = open_folder(pushed.parent / "origin")
    mine = recipients_at(place)
    first, second = new(pushed, "b"), new(pushed, "c")
    access = Access(identity=home / "age.txt")
    other = Overtaken(place.root, place.get("store.toml"), times=1)
    assert add_recipients(other, [first, second], access) == (first, second)
    assert recipients_at(place) == (*mine, first, second)
    with pytest.raises(RemoteError, match="changed by others at the same time"):
        add_recipients(Overtaken(place.root, place.get("store.toml"), times=9), [new(pushed, "d")], access)


class Slow(FolderPlace):
    """A folder at which whoever has read the description is overtaken before the new one is written."""

    def __init__(self, root: Path, *, can_tell: bool) -> None:
        super().__init__(root)
        self.can_tell = can_tell
        self.has_read, self.others_done = threading.Event(), threading.Event()

    def create(self, key: str, data: bytes) -> bool:
        if self.can_tell:
            return super().create(key, data)
        self.put(key, data)
        return True

    def put(self, key: str, data: bytes) -> None:
        if key == "store.toml":
            self.has_read.set()
            self.others_done.wait(2)  # for those who need not wait for this one
        super().put(key, data)


@pytest.mark.parametrize("can_tell", [True, False])
@pytest.mark.parametrize("what", ["recipient", "ability"])
def test_two_who_change_the_description_at_once_both_find_it_changed(
    pushed: Path, home: Path, can_tell: bool, what: str
) -> None:
    slow = Slow(pushed.parent / "origin", can_tell=can_tell)
    other = Slow(slow.root, can_tell=can_tell)
    other.others_done.set()
    note_abilities(other, conditions=can_tell)
    first, second = new(pushed, "b"), new(pushed, "c")
    access = Access(identity=home / "age.txt")

    def change() -> None:
        if what == "recipient":
            add_recipients(slow, [first], access)
        else:
            note_abilities(slow, listing=True)

    with ThreadPoolExecutor(1) as threads:
        changing = threads.submit(change)
        assert slow.has_read.wait(60)
        assert add_recipients(other, [second], access) == (second,)
        slow.others_done.set()
        changing.result()
    description = parse_description(other.get("store.toml"), "")
    assert second in recipients_at(other)
    assert first in recipients_at(other) if what == "recipient" else description.abilities.listing
    assert not list(other.list(TURNS))


def test_a_turn_of_a_command_that_was_killed_is_taken_after_ten_minutes(pushed: Path, home: Path) -> None:
    place = open_folder(pushed.parent / "origin")
    killed = f"{TURNS}00000001-00000000"
    place.put(killed, b"of somebody")
    access = Access(identity=home / "age.txt")
    with pytest.raises(Locked, match="others are changing"), in_turn(place, conditions=True, patience_s=0.2):
        pass
    os.utime(place.root / killed, (time.time() - 700,) * 2)
    someone = new(pushed, "b")
    assert add_recipients(place, [someone], access) == (someone,)
    assert not list(place.list(TURNS))


def test_who_stood_still_has_its_turn_no_more(pushed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_turn(open_folder(pushed.parent / "origin"), conditions=None) as turn:
        turn.keep()
        now = turn_module.since_boot()
        monkeypatch.setattr(turn_module, "since_boot", lambda: now + 400)
        with pytest.raises(Locked, match="stood still"):
            turn.keep()


def new(repo: Path, name: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        return somebody(repo, name, patch)


class Overtaken(FolderPlace):
    """A folder in which somebody writes the description again, as it was, so many times."""

    def __init__(self, root: Path, before: bytes, times: int) -> None:
        super().__init__(root)
        self.before, self.times = before, times

    def put(self, key: str, data: bytes) -> None:
        super().put(key, data)
        if self.times:
            self.times -= 1
            super().put(key, self.before)


def test_the_list_of_remotes_says_which_are_encrypted(pushed: Path) -> None:
    track("remote", "add", "plain", "../plain", cwd=pushed).ok()
    listed = track("remote", "list", "--json", cwd=pushed).ok().json["remotes"]
    assert {one["name"]: one["encrypted"] for one in listed} == {"origin": True, "plain": False}
    lines = track("remote", "list", cwd=pushed).ok().out.splitlines()
    assert "encrypted" in lines[0] and "encrypted" not in lines[1]


def test_a_check_says_whether_it_can_be_opened(pushed: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    done = track("remote", "check", cwd=pushed).ok()
    assert f"opened with {home / 'age.txt'}" in done.out
    somebody(pushed, "grace", monkeypatch)
    done = track("remote", "check", cwd=pushed)
    assert done.code == 5 and "is one of its recipients" in done.err
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.parent))
    track("remote", "add", "plain", "../plain", cwd=pushed).ok()
    assert "encryption" not in track("remote", "check", "plain", cwd=pushed).ok().out
    track("config", "remote.plain.encryption", "0" * 32, cwd=pushed).ok()
    assert "is not encrypted" in track("remote", "check", "plain", cwd=pushed).err
