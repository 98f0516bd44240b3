"""What is asked of Git, where, and with which environment."""

import os
import stat
from pathlib import Path

import pytest

from support.repositories import commit_all, git, new_repository
from track.errors import GitFailed, NotARepository, UnknownRevision
from track.history import surroundings
from track.history.plumbing import Git


def _write(path: Path, text: str = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _script(path: Path, text: str) -> Path:
    _write(path, "#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_repository_is_found_from_a_subfolder(repo: Path) -> None:
    (repo / "a/b").mkdir(parents=True)
    found = Git(repo / "a/b")
    assert (found.top, found.git_dir, found.common_dir) == (repo, repo / ".git", repo / ".git")


def test_a_linked_worktree_has_its_own_directory_and_the_common_one(repo: Path, linked: Path) -> None:
    found = Git(linked)
    assert (found.top, found.common_dir) == (linked, repo / ".git")
    assert found.git_dir == repo / ".git/worktrees/linked"


def test_a_submodule_is_its_own_repository(repo: Path, tmp_path: Path) -> None:
    new_repository(tmp_path / "inner")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", tmp_path / "inner", "inner", cwd=repo)
    found = Git(repo / "inner")
    assert (found.top, found.git_dir) == (repo / "inner", repo / ".git/modules/inner")


def test_finding_a_repository_takes_one_process(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = surroundings.find_program("git")
    _script(tmp_path / "bin/git", f'echo call >> {tmp_path}/calls\nexec {real} "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    Git(repo)
    assert (tmp_path / "calls").read_text() == "call\n"


def test_outside_a_repository_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(NotARepository) as raised:
        Git(tmp_path)
    assert raised.value.exit_code == 3
    assert raised.value.hint == "git init"
    assert str(tmp_path) in raised.value.message


def test_a_bare_repository_is_an_error_that_says_so(tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", tmp_path / "bare.git", cwd=tmp_path)
    with pytest.raises(NotARepository, match="bare"):
        Git(tmp_path / "bare.git")


def test_standing_inside_the_git_directory_is_an_error_that_says_so(repo: Path) -> None:
    with pytest.raises(NotARepository, match="inside a Git directory"):
        Git(repo / ".git/refs")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="nowhere"):
        Git(tmp_path / "nowhere")


def test_a_folder_whose_name_has_a_line_break_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match=r"line break in it: .*two\\nlines"):
        Git(new_repository(tmp_path / "two\nlines"))


def test_a_folder_that_cannot_be_entered_for_whatever_reason_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(NotARepository, match=r"can be entered: .*symbolic links"):
        Git(tmp_path / "round")
    with pytest.raises(NotARepository, match=r"can be entered: .*too long"):
        Git(tmp_path / ("long" * 100))


def test_a_repository_of_somebody_else_is_refused_with_what_git_says(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(NotARepository) as raised:
        Git(repo)
    assert "does not trust" in raised.value.message
    assert any("safe.directory" in line for line in raised.value.details)


def test_a_damaged_repository_is_an_error_with_what_git_says(repo: Path) -> None:
    _write(repo / ".git/config", "[core\n")
    with pytest.raises(NotARepository) as raised:
        Git(repo)
    assert any("config" in line for line in raised.value.details)


def test_without_git_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed, match="not installed"):
        Git(tmp_path)


def test_a_git_that_lies_in_the_current_folder_is_never_started(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(repo / "git", "touch $PWD/started\n")
    monkeypatch.setenv("PATH", f".:{os.pathsep}:{os.environ['PATH']}")
    monkeypatch.chdir(repo)
    found = Git()
    monkeypatch.undo()
    assert os.path.isabs(found.program)
    assert found.program != str(repo / "git")
    assert not (repo / "started").exists()


def test_a_git_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(tmp_path / "bin/git", "printf '%s\\n' --path-format=absolute false false .git .git /x\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    with pytest.raises(GitFailed, match="too old"):
        Git(tmp_path)


def test_before_the_first_commit_there_is_no_head_and_no_error(tmp_path: Path) -> None:
    found = Git(new_repository(tmp_path / "new", commit=False))
    assert found.head() is None
    assert found.branch() == "main"
    with pytest.raises(UnknownRevision, match="nothing is committed yet"):
        found.resolve("HEAD")


def test_revisions_are_resolved_to_commits(repo: Path) -> None:
    git("tag", "--annotate", "--message=t", "v1", cwd=repo)
    found = Git(repo)
    assert found.resolve("v1") == found.resolve("main") == found.head()


@pytest.mark.parametrize("rev", ["nope", "", "-x", "--all", "main\nside", "main\0", "main..main", "HEAD:x"])
def test_what_is_no_revision_is_refused(repo: Path, rev: str) -> None:
    with pytest.raises(UnknownRevision):
        Git(repo).resolve(rev)


def test_pointers_are_found_staged_in_conflict_and_untracked(repo: Path) -> None:
    _write(repo / "a.track", "base\n")
    _write(repo / "deep/b.track")
    _write(repo / "deep/other.txt")
    commit_all(repo)
    git("switch", "--quiet", "-c", "side", cwd=repo)
    _write(repo / "a.track", "theirs\n")
    commit_all(repo)
    git("switch", "--quiet", "main", cwd=repo)
    _write(repo / "a.track", "ours\n")
    commit_all(repo)
    git("merge", "side", cwd=repo, check=False)
    _write(repo / "new line\n.track")
    files = Git(repo / "deep").pointer_files()
    assert set(files.staged) == {b"deep/b.track"}
    assert files.unmerged == (b"a.track",)
    assert files.untracked == (b"new line\n.track",)
    assert Git(repo).staged_pointers() == files.staged
    assert Git(repo).untracked_pointers() == files.untracked
    assert Git(repo).operation() == "merge"


def test_a_pointer_that_is_a_link_is_none(repo: Path) -> None:
    (repo / "link.track").symlink_to("/etc/passwd")
    commit_all(repo)
    assert Git(repo).staged_pointers() == {}
    assert Git(repo).tree_pointers("HEAD") == {}
    assert Git(repo).pointer_files().staged == {}


def test_pointers_of_a_commit_have_the_blobs_that_the_commit_has(repo: Path) -> None:
    _write(repo / "a.track", "one\n")
    first = commit_all(repo)
    _write(repo / "a.track", "two\n")
    commit_all(repo)
    found = Git(repo)
    assert [content for _, content in found.blobs(found.tree_pointers(first).values())] == [b"one\n"]
    assert [content for _, content in found.blobs(found.tree_pointers("HEAD").values())] == [b"two\n"]


def test_many_blobs_come_in_the_order_asked(repo: Path) -> None:
    for number in range(3000):
        _write(repo / f"{number}.track", f"content {number}\n" * (number % 40))
    commit_all(repo)
    found = Git(repo)
    oids = list(found.staged_pointers().values())[::-1]
    asked = oids + oids
    given = list(found.blobs(asked))
    assert [oid for oid, _ in given] == asked
    by_oid = dict(given)
    pointers = found.staged_pointers()
    assert all(by_oid[pointers[f"{n}.track".encode()]] == f"content {n}\n".encode() * (n % 40) for n in range(3000))


def test_a_reader_of_blobs_may_stop_early(repo: Path) -> None:
    for number in range(200):
        _write(repo / f"{number}.track", "y" * 10_000)
    commit_all(repo)
    found = Git(repo)
    blobs = found.blobs(found.staged_pointers().values())
    next(blobs)
    blobs.close()


def test_a_blob_that_is_not_there_is_an_error(repo: Path) -> None:
    with pytest.raises(GitFailed, match="no blob 123412341234"):
        list(Git(repo).blobs(["1234" * 10]))


def test_a_partial_clone_does_not_fetch_by_itself(repo: Path, tmp_path: Path) -> None:
    _write(repo / "a.track")
    commit_all(repo)
    git("config", "uploadpack.allowFilter", "true", cwd=repo)
    git("clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{repo}", tmp_path / "part", cwd=tmp_path)
    found = Git(tmp_path / "part")
    with pytest.raises(GitFailed) as raised:
        list(found.blobs(found.tree_pointers("HEAD").values()))
    assert raised.value.hint is not None and "git fetch" in raised.value.hint


def test_a_failing_command_says_what_git_said(repo: Path) -> None:
    with pytest.raises(GitFailed) as raised:
        Git(repo).run("cat-file", "-p", "HEAD:nothing")
    assert raised.value.message == "`git cat-file` failed"
    assert any("nothing" in line for line in raised.value.details)
    with pytest.raises(GitFailed):
        list(Git(repo).stream("ls-tree", "-z", "nothing"))


def test_patterns_in_paths_mean_nothing(repo: Path) -> None:
    _write(repo / "abc")
    _write(repo / "a*")
    commit_all(repo)
    found = Git(repo)
    assert found.is_tracked([b"a*"]) == (b"a*",)
    assert found.is_tracked([b":/abc", b"*"]) == ()
    assert found.is_tracked([]) == ()


def test_tracked_files_below_a_folder_are_named(repo: Path) -> None:
    _write(repo / "d/one")
    _write(repo / "d/two")
    _write(repo / "ddd")
    commit_all(repo)
    assert Git(repo).is_tracked([b"d"]) == (b"d/one", b"d/two")


def test_ignored_paths_are_known(repo: Path) -> None:
    _write(repo / ".gitignore", "/data\n/:odd\n/a[*\n")
    assert Git(repo).ignored([b"data", b"other", b":odd", b"a[*"]) == {b"data", b":odd"}
    assert Git(repo).ignored([]) == set()


def test_merge_base_of_strangers_is_none(repo: Path) -> None:
    git("checkout", "--quiet", "--orphan", "other", cwd=repo)
    commit_all(repo, "unrelated")
    found = Git(repo)
    assert found.merge_base("main", "other") is None
    assert found.merge_base("main", "main") == found.resolve("main")


def test_configuration_and_version_are_read(repo: Path) -> None:
    git("config", "some.key", "two\nlines", cwd=repo)
    found = Git(repo)
    assert found.config("some.key") == "two\nlines"
    assert found.config("no.such") is None
    assert found.version() >= (2, 31)


def test_a_repository_cannot_make_a_question_run_anything(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = _script(repo / "trap", f"touch {repo}/sprung\n")
    for key in ("core.fsmonitor", "core.pager", "core.editor", "diff.external", "core.sshCommand", "gpg.program"):
        git("config", key, str(trap), cwd=repo)
    git("config", "log.showSignature", "true", cwd=repo)
    git("config", "diff.x.textconv", str(trap), cwd=repo)
    git("config", "diff.x.command", str(trap), cwd=repo)
    for name in ("post-index-change", "post-checkout", "pre-commit"):
        _script(repo / ".git/hooks" / name, f"touch {repo}/sprung\n")
    _write(repo / ".gitattributes", "* diff=x\n")
    _write(repo / "a.track")
    git("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "add", ".", cwd=repo)
    git("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "commit", "-qm", "x", cwd=repo)
    (repo / "sprung").unlink(missing_ok=True)
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR"):
        monkeypatch.setenv(name, str(trap))
    found = Git(repo)
    found.pointer_files()
    found.run("log", "-p", "--no-ext-diff", "--no-textconv")
    found.tree_pointers("HEAD")
    found.is_tracked([b"a.track"])
    assert not (repo / "sprung").exists()


def test_a_question_does_not_write_the_index(repo: Path) -> None:
    _write(repo / "a.track")
    commit_all(repo)
    before = (repo / ".git/index").stat().st_mtime_ns
    os.utime(repo / "a.track", ns=(1, 1))
    Git(repo).run("status", "--porcelain")
    assert (repo / ".git/index").stat().st_mtime_ns == before


def test_a_hook_reads_the_index_that_git_gave_it(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(repo / "a.track")
    commit_all(repo)
    _write(repo / "b.track")
    other = repo / ".git/next-index-1.lock"
    monkeypatch.setenv("GIT_INDEX_FILE", str(other))
    git("read-tree", "HEAD", cwd=repo)
    git("add", "b.track", cwd=repo)
    assert set(Git(repo).staged_pointers()) == {b"a.track", b"b.track"}
    assert Git(repo).index_file == other
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert set(Git(repo).staged_pointers()) == {b"a.track"}


def test_a_relative_index_counts_from_the_top(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(repo / "sub/a.track")
    commit_all(repo)
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert set(Git(repo / "sub").staged_pointers()) == {b"sub/a.track"}


def test_a_hook_of_a_linked_worktree_finds_it(repo: Path, linked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (linked / "sub").mkdir()
    monkeypatch.setenv("GIT_DIR", str(repo / ".git/worktrees/linked"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo / ".git/worktrees/linked/index"))
    found = Git(linked / "sub")
    assert (found.top, found.git_dir) == (linked, repo / ".git/worktrees/linked")
    assert found.branch() == "side"


def test_a_hook_that_asks_about_another_repository_gets_that_one(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other")
    _write(other / "theirs.track")
    commit_all(other)
    _write(repo / "ours.track")
    commit_all(repo)
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo / ".git/index"))
    found = Git(other)
    assert found.top == other
    assert set(found.staged_pointers()) == {b"theirs.track"}
    monkeypatch.delenv("GIT_DIR")
    assert set(Git(other).staged_pointers()) == {b"theirs.track"}


def test_a_directory_and_working_tree_that_the_user_names_hold(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home/deep").mkdir(parents=True)
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "home"))
    found = Git(tmp_path / "home/deep")
    assert (found.top, found.git_dir) == (tmp_path / "home", repo / ".git")
    assert found.branch() == "main"


def test_a_directory_alone_holds_where_there_is_no_repository(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = Git()
    monkeypatch.undo()
    assert (found.top, found.git_dir) == (tmp_path / "elsewhere", repo / ".git")


def test_head_and_branch_are_known_however_git_keeps_them(repo: Path, linked: Path) -> None:
    head = git("rev-parse", "HEAD", cwd=repo).strip()
    assert (Git(repo).head(), Git(repo).branch(), Git(linked).branch()) == (head, "main", "side")
    git("pack-refs", "--all", cwd=repo)
    assert (Git(repo).head(), Git(repo).branch()) == (head, "main")
    git("symbolic-ref", "refs/heads/alias", "refs/heads/main", cwd=repo)
    git("symbolic-ref", "HEAD", "refs/heads/alias", cwd=repo)
    assert (Git(repo).head(), Git(repo).branch()) == (head, "alias")
    git("checkout", "--quiet", "--detach", "main", cwd=repo)
    assert (Git(repo).head(), Git(repo).branch()) == (head, None)
    git("switch", "--quiet", "--orphan", "new", cwd=repo)
    assert (Git(repo).head(), Git(repo).branch()) == (None, "new")


def test_git_paths_and_branches_of_a_linked_worktree(repo: Path, linked: Path) -> None:
    assert Git(linked).git_path("info/exclude") == repo / ".git/info/exclude"
    git("checkout", "--quiet", "--detach", cwd=linked)
    assert Git(linked).branch() is None


def test_a_working_tree_elsewhere_that_only_the_repository_names_is_none(repo: Path, tmp_path: Path) -> None:
    """An unpacked repository would have its data placed in the home around it."""
    git("config", "core.worktree", str(tmp_path), cwd=repo)
    with pytest.raises(NotARepository, match="says that its working tree is"):
        Git(repo)


def test_a_working_tree_elsewhere_that_the_person_names_is_one(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    assert Git(tmp_path).top == tmp_path
