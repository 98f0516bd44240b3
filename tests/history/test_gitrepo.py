"""What changes a repository: staging, commits, new repositories and clones."""

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from support.repositories import commit_all, git, new_repository
from track.errors import Conflict, GitFailed, Locked, UsageError
from track.history import gitrepo, index
from track.history.plumbing import Git


def _write(path: Path, text: str = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _hook(repo: Path, name: str, text: str) -> None:
    path = _write(repo / ".git/hooks" / name, "#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _staged(repo: Path) -> str:
    return git("diff", "--cached", "--name-status", cwd=repo)


def test_staging_leaves_other_staged_and_unstaged_work_alone(repo: Path) -> None:
    _write(repo / "code.py", "one\n")
    commit_all(repo)
    _write(repo / "code.py", "staged\n")
    git("add", "code.py", cwd=repo)
    _write(repo / "code.py", "not staged\n")
    _write(repo / "a.track")
    _write(repo / "other.txt")
    index.stage(Git(repo), [b"a.track"])
    assert _staged(repo) == "A\ta.track\nM\tcode.py\n"
    assert git("show", ":code.py", cwd=repo) == "staged\n"


def test_staging_takes_what_git_ignores(repo: Path) -> None:
    _write(repo / ".gitignore", "*\n")
    _write(repo / "deep/a.track")
    index.stage(Git(repo), [b"deep/a.track"])
    assert _staged(repo) == "A\tdeep/a.track\n"


def test_staging_what_is_gone_removes_it(repo: Path) -> None:
    _write(repo / "a.track")
    commit_all(repo)
    (repo / "a.track").unlink()
    index.stage(Git(repo), [b"a.track"])
    assert _staged(repo) == "D\ta.track\n"


@pytest.mark.parametrize("place", [".gitattributes", "deep/.gitattributes", ".git/info/attributes"])
def test_a_pointer_that_a_filter_would_change_is_not_staged(repo: Path, place: str) -> None:
    _write(repo / place, "*.track filter=loud\n*.other filter\n")
    _write(repo / "deep/a b.track", "[artifact]\n")
    index.stage(Git(repo), [b"deep/a b.track"])  # nobody configured it
    git("reset", "-q", cwd=repo)
    git("config", "filter.loud.clean", "tr a-z A-Z", cwd=repo)
    with pytest.raises(Conflict, match=r"the filter `loud` .* would change deep/a b\.track") as refused:
        index.stage(Git(repo), [b"deep/a b.track", place.encode()])
    assert _staged(repo) == ""
    assert f"{place}   takes them out of it" in str(refused.value.hint)
    with open(repo / place, "a") as file:
        file.write("*.track -filter\n")
    index.stage(Git(repo), [b"deep/a b.track"])
    assert git("show", ":deep/a b.track", cwd=repo) == "[artifact]\n"


def test_a_pointer_that_git_staged_as_a_filter_made_it_is_staged_again_as_it_is(repo: Path) -> None:
    _write(repo / "a.track", "[artifact]\n")
    os.utime(repo / "a.track", (1, 1))  # long ago: Git goes by the time alone
    _write(repo / ".gitattributes", "* filter=loud\n")
    git("config", "filter.loud.clean", "tr a-z A-Z", cwd=repo)
    git("add", "a.track", cwd=repo)
    _write(repo / ".gitattributes", "* filter=loud\n*.track -filter\n")
    index.stage(Git(repo), [b"a.track"])
    assert git("show", ":a.track", cwd=repo) == "[artifact]\n"


def test_a_pointer_on_which_a_required_filter_fails_is_not_staged_and_told_with_the_way_on(repo: Path) -> None:
    _write(repo / "deep/a.track", "[artifact]\n")
    _write(repo / ".gitattributes", "deep/** filter=lfs\n")
    git("config", "filter.lfs.clean", "git-lfs-that-was-uninstalled clean", cwd=repo)
    git("config", "filter.lfs.required", "true", cwd=repo)
    with pytest.raises(Conflict, match=r"the filter `lfs` .* fails for deep/a\.track: ") as refused:
        index.stage(Git(repo / "deep"), [b"deep/a.track"])
    assert str(refused.value.hint).startswith("echo '*.track -filter' >> .gitattributes ")
    assert "git-lfs-that-was-uninstalled" in str(refused.value.details)


def test_a_record_that_a_filter_would_change_is_not_staged(repo: Path) -> None:
    record = ".track/runs/2026/11/20261129T233537Z-1075ca07.toml"
    _write(repo / record)
    _write(repo / ".gitattributes", "* filter=loud\n*.track -filter\n")
    git("config", "filter.loud.clean", "tr a-z A-Z", cwd=repo)
    with pytest.raises(Conflict, match="Git has to keep records as they are") as refused:
        index.stage(Git(repo), [record.encode(), b".gitattributes"])
    assert str(refused.value.hint).startswith("echo '.track/** -filter' >> .gitattributes ")
    with open(repo / ".gitattributes", "a") as file:
        file.write(".track/** -filter\n")
    index.stage(Git(repo), [record.encode()])
    assert git("show", f":{record}", cwd=repo) == "x\n"


def test_names_that_look_like_options_or_patterns_or_are_not_text_are_staged_as_they_are(repo: Path) -> None:
    names = [b"-n.track", b"*.track", b":(top)x.track", b"new\nline.track", b"\xff.track", b'"q".track']
    for name in names:
        with open(os.path.join(os.fsencode(repo), name), "wb") as file:
            file.write(b"x")
    _write(repo / "plain.track")
    index.stage(Git(repo), names)
    assert set(Git(repo).staged_pointers()) == set(names)


def test_staging_works_from_a_subfolder_and_in_a_linked_worktree(repo: Path, linked: Path) -> None:
    _write(linked / "sub/a.track")
    index.stage(Git(linked / "sub"), [b"sub/a.track"])
    assert _staged(linked) == "A\tsub/a.track\n"
    assert _staged(repo) == ""


def test_staging_writes_the_index_that_git_gave_to_a_hook(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(repo / "a.track")
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo / ".git/next-index-7.lock"))
    index.stage(Git(repo), [b"a.track"])
    assert _staged(repo) == "A\ta.track\n"
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert _staged(repo) == ""


def test_a_hook_that_stages_in_another_repository_stages_there(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other")
    _write(other / "a.track")
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo / ".git/index"))
    index.stage(Git(other), [b"a.track"])
    assert os.environ["GIT_DIR"] == str(repo / ".git")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert _staged(other) == "A\ta.track\n"
    assert _staged(repo) == ""


def test_staging_runs_no_hook(repo: Path) -> None:
    _hook(repo, "post-index-change", f"touch {repo}/ran\n")
    _write(repo / "a.track")
    index.stage(Git(repo), [b"a.track"])
    assert not (repo / "ran").exists()


def test_staging_before_the_first_commit_works(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "new", commit=False)
    _write(repo / "a.track")
    index.stage(Git(repo), [b"a.track"])
    assert git("ls-files", cwd=repo) == "a.track\n"
    index.unstage(Git(repo), [b"a.track"])
    assert git("ls-files", cwd=repo) == ""


def test_staging_five_thousand_paths_is_one_step(repo: Path) -> None:
    paths = [f"folder/{number}.track" for number in range(5000)]
    for path in paths:
        _write(repo / path, path)
    index.stage(Git(repo), [os.fsencode(path) for path in paths])
    assert len(Git(repo).staged_pointers()) == 5000


def test_unstaging_puts_back_what_head_has(repo: Path) -> None:
    _write(repo / "a.track", "one\n")
    commit_all(repo)
    _write(repo / "a.track", "two\n")
    _write(repo / "b.track")
    _write(repo / "c.txt")
    git("add", ".", cwd=repo)
    index.unstage(Git(repo), [b"a.track", b"b.track"])
    assert _staged(repo) == "A\tc.txt\n"
    assert (repo / "a.track").read_text() == "two\n"


def test_staging_waits_for_another_git_and_then_goes_on(repo: Path) -> None:
    _write(repo / "a.track")
    lock = _write(repo / ".git/index.lock")

    def release() -> None:
        time.sleep(0.3)
        lock.unlink()

    waiter = threading.Thread(target=release)
    waiter.start()
    index.stage(Git(repo), [b"a.track"])
    waiter.join()
    assert _staged(repo) == "A\ta.track\n"


def test_an_index_that_stays_locked_is_an_error(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "INDEX_TIMEOUT_S", 0.1)
    _write(repo / "a.track")
    _write(repo / ".git/index.lock")
    with pytest.raises(Locked) as raised:
        index.stage(Git(repo), [b"a.track"])
    assert raised.value.exit_code == 6
    assert any("index.lock" in line for line in raised.value.details)


def test_what_git_refuses_to_stage_is_an_error_with_its_words(repo: Path) -> None:
    (repo / "real").mkdir()
    _write(repo / "real/a.track")
    (repo / "link").symlink_to("real")
    with pytest.raises(GitFailed) as raised:
        index.stage(Git(repo), [b"link/a.track"])
    assert any("link/a.track" in line for line in raised.value.details)


def test_a_commit_takes_what_is_staged_and_runs_the_hooks(repo: Path) -> None:
    _hook(repo, "pre-commit", f"touch {repo}/ran\n")
    _write(repo / "a.track")
    _write(repo / "b.track")
    index.stage(Git(repo), [b"a.track"])
    oid = gitrepo.commit(Git(repo), "a pointer")
    assert git("rev-parse", "HEAD", cwd=repo).strip() == oid
    assert git("show", "--name-only", "--format=%s", cwd=repo).split() == ["a", "pointer", "a.track"]
    assert (repo / "ran").exists()


def test_a_hook_that_says_no_stops_the_commit_and_is_heard(repo: Path) -> None:
    _hook(repo, "pre-commit", "echo 'not today' >&2; exit 1\n")
    _write(repo / "a.track")
    index.stage(Git(repo), [b"a.track"])
    with pytest.raises(GitFailed) as raised:
        gitrepo.commit(Git(repo), "a pointer")
    assert any("not today" in line for line in raised.value.details)


def test_a_repository_is_made_in_a_folder_with_files(tmp_path: Path) -> None:
    _write(tmp_path / "here/data.csv")
    made = gitrepo.init(tmp_path / "here")
    assert made.top == tmp_path / "here"
    assert made.head() is None


def test_a_repository_is_made_where_asked_even_inside_a_hook(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    (tmp_path / "here").mkdir()
    assert gitrepo.init(tmp_path / "here").git_dir == tmp_path / "here/.git"


def test_a_clone_has_the_files_of_its_source(repo: Path, tmp_path: Path) -> None:
    _write(repo / "a.track", "content\n")
    commit_all(repo)
    said: list[str] = []
    made = gitrepo.clone(str(repo), tmp_path / "copy", progress=said.append)
    assert made.top == tmp_path / "copy"
    assert (tmp_path / "copy/a.track").read_text() == "content\n"


def test_a_clone_may_take_one_branch_and_part_of_the_history(repo: Path, tmp_path: Path) -> None:
    git("switch", "--quiet", "-c", "side", cwd=repo)
    commit_all(repo)
    made = gitrepo.clone(f"file://{repo}", tmp_path / "copy", branch="side", depth=1)
    assert made.branch() == "side"
    assert git("rev-list", "--count", "HEAD", cwd=tmp_path / "copy") == "1\n"


@pytest.mark.parametrize("url", ["ext::sh -c touch% sprung", "--upload-pack=touch sprung", "a\nb"])
def test_a_url_that_would_run_something_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError):
        gitrepo.clone(url, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_clone_never_goes_into_a_folder_with_files(repo: Path, tmp_path: Path) -> None:
    _write(tmp_path / "copy/mine")
    with pytest.raises(Conflict) as raised:
        gitrepo.clone(str(repo), tmp_path / "copy")
    assert raised.value.hint == "name another folder"
    assert os.listdir(tmp_path / "copy") == ["mine"]


def test_a_clone_that_may_have_been_interrupted_goes_on_with_a_pull(repo: Path, tmp_path: Path) -> None:
    gitrepo.clone(str(repo), tmp_path / "copy")
    with pytest.raises(Conflict) as raised:
        gitrepo.clone(str(repo), tmp_path / "copy")
    assert f"track -C {tmp_path / 'copy'} pull" in raised.value.hint


def test_a_source_that_is_not_there_is_an_error_with_the_words_of_git(tmp_path: Path) -> None:
    with pytest.raises(GitFailed) as raised:
        gitrepo.clone(str(tmp_path / "nowhere"), tmp_path / "copy")
    assert any("nowhere" in line for line in raised.value.details)
