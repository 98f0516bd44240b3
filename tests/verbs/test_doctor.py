"""Doctor: every trouble it knows is found, named, and comes with a way out; a sound project has none."""

import os
from pathlib import Path

import pytest

from support.repositories import commit_all, git
from support.trees import read_tree, write_tree
from track.errors import NotARepository
from track.project import Project
from track.system import process_tag
from track.verbs.add import add
from track.verbs.doctor import Check, Diagnosis, _state, doctor
from track.verbs.hooks_install import hooks_install
from track.verbs.hooks_uninstall import hooks_uninstall
from track.verbs.init import init


@pytest.fixture
def here(repo: Path) -> Path:
    init(repo)
    write_tree(repo, {"data/a.csv": b"1,2\n"})
    with Project.open(repo) as project:
        add(project, ["data/a.csv"])
    commit_all(repo)
    return repo


def _doctor(repo: Path) -> Diagnosis:
    with Project.open(repo, set_up=False) as project:
        return doctor(project)


def _only(repo: Path, name: str, state: str = "finding") -> Check:
    [check] = [check for check in _doctor(repo).checks if (check.name, check.state) == (name, state)]
    return check


def test_a_sound_project_has_no_findings_and_nothing_is_changed(here: Path) -> None:
    before = read_tree(here)
    found = _doctor(here)
    assert found.findings == ()
    assert read_tree(here) == before
    assert {check.name for check in found.checks} >= {
        "track", "git", "repository", "store", "files", ".store", "set-up", "hooks", "pointers", "remotes",
    }  # fmt: skip


def test_a_repository_without_track_is_looked_at_too(repo: Path) -> None:
    found = _doctor(repo)
    assert found.findings == ()
    assert "not there yet" in _only(repo, "store", "note").text
    assert _only(repo, "set-up", "note").hint == "track init"
    assert not (repo / ".git/track/store").exists()


def test_the_environment_is_named(here: Path) -> None:
    assert "Python 3." in _only(here, "track", "fine").text
    assert ".".join(map(str, Project.open(here).git.version())) in _only(here, "git", "fine").text
    assert "links" in _only(here, "files", "fine").text


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotARepository):
        _doctor(tmp_path)


def test_shallow_linked_and_busy_repositories_are_named(here: Path, tmp_path: Path) -> None:
    git("clone", "--quiet", "--depth=1", f"file://{here}", tmp_path / "shallow", cwd=tmp_path)
    assert "(shallow)" in _only(tmp_path / "shallow", "repository", "fine").text
    git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked", cwd=here)
    assert "linked worktree of" in _only(tmp_path / "linked", "repository", "fine").text
    (here / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=here))
    assert "a merge is in progress" in _only(here, "repository", "note").text


def test_an_index_lock_is_found(here: Path) -> None:
    (here / ".git/index.lock").touch()
    assert "index.lock" in (_only(here, "index").hint or "")


def test_a_store_of_a_later_format_is_found(here: Path) -> None:
    described = here / ".git/track/store/store.toml"
    text = described.read_text()
    described.chmod(0o644)
    described.write_text(text.replace("format = 1", "format = 9"))
    assert "format 9" in _only(here, "store").text


def test_something_else_in_place_of_the_store_is_found(here: Path) -> None:
    (here / ".git/track/store/store.toml").unlink()
    assert "store" in _only(here, "store").text


def test_damaged_files_that_were_set_aside_are_found(here: Path) -> None:
    place = here / ".git/track/store/quarantine"
    place.mkdir(exist_ok=True)
    (place / "bad.pack").write_bytes(b"x")
    found = _only(here, "quarantine")
    assert found.text == "1 damaged file was set aside in the store"
    assert found.hint == f"track repair   once that ends with exit code 0, nobody needs them: rm -r {place}"


def test_a_tracked_store_link_is_found(here: Path, tmp_path: Path) -> None:
    git("add", "--force", ".store", cwd=here)
    assert _only(here, ".store").hint == "git rm --cached .store"


def test_a_store_link_that_points_elsewhere_is_found_and_a_missing_one_is_noted(here: Path, tmp_path: Path) -> None:
    (here / ".store").unlink()
    assert _only(here, ".store", "note")
    (here / ".store").symlink_to(tmp_path)
    assert "left alone" in _only(here, ".store").text


def test_missing_lines_are_noted(here: Path) -> None:
    (here / ".gitattributes").write_text("")
    assert ".gitattributes" in _only(here, "set-up", "note").text


def test_hooks_that_are_missing_switched_off_outdated_or_somewhere_else_are_told(here: Path) -> None:
    folder = here / ".git/hooks"
    assert "none of track is called" in _only(here, "hooks", "note").text
    with Project.open(here) as project:
        hooks_install(project)
    assert "7 of track, called by Git" in _only(here, "hooks", "fine").text
    (folder / "pre-push").chmod(0o644)
    assert "pre-push is switched off" in _only(here, "hooks").text
    (folder / "post-merge").write_bytes((folder / "post-merge").read_bytes() + b"# older\n")
    assert "post-merge is outdated" in _only(here, "hooks").text
    (folder / "pre-push").unlink()
    assert "pre-push is missing" in _only(here, "hooks").text
    with Project.open(here) as project:
        hooks_uninstall(project)
    assert "taken out of this clone" in _only(here, "hooks", "note").text
    (here / ".git/track/no-hooks").unlink()
    git("config", "core.hooksPath", ".husky/_", cwd=here)
    found = _only(here, "hooks", "note")
    assert "none of track is called by Git" in found.text and "husky" in found.text
    assert found.hint == "track hooks install"


def test_pointers_that_break_the_rules_are_found_each(here: Path) -> None:
    write_tree(here, {"b.track": b"[artifact]\nkind = 1\n", "c.track": b"[artifact]\nformat = 9\n"})
    found = [check.text for check in _doctor(here).findings if check.name == "pointers"]
    assert any("b.track" in text for text in found)
    assert any("c.track" in text for text in found)


def test_files_of_others_are_noted_by_name_and_not_counted(here: Path) -> None:
    write_tree(here, {f"{number}.track": b"<gpx/>\n" for number in range(7)})
    assert "0.track, 1.track, 2.track, 3.track, 4.track and 2 more" in _only(here, "pointers", "note").text
    assert _only(here, "pointers", "fine").text == "1 in the working tree"


def test_a_pointer_in_conflict_is_found(here: Path) -> None:
    git("switch", "--quiet", "-c", "side", cwd=here)
    for branch, content in (("side", b"s\n"), ("main", b"m\n")):
        git("switch", "--quiet", branch, cwd=here)
        write_tree(here, {"data/a.csv": content})
        with Project.open(here) as project:
            add(project, ["data/a.csv"])
        commit_all(here)
    git("merge", "side", cwd=here, check=False)
    assert "data/a.csv.track" in next(check.text for check in _doctor(here).findings if "conflict" in check.text)


def test_data_that_git_has_as_well_is_found(here: Path) -> None:
    git("add", "--force", "data/a.csv", cwd=here)
    assert _only(here, "data").hint == "git rm -r --cached -- data/a.csv"


def test_data_that_git_would_take_is_found(here: Path) -> None:
    (here / "data/.gitignore").unlink()
    check = _only(here, "data")
    assert "data/a.csv" in check.text
    assert check.hint == "track add data/a.csv"


def test_what_killed_commands_left_is_noted(here: Path) -> None:
    staging = here / ".git/track/store/staging"
    staging.mkdir(exist_ok=True)
    tag = f"999999.1.{'0' * 8}"
    own = process_tag()
    (staging / f"{own}.abc").touch()
    assert not [check for check in _doctor(here).checks if check.name == "left over"]
    (staging / f"{tag}{own.split('.')[2][8:]}.abc").touch()
    assert "1 unfinished files" in _only(here, "left over", "note").text


def test_warnings_of_the_configuration_are_findings(here: Path) -> None:
    (here / ".track/config.toml").write_text('[store]\npath = "/x"\n')
    assert "store.path" in _only(here, "settings").text


def test_remotes_are_listed_without_their_passwords(here: Path) -> None:
    assert "track remote add" in (_only(here, "remotes", "note").hint or "")
    (here / ".git/track/config.toml").write_text('[remote.o]\nurl = "https://ada:hunter2@example.org/x"\n')
    assert _only(here, "remotes", "fine").text == "o  https://***@example.org/x"


def test_names_are_shown_without_control_characters(here: Path) -> None:
    write_tree(here, {"\x1b[31mred.track": b"x"})
    assert "\x1b" not in _only(here, "pointers", "note").text


def test_a_store_that_may_only_be_read_is_noted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert "may only be read" in _only(here, "store", "note").text


def test_a_folder_of_state_that_cannot_be_written_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != here / ".git/track")
    found = _only(here, "state")
    assert str(here / ".git/track") in found.text and "ls -ld" in str(found.hint)


def test_a_file_in_place_of_the_state_is_found(repo: Path) -> None:
    (repo / ".git/track").write_bytes(b"")
    with Project.open(repo, set_up=False) as project:
        assert [check.state for check in _state(project)] == ["finding"]


def test_a_pointer_that_was_overwritten_is_found_and_comes_back(here: Path) -> None:
    write_tree(here, {"data/a.csv.track": b"garbage\n", "song.track": b"somebody else's\n"})
    checks = [check for check in _doctor(here).checks if check.name == "pointers" and check.state != "fine"]
    assert [(check.state, check.hint) for check in checks] == [
        ("finding", "git checkout HEAD -- data/a.csv.track"),
        ("note", None),
    ]
    assert "song.track" in checks[1].text and "a.csv" not in checks[1].text


def test_pointers_that_a_filter_of_gits_changes_are_found(here: Path) -> None:
    write_tree(here, {".gitattributes": (here / ".gitattributes").read_bytes() + b"data/** filter=loud\n"})
    assert "1 in the working tree" in _only(here, "pointers", "fine").text  # that filter does nothing here
    git("config", "filter.loud.clean", "tr a-z A-Z", cwd=here)
    check = _only(here, "pointers")
    assert "the filter `loud`" in check.text and "data/a.csv.track" in check.text
    assert check.hint == "echo '*.track -filter' >> .gitattributes   takes them out of it; then add them again"
    git("config", "filter.loud.clean", "git-lfs-that-was-uninstalled clean", cwd=here)
    git("config", "filter.loud.required", "true", cwd=here)
    failing = _only(here, "pointers")
    assert "the filter `loud` that Git's attributes name fails for data/a.csv.track" in failing.text
    assert failing.hint == check.hint
    os.utime(here / ".git/index", (1, 1))  # so that Git looks into what may have changed since
    assert "`git diff-files` failed: fatal: data/a.csv.track: clean filter 'loud' failed" in _only(here, "git").text
