"""The code that a run sees: one tree for one code, whatever commits and indexes say, and nothing left behind."""

import os
import random
import subprocess
import threading
from pathlib import Path

import pytest

from support.repositories import commit_all, git, new_repository
from track.history.code_tree import Untracked, code_tree, is_no_code, tree_at, untracked
from track.history.plumbing import Git


@pytest.fixture
def code(repo: Path) -> Path:
    """A repository with code, a pointer and what belongs to it, all committed."""
    for name, text in {
        "main.py": "print(1)\n",
        "pkg/part.py": "x = 1\n",
        "data.csv.track": "[artifact]\n",
        "pkg/deep.track": "[artifact]\n",
        ".gitignore": "/data.csv\n",
        "pkg/.gitignore": "/deep\n",
        ".gitattributes": "*.track diff=track\n",
        ".track/config.toml": "\n",
    }.items():
        path = repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (repo / "run.sh").write_text("#!/bin/sh\n")
    (repo / "run.sh").chmod(0o755)
    (repo / "link").symlink_to("main.py")
    commit_all(repo)
    return repo


def tree(code: Path, room: Path, also: list[bytes] | None = None) -> str:
    with code_tree(Git(code), room, also or []) as found:
        return found.tree


def test_code_is_what_git_tracks_without_pointers_records_and_ignore_files(code: Path, tmp_path: Path) -> None:
    with code_tree(Git(code), tmp_path / "room", []) as found:
        assert not found.is_dirty
        assert found.patch() == b""
        assert [(file.path, file.mode) for file in found.files()] == [
            (b"link", "l"),
            (b"main.py", "f"),
            (b"pkg/part.py", "f"),
            (b"run.sh", "x"),
        ]
        assert [content for _, content in found.contents(found.files())][:2] == [b"main.py", b"print(1)\n"]
    assert found.tree == tree_at(Git(code), "HEAD")


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_the_id_of_a_tree_is_the_one_that_git_gives_it(tmp_path: Path, form: str) -> None:
    git("init", "--quiet", f"--object-format={form}", cwd=tmp_path)
    dice = random.Random(7)
    names = [b"a", b"a.b", b"a-", b"a0", b"A", "ä".encode(), b"\xff", b"b.track", b".gitignore", b".track", b"x.track"]
    files: set[bytes] = set()
    for _ in range(1000):
        path = b"/".join(dice.choice(names) for _ in range(dice.randint(2, 6)))
        above = {path[:end] for end, byte in enumerate(path) if byte == ord("/")}
        if not above & files and not any(one.startswith(path + b"/") for one in files):
            files.add(path)
    (tmp_path / "one").write_text("1")
    blob = git("hash-object", "-w", "one", cwd=tmp_path).strip().encode()
    lines = [b"%b %b\t%b\0" % (dice.choice([b"100644", b"100755", b"120000"]), blob, path) for path in sorted(files)]
    subprocess.run(["git", "update-index", "-z", "--index-info"], input=b"".join(lines), cwd=tmp_path, check=True)
    git("-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "-m", "all", cwd=tmp_path)
    code = {path for path in files if not is_no_code(path)}
    assert 100 < len(code) < len(files)
    without = b"".join(path + b"\0" for path in files - code)
    subprocess.run(["git", "update-index", "-z", "--force-remove", "--stdin"], input=without, cwd=tmp_path, check=True)
    assert tree_at(Git(tmp_path), "HEAD") == git("write-tree", cwd=tmp_path).strip()


def test_a_commit_without_code_has_the_empty_tree(repo: Path, tmp_path: Path) -> None:
    git("rm", "--quiet", "-r", "-f", "--cached", "--ignore-unmatch", ".", cwd=repo)
    git("commit", "--quiet", "--allow-empty", "-m", "nothing", cwd=repo)
    with code_tree(Git(repo), tmp_path / "room", []) as found:
        assert (
            found.tree == found.base == git("hash-object", "-t", "tree", "/dev/null", cwd=repo).strip()
            and not found.is_dirty
        )
        assert found.files() == [] and found.patch() == b""


def test_a_patch_has_nothing_of_pointers_and_ignore_files(code: Path, tmp_path: Path) -> None:
    for name in ("main.py", "data.csv.track", "pkg/deep.track", ".gitignore", "pkg/.gitignore", ".track/config.toml"):
        (code / name).write_text("# changed\n")
    (code / "run.sh").unlink()
    with code_tree(Git(code), tmp_path / "room", []) as found:
        assert sorted(line for line in found.patch().split(b"\n") if line.startswith(b"diff ")) == [
            b"diff --git a/main.py b/main.py",
            b"diff --git a/run.sh b/run.sh",
        ]
        assert b"main.py" not in found.patch([b"main.py"])


def test_the_tree_follows_the_files_and_not_the_index_or_the_pointers(code: Path, tmp_path: Path) -> None:
    clean = tree(code, tmp_path)
    (code / "main.py").write_text("print(2)\n")
    dirty = tree(code, tmp_path)
    assert dirty != clean
    git("add", "main.py", cwd=code)
    assert tree(code, tmp_path) == dirty
    (code / "data.csv.track").write_text("[artifact]\n# other\n")
    (code / ".gitignore").write_text("")
    assert tree(code, tmp_path) == dirty
    commit_all(code)
    assert tree(code, tmp_path) == dirty == tree_at(Git(code), "HEAD")
    (code / "main.py").unlink()
    assert tree(code, tmp_path) not in (clean, dirty)


def test_a_change_that_its_stat_hides_is_seen(code: Path, tmp_path: Path) -> None:
    clean = tree(code, tmp_path)
    git("config", "core.trustctime", "false", cwd=code)
    (code / "main.py").write_text("print(9)\n")
    at = os.stat(code / ".git/index").st_mtime_ns
    os.utime(code / "main.py", ns=(at, at))
    git("add", "main.py", cwd=code)
    os.utime(code / ".git/index", ns=(at, at))
    (code / "main.py").write_text("print(8)\n")
    os.utime(code / "main.py", ns=(at, at))
    eight = tree(code, tmp_path)
    (code / "main.py").write_text("print(9)\n")
    assert eight != tree(code, tmp_path) != clean


def test_nothing_is_left_in_the_repository(code: Path, tmp_path: Path) -> None:
    def state() -> tuple[set[str], bytes]:
        files = {str(path) for path in (code / ".git").rglob("*") if path.is_file()}
        return files, (code / ".git/index").read_bytes()

    (code / "main.py").write_text("print(3)\n")
    (code / "new.py").write_text("new\n")
    before = state()
    tree(code, tmp_path / "room", [b"new.py"])
    assert state() == before
    assert list((tmp_path / "room").iterdir()) == []


def test_untracked_files_are_listed_with_their_sizes_and_taken_when_asked(code: Path, tmp_path: Path) -> None:
    (code / "new.bin").write_bytes(bytes(range(256)))
    (code / "x.track").write_text("[artifact]\n")
    (code / "data.csv").write_text("ignored\n")
    new_repository(code / "inner")
    odd = os.path.join(os.fsencode(code), b"odd\xff\n.py")
    Path(os.fsdecode(odd)).write_bytes(b"odd")
    assert untracked(Git(code)) == [Untracked(b"new.bin", 256), Untracked(b"odd\xff\n.py", 3)]
    with code_tree(Git(code), tmp_path, [b"new.bin", b"odd\xff\n.py"]) as found:
        assert found.is_dirty
        assert {file.path for file in found.files()} >= {b"new.bin", b"odd\xff\n.py"}
        patch = found.patch()
    clone = tmp_path / "clone"
    git("clone", "--quiet", code, clone, cwd=tmp_path)
    subprocess.run(["git", "apply", "-"], input=patch, cwd=clone, check=True)
    assert tree(clone, tmp_path, [b"new.bin", b"odd\xff\n.py"]) == found.tree


def test_what_is_gone_by_now_is_not_in_it(code: Path, tmp_path: Path) -> None:
    (code / "new.py").write_text("new")
    with code_tree(Git(code), tmp_path / "room", [b"editor.swp", b"new.py"]) as found:
        paths = {file.path for file in found.files()}
    assert b"new.py" in paths
    assert b"editor.swp" not in paths


def test_files_that_come_and_go_stop_nobody(code: Path, tmp_path: Path) -> None:
    is_over = threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            for number in range(50):
                (code / f"{number}.tmp").write_text("half")
                (code / f"{number}.tmp").rename(code / f"{number}.py")
            for number in range(50):
                (code / f"{number}.py").unlink()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(20):
            also = [file.path for file in untracked(Git(code))]
            with code_tree(Git(code), tmp_path / "room", also) as found:
                assert found.tree
    finally:
        is_over.set()
        thread.join()


def test_a_repository_without_a_commit_has_code_too(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "new", commit=False)
    (repo / "a.py").write_text("a\n")
    with code_tree(Git(repo), tmp_path / "room", [b"a.py"]) as found:
        assert found.base is None and found.is_dirty
        assert [file.path for file in found.files()] == [b"a.py"]
        assert b"a.py" in found.patch()


def test_an_unresolved_merge_is_read_as_it_lies_there(code: Path, tmp_path: Path) -> None:
    for branch, text in (("one", "1\n"), ("two", "2\n")):
        git("checkout", "--quiet", "-B", branch, "main", cwd=code)
        (code / "main.py").write_text(text)
        commit_all(code)
    git("merge", "--quiet", "one", cwd=code, check=False)
    assert tree(code, tmp_path) != tree_at(Git(code), "HEAD")


def test_a_repository_whose_path_has_a_colon_is_read(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / 'a:b"c')
    (repo / "a.py").write_text("a\n")
    commit_all(repo)
    with code_tree(Git(repo), tmp_path / "room", []) as found:
        assert not found.is_dirty and [file.path for file in found.files()] == [b"a.py"]


def test_in_a_linked_worktree_the_code_is_that_worktree_s(code: Path, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", tmp_path / "linked", "-b", "other", cwd=code)
    (tmp_path / "linked/main.py").write_text("other\n")
    assert tree(tmp_path / "linked", tmp_path / "room") != tree(code, tmp_path / "room")


def test_what_is_no_code():
    assert is_no_code(b"data/.a.bin.track.track-17.4.9f.ab12")
    assert not is_no_code(b"data/on.track-1.py")
    assert not is_no_code(b".env.track-test") and not is_no_code(b".track-notes.py")
    assert is_no_code(b"a/b.track") and is_no_code(b".track/runs/x.toml") and is_no_code(b"a/.gitignore")
    assert not is_no_code(b"a/b.tracks") and not is_no_code(b"x.track/main.py")
