"""Hooks uninstall: ours go, and do not come back by themselves."""

from pathlib import Path

from track.history import hooks
from track.history.hooks import HOOKS
from track.project import Project
from track.verbs.hooks_install import hooks_install
from track.verbs.hooks_uninstall import hooks_uninstall
from track.verbs.init import init


def test_what_was_there_is_gone_and_stays_gone(repo: Path) -> None:
    init(repo, with_hooks=False)
    with Project.open(repo) as project:
        assert hooks_uninstall(project).removed == ()
        hooks_install(project)
        assert set(hooks_uninstall(project).removed) == set(HOOKS)
        assert hooks.ensure(project.git) is None
    assert not (repo / ".git/hooks/pre-push").exists()
