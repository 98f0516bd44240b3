"""The open handles of one working tree, and what a path means in it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from support.repositories import commit_all, git, new_repository
from track import publish
from track.errors import (
    BadConfig,
    ForbiddenPath,
    Locked,
    MalformedPointer,
    NewerFormat,
    NotARepository,
    OutsideRepository,
    ProjectError,
)
from track.project import Project, store_wish

POINTER = '[artifact]\nkind = "file"\ndigest = "blake3:' + "ab" * 32 + '"\nsize = 3\n'


def _write(path: Path, text: str = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def project_root(repo: Path) -> Path:
    """A repository with a committed configuration."""
    _write(repo / ".track/config.toml", "format = 1\n")
    commit_all(repo)
    return repo


def test_a_project_opens_from_any_subfolder(project_root: Path) -> None:
    (project_root / "a/b").mkdir(parents=True)
    with Project.open(project_root / "a/b") as project:
        assert project.root == project_root
        assert project.state == project.worktree_state == project_root / ".git/track"


def test_a_repository_without_set_up_is_an_error_with_the_command(repo: Path) -> None:
    with pytest.raises(ProjectError) as raised:
        Project.open(repo)
    assert raised.value.exit_code == 3
    assert raised.value.hint == "track init"
    Project.open(repo, set_up=False).close()


def test_a_branch_from_before_the_set_up_is_still_a_project_in_this_clone(project_root: Path) -> None:
    with Project.open(project_root) as project, project.lock():
        pass
    git("switch", "--quiet", "--orphan", "before", cwd=project_root)
    assert not (project_root / ".track/config.toml").exists()
    Project.open(project_root).close()


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotARepository):
        Project.open(tmp_path)


def test_a_repository_of_a_later_format_is_refused(project_root: Path) -> None:
    _write(project_root / ".track/config.toml", "format = 2\n")
    with pytest.raises(NewerFormat, match="format 2"):
        Project.open(project_root)


def test_a_broken_configuration_is_an_error(project_root: Path) -> None:
    _write(project_root / ".track/config.toml", "format = \n")
    with pytest.raises(BadConfig, match=r"config\.toml"):
        Project.open(project_root)


def test_a_configuration_behind_a_link_is_ignored_with_a_warning(project_root: Path, tmp_path: Path) -> None:
    _write(tmp_path / "elsewhere/config.toml", "format = 2\n")
    (project_root / ".track/config.toml").unlink()
    (project_root / ".track").rmdir()
    (project_root / ".track").symlink_to(tmp_path / "elsewhere")
    with Project.open(project_root) as project:
        assert any(".track" in warning and "link" in warning for warning in project.warnings)


def test_a_committed_store_path_is_ignored_with_a_warning(project_root: Path, tmp_path: Path) -> None:
    _write(project_root / ".track/config.toml", f'[store]\npath = "{tmp_path}/stolen"\n')
    with Project.open(project_root) as project:
        assert project.store_path == project_root / ".git/track/store"
        assert any("store.path" in warning for warning in project.warnings)
        project.store.close()
    assert not (tmp_path / "stolen").exists()


def test_the_clones_own_configuration_chooses_the_store(project_root: Path, tmp_path: Path) -> None:
    _write(project_root / ".git/track/config.toml", f'[store]\npath = "{tmp_path}/shared"\n')
    with Project.open(project_root) as project:
        assert project.store_path == project_root / ".git/track/store"
        assert any("was not set by you" in warning for warning in project.warnings)
        project.consents.give([store_wish(f"{tmp_path}/shared")])
    with Project.open(project_root) as project:
        assert (project.store.path, project.warnings) == (tmp_path / "shared", [])
        with project.lock():
            pass
    assert (project_root / ".store").resolve() == tmp_path / "shared"


def test_the_store_is_in_the_common_directory_and_shared_by_worktrees(project_root: Path, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked", cwd=project_root)
    with Project.open(project_root) as first, Project.open(tmp_path / "linked") as second:
        with first.store.writer() as writer:
            digest = writer.add(b"shared bytes")
            writer.commit()
        assert second.store.read(digest) == b"shared bytes"
        assert second.store.path == project_root / ".git/track/store"
        assert second.worktree_state == project_root / ".git/worktrees/linked/track"
        with second.lock():
            pass
    link = os.readlink(tmp_path / "linked/.store")
    assert not os.path.isabs(link)
    assert (tmp_path / "linked/.store").resolve() == project_root / ".git/track/store"


def test_the_link_to_the_store_is_made_relative_and_ignored(project_root: Path) -> None:
    with Project.open(project_root) as project:
        assert project.link_state() == "missing"
        with project.lock():
            assert project.link_state() == "fine"
        project.store.close()
    assert os.readlink(project_root / ".store") == ".git/track/store"
    assert git("status", "--porcelain", cwd=project_root) == ""
    assert "/.store\n" in (project_root / ".git/info/exclude").read_text()


def test_git_does_not_see_what_stands_beside_a_file_that_is_written(
    project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git add --all` would take it, or end with an error when it is gone by then."""
    seen = []

    def look_and_rename(*args: Any, **how: Any) -> None:
        seen.append(git("status", "--porcelain", "--untracked-files=all", cwd=project_root))
        rename(*args, **how)

    with Project.open(project_root) as project, project.lock():
        project.store.close()
    rename = publish.rename
    monkeypatch.setattr(publish, "rename", look_and_rename)
    publish.publish_bytes(project_root / "a.bin.track", b"")
    assert seen == [""]
    (project_root / ".env.track-test").write_text("somebody's own\n")
    assert ".env.track-test" in git("status", "--porcelain", "--untracked-files=all", cwd=project_root)


def test_a_lost_link_comes_back_and_the_exclude_line_is_there_once(project_root: Path) -> None:
    for _ in range(2):
        with Project.open(project_root) as project, project.lock():
            pass
        (project_root / ".store").unlink()
    with Project.open(project_root) as project, project.lock():
        pass
    assert (project_root / ".store").is_symlink()
    assert (project_root / ".git/info/exclude").read_text().count("/.store\n") == 1


def test_cleaning_the_working_tree_leaves_the_store(project_root: Path) -> None:
    with Project.open(project_root) as project, project.lock(), project.store.writer() as writer:
        digest = writer.add(b"never pushed")
        writer.commit()
    git("clean", "-fdxq", cwd=project_root)
    assert not (project_root / ".store").is_symlink()
    with Project.open(project_root) as project:
        assert project.store.read(digest) == b"never pushed"


def test_a_committed_link_is_left_alone_and_never_written_through(project_root: Path, tmp_path: Path) -> None:
    (tmp_path / "trap").mkdir()
    (project_root / ".store").symlink_to(tmp_path / "trap")
    git("add", "--force", ".store", cwd=project_root)
    commit_all(project_root)
    with Project.open(project_root) as project, project.lock(), project.store.writer() as writer:
        writer.add(b"bytes")
        writer.commit()
        assert project.link_state() == "tracked"
        assert any("tracked" in warning for warning in project.warnings)
    assert os.readlink(project_root / ".store") == str(tmp_path / "trap")
    assert os.listdir(tmp_path / "trap") == []


def test_a_committed_link_that_was_deleted_is_not_made_again(project_root: Path) -> None:
    (project_root / ".store").symlink_to("/tmp")
    git("add", "--force", ".store", cwd=project_root)
    commit_all(project_root)
    (project_root / ".store").unlink()
    with Project.open(project_root) as project, project.lock():
        assert project.link_state() == "tracked"
    assert not os.path.lexists(project_root / ".store")


@pytest.mark.parametrize("kind", ["link", "folder", "file"])
def test_what_else_is_called_store_is_left_alone_with_a_warning(project_root: Path, tmp_path: Path, kind: str) -> None:
    place = project_root / ".store"
    if kind == "link":
        place.symlink_to(tmp_path)
    elif kind == "folder":
        place.mkdir()
    else:
        _write(place)
    with Project.open(project_root) as project, project.lock():
        assert project.link_state() == "elsewhere"
        assert any("`.store` is not the link" in warning for warning in project.warnings)
    assert os.path.lexists(place)


def test_where_links_cannot_be_made_a_folder_with_a_note_stands_in(
    project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(publish, "make_symlink", refuse)
        with Project.open(project_root) as project, project.lock():
            assert project.link_state() == "fine"
    assert str(project_root / ".git/track/store") in (project_root / ".store/where-the-store-is.txt").read_text()
    assert git("status", "--porcelain", cwd=project_root) == ""
    with Project.open(project_root) as project, project.lock():
        assert (project.link_state(), project.warnings) == ("fine", [])
    _write(project_root / ".store/mine.txt")
    with Project.open(project_root) as project:
        assert project.link_state() == "elsewhere"


def test_two_clones_with_one_store_have_each_others_bytes(project_root: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", project_root, tmp_path / "other", cwd=tmp_path)
    for clone in (project_root, tmp_path / "other"):
        _write(clone / ".git/track/config.toml", f'[store]\npath = "{tmp_path}/shared"\nshared = true\n')
        with Project.open(clone) as project:
            project.consents.give([store_wish(f"{tmp_path}/shared")])
    with Project.open(project_root) as first, Project.open(tmp_path / "other") as second:
        with first.store.writer() as writer:
            digest = writer.add(b"once for both")
            writer.commit()
        assert second.store.read(digest) == b"once for both"
        assert second.store.id == first.store.id
    assert (tmp_path / "shared").stat().st_mode & 0o2070 == 0o2070


def test_a_path_is_taken_from_where_the_user_is(project_root: Path) -> None:
    (project_root / "a/b").mkdir(parents=True)
    with Project.open(project_root / "a") as project:
        assert project.relative("b/file.csv") == b"a/b/file.csv"
        assert project.relative("../top.csv") == b"top.csv"
        assert project.relative("./b/../b//x/") == b"a/b/x"
        assert project.relative(project_root / "a/b/file.csv") == b"a/b/file.csv"
        assert project.relative(b"\xff") == b"a/\xff"
        assert project.relative("..") == b""


def test_a_path_through_another_name_of_the_repository_is_the_same_path(project_root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(project_root)
    (project_root / "a").mkdir()
    with Project.open(tmp_path / "alias/a") as project:
        assert project.relative(tmp_path / "alias/a/x") == b"a/x"
        assert project.relative("x") == b"a/x"


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "../repository/x"])
def test_a_path_outside_is_an_error_that_names_it(project_root: Path, path: str) -> None:
    with Project.open(project_root) as project, pytest.raises(OutsideRepository) as raised:
        project.relative(path)
    assert path in raised.value.message
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    "path", [".git", ".git/config", "a/.git/x", ".GIT/hooks/x", ".store", ".store/objects", ".Store/x", "git~1/x"]
)
def test_a_path_in_git_or_in_the_store_is_an_error(project_root: Path, path: str) -> None:
    with Project.open(project_root) as project, pytest.raises(OutsideRepository):
        project.relative(path)


def test_a_path_beyond_a_link_is_an_error_that_names_the_link(project_root: Path, tmp_path: Path) -> None:
    (project_root / "out").symlink_to(tmp_path)
    (project_root / "in").symlink_to("a")
    (project_root / "a").mkdir()
    with Project.open(project_root) as project:
        for name in ("out", "in"):
            with pytest.raises(ForbiddenPath, match=f"beyond the link {name}"):
                project.relative(f"{name}/x")
        assert project.relative("in") == b"in"


def test_a_path_in_a_nested_repository_is_an_error_that_names_it(project_root: Path) -> None:
    new_repository(project_root / "vendor/inner")
    with Project.open(project_root) as project:
        with pytest.raises(OutsideRepository, match="another repository, vendor/inner"):
            project.relative("vendor/inner/data.csv")
        assert project.relative("vendor/data.csv") == b"vendor/data.csv"


def test_pointers_are_read_and_files_of_others_are_left_out(project_root: Path) -> None:
    _write(project_root / "data/a.csv.track", POINTER)
    _write(project_root / "gps.track", "<gpx/>\n")
    with Project.open(project_root) as project:
        found = project.pointers()
    assert list(found) == [b"data/a.csv.track"]
    assert found[b"data/a.csv.track"].size == 3


def test_a_pointer_that_breaks_the_rules_is_an_error_that_names_it(project_root: Path) -> None:
    _write(project_root / "a.track", '[artifact]\nkind = "file"\ndigest = "md5:1"\n')
    with Project.open(project_root) as project, pytest.raises(MalformedPointer) as raised:
        project.pointers()
    assert "a.track" in raised.value.message


def test_a_pointer_of_a_later_format_is_refused(project_root: Path) -> None:
    _write(project_root / "a.track", "[artifact]\nformat = 2\n" + POINTER.split("\n", 1)[1])
    with Project.open(project_root) as project, pytest.raises(NewerFormat):
        project.pointers()


def test_a_second_track_waits_and_then_names_the_first(project_root: Path) -> None:
    _write(project_root / ".git/track/config.toml", "[lock]\ntimeout = 1\n")
    script = (
        "import sys\nfrom track.project import Project\n"
        "with Project.open(sys.argv[1]) as project, project.lock():\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(project_root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        before = time.monotonic()
        with Project.open(project_root) as project, pytest.raises(Locked) as raised, project.lock():
            pass
        assert time.monotonic() - before >= 1
        assert str(other.pid) in raised.value.message + "".join(raised.value.details)
        other.stdin.close()
    with Project.open(project_root) as project, project.lock():
        pass


def test_two_worktrees_have_a_lock_each(project_root: Path, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked", cwd=project_root)
    with Project.open(project_root) as first, first.lock(), Project.open(tmp_path / "linked") as second, second.lock():
        assert first.worktree_state != second.worktree_state


def test_closing_twice_is_fine(project_root: Path) -> None:
    project = Project.open(project_root)
    assert project.store.path and project.stat_cache.path
    project.close()
    project.close()


@pytest.mark.parametrize("name", ["", "store", "stat.db", "lock", "config.toml", "store/objects", "store/index.db"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_state_that_track_did_not_make_is_not_used(project_root: Path, tmp_path: Path, name: str, kind: str) -> None:
    """It was unpacked with the repository: we would write through the link, and wait for the pipe."""
    with Project.open(project_root) as project:
        assert project.store.path
    path = project_root / ".git/track" / name
    if path.exists():
        path.rename(tmp_path / "aside")
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere") if kind == "link" else os.mkfifo(path)
    if kind == "pipe" and not name:
        return  # Git's own folder then has a pipe where we need a folder: nothing is waited for
    with pytest.raises(ForbiddenPath, match="neither a file nor a folder"):
        Project.open(project_root)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_lock_that_is_a_folder_is_told(project_root: Path) -> None:
    (project_root / ".git/track/lock").mkdir(parents=True)
    with Project.open(project_root) as project, pytest.raises(Locked, match="is a folder"), project.lock():
        pass
