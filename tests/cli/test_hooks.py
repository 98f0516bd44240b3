"""`track hooks`: what it says; and which commands install hooks without being asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.heavy import HEAVY
from support.repositories import commit_all, git


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    track("init", cwd=repo).ok()
    monkeypatch.setenv("TRACK_HOOKS_INSTALL", "true")
    return repo


def test_hooks_that_were_taken_out_stay_out_until_somebody_installs_them(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    track("init", cwd=repo).ok()
    track("hooks", "uninstall", cwd=repo).ok()
    said = track("init", cwd=repo).ok()
    assert "to have them: track hooks install" in said.err
    (repo / "a").write_bytes(b"a")
    track("add", "a", cwd=repo).ok()
    assert not (repo / ".git/hooks/pre-push").exists()
    track("hooks", "install", cwd=repo).ok()
    assert "hooks" not in track("init", cwd=repo).ok().err
    assert (repo / ".git/hooks/pre-push").exists()


def test_who_wanted_none_gets_none_from_the_first_add(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    track("init", "--no-hooks", cwd=repo).ok()
    (repo / "a").write_bytes(b"a")
    assert "hooks" not in track("add", "a", cwd=repo).ok().err
    assert not (repo / ".git/hooks/pre-push").exists()
    commit_all(repo)
    track("clone", "--no-hooks", "--no-data", str(repo), "clone", cwd=repo.parent).ok()
    track("add", "a", cwd=repo.parent / "clone")
    (repo.parent / "clone/b").write_bytes(b"b")
    track("add", "b", cwd=repo.parent / "clone").ok()
    assert not (repo.parent / "clone/.git/hooks/pre-push").exists()


def test_install_list_and_uninstall_say_what_they_did(here: Path) -> None:
    assert (
        track("hooks", "list", cwd=here).ok().out.splitlines()[0]
        == "  pre-commit         not there: track hooks install"
    )
    assert track("hooks", "install", cwd=here).ok().out == f"7 hooks of track in {here}/.git/hooks\n"
    assert track("hooks", "install", cwd=here).ok().err == "7 hooks of track: in place already\n"
    assert "pre-push           called by Git" in track("hooks", "list", cwd=here).ok().out
    assert track("hooks", "uninstall", cwd=here).ok().out == "7 hooks of track removed\n"
    assert track("hooks", "uninstall", cwd=here).ok().out == "there was no hook of track\n"


def test_an_older_hook_is_named(here: Path) -> None:
    (here / ".git/hooks").mkdir(exist_ok=True)
    hook = here / ".git/hooks/pre-push"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    assert "pre-push  called by Git, after pre-push.pre-track" in track("hooks", "install", cwd=here).ok().out


def test_the_lines_for_husky_are_printed(here: Path) -> None:
    git("config", "core.hooksPath", ".husky/_", cwd=here)
    out = track("hooks", "install", cwd=here).ok().out
    assert "belongs to husky" in out
    assert "track/hooks/post-checkout" in out


@pytest.mark.parametrize("first", ["add", "pull"])
def test_the_first_add_or_pull_in_a_clone_without_hooks_installs_them(here: Path, first: str) -> None:
    (here / "x").write_bytes(b"x")
    done = track(*(("add", "x") if first == "add" else ("pull",)), cwd=here).ok()
    assert "hooks installed" in done.err
    assert (here / ".git/hooks/pre-push").exists()
    assert "hooks installed" not in track("add", "x", cwd=here).ok().err if first == "add" else True


def test_clone_installs_them_and_options_and_settings_keep_them_out(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_all(here, "track")
    for name, options, expected in (("a", (), True), ("b", ("--no-hooks",), False)):
        track("clone", *options, str(here), name, cwd=here.parent).ok()
        assert (here.parent / name / ".git/hooks/pre-push").exists() is expected
    monkeypatch.setenv("TRACK_HOOKS_INSTALL", "false")
    track("clone", str(here), "c", cwd=here.parent).ok()
    assert not (here.parent / "c/.git/hooks/pre-push").exists()


def test_uninit_takes_them_out(here: Path) -> None:
    track("hooks", "install", cwd=here).ok()
    track("uninit", cwd=here).ok()
    assert not (here / ".git/hooks/pre-push").exists()
    assert "track.python" not in git("config", "--list", "--local", cwd=here)


@pytest.mark.parametrize("name", ["pre-commit", "post-checkout", "pre-push"])
def test_hooks_load_nothing_heavy(here: Path, name: str) -> None:
    code = (
        "import atexit, sys\n"
        f"sys.argv = ['track-hook', '{name}']\n"
        "atexit.register(lambda: sys.stderr.write('\\n' + ' '.join(sys.modules)))\n"
        "from track.cli.hook import main\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=here, input="", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not set(done.stderr.splitlines()[-1].split()) & (HEAVY | {"click", "uuid"})
