"""Hooks: ours stand beside those of others, and go again without a trace."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.repositories import git
from track.errors import Conflict
from track.history import hooks
from track.history.hooks import HOOKS
from track.history.plumbing import Git

PLAIN = '#!/bin/sh\necho theirs "$@" >>said\n'
EARLY = "#!/bin/sh\nif true; then exit 0; fi\n"
BINARY = b"\x7fELF\0\xff"


def folder(repo: Path) -> Path:
    return repo / ".git/hooks"


def put(repo: Path, name: str, content: str | bytes, mode: int = 0o755) -> Path:
    path = folder(repo) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def everything(repo: Path) -> dict[str, tuple[int, bytes | str]]:
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder(repo).iterdir()):
        mode = path.lstat().st_mode
        found[path.name] = (mode, os.readlink(path) if path.is_symlink() else path.read_bytes())
    return found


def states(repo: Path) -> dict[str, str]:
    return {hook.name: hook.state for hook in hooks.look(Git(repo))}


def test_where_nothing_was_each_stands_alone(repo: Path) -> None:
    done = hooks.install(Git(repo))
    assert done.changed == HOOKS
    assert set(states(repo).values()) == {"alone"}
    assert Git(repo).config("track.python") == sys.executable
    assert not hooks.install(Git(repo)).changed


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (PLAIN, "added"),
        (PLAIN.rstrip("\n"), "added"),
        ("#!/usr/bin/env bash\nset -e\ntrue\n", "added"),
        (EARLY, "chained"),
        ("#!/usr/bin/env python3\n", "chained"),
        (BINARY, "chained"),
    ],
)
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_an_older_hook_keeps_its_place_and_comes_back_byte_for_byte(
    repo: Path, content: str | bytes, state: str, mode: int
) -> None:
    put(repo, "pre-commit", content, mode)
    before = everything(repo)
    hooks.install(Git(repo))
    assert states(repo)["pre-commit"] == state
    assert not hooks.install(Git(repo)).changed
    assert set(hooks.uninstall(Git(repo)).changed) == set(HOOKS)
    assert everything(repo) == before
    assert Git(repo).config("track.python") is None


def test_a_link_and_a_hook_that_is_switched_off_come_back_too(repo: Path) -> None:
    put(repo, "post-merge", PLAIN, 0o644)
    put(repo, "shared", EARLY)
    (folder(repo) / "pre-push").symlink_to("shared")
    before = everything(repo)
    hooks.install(Git(repo))
    assert states(repo)["pre-push"] == states(repo)["post-merge"] == "chained"
    hooks.uninstall(Git(repo))
    assert everything(repo) == before


@pytest.mark.parametrize("content", [PLAIN, EARLY.replace("exit 0", "echo theirs >>said; exit 0"), None])
@pytest.mark.parametrize("name", ["pre-commit", "post-checkout", "pre-push"])
def test_the_older_one_is_called_with_the_same_arguments_and_input(repo: Path, name: str, content: str | None) -> None:
    content = content or '#!/bin/sh\necho theirs "$@" >>said\ncat >>said\nexit 0\n'
    put(repo, name, content)
    hooks.install(Git(repo))
    subprocess.run([folder(repo) / name, "a b", "c"], cwd=repo, input=b"x y z\n", check=False, timeout=240)
    said = (repo / "said").read_text()
    assert said.startswith("theirs")
    assert said.count("theirs") == 1
    if "cat" in content:
        assert said == "theirs a b c\nx y z\n"


@pytest.mark.parametrize("end", ["false\n", "exit 7\n"])
@pytest.mark.parametrize("name", ["pre-commit", "post-checkout", "post-merge", "pre-push"])
def test_the_failure_of_an_older_hook_is_kept(repo: Path, name: str, end: str) -> None:
    put(repo, name, "#!/bin/sh\n" + end)
    hooks.install(Git(repo))
    done = subprocess.run([folder(repo) / name], cwd=repo, input=b"", check=False, timeout=240)
    assert done.returncode == (7 if "7" in end else 1)


def test_hooks_that_lead_in_a_circle_end(repo: Path) -> None:
    """Another tool put ours aside and calls it; ours once put that tool's aside."""
    put(repo, "pre-commit", '#!/bin/sh\necho theirs >>said\n"${0%/*}/pre-commit.legacy"; exit $?\n')
    hooks.install(Git(repo))
    (folder(repo) / "pre-commit").rename(folder(repo) / "pre-commit.legacy")
    again = (folder(repo) / "pre-commit.pre-track").read_bytes()
    put(repo, "pre-commit", again)
    assert states(repo)["pre-commit"] == "handed on"
    subprocess.run([folder(repo) / "pre-commit"], cwd=repo, check=True, timeout=240)
    assert (repo / "said").read_text().count("theirs") == 2
    hooks.uninstall(Git(repo))
    assert b"track" not in (folder(repo) / "pre-commit.legacy").read_bytes().split(b"\n")[1]


def test_two_older_hooks_of_one_name_are_told(repo: Path) -> None:
    put(repo, "pre-push", EARLY)
    put(repo, "pre-push.pre-track", EARLY)
    with pytest.raises(Conflict, match=r"two older hooks"):
        hooks.install(Git(repo))


def test_an_interrupted_install_goes_on(repo: Path) -> None:
    put(repo, "pre-push", EARLY)
    before = everything(repo)
    (folder(repo) / "pre-push").rename(folder(repo) / "pre-push.pre-track")
    hooks.install(Git(repo))
    assert states(repo)["pre-push"] == "chained"
    hooks.uninstall(Git(repo))
    assert everything(repo) == before


def test_a_hook_of_an_older_version_is_brought_up_to_date(repo: Path) -> None:
    hooks.install(Git(repo))
    path = folder(repo) / "pre-push"
    path.write_bytes(path.read_bytes() + b"# older\n")
    assert states(repo)["pre-push"] == "outdated"
    assert hooks.install(Git(repo)).changed == ("pre-push",)
    path.chmod(0o644)
    assert states(repo)["pre-push"] == "disabled"
    assert hooks.install(Git(repo)).changed == ("pre-push",)
    assert states(repo)["pre-push"] == "alone"


def test_the_folder_of_husky_is_never_written(repo: Path) -> None:
    generated = repo / ".husky/_"
    generated.mkdir(parents=True)
    git("config", "core.hooksPath", ".husky/_", cwd=repo)
    done = hooks.install(Git(repo))
    assert done.site.manager == "husky"
    assert done.left == HOOKS
    assert not list(generated.iterdir())
    assert not (folder(repo) / "pre-push").exists()
    for name in HOOKS:
        (repo / ".husky" / name).write_text(hooks.call_line(name) + "\n")
    assert set(states(repo).values()) == {"disabled"}  # Git finds nothing that would call them
    for name in HOOKS:
        (generated / name).write_text('#!/usr/bin/env sh\n. "$(dirname "$0")/h"')
    assert set(states(repo).values()) == {"handed on"}
    hooks.uninstall(Git(repo))
    assert not hooks.scripts_folder(Git(repo)).exists()


def test_the_line_for_others_does_nothing_in_a_clone_without_hooks(repo: Path) -> None:
    line = hooks.call_line("pre-commit")
    assert subprocess.run(["sh", "-ec", line, "x"], cwd=repo, check=False).returncode == 0


@pytest.mark.parametrize("chosen", [".githooks", "/somewhere/else"])
def test_a_folder_that_somebody_chose_is_left_alone(repo: Path, chosen: str) -> None:
    git("config", "core.hooksPath", chosen, cwd=repo)
    done = hooks.install(Git(repo))
    assert done.site.manager == "core.hooksPath"
    assert done.left == HOOKS
    assert not (repo / ".githooks").exists()


def test_lefthook_writes_its_folder_anew_so_ours_do_not_go_there(repo: Path) -> None:
    put(repo, "pre-commit", "#!/bin/sh\ncall_lefthook run pre-commit\n")
    before = everything(repo)
    assert hooks.install(Git(repo)).site.manager == "lefthook"
    assert everything(repo) == before


def test_a_git_that_knows_configured_hooks_gets_them_where_the_folder_is_not_ours(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("config", "core.hooksPath", ".husky/_", cwd=repo)
    monkeypatch.setattr(Git, "version", lambda self: (2, 54, 0))
    done = hooks.install(Git(repo))
    assert {hook.state for hook in done.hooks} == {"configured"}
    assert git("config", "hook.track-pre-push.event", cwd=repo) == "pre-push\n"
    command = git("config", "hook.track-pre-push.command", cwd=repo).rstrip("\n")
    fake = hooks.scripts_folder(Git(repo)) / "pre-push"
    fake.write_text('#!/bin/sh\nprintf "<%s>" "$@" >said\n')
    subprocess.run(["sh", "-c", command + ' "$@"', command, "a b", "c"], cwd=repo, check=True)  # as Git does
    assert (repo / "said").read_text() == "<a b><c>"
    git("config", "hook.track-pre-push.enabled", "false", cwd=repo)
    assert states(repo)["pre-push"] == "disabled"
    hooks.uninstall(Git(repo))
    assert "hook." not in git("config", "--list", "--local", cwd=repo)


def test_linked_worktrees_share_the_hooks(repo: Path) -> None:
    git("worktree", "add", "--quiet", "../linked", cwd=repo)
    hooks.install(Git(repo.parent / "linked"))
    assert set(states(repo).values()) == {"alone"}


def test_who_took_them_out_gets_none_again_by_itself(repo: Path) -> None:
    assert hooks.ensure(Git(repo)) is not None
    assert hooks.ensure(Git(repo)) is None
    hooks.uninstall(Git(repo))
    assert hooks.ensure(Git(repo)) is None
    assert hooks.is_refused(Git(repo))
    hooks.install(Git(repo))
    assert not hooks.is_refused(Git(repo))


def test_the_scripts_are_alike_where_they_do_the_same() -> None:
    following = [hooks.script(name).decode() for name in HOOKS if name.startswith("post-")]
    tails = {text[text.index("# The pointers as they were") : text.index("now=$(")] for text in following}
    assert len(tails) == 1
    for name in HOOKS:
        text = hooks.script(name).decode()
        assert text.startswith("#!/bin/sh\n# track: ")
        assert f"{name}.pre-track" in text
        if name == "commit-msg":  # Git alone does what is to do
            assert "python" not in text and "track-hook" not in text
            continue
        assert f"track.cli.hook {name} " in text
        assert " -P -m " in text  # a folder `track` in a stranger's repository is never imported
