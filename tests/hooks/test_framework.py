"""The real pre-commit framework: beside our hooks in both orders, and calling them as the how-to page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import FIRST, SECOND, Hooked, as_bytes
from support.merging import with_drivers
from support.repositories import git

PAGE = Path(__file__).parents[2] / "docs/how-to/hooks.md"
LOST = '[artifact]\nkind = "file"\ndigest = "blake3:%s"\nsize = 3\n' % ("ab" * 32)
OTHERS = """repos:
  - repo: local
    hooks:
      - {id: theirs, name: theirs, entry: echo theirs, language: system, always_run: true, verbose: true}
"""


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Git finds `track-hook`; the framework keeps its state in a folder of the test."""
    monkeypatch.setenv("PATH", with_drivers(tmp_path / "tools")["PATH"])
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "framework"))
    return dict(os.environ)


def framework(here: Hooked, env: dict[str, str], *words: str) -> str:
    """Run `pre-commit words` and return what it said."""
    command = [sys.executable, "-m", "pre_commit", *words]
    done = subprocess.run(command, cwd=here.root, env=env, capture_output=True, check=False, timeout=240)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def configured(here: Hooked, text: str, env: dict[str, str]) -> None:
    (here.root / ".pre-commit-config.yaml").write_text(text)
    here.git("add", ".pre-commit-config.yaml")
    here.git("commit", "--quiet", "-m", "framework", env=env)


def both_are_at_work(here: Hooked, env: dict[str, str]) -> None:
    """A commit meets the framework's check and ours, data follows, and a push is looked at."""
    assert "theirs" in here.git("commit", "--allow-empty", "-m", "x", env=env).text
    (here.root / "lost.track").write_text(LOST)
    here.git("add", "lost.track")
    assert "lost.track stands for data" in here.git("commit", "-m", "x", check=False, env=env).text
    here.git("rm", "--quiet", "--force", "lost.track")
    here.git("checkout", "--quiet", "first", env=env)
    assert data(here) == as_bytes(FIRST)
    here.git("checkout", "--quiet", "main", env=env)
    assert data(here) == as_bytes(SECOND)
    git("init", "--quiet", "--bare", "../code.git", cwd=here.root)
    assert "this project has no remote" in here.git("push", "../code.git", "main", check=False, env=env).text


def data(here: Hooked) -> dict[bytes, object]:
    return {path: node for path, node in here.data().items() if path != b".pre-commit-config.yaml"}


def test_the_framework_comes_second(here: Hooked, env: dict[str, str]) -> None:
    configured(here, OTHERS, env)
    framework(here, env, "install", "--hook-type", "pre-commit", "--hook-type", "pre-push")
    both_are_at_work(here, env)
    framework(here, env, "uninstall", "--hook-type", "pre-commit", "--hook-type", "pre-push")
    assert {one["state"] for one in track("hooks", "list", "--json", cwd=here.root).ok().json["hooks"]} == {"alone"}


def test_the_framework_comes_first(here: Hooked, env: dict[str, str]) -> None:
    track("hooks", "uninstall", cwd=here.root).ok()
    configured(here, OTHERS, env)
    framework(here, env, "install", "--hook-type", "pre-commit", "--hook-type", "pre-push")
    theirs = (here.root / ".git/hooks/pre-commit").read_bytes()
    track("hooks", "install", cwd=here.root).ok()
    both_are_at_work(here, env)
    track("hooks", "uninstall", cwd=here.root).ok()
    assert (here.root / ".git/hooks/pre-commit").read_bytes() == theirs


def test_the_framework_calls_ours_as_the_page_says(here: Hooked, env: dict[str, str]) -> None:
    track("hooks", "uninstall", cwd=here.root).ok()
    [page] = re.findall(r"```yaml\n(repos:.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    configured(here, page, env)
    kinds = ("pre-commit", "pre-push", "post-checkout", "post-merge", "post-rewrite")
    framework(here, env, "install", *(word for kind in kinds for word in ("--hook-type", kind)))
    (here.root / "lost.track").write_text(LOST)
    here.git("add", "lost.track")
    assert "lost.track stands for data" in here.git("commit", "-m", "x", check=False, env=env).text
    here.git("rm", "--quiet", "--force", "lost.track")
    here.git("checkout", "--quiet", "-b", "side", "main", env=env)
    here.git("rm", "--quiet", "new.track")
    here.git("commit", "--quiet", "-m", "less", env=env)
    here.add({"p": b"p"}, "p", "p")
    here.git("checkout", "--quiet", "main", env=env)
    assert data(here) == as_bytes(SECOND)
    here.git("merge", "--quiet", "side", env=env)
    assert (here.root / "p").read_bytes() == b"p"
    git("init", "--quiet", "--bare", "../code.git", cwd=here.root)
    refused = here.git("push", "../code.git", "main", check=False, env=env)
    assert refused.code and "this project has no remote" in refused.text
    track("remote", "add", "origin", "../data", cwd=here.root).ok()
    here.git("commit", "--quiet", "-m", "remote", env=env)
    here.git("push", "../code.git", "main", env=env)
    assert any(files for _, _, files in os.walk(here.root.parent / "data/packs"))
