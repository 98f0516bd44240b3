"""`pre-push`: the data of new pointers is at a remote before the commits are, or the commits stay here."""

import contextlib
import os
import shutil
import sqlite3
import sys

import pytest

from support.cli import track_here as track
from support.hooked import FIRST, SECOND, Hooked, as_bytes, hook_process
from support.repositories import git


@pytest.fixture
def shared(here: Hooked) -> Hooked:
    """With a bare Git repository and a folder for data beside it; nothing was pushed yet."""
    git("init", "--quiet", "--bare", "-b", "main", "../code.git", cwd=here.root)
    here.git("remote", "add", "origin", "../code.git")
    track("remote", "add", "origin", "../data", cwd=here.root).ok()
    here.git("commit", "--quiet", "-m", "remote")
    return here


def clone(here: Hooked, name: str = "clone") -> Hooked:
    git("clone", "--quiet", "code.git", name, cwd=here.root.parent)
    return Hooked(here.root.parent / name)


def heads(here: Hooked) -> str:
    return git("for-each-ref", cwd=here.root.parent / "code.git")


def offline(here: Hooked) -> None:
    """Whatever asks the remote for data now fails."""
    (here.root.parent / "data").rename(here.root.parent / "away")


def test_push_sends_data_first_and_a_clone_has_everything(shared: Hooked) -> None:
    said = shared.git("push", "--quiet", "origin", "main")
    assert "track: sending" in said.text
    assert "sent to origin" in said.text
    other = clone(shared)
    track("pull", cwd=other.root).ok()
    assert other.data() == as_bytes(SECOND)
    track("fetch", "origin", "main~2", cwd=other.root).ok()  # a version in between was named by a pushed commit, too
    other.git("checkout", "--quiet", "main~2")
    assert other.data() == as_bytes(FIRST)


def test_exactly_what_the_pushed_commits_name_is_sent(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    shared.add({"mine": b"not pushed"}, "mine", "mine")
    shared.git("checkout", "--quiet", "-b", "side", "main~1")
    shared.add({"theirs": b"pushed"}, "theirs", "theirs")
    shared.git("push", "--quiet", "origin", "side")
    status = track("status", "--json", cwd=shared.root).ok().json
    assert {one["path"]: one["pushed"] for one in status["artifacts"]}["theirs"] is True
    shared.git("checkout", "--quiet", "main")
    status = track("status", "--json", cwd=shared.root).ok().json
    assert {one["path"]: one["pushed"] for one in status["artifacts"]}["mine"] is False


def test_a_push_without_new_pointers_asks_nobody(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    offline(shared)
    (shared.root / "code.py").write_text("1\n")
    shared.git("add", "code.py")
    shared.git("commit", "--quiet", "-m", "code")
    shared.git("push", "--quiet", "origin", "main")
    shared.git("push", "--quiet", "origin", "main:again")
    shared.git("push", "--quiet", "origin", "--delete", "again")
    shared.git("tag", "-a", "-m", "one", "v1")
    shared.git("push", "--quiet", "origin", "v1")


def test_what_was_pushed_by_hand_before_asks_nobody(shared: Hooked) -> None:
    track("push", "origin", "first", "main", cwd=shared.root).ok()
    offline(shared)
    shared.git("push", "--quiet", "origin", "main")


def test_pointers_that_went_are_no_reason_to_ask(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    offline(shared)
    shared.git("rm", "--quiet", "new.track")
    shared.git("commit", "--quiet", "-m", "gone")
    shared.git("push", "--quiet", "origin", "main")


def test_a_remote_that_is_not_there_stops_the_push(shared: Hooked) -> None:
    offline(shared)
    said = shared.git("push", "origin", "main", check=False)
    assert said.code == 1
    assert "nothing was pushed; to push commits without their data: git push --no-verify" in said.text
    assert not heads(shared)
    shared.git("push", "--quiet", "--no-verify", "origin", "main")


def test_no_remote_for_data_stops_the_push(here: Hooked) -> None:
    git("init", "--quiet", "--bare", "../code.git", cwd=here.root)
    said = here.git("push", "../code.git", "main", check=False)
    assert said.code == 1
    assert "this project has no remote" in said.text
    assert "track remote add" in said.text
    assert not heads(here)


def test_bytes_that_are_nowhere_stop_the_push_and_are_named(shared: Hooked) -> None:
    shutil.rmtree(shared.root / ".git/track/store/packs")
    (shared.root / ".git/track/store/index.db").unlink()
    said = shared.git("push", "origin", "main", check=False)
    assert said.code == 1
    assert "cannot be pushed" in said.text
    assert not heads(shared)


def test_a_remote_that_the_repository_names_is_not_used_before_consent(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    other = clone(shared)
    track("pull", cwd=other.root).ok()
    other.add({"x": b"x"}, "x", "x")
    said = other.git("push", "origin", "main", check=False)
    assert said.code == 1
    assert "was named by the repository, not by you" in said.text
    track("remote", "add", "origin", "../data", cwd=other.root).ok()
    other.git("push", "--quiet", "origin", "main")


@pytest.mark.parametrize(("mode", "code"), [("check", 1), ("off", 0)])
def test_the_setting_decides(shared: Hooked, mode: str, code: int) -> None:
    track("config", "hooks.pre-push", mode, cwd=shared.root).ok()
    said = shared.git("push", "origin", "main", check=False)
    assert said.code == code
    assert not list((shared.root.parent / "data").rglob("*.pack"))
    if mode == "check":
        assert "no remote is known to have the data of" in said.text
        track("push", "origin", "first", "main", cwd=shared.root).ok()
        shared.git("push", "--quiet", "origin", "main")


def test_a_merge_that_settles_a_conflict_with_a_third_version(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    shared.git("checkout", "--quiet", "-b", "side", "main")
    shared.add({"f.csv": b"side\n"}, "side", "f.csv")
    shared.git("push", "--quiet", "origin", "side")
    shared.git("checkout", "--quiet", "main")
    shared.add({"f.csv": b"main\n"}, "main", "f.csv")
    shared.git("push", "--quiet", "origin", "main")
    assert shared.git("merge", "side", check=False).code == 1
    (shared.root / "f.csv").write_bytes(b"third\n")
    shared.git("checkout", "--quiet", "--ours", "f.csv.track")
    track("add", "f.csv", cwd=shared.root).ok()
    shared.git("commit", "--quiet", "--no-edit")
    said = shared.git("push", "origin", "main")
    assert "track: data of 1 artifact sent to origin" in said.text


def test_several_refs_at_once_and_a_detached_head(shared: Hooked) -> None:
    shared.git("checkout", "--quiet", "--detach")
    shared.add({"x": b"x"}, "x", "x")
    shared.git("push", "--quiet", "origin", "main", "HEAD:refs/heads/side", "first")
    offline(shared)
    shared.git("push", "--quiet", "origin", "HEAD:refs/heads/again")


def test_from_a_linked_worktree_a_submodule_and_a_shallow_clone(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    shared.git("worktree", "add", "--quiet", "-b", "linked", "../linked")
    linked = Hooked(shared.root.parent / "linked")
    linked.add({"l": b"l"}, "l", "l")
    assert "data of 1 artifact sent" in linked.git("push", "origin", "linked").text
    url = (shared.root.parent / "code.git").as_uri()
    git("clone", "--quiet", "--depth=1", url, "shallow", cwd=shared.root.parent)
    shallow = Hooked(shared.root.parent / "shallow")
    track("remote", "add", "origin", "../data", cwd=shallow.root).ok()
    track("hooks", "install", cwd=shallow.root).ok()
    shallow.add({"s": b"s"}, "s", "s")
    assert "data of 1 artifact sent" in shallow.git("push", "origin", "main").text
    outer = Hooked(shared.root.parent / "outer")
    git("init", "--quiet", "-b", "main", str(outer.root), cwd=shared.root)
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "inner")
    inner = Hooked(outer.root / "inner")
    track("remote", "add", "lab", str(shared.root.parent / "data"), "--clone", cwd=inner.root).ok()
    track("config", "core.remote", "lab", cwd=inner.root).ok()
    track("hooks", "install", cwd=inner.root).ok()
    inner.git("checkout", "--quiet", "-b", "inner")
    inner.add({"i": b"i"}, "i", "i")
    said = inner.git("push", "origin", "inner")
    assert "data of 1 artifact sent" in said.text


def test_what_the_pre_commit_framework_leaves_of_the_input_is_enough(shared: Hooked) -> None:
    tip = git("rev-parse", "main", cwd=shared.root).strip()
    base = git("rev-parse", "first", cwd=shared.root).strip()
    env = {
        **os.environ,
        "PRE_COMMIT_FROM_REF": base,
        "PRE_COMMIT_TO_REF": tip,
        "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/main",
    }
    assert hook_process("pre-push", cwd=shared.root, env=env).code == 0
    status = track("status", "--json", cwd=shared.root).ok().json
    assert {one["pushed"] for one in status["artifacts"]} == {True}


def test_the_first_push_of_a_branch_is_known_from_its_name_alone(shared: Hooked) -> None:
    """Of a push that brings the first commit of all the framework tells no commits, only the refs."""
    shared.git("checkout", "--quiet", "-b", "ahead")
    shared.add({"p": b"p"}, "p", "p")
    shared.git("checkout", "--quiet", "main")
    names = {"PRE_COMMIT_LOCAL_BRANCH": "refs/heads/ahead", "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/ahead"}
    assert hook_process("pre-push", cwd=shared.root, env={**os.environ, **names}).code == 0
    shared.git("checkout", "--quiet", "ahead")
    status = track("status", "--json", cwd=shared.root).ok().json
    assert {one["path"]: one["pushed"] for one in status["artifacts"]}["p"] is True
    offline(shared)
    gone = names | {"PRE_COMMIT_LOCAL_BRANCH": "(delete)"}
    assert hook_process("pre-push", cwd=shared.root, env={**os.environ, **gone}).code == 0


def test_a_bare_mirror_pushes_what_it_likes(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    mirror = shared.root.parent / "code.git"
    shutil.copytree(shared.root / ".git/hooks", mirror / "hooks", dirs_exist_ok=True)
    git("config", "track.python", sys.executable, cwd=mirror)
    git("init", "--quiet", "--bare", "../mirror.git", cwd=shared.root)
    git("push", "--quiet", "../mirror.git", "main", cwd=mirror)


# ---- what is believed of a remote without asking it ----


def later(here: Hooked, hours: float = 2) -> None:
    """As if the remotes had been asked so long ago."""
    for record in (here.root / ".git/track/remotes").glob("*.db"):
        with contextlib.closing(sqlite3.connect(record)) as db, db:
            db.execute("UPDATE confirmed SET at = at - ?", (hours * 3600,))


def has_all(here: Hooked, branch: str = "main") -> dict[bytes, object]:
    """The data that somebody gets who clones now."""
    fresh = clone(here, f"fresh-{len(list(here.root.parent.iterdir()))}")
    fresh.git("checkout", "--quiet", branch)
    track("pull", cwd=fresh.root).ok()
    return dict(fresh.data())


def test_what_another_clone_had_there_and_collected_is_sent(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    other = clone(shared)
    track("remote", "add", "origin", "../data", cwd=other.root).ok()
    track("hooks", "install", cwd=other.root).ok()
    other.git("checkout", "--quiet", "-b", "try")
    other.add({"v": b"found out twice"}, "v", "v")
    other.git("push", "--quiet", "origin", "try")
    track("fetch", cwd=shared.root).ok()  # from now on it is known here that the remote has it
    other.git("push", "--quiet", "origin", "--delete", "try")
    other.git("checkout", "--quiet", "main")
    other.git("branch", "--quiet", "-D", "try")
    shutil.rmtree(other.root / ".git/track/trash", ignore_errors=True)
    other.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    for name in ("ORIG_HEAD", "FETCH_HEAD"):
        (other.root / ".git" / name).unlink(missing_ok=True)
    for _ in range(2):
        for path in (shared.root.parent / "data").rglob("*"):
            if path.is_file():
                os.utime(path, (path.stat().st_mtime - 2 * 86_400,) * 2)
        said = track("gc", "--remote", cwd=other.root).ok()
    assert "deleted" in said.out, said.out + said.err

    shared.add({"v": b"found out twice"}, "the same", "v")
    shared.git("push", "--quiet", "origin", "main")

    assert has_all(shared)[b"v"] == b"found out twice"


def test_a_remote_that_was_made_anew_since_is_sent_everything(shared: Hooked) -> None:
    track("push", "origin", "first", "main", cwd=shared.root).ok()
    shutil.rmtree(shared.root.parent / "data")
    track("remote", "add", "again", "../data", "--clone", cwd=shared.root).ok()
    track("remote", "remove", "again", cwd=shared.root).ok()
    later(shared)
    said = shared.git("push", "origin", "main")
    assert "sent to origin" in said.text
    assert has_all(shared) == as_bytes(SECOND)


def test_another_place_under_the_same_name_is_sent_everything(shared: Hooked) -> None:
    track("push", "origin", "first", "main", cwd=shared.root).ok()
    track("remote", "add", "two", "../two", "--clone", cwd=shared.root).ok()
    track("remote", "remove", "two", cwd=shared.root).ok()
    file = shared.root / ".track/config.toml"
    file.write_text(file.read_text().replace('"../data"', '"../two"'))
    track("trust", "--yes", "origin", cwd=shared.root).ok()
    shared.git("commit", "--quiet", "--all", "-m", "elsewhere")
    said = shared.git("push", "origin", "main")
    assert "sent to origin" in said.text
    shutil.rmtree(shared.root.parent / "data")
    assert has_all(shared) == as_bytes(SECOND)


def test_a_remote_that_is_no_longer_named_has_nothing(shared: Hooked) -> None:
    track("push", "origin", "first", "main", cwd=shared.root).ok()
    file = shared.root / ".track/config.toml"
    track("remote", "add", "two", "../two", cwd=shared.root).ok()
    file.write_text(file.read_text().replace("[remote.origin]", "[remote.before]").replace('"../data"', '"../gone"'))
    track("config", "core.remote", "two", cwd=shared.root).ok()
    shared.git("commit", "--quiet", "--all", "-m", "elsewhere")
    shared.git("push", "origin", "main")
    shutil.rmtree(shared.root.parent / "data")
    assert has_all(shared) == as_bytes(SECOND)


def test_commits_that_another_git_remote_has_are_no_reason_to_believe(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    other = clone(shared)
    track("remote", "add", "origin", "../data", cwd=other.root).ok()
    other.add({"theirs": b"never sent"}, "theirs", "theirs")
    shared.git("remote", "add", "colleague", "../clone")
    shared.git("fetch", "--quiet", "colleague")
    shared.git("merge", "--quiet", "--ff-only", "colleague/main")
    before = heads(shared)

    said = shared.git("push", "origin", "main", check=False)

    assert said.code == 1 and "theirs cannot be pushed" in said.text
    assert heads(shared) == before
    track("push", cwd=other.root).ok()
    shared.git("push", "--quiet", "origin", "main")
    assert has_all(shared)[b"theirs"] == b"never sent"


def test_of_a_history_that_another_git_remote_has_the_tip_has_to_be_there(shared: Hooked) -> None:
    """The past may have been given up; what people check out is sent."""
    shared.git("push", "--quiet", "--no-verify", "origin", "main")
    git("init", "--quiet", "--bare", "-b", "main", "../fork.git", cwd=shared.root)
    shared.git("remote", "add", "fork", "../fork.git")
    assert "sent to origin" in shared.git("push", "fork", "main").text
    fresh = clone(shared)
    track("pull", cwd=fresh.root).ok()
    assert fresh.data() == as_bytes(SECOND)
    assert track("fetch", "origin", "main~2", cwd=fresh.root).code == 4


def test_a_commit_that_brings_a_record_alone_sends_its_data(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    (shared.root / "code.py").write_text("print(1)\n")
    shared.git("add", "code.py")
    shared.git("commit", "--quiet", "-m", "code")
    track("run", "--", sys.executable, "code.py", cwd=shared.root).ok()
    shared.git("commit", "--quiet", "-m", "a run")
    listed = git("show", "--name-only", "--format=", "HEAD", cwd=shared.root).split()
    assert listed and all(name.startswith(".track/runs/") for name in listed)
    assert "data of 1 run sent to origin" in shared.git("push", "origin", "main").text


def test_who_may_only_read_pushes_pointers_of_data_that_is_there(shared: Hooked) -> None:
    shared.git("push", "--quiet", "origin", "main")
    other = clone(shared)
    track("pull", cwd=other.root).ok()
    track("hooks", "install", cwd=other.root).ok()
    track("mv", "new", "moved", cwd=other.root).ok()
    other.git("commit", "--quiet", "-m", "moved")
    other.git("push", "--quiet", "origin", "main")
    assert has_all(shared)[b"moved"] == SECOND["new"]
