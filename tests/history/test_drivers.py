"""The diff and merge drivers as Git runs them: configured, half configured, without track."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.repositories import commit_all, git
from track.history import drivers
from track.history.plumbing import Git

ONE = '[artifact]\nkind = "file"\ndigest = "blake3:{}"\nsize = 3\n'
FIRST, SECOND = ONE.format("1" * 64), ONE.format("2" * 64)
NAMES = ("d/a.track", "with blank.track", "sn\u00f6 \u2603.track", 'quo"te\\.track', "tab\tin.track")


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH on which there is Git, and no track."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("git", "sh", "sed", "awk", "grep", "cat"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


@pytest.fixture
def here(repo: Path) -> Path:
    """A repository with pointers, code, and the drivers."""
    (repo / ".gitattributes").write_bytes(drivers.ATTRIBUTES + b"\n")
    (repo / "code.py").write_text("".join(f"line {number}\n" for number in range(30)))
    (repo / "gone.track").write_text(FIRST)
    (repo / "old name.track").write_text(FIRST.replace("1", "7") + "".join(f"# {n}\n" for n in range(30)))
    (repo / "moved.track").write_text(FIRST.replace("1", "8") + "".join(f"# {n}\n" for n in range(30)))
    (repo / "mode.track").write_text(FIRST)
    for name in NAMES:
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text(FIRST + "\n[labels]\nended = false")
    commit_all(repo, "first")
    drivers.install(Git(repo))
    return repo


def change(here: Path) -> None:
    """Everything that can happen to a pointer, and to code beside it."""
    for name in NAMES:
        (here / name).write_text(SECOND)
    (here / "code.py").write_text((here / "code.py").read_text().replace("line 7", "line seven"))
    (here / "gone.track").unlink()
    (here / "new.track").write_text(SECOND)
    (here / "empty.track").write_text("")
    (here / "mode.track").chmod(0o755)
    (here / "old name.track").write_text((here / "old name.track").read_text().replace("# 9", "# nine"))
    (here / "old name.track").rename(here / "new name.track")
    (here / "moved.track").rename(here / "d/moved.track")
    git("add", "--all", cwd=here)


def snapshot(here: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(here)): (path.stat().st_mode & 0o111, path.read_bytes())
        for path in sorted(here.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(here).parts
    }


def patched(here: Path, path: str, cwd: Path | None = None, *words: str) -> None:
    """`git diff > p && git stash && git apply p` gives back what was there."""
    before = snapshot(here)
    env = {**os.environ, "PATH": path}
    with open(here.parent / "p", "wb") as patch:
        subprocess.run(["git", "diff", *words, "HEAD"], cwd=cwd or here, env=env, stdout=patch, check=True)
    git("stash", "--quiet", cwd=here)
    assert snapshot(here) != before
    git("apply", str(here.parent / "p"), cwd=here)
    assert snapshot(here) == before


@pytest.mark.parametrize("renames", ["-M", "--no-renames"])
def test_a_patch_from_the_driver_restores_pointers_and_code_without_track(
    here: Path, bare_path: str, renames: str
) -> None:
    change(here)
    patched(here, bare_path, None, renames)


def test_a_patch_is_the_same_text_as_without_the_driver(here: Path, bare_path: str) -> None:
    change(here)
    env = {**os.environ, "PATH": bare_path}

    def said(*words: str) -> list[str]:
        done = subprocess.run(["git", "diff", "-M", *words, "HEAD"], cwd=here, env=env, capture_output=True, check=True)
        quiet = git("config", "core.quotePath", "false", cwd=here)
        assert quiet == ""
        return [line for line in done.stdout.decode().splitlines() if not line.startswith("index ")]

    git("config", "core.quotePath", "false", cwd=here)
    assert said() == said("--no-ext-diff")


def test_a_patch_is_plain_from_a_subfolder_and_in_a_linked_worktree(here: Path, bare_path: str) -> None:
    change(here)
    git("commit", "-qm", "second", cwd=here)
    git("worktree", "add", "-q", "../linked", "HEAD~1", cwd=here)
    linked = here.parent / "linked"
    change(linked)
    patched(linked, bare_path, linked / "d")


def test_prefixes_that_are_switched_off_are_off(here: Path, bare_path: str) -> None:
    change(here)
    git("config", "diff.noprefix", "true", cwd=here)
    env = {**os.environ, "PATH": bare_path}
    said = subprocess.run(["git", "diff", "HEAD"], cwd=here, env=env, capture_output=True, check=True).stdout
    assert b"diff --git new.track new.track\n" in said
    assert b"+++ new.track\n" in said


@pytest.mark.parametrize("what", ["unconfigured", "no script", "no attribute", "a script that fails"])
def test_a_patch_restores_whatever_of_the_drivers_is_there(here: Path, bare_path: str, what: str) -> None:
    script = here / ".git/track" / drivers.SCRIPT
    if what == "unconfigured":
        drivers.uninstall(Git(here))
    elif what == "no script":
        script.unlink()
    elif what == "no attribute":
        (here / ".gitattributes").unlink()
        git("commit", "-qam", "gone", cwd=here)
    else:
        broken = Path(bare_path) / "track-hook"
        broken.write_text("#!/bin/sh\necho half of it\nexit 1\n")
        broken.chmod(0o755)
    change(here)
    for name in NAMES[3:] if what == "no script" else ():  # the simplest form knows no quoting
        git("checkout", "-q", "HEAD", "--", name, cwd=here)
    patched(here, bare_path)


def test_a_pointer_in_conflict_does_not_stop_the_diff(here: Path, bare_path: str) -> None:
    git("checkout", "-qb", "other", cwd=here)
    (here / "mode.track").write_text(SECOND)
    git("commit", "-qam", "theirs", cwd=here)
    git("checkout", "-q", "main", cwd=here)
    (here / "mode.track").write_text(SECOND.replace("2", "3"))
    git("commit", "-qam", "ours", cwd=here)
    env = {**os.environ, "PATH": bare_path}
    subprocess.run(["git", "merge", "-q", "other"], cwd=here, env=env, capture_output=True, check=False)
    (here / "code.py").write_text("changed\n")
    for words, mark in (((), b"<<<<<<< ours"), (("--ours",), b"* Unmerged path mode.track")):
        said = subprocess.run(["git", "diff", *words], cwd=here, env=env, capture_output=True, check=True).stdout
        assert mark in said
        assert b"+changed" in said


@pytest.mark.parametrize("configured", [True, False])
def test_without_track_a_merge_leaves_marks_or_merges_lines(here: Path, bare_path: str, configured: bool) -> None:
    """Git alone would leave our side without marks when a merge driver is missing: it would look resolved."""
    if not configured:
        drivers.uninstall(Git(here))
    git("checkout", "-qb", "other", cwd=here)
    (here / "mode.track").write_text(SECOND)
    (here / "gone.track").write_text(FIRST + "\n[labels]\nticket = 1\n")
    git("commit", "-qam", "theirs", cwd=here)
    git("checkout", "-q", "main", cwd=here)
    (here / "mode.track").write_text(SECOND.replace("2", "3"))
    (here / "gone.track").write_text(FIRST.replace("1", "4").replace("size = 3", "size = 3\nrows = 4"))
    git("commit", "-qam", "ours", cwd=here)
    env = {**os.environ, "PATH": bare_path}
    done = subprocess.run(["git", "merge", "other"], cwd=here, env=env, capture_output=True, check=False)
    assert done.returncode == 1
    marked = (here / "mode.track").read_text()
    assert "<<<<<<< " in marked and "2" * 64 in marked and "3" * 64 in marked
    if configured:
        assert "<<<<<<< ours\n" in marked
    assert "mode.track" in git("ls-files", "--unmerged", cwd=here)


def test_installing_again_changes_nothing_and_uninstalling_leaves_nothing(repo: Path) -> None:
    found = Git(repo)
    before = (repo / ".git/config").read_bytes()
    assert drivers.state(found) == "missing"
    assert drivers.install(found)
    assert drivers.state(found) == "installed"
    assert not drivers.install(found)
    git("config", "merge.track.driver", "false", cwd=repo)
    assert drivers.state(found) == "changed"
    assert drivers.install(found)
    assert drivers.state(found) == "installed"
    assert drivers.uninstall(found)
    assert (drivers.state(found), drivers.uninstall(found)) == ("missing", False)
    assert (repo / ".git/config").read_bytes() == before
    assert list((repo / ".git/track").iterdir()) == []


def test_a_configuration_that_is_locked_for_a_moment_is_waited_for(repo: Path) -> None:
    lock = repo / ".git/config.lock"
    holder = subprocess.Popen(["sh", "-c", f"sleep 0.3; rm '{lock}'"])
    lock.touch()
    drivers.install(Git(repo))
    assert holder.wait() == 0
    assert drivers.state(Git(repo)) == "installed"
