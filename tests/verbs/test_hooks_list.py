"""Hooks list: how each hook is there; nothing is changed."""

from pathlib import Path

from support.trees import read_tree
from track.project import Project
from track.verbs.hooks_install import hooks_install
from track.verbs.hooks_list import hooks_list
from track.verbs.init import init


def test_every_hook_with_its_state_and_nothing_is_written(repo: Path) -> None:
    init(repo, with_hooks=False)
    with Project.open(repo) as project:
        before = read_tree(repo / ".git")
        assert {hook.state for hook in hooks_list(project).hooks} == {"missing"}
        assert read_tree(repo / ".git") == before
        hooks_install(project)
        (repo / ".git/hooks/pre-push").chmod(0o644)
        listed = hooks_list(project)
    assert {hook.name: hook.state for hook in listed.hooks}["pre-push"] == "disabled"
    assert (listed.folder, listed.manager) == (repo / ".git/hooks", None)
