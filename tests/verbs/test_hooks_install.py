"""Hooks install: what it says it did, and what a person has to paste."""

from pathlib import Path

from support.repositories import git
from track.history.hooks import HOOKS
from track.project import Project
from track.verbs.hooks_install import hooks_install
from track.verbs.init import init


def test_the_first_time_everything_changes_and_then_nothing(repo: Path) -> None:
    init(repo, with_hooks=False)
    with Project.open(repo) as project:
        done = hooks_install(project)
        assert (done.changed, done.lines, done.manager) == (HOOKS, (), None)
        assert done.folder == repo / ".git/hooks"
        assert hooks_install(project).changed == ()


def test_for_the_folder_of_another_tool_there_are_lines_to_paste(repo: Path) -> None:
    init(repo, with_hooks=False)
    git("config", "core.hooksPath", ".husky/_", cwd=repo)
    with Project.open(repo) as project:
        done = hooks_install(project)
    assert done.manager == "husky"
    assert [name for name, _ in done.lines] == list(HOOKS)
    assert all(f"track/hooks/{name}" in line for name, line in done.lines)
