"""What Git shows of pointers with the drivers in reach: on a terminal the data, anywhere else a patch."""

import subprocess
from pathlib import Path

import pytest

from support.cli import track_here
from support.merging import git_says, project, save, with_drivers
from support.repositories import commit_all, git
from support.terminal import on_terminal


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return with_drivers(tmp_path / "programs")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = project(tmp_path / "repo")
    save(repo, {"images/a": b"a", "images/b": b"bb", "model": b"m"})
    (repo / "code.py").write_text("one\n")
    commit_all(repo)
    return repo


def change(repo: Path) -> None:
    (repo / "images/a").write_bytes(b"changed")
    (repo / "images/c").write_bytes(b"new")
    track_here("add", "images", cwd=repo).ok()
    track_here("label", "model", "ticket=7", cwd=repo).ok()
    (repo / "code.py").write_text("two\n")


def shown(repo: Path, env: dict[str, str], *words: str) -> str:
    code, text = on_terminal(["git", "--no-pager", *words], cwd=repo, env={**env, "NO_COLOR": "1"})
    assert code == 0
    return text.replace("\r\n", "\n")


def test_on_a_terminal_git_diff_says_what_changed_in_the_data(repo: Path, env: dict[str, str]) -> None:
    change(repo)
    text = shown(repo, env, "diff", "HEAD")
    assert "track a/images.track b/images.track\n M modified  images/  3 B -> 12 B  +1 ~1 files\n" in text
    assert "    M  a  1 B -> 7 B\n    A  c  3 B\n" in text
    assert " = labels  model  1 B  label ticket: (none) -> 7" in text
    assert "two" in text
    ours = track_here("diff", "HEAD", cwd=repo).ok().out
    assert " M modified  images/  3 B -> 12 B  +1 ~1 files\n    M  a  1 B -> 7 B\n    A  c  3 B\n" in ours


def test_colours_follow_git(repo: Path, env: dict[str, str]) -> None:
    change(repo)
    _, coloured = on_terminal(["git", "--no-pager", "diff", "HEAD"], cwd=repo, env=env)
    assert "\x1b[33mM modified\x1b[0m" in coloured
    git("config", "color.ui", "never", cwd=repo)
    _, plain = on_terminal(["git", "--no-pager", "diff", "HEAD"], cwd=repo, env=env)
    assert "\x1b" not in plain


def test_a_pager_is_as_good_as_a_terminal(repo: Path, env: dict[str, str]) -> None:
    change(repo)
    _, text = on_terminal(["git", "-c", "core.pager=cat -", "diff", "HEAD"], cwd=repo, env=env)
    assert "M modified" in text


def test_into_a_file_or_a_pipe_goes_a_patch(repo: Path, env: dict[str, str], tmp_path: Path) -> None:
    change(repo)
    before = {path.name: path.read_bytes() for path in (repo / "images.track", repo / "model.track", repo / "code.py")}
    with open(tmp_path / "p", "wb") as patch:
        inner = {**env, "GIT_PAGER_IN_USE": "true"}  # as in an alias that runs below a pager
        subprocess.run(["git", "diff", "HEAD"], cwd=repo, env=inner, stdout=patch, check=True)
    assert (tmp_path / "p").read_text() != ""
    assert git_says("diff", "HEAD", cwd=repo, env=env).ok().out == (tmp_path / "p").read_text()
    git("stash", "-q", cwd=repo)
    git_says("apply", str(tmp_path / "p"), cwd=repo, env=env).ok()
    assert {name: (repo / name).read_bytes() for name in before} == before


def test_what_is_added_gone_and_renamed_is_said(repo: Path, env: dict[str, str]) -> None:
    save(repo, {"new": b"n"})
    git("rm", "-q", "model.track", cwd=repo)
    git("mv", "images.track", "pictures.track", cwd=repo)
    git("commit", "-qam", "moved", cwd=repo)
    text = shown(repo, env, "diff", "-M", "HEAD~2", "HEAD")
    assert " R renamed  images -> pictures/" in text
    assert " A added  new" in text
    assert " D deleted  model" in text


def test_many_paths_take_a_line_each(repo: Path, env: dict[str, str]) -> None:
    change(repo)
    for number in range(20):
        (repo / f"file{number}").write_text("x")
    git("add", ".", cwd=repo)
    text = shown(repo, env, "diff", "--cached", "HEAD", "--", "*.track", "file*")
    assert " M modified  images/  3 B -> 12 B  +1 ~1 files\n = labels  model" in text
    assert "track a/" not in text


def test_a_manifest_that_is_not_here_is_said(repo: Path, env: dict[str, str], tmp_path: Path) -> None:
    change(repo)
    commit_all(repo)
    git("clone", "-q", str(repo), str(tmp_path / "clone"), cwd=tmp_path)
    track_here("init", cwd=tmp_path / "clone").ok()
    text = shown(tmp_path / "clone", env, "diff", "HEAD~1")
    assert "M modified  images/" in text
    assert "what differs inside is not known" in text


@pytest.mark.parametrize("content", ["not a pointer\n", "[artifact]\nkind = 3\n", "[artifact]\nformat = 9\n"])
def test_what_is_no_pointer_is_a_patch(repo: Path, env: dict[str, str], content: str) -> None:
    (repo / "model.track").write_text(content)
    text = shown(repo, env, "diff")
    assert "\n+" + content.splitlines()[0] in text or content.startswith("[artifact]")
    assert "diff --git a/model.track b/model.track" in text


def test_a_change_that_is_none_of_the_data_is_a_patch(repo: Path, env: dict[str, str]) -> None:
    (repo / "model.track").write_text((repo / "model.track").read_text() + "\n[later]\nnew = 1\n")
    text = shown(repo, env, "diff")
    assert "+[later]" in text
