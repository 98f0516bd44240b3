"""With `track` gone, or out of reach, Git works as ever; only new pointers do not leave without their data."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import FIRST, SECOND, Hooked, as_bytes
from support.repositories import git


@pytest.fixture
def gone(here: Hooked) -> Hooked:
    """The interpreter that hooks fall back on is not there any more, and `track-hook` never was."""
    git("config", "track.python", "/nowhere/python", cwd=here.root)
    git("init", "--quiet", "--bare", "-b", "main", "../code.git", cwd=here.root)
    here.git("remote", "add", "origin", "../code.git")
    return here


def test_every_git_command_works_and_says_nothing(gone: Hooked) -> None:
    said = [
        gone.git("checkout", "--quiet", "first"),
        gone.git("checkout", "--quiet", "-b", "side"),
        gone.git("cherry-pick", "main"),
        gone.git("reset", "--quiet", "--hard", "first"),
        gone.git("merge", "--quiet", "main"),
        gone.git("stash", "list"),
        gone.git("worktree", "add", "--quiet", "../linked", "first"),
        gone.git("revert", "--no-edit", "HEAD"),
        gone.git("rebase", "--quiet", "main"),
        gone.git("commit", "--quiet", "--allow-empty", "-m", "empty"),
        gone.git("commit", "--quiet", "--amend", "-m", "amended", "--allow-empty"),
        gone.git("clean", "--quiet", "-fd"),
    ]
    assert not [one.text for one in said if "track:" in one.text or "not found" in one.text]


def test_a_commit_of_pointers_goes_through(gone: Hooked) -> None:
    (gone.root / "lost.track").write_text('[artifact]\nkind = "file"\ndigest = "blake3:%s"\nsize = 3\n' % ("ab" * 32))
    gone.git("add", "lost.track")
    gone.git("commit", "--quiet", "-m", "unchecked")


def test_new_pointers_do_not_leave_and_everything_else_does(gone: Hooked) -> None:
    said = gone.git("push", "origin", "main", check=False)
    assert said.code == 1
    assert "track: this push brings new pointers, and track is not here to send their data" in said.text
    assert "git push --no-verify" in said.text
    gone.git("push", "--quiet", "--no-verify", "origin", "main")
    (gone.root / "code.py").write_text("1\n")
    gone.git("add", "code.py")
    gone.git("commit", "--quiet", "-m", "code")
    gone.git("rm", "--quiet", "new.track")
    gone.git("commit", "--quiet", "-m", "one less")
    gone.git("push", "--quiet", "origin", "main", "main:side")
    gone.git("push", "--quiet", "origin", "--delete", "side")


def test_where_the_recorded_python_has_no_track_any_more_the_way_on_is_told(gone: Hooked, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", symlinks=True)
    git("config", "track.python", str(tmp_path / "bare/bin/python"), cwd=gone.root)
    said = gone.git("push", "origin", "main", check=False)
    assert said.code == 1
    assert "track: this push brings new pointers, and track is not here to send their data" in said.text
    assert "install it" in said.text and "git push --no-verify" in said.text


def test_a_gui_without_path_falls_back_on_the_interpreter_that_was_recorded(here: Hooked) -> None:
    """A folder with Git's own needs alone stands for the PATH of a program that was not started from a shell."""
    folders = [folder for folder in ("/usr/bin", "/bin") if not (Path(folder) / "track-hook").exists()]
    here.git("checkout", "--quiet", "first", env={**os.environ, "PATH": ":".join(folders)})
    assert here.data() == as_bytes(FIRST)


def test_the_program_on_path_comes_first_and_never_from_a_relative_folder(here: Hooked, tmp_path: Path) -> None:
    for folder in (here.root / "bin", tmp_path / "bin"):
        folder.mkdir()
        (folder / "track-hook").write_text(f"#!/bin/sh\necho called >>{folder}/called\n")
        (folder / "track-hook").chmod(0o755)
    path = os.environ["PATH"]
    here.git("checkout", "--quiet", "first", env={**os.environ, "PATH": f"bin:.:{path}"})
    assert not (here.root / "bin/called").exists()
    assert (here.root / "f.csv").read_bytes() == b"1\n"
    here.git("checkout", "--quiet", "main", env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{path}"})
    assert (tmp_path / "bin/called").exists()


def test_a_package_of_that_name_in_a_strangers_repository_is_not_run(here: Hooked) -> None:
    package = here.root / "track"
    package.mkdir()
    (package / "__init__.py").write_text("open('pwned', 'w')\n")
    here.git("checkout", "--quiet", "first")
    assert not (here.root / "pwned").exists()
    assert (here.root / "f.csv").read_bytes() == b"1\n"


def test_the_failing_hook_of_another_tool_counts_and_data_follows_all_the_same(here: Hooked) -> None:
    track("hooks", "uninstall", cwd=here.root).ok()
    for name in ("post-checkout", "pre-commit", "pre-push"):
        path = here.root / ".git/hooks" / name
        path.write_text(f"#!/bin/sh\necho theirs {name} >&2\nexit 3\n")
        path.chmod(0o755)
    track("hooks", "install", cwd=here.root).ok()
    said = here.git("checkout", "--quiet", "first", check=False)
    assert said.code == 1  # Git's own code for a hook that failed
    assert "theirs post-checkout" in said.text
    assert here.data() == as_bytes(FIRST)
    assert here.git("commit", "--allow-empty", "-m", "x", check=False).code == 1
    git("init", "--quiet", "--bare", "../code.git", cwd=here.root)
    assert here.git("push", "../code.git", "main", check=False).code == 1
    track("hooks", "uninstall", cwd=here.root).ok()
    assert (here.root / ".git/hooks/pre-push").read_text() == "#!/bin/sh\necho theirs pre-push >&2\nexit 3\n"


def test_husky_with_the_lines_that_are_printed(here: Hooked) -> None:
    track("hooks", "uninstall", cwd=here.root).ok()
    generated = here.root / ".husky/_"
    generated.mkdir(parents=True)
    here.git("config", "core.hooksPath", ".husky/_")
    said = track("hooks", "install", "--json", cwd=here.root).ok().json
    assert said["manager"] == "husky"
    for one in said["lines"]:  # as husky does: a generated file that runs the person's script of that name
        script = here.root / ".husky" / one["hook"]
        script.write_text(one["line"] + "\n")
        stub = generated / one["hook"]
        stub.write_text('#!/bin/sh\nexec sh -e "${0%/*}/../${0##*/}" "$@"\n')
        stub.chmod(0o755)
    here.git("checkout", "--quiet", "first")
    assert {path: node for path, node in here.data().items() if b".husky" not in path} == as_bytes(FIRST)
    git("init", "--quiet", "--bare", "../code.git", cwd=here.root)
    assert "this project has no remote" in here.git("push", "../code.git", "main", check=False).text
    assert {one["state"] for one in track("hooks", "list", "--json", cwd=here.root).ok().json["hooks"]} == {"handed on"}


def test_the_pre_commit_framework_puts_ours_aside_and_calls_them(here: Hooked) -> None:
    """What its `install` does: another hook is renamed to `.legacy`, and run before its own checks."""
    hook = here.root / ".git/hooks/pre-commit"
    hook.rename(hook.with_name("pre-commit.legacy"))
    hook.write_text('#!/bin/sh\n"${0%/*}/pre-commit.legacy" "$@" || exit 1\necho framework >&2\n')
    hook.chmod(0o755)
    (here.root / "lost.track").write_text('[artifact]\nkind = "file"\ndigest = "blake3:%s"\nsize = 3\n' % ("ab" * 32))
    here.git("add", "lost.track")
    assert "lost.track" in here.git("commit", "-m", "x", check=False).text
    here.git("rm", "--quiet", "--cached", "lost.track")
    assert "framework" in here.git("commit", "--allow-empty", "-m", "x").text
    assert track("hooks", "install", cwd=here.root).ok().err.count("in place already") == 1
    track("hooks", "uninstall", cwd=here.root).ok()
    assert not hook.with_name("pre-commit.legacy").exists()


def test_what_the_framework_is_told_to_call_exists() -> None:
    """`.pre-commit-hooks.yaml` names programs and arguments that are there."""
    top = Path(__file__).parents[2]
    entries = [
        line.split(":", 1)[1].split()
        for line in (top / ".pre-commit-hooks.yaml").read_text().splitlines()
        if line.strip().startswith("entry:")
    ]
    assert len(entries) == 3
    for program, name in entries:
        assert program == "track-hook"
        done = subprocess.run([sys.executable, "-P", "-m", "track.cli.hook", name], cwd="/", input=b"", check=False)
        assert done.returncode == 0


def test_with_git_dir_and_work_tree_in_the_environment(here: Hooked, tmp_path: Path) -> None:
    env = {**os.environ, "GIT_DIR": str(here.root / ".git"), "GIT_WORK_TREE": str(here.root)}
    subprocess.run(["git", "checkout", "--quiet", "first"], cwd=tmp_path, env=env, check=True)
    assert here.data() == as_bytes(FIRST)
    subprocess.run(["git", f"--git-dir={here.root}/.git", f"--work-tree={here.root}", "checkout", "--quiet", "main"],
                   cwd=tmp_path, check=True)  # fmt: skip
    assert here.data() == as_bytes(SECOND)
