"""Who uses: runs and pointers that were made from any version of an artifact."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from track.errors import UnknownPath
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer
from track.project import Project
from track.verbs.who_uses import who_uses


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", "--no-hooks", cwd=repo).ok()
    (repo / "in.txt").write_text("one")
    track("add", "in.txt", cwd=repo).ok()
    commit_all(repo)
    track(
        "run", "--name", "first", "--input", "in.txt", "-o", "out.txt", "--", "cp", "in.txt", "out.txt", cwd=repo
    ).ok()
    commit_all(repo)
    return repo


def test_users_of_older_versions_are_named_with_the_version(here: Path) -> None:
    (here / "in.txt").write_text("two")
    track("add", "in.txt", cwd=here).ok()
    made = Pointer(kind="file", digest=digest_of(b"made"), size=4, based_on={b"in.txt": digest_of(b"two")})
    (here / "made.track").write_bytes(dump_pointer(made))
    commit_all(here)
    with Project.open(here) as project:
        found = who_uses(project, str(here / "in.txt"))
    assert found.versions_count == 2
    uses = {(use.kind, use.name, use.digest, use.is_latest) for use in found.uses}
    assert uses == {
        ("run", "first", digest_of(b"one"), False),
        ("artifact", "made", digest_of(b"two"), True),
    }
    done = track("who-uses", "in.txt", cwd=here).ok()
    assert "first" in done.out and "latest" in done.out and "2 users of 2 versions" in done.err
    assert [use["name"] for use in track("who-uses", "in.txt", "--json", cwd=here).ok().json["uses"]]


def test_another_branch_is_looked_at_with_all(here: Path) -> None:
    git("checkout", "-q", "-b", "side", cwd=here)
    track("run", "--name", "second", "--input", "in.txt", "-o", "b.txt", "--", "cp", "in.txt", "b.txt", cwd=here).ok()
    commit_all(here)
    git("checkout", "-q", "main", cwd=here)
    with Project.open(here) as project:
        assert [use.name for use in who_uses(project, str(here / "in.txt")).uses] == ["first"]
        assert {use.name for use in who_uses(project, str(here / "in.txt"), every=True).uses} == {"first", "second"}


def test_what_nobody_uses_says_so_and_what_is_unknown_is_refused(here: Path, tmp_path: Path) -> None:
    assert "nobody is known to use b.txt" in _made(here).err
    with Project.open(here) as project, pytest.raises(UnknownPath, match="no version"):
        who_uses(project, str(here / "nothing"))
    assert track("who-uses", "nothing", cwd=here).code == 2
    git("clone", "-q", "--depth=1", f"file://{here}", tmp_path / "clone", cwd=tmp_path)
    assert "shallow" in track("who-uses", "in.txt", cwd=tmp_path / "clone").ok().err


def _made(here: Path):  # type: ignore[no-untyped-def]  # what track gives
    (here / "b.txt").write_text("nobody's")
    track("add", "b.txt", cwd=here).ok()
    return track("who-uses", "b.txt", cwd=here).ok()


def test_what_nobody_used_as_it_is_now_points_to_who_used_it_before(repo: Path) -> None:
    track("init", "--no-hooks", cwd=repo).ok()
    (repo / "raw.csv").write_text("1\n")
    track("add", "raw.csv", cwd=repo).ok()
    command = ("sh", "-c", "cat raw.csv raw.csv > made.csv")
    track("run", "-q", "--name", "make", "-i", "raw.csv", "-o", "made.csv", "--", *command, cwd=repo).ok()
    commit_all(repo)
    assert "hint" not in track("deps", "raw.csv", cwd=repo).ok().err
    (repo / "raw.csv").write_text("2\n")
    track("add", "raw.csv", cwd=repo).ok()
    hinted = "hint: track who-uses raw.csv      lists who used any of its versions\n"
    assert track("deps", "raw.csv", cwd=repo).ok().err == f"no run is known that used it\n{hinted}"
    assert "make" in track("who-uses", "raw.csv", cwd=repo).ok().out
    [now] = track("find", "name = raw.csv", "--json", cwd=repo).ok().json["versions"]
    assert "hint" not in track("deps", now["id"], cwd=repo).ok().err
    (repo / "b\x1b[2J.csv").write_text("3\n")
    track("add", "b\x1b[2J.csv", cwd=repo).ok()
    lost = track("path", "b\x1b[2J.csv", "made.csv", cwd=repo)
    assert (lost.code, lost.err) == (1, "made.csv did not come from b\\x1b[2J.csv, as far as any run tells\n")
    assert "hint" not in track("lineage", "raw.csv", cwd=repo).ok().err
