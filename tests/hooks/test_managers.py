"""The real husky and the real lefthook: beside our hooks in both orders, set up as the how-to page says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import FIRST, SECOND, Hooked, as_bytes
from support.merging import with_drivers
from support.repositories import git

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs/how-to/hooks.md"
LOST = '[artifact]\nkind = "file"\ndigest = "blake3:%s"\nsize = 3\n' % ("ab" * 32)
SET_UP = (".husky", "node_modules", "package", "lefthook")

pytestmark = pytest.mark.xdist_group("node")


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """husky, as `tests/node/package-lock.json` pins it."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(TOP / "tests/node" / name, folder)
    words = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(folder / "npm"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(words, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, check=False)
    assert done.returncode == 0, f"the tests need the npm of the test extra, and husky: {done.stderr.decode()}"
    return folder / "node_modules"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Git finds `track-hook`, and the tools beside the interpreter."""
    monkeypatch.setenv("PATH", f"{with_drivers(tmp_path / 'tools')['PATH']}:{Path(sys.executable).parent}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return dict(os.environ)


def run(here: Hooked, env: dict[str, str], *words: str) -> str:
    done = subprocess.run(words, cwd=here.root, env=env, capture_output=True, check=False, timeout=240)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def states(here: Hooked) -> set[str]:
    return {one["state"] for one in track("hooks", "list", "--json", cwd=here.root).ok().json["hooks"]}


def data(here: Hooked) -> dict[bytes, object]:
    return {path: node for path, node in here.data().items() if not os.fsdecode(path).startswith(SET_UP)}


def both_are_at_work(here: Hooked, env: dict[str, str]) -> None:
    """A commit meets their check and ours, data follows every way of Git's, and a push sends it first."""
    (here.root / "code.py").write_text("1\n")
    here.git("add", "code.py")
    assert "theirs" in here.git("commit", "-m", "x", env=env).text
    (here.root / "lost.track").write_text(LOST)
    here.git("add", "lost.track")
    assert "lost.track stands for data" in here.git("commit", "-m", "x", check=False, env=env).text
    here.git("rm", "--quiet", "--force", "lost.track")
    here.git("checkout", "--quiet", "first", env=env)
    assert data(here) == as_bytes(FIRST)
    here.git("checkout", "--quiet", "main", env=env)
    here.git("branch", "--quiet", "side", "first")
    here.git("reset", "--quiet", "--hard", "second", env=env)  # post-index-change alone
    here.git("reset", "--quiet", "--hard", "first", env=env)
    assert data(here) == as_bytes(FIRST)
    here.git("merge", "--quiet", "second", env=env)
    assert {path: node for path, node in data(here).items() if path != b"code.py"} == as_bytes(SECOND)
    git("init", "--quiet", "--bare", "../code.git", cwd=here.root)
    refused = here.git("push", "../code.git", "main", check=False, env=env)
    assert refused.code and "this project has no remote" in refused.text, refused.text
    track("remote", "add", "origin", "../data", cwd=here.root).ok()
    here.git("push", "../code.git", "main", env=env)
    assert any(files for _, _, files in os.walk(here.root.parent / "data/packs"))


# ---- husky ----


def with_husky(here: Hooked, env: dict[str, str], node_modules: Path, prepare: str) -> None:
    """What a project with husky has: its script, its folder, and a check of its own."""
    shutil.copytree(node_modules, here.root / "node_modules", symlinks=True)
    (here.root / "package.json").write_text(json.dumps({"private": True, "scripts": {"prepare": prepare}}))
    run(here, env, "npm", "run", "prepare")
    (here.root / ".husky/pre-commit").write_text("echo theirs\n")
    (here.root / ".git/info/exclude").write_text("node_modules\n.husky\npackage.json\n")


def lines_added(here: Hooked) -> str:
    """What `track hooks install` says, each line put where it says."""
    said = track("hooks", "install", cwd=here.root).ok()
    for name, line in re.findall(r"(?m)^  ([a-z-]+)\n    (.+)$", said.out):
        with open(here.root / ".husky" / name, "a", encoding="utf-8") as script:
            script.write(line + "\n")
    return said.out + said.err


def test_husky_with_the_lines_that_install_prints(here: Hooked, env: dict[str, str], node_modules: Path) -> None:
    (script,) = re.findall(r'```json\n(\{"scripts".*?)\n```', PAGE.read_text("utf-8"))
    with_husky(here, env, node_modules, json.loads(script)["scripts"]["prepare"])
    assert states(here) == {"left"}  # they are in Git's own folder, where Git no longer looks
    assert "does not know" not in lines_added(here)
    assert states(here) == {"handed on"}
    both_are_at_work(here, env)
    run(here, env, "npm", "run", "prepare")  # as every `npm install` does
    assert states(here) == {"handed on"}
    track("hooks", "uninstall", cwd=here.root).ok()
    here.git("checkout", "--quiet", "first", env=env)  # the lines do nothing now
    assert {path: node for path, node in data(here).items() if path != b"code.py"} == as_bytes(SECOND)


def test_the_one_hook_that_husky_does_not_know_is_told(here: Hooked, env: dict[str, str], node_modules: Path) -> None:
    with_husky(here, env, node_modules, "husky")
    said = lines_added(here)
    listed = track("hooks", "list", "--json", cwd=here.root).ok().json["hooks"]
    assert {one["state"] for one in listed if one["name"] != "post-index-change"} == {"handed on"}
    assert [one["state"] for one in listed if one["name"] == "post-index-change"] == ["disabled"]
    (command,) = re.findall(r"after every install of husky: (cp .*)", said)
    run(here, env, "sh", "-c", command)
    assert states(here) == {"handed on"}
    both_are_at_work(here, env)


# ---- lefthook ----


def with_lefthook(here: Hooked, env: dict[str, str], config: str) -> None:
    (here.root / "lefthook.yml").write_text("no_tty: true\n" + config)
    (here.root / ".git/info/exclude").write_text("lefthook.yml\n")
    run(here, env, "lefthook", "install", "--force")


THEIRS = "pre-commit:\n  commands:\n    theirs: {run: echo theirs}\n"


def printed(here: Hooked) -> str:
    """The configuration that `track hooks install` prints, with their own check in it."""
    said = track("hooks", "install", cwd=here.root).ok().out
    assert "belongs to lefthook; add to lefthook.yml" in said
    config = said.partition("\n")[2]
    assert config.count("use_stdin: true") == ("post-rewrite:" in config) + ("pre-push:" in config)
    return config.replace("pre-commit:\n  commands:\n", THEIRS)


@pytest.mark.parametrize("first", ["lefthook", "track"])
def test_lefthook_with_the_configuration_that_install_prints(here: Hooked, env: dict[str, str], first: str) -> None:
    everything = "".join(f"{name}:\n  commands:\n    theirs: {{run: 'true'}}\n" for name in (
        "commit-msg", "post-checkout", "post-merge", "post-rewrite", "post-index-change", "pre-push"))  # fmt: skip
    if first == "lefthook":
        track("hooks", "uninstall", cwd=here.root).ok()
    with_lefthook(here, env, THEIRS + everything)
    assert states(here) == {"left"}
    with_lefthook(here, env, printed(here))
    assert states(here) == {"handed on"}
    both_are_at_work(here, env)


def test_the_page_has_the_form_that_install_prints(here: Hooked, env: dict[str, str]) -> None:
    (page,) = re.findall(r"```yaml\n# lefthook.yml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    with_lefthook(here, env, THEIRS + "pre-push:\n  commands:\n    theirs: {run: 'true'}\n")
    assert page in track("hooks", "install", cwd=here.root).ok().out
