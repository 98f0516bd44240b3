"""Import LFS's history: another branch, in each of whose commits everything is what the real Git LFS had there."""

import hashlib
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import Executable, read_tree, write_tree
from track.project import Project

pytestmark = pytest.mark.needs("git-lfs")

BIG = bytes(range(256)) * (5 * 1024)


def with_lfs(repo: Path) -> None:
    git("lfs", "install", "--local", "--skip-repo", cwd=repo)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Some history of the real Git LFS, pushed to a bare repository beside it: edits, a merge, moves, an end."""
    git("init", "--quiet", "--bare", "--initial-branch=main", "far.git", cwd=tmp_path)
    repo = new_repository(tmp_path / "repo")
    with_lfs(repo)
    write_tree(repo, {"code.py": b"pass\n", ".gitignore": b"*.pyc"})
    commit_all(repo, "before Git LFS")
    git("lfs", "track", "*.bin", cwd=repo)
    write_tree(repo, {"a.bin": b"a\n", "data/b c.bin": BIG, "tool.bin": Executable(b"#!/bin/sh\n"), "empty.bin": b""})
    commit_all(repo, "one")
    git("checkout", "--quiet", "-b", "side", cwd=repo)
    write_tree(repo, {"data/s.bin": b"of the side\n"})
    git("add", "--all", cwd=repo)
    git("-c", 'user.name=Ünal \\ "x"', "commit", "--quiet", "-m", "side\n\n  with  blanks \n", cwd=repo)
    git("checkout", "--quiet", "main", cwd=repo)
    write_tree(repo, {"a.bin": b"edited\n", "ü.bin": b"u"})
    commit_all(repo, "two")
    git("merge", "--quiet", "--no-edit", "side", cwd=repo)
    git("mv", "data/b c.bin", "moved.bin", cwd=repo)
    git("rm", "--quiet", "tool.bin", cwd=repo)
    commit_all(repo, "moved")
    git("remote", "add", "origin", str(tmp_path / "far.git"), cwd=repo)
    git("lfs", "push", "--all", "origin", cwd=repo)
    git("push", "--quiet", "--set-upstream", "origin", "main", cwd=repo)
    track("init", cwd=repo).ok()
    commit_all(repo, "track")
    return repo


def object_of(repo: Path, content: bytes) -> Path:
    name = hashlib.sha256(content).hexdigest()
    return repo / ".git" / "lfs" / "objects" / name[:2] / name[2:4] / name


def said_in(repo: Path, rev: str) -> list[str]:
    """Everything of a history but its ids and trees; of parents how many."""
    text = git("log", "-z", "--topo-order", "--format=%an <%ae> %at %cn %ct%n%P%n%B", rev, cwd=repo)
    rows = [row.split("\n", 2) for row in text.split("\0") if row]
    return [f"{who} {len(parents.split())} {message}" for who, parents, message in rows]


def state(repo: Path) -> tuple[object, ...]:
    """What an import of a history leaves as it is."""
    refs = git("rev-parse", "HEAD", "main", "side", cwd=repo), git("ls-files", "--stage", cwd=repo)
    return refs, read_tree(repo), read_tree(repo / ".git" / "lfs", leave_out=())


def data(repo: Path) -> dict[bytes, object]:
    """The working tree, without what is there for track or Git LFS alone."""
    ours = (b".gitattributes", b".gitignore")
    return {path: node for path, node in read_tree(repo).items() if not path.endswith((*ours, b".track"))}


def pairs(repo: Path, branch: str) -> list[tuple[str, str]]:
    """Each commit of `main` with the one that was made of it."""
    order = ("rev-list", "--topo-order", "--reverse")
    return list(zip(git(*order, "main", cwd=repo).split(), git(*order, branch, cwd=repo).split(), strict=True))


def test_each_commit_of_the_new_branch_has_what_git_lfs_had_in_the_old_one(here: Path, tmp_path: Path) -> None:
    before = state(here)
    said = track("import-lfs", "--history", "new", cwd=here).ok()
    assert "git checkout new" in said.err
    assert state(here) == before
    assert git("status", "--porcelain", cwd=here) == ""
    assert said_in(here, "new") == said_in(here, "main")
    of_lfs = tmp_path / "of lfs"
    git("worktree", "add", "--quiet", "--detach", str(of_lfs), "main", cwd=here)
    for old, new in pairs(here, "new"):
        git("checkout", "--quiet", "--detach", old, cwd=of_lfs)
        git("clean", "-fdxq", cwd=here)  # data of the commit before it
        git("checkout", "--quiet", "--detach", new, cwd=here)
        track("checkout", cwd=here).ok()
        assert data(here) == data(of_lfs)
        assert git("status", "--porcelain", cwd=here) == ""
        names = git("ls-tree", "-r", "--name-only", new, cwd=here).split("\n")
        assert [name for name in names if name.endswith(".bin")] == (["empty.bin"] if "empty.bin" in names else [])
        assert "filter=lfs" not in git("grep", "-h", "", new, "--", ".gitattributes", cwd=here, check=False)
    first_old, first_new = pairs(here, "new")[0]
    assert first_old == first_new  # nothing in it or before it changes
    assert "/a.bin\n" in git("show", "new:.gitignore", cwd=here) and "*.pyc\n" in git(
        "show", "new:.gitignore", cwd=here
    )
    assert len(track("log", "a.bin", "--json", cwd=here).ok().json["versions"]) == 2
    track("verify", cwd=here).ok()


def test_a_history_is_imported_twice_to_the_same_commits(here: Path) -> None:
    track("import-lfs", "--history", "one", cwd=here).ok()
    track("import-lfs", "--history", "two", cwd=here).ok()
    assert git("rev-parse", "one", cwd=here) == git("rev-parse", "two", cwd=here)


def test_what_is_missing_stays_with_git_lfs_which_takes_none_of_our_pointers(here: Path) -> None:
    object_of(here, b"a\n").unlink()
    refused = track("import-lfs", "--history", "new", cwd=here)
    assert refused.code == 4
    assert "a.bin stays with Git LFS in 2 commits" in refused.err
    has_old = git("log", "--format=%H", "new", "--", "a.bin", cwd=here).split()
    assert len(has_old) == 2  # it came, and went when the next version was imported
    git("lfs", "fetch", "--all", cwd=here)
    one = has_old[-1]
    git("checkout", "--quiet", one, cwd=here)
    track("checkout", cwd=here).ok()
    assert (here / "a.bin").read_bytes() == b"a\n"
    assert git("status", "--porcelain", cwd=here) == ""
    assert git("check-attr", "filter", "a.bin", "data/b c.bin.track", cwd=here).split("\n")[:2] == [
        "a.bin: filter: lfs",
        "data/b c.bin.track: filter: unset",
    ]
    track("import-lfs", "--history", "all", cwd=here).ok()
    assert not git("log", "--format=%H", "all", "--", "a.bin", cwd=here)


def test_a_damaged_object_is_not_believed(here: Path) -> None:
    object_of(here, b"a\n").chmod(0o644)
    object_of(here, b"a\n").write_bytes(b"b\n")
    refused = track("import-lfs", "--history", "new", cwd=here)
    assert (refused.code, "another SHA-256" in refused.err) == (7, True)


def test_a_fresh_clone_has_git_lfs_fetch_the_whole_history(here: Path) -> None:
    clone = here.parent / "clone"
    git("clone", "--quiet", str(here.parent / "far.git"), str(clone), cwd=here.parent)
    with_lfs(clone)
    track("init", cwd=clone).ok()
    assert track("import-lfs", "--history", "lacking", cwd=clone).code == 4
    track("import-lfs", "--history", "new", "--fetch", cwd=clone).ok()
    assert git("log", "--format=%H", "new", "--", "a.bin", "tool.bin", "ü.bin", cwd=clone) == ""


def test_what_stands_in_the_way_in_a_commit_keeps_that_file_with_git_lfs(here: Path) -> None:
    write_tree(here, {"a.bin.track": b"mine\n", "in/x.bin": b"x", "deep/y.bin": b"y"})
    (here / "deep" / ".gitignore").symlink_to("../.gitignore")
    write_tree(here, {"big": b"1"})
    track("add", "big", cwd=here).ok()
    (here / "in.track").write_bytes((here / "big.track").read_bytes())
    commit_all(here, "in the way")
    refused = track("import-lfs", "--history", "new", cwd=here)
    assert refused.code == 6
    for said in ("at a.bin.track", "at deep/.gitignore", "in/x.bin lies inside the artifact in"):
        assert said in refused.err
    names = git("ls-tree", "-r", "--name-only", "new", cwd=here).split("\n")
    assert {"a.bin", "in/x.bin", "deep/y.bin", "moved.bin.track"} <= set(names)
    assert git("show", "new:a.bin.track", cwd=here) == "mine\n"


def test_a_history_is_foreseen_without_a_trace(here: Path) -> None:
    before = git("for-each-ref", cwd=here), read_tree(here)
    said = track("import-lfs", "--history", "x", "-n", "--json", cwd=here).ok().json
    assert (said["versions"], said["tip"], said["left"]) == (7, None, [])
    assert (git("for-each-ref", cwd=here), read_tree(here)) == before
    with Project.open(here) as project:
        assert not project.pointers()


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--history", "main"), 6), (("--history", "a..b"), 2), (("--history", "-x"), 2), (("--history", "x", "data"), 2)],
)
def test_a_history_is_not_imported_over_a_branch_or_in_part(here: Path, words: tuple[str, ...], code: int) -> None:
    assert track("import-lfs", *words, cwd=here).code == code


def test_a_shallow_clone_has_no_history_to_import(here: Path) -> None:
    clone = here.parent / "clone"
    git("clone", "--quiet", "--depth=1", f"file://{here}", str(clone), cwd=here.parent)
    refused = track("import-lfs", "--history", "x", cwd=clone)
    assert refused.code == 6
    assert "git fetch --unshallow" in refused.err
