"""The drivers come with init and clone, go with uninit, and doctor says when they are not there."""

from pathlib import Path

from support.cli import track_here
from support.merging import project, save
from support.repositories import git
from track.history import drivers
from track.history.plumbing import Git
from track.project import Project
from track.verbs.doctor import doctor


def _told(repo: Path) -> tuple[str, str | None]:
    with Project.open(repo) as opened:
        found = next(check for check in doctor(opened).checks if check.name == "drivers")
    return found.state, found.hint


def test_init_configures_them_and_uninit_takes_them_out(tmp_path: Path) -> None:
    repo = project(tmp_path / "repo")
    assert drivers.state(Git(repo)) == "installed"
    assert _told(repo) == ("fine", None)
    assert b"*.track diff=track merge=track" in (repo / ".gitattributes").read_bytes()
    track_here("uninit", cwd=repo).ok()
    assert drivers.state(Git(repo)) == "missing"
    assert not (repo / ".gitattributes").exists()


def test_uninit_leaves_them_to_another_working_tree(tmp_path: Path) -> None:
    repo = project(tmp_path / "repo")
    git("worktree", "add", "-q", "../linked", "-b", "linked", cwd=repo)
    track_here("uninit", cwd=tmp_path / "linked").ok()
    assert drivers.state(Git(repo)) == "installed"


def test_a_clone_has_them_and_doctor_says_when_they_are_gone(tmp_path: Path) -> None:
    repo = project(tmp_path / "repo")
    save(repo, {"model": b"m"})
    track_here("clone", "--no-data", str(repo), "clone", cwd=tmp_path).ok()
    clone = tmp_path / "clone"
    assert drivers.state(Git(clone)) == "installed"
    drivers.uninstall(Git(clone))
    assert _told(clone) == ("note", "track init")
    track_here("init", cwd=clone).ok()
    git("config", "diff.track.command", "false", cwd=clone)
    assert _told(clone) == ("note", "track init")


def test_a_clone_by_git_alone_shows_pointers_as_text(tmp_path: Path) -> None:
    repo = project(tmp_path / "repo")
    save(repo, {"model": b"m"})
    git("clone", "-q", str(repo), str(tmp_path / "clone"), cwd=tmp_path)
    (tmp_path / "clone/model.track").write_text((repo / "model.track").read_text() + "\n[labels]\nx = 1\n")
    assert "+x = 1" in git("diff", cwd=tmp_path / "clone")
