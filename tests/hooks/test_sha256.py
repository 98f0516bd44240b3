"""A repository with SHA-256 ids: hooks, drivers, and data that goes and comes as in any other."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import FIRST, SECOND, Hooked, as_bytes, hooked_project
from support.merging import with_drivers
from support.repositories import git


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    monkeypatch.setenv("PATH", with_drivers(tmp_path / "tools")["PATH"])
    here = hooked_project(tmp_path / "repo")
    assert git("rev-parse", "--show-object-format", cwd=here.root) == "sha256\n"
    return here


def test_data_follows_as_it_does_with_short_ids(here: Hooked) -> None:
    for command in (("checkout", "--quiet", "first"), ("switch", "--quiet", "main"), ("reset", "--hard", "first")):
        here.git(*command)
        assert here.data() == as_bytes(FIRST if "first" in command else SECOND) and here.in_step()
    here.git("reset", "--quiet", "--hard", "second")
    here.add({"d/later": b"later"}, "third", "d")
    here.git("rebase", "--quiet", "--onto", "first", "second")
    assert here.data()[b"d/later"] == b"later" and here.in_step()
    here.git("checkout", "--quiet", "second")
    (here.root / "f.csv").write_bytes(b"stashed\n")
    track("add", "f.csv", cwd=here.root).ok()
    here.git("stash", "--quiet")
    assert here.data() == as_bytes(SECOND)
    here.git("stash", "pop", "--quiet")
    assert here.data()[b"f.csv"] == b"stashed\n" and here.in_step()


def test_the_drivers_merge_and_show(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side", "second")
    here.add({"d/side": b"side"}, "side", "d")
    here.git("checkout", "--quiet", "main")
    here.add({"d/main": b"main", "f.csv": b"3\n"}, "main", "d", "f.csv")
    here.git("merge", "--quiet", "side")
    assert here.data() == as_bytes(SECOND) | {b"d/side": b"side", b"d/main": b"main", b"f.csv": b"3\n"}
    assert "+digest = " in here.git("diff", "second", "--", "d.track").text
    here.git("checkout", "--quiet", "-b", "other", "second")
    here.add({"f.csv": b"4\n"}, "other", "f.csv")
    assert here.git("merge", "main", check=False).code
    track("merge", "f.csv", "--take", "theirs", cwd=here.root).ok()
    here.git("commit", "--quiet", "--no-edit")
    assert here.data()[b"f.csv"] == b"3\n" and here.in_step()


def test_a_commit_is_checked_and_a_push_sends_the_data(here: Hooked, tmp_path: Path) -> None:
    (here.root / "lost.track").write_text('[artifact]\nkind = "file"\ndigest = "blake3:%s"\nsize = 3\n' % ("ab" * 32))
    here.git("add", "lost.track")
    assert "lost.track stands for data" in here.git("commit", "-m", "x", check=False).text
    here.git("rm", "--quiet", "--force", "lost.track")
    git("init", "--quiet", "--bare", "--initial-branch=main", "../code.git", cwd=here.root)
    assert here.git("push", "../code.git", "main", check=False).code
    track("remote", "add", "origin", "../data", cwd=here.root).ok()
    here.git("commit", "--quiet", "-m", "remote")
    said = here.git("push", "../code.git", "main")
    assert "sent to origin" in said.text
    track("clone", "code.git", "clone", cwd=tmp_path).ok()
    assert Hooked(tmp_path / "clone").data() == as_bytes(SECOND)
    here.add({"f.csv": b"5\n"}, "fifth", "f.csv")
    here.git("push", "--quiet", "../code.git", "main")
    other = Hooked(tmp_path / "clone")
    other.git("pull", "--quiet")
    track("pull", cwd=other.root).ok()
    assert other.data()[b"f.csv"] == b"5\n" and other.in_step()


def test_history_and_what_nothing_names_are_read(here: Hooked) -> None:
    assert track("log", "f.csv", "--json", cwd=here.root).ok().out.count('"commit"') >= 2
    assert track("diff", "first", "second", "--json", cwd=here.root).ok().json["artifacts"]
    assert track("cat", "first:f.csv", cwd=here.root).ok().out == "1\n"
    track("gc", cwd=here.root).ok()
    track("verify", cwd=here.root).ok()
    track("rm", "d", cwd=here.root).ok()
    track("restore", "last", cwd=here.root).ok()
    track("mv", "f.csv", "g.csv", cwd=here.root).ok()
    assert here.data() == {(b"g.csv" if path == b"f.csv" else path): node for path, node in as_bytes(SECOND).items()}
