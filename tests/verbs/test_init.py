"""Init: what it writes, what it leaves alone, and what it finds."""

import os
from pathlib import Path

import pytest

from support.repositories import commit_all, git, new_repository
from track.errors import ForbiddenPath, NewerFormat, NotARepository
from track.project import Project
from track.verbs.init import init


def _write(path: Path, content: str | bytes = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _index(repo: Path) -> list[str]:
    return git("ls-files", cwd=repo).split()


def test_a_repository_gets_configuration_attributes_ignore_line_store_and_link(repo: Path) -> None:
    done = init(repo)
    assert done.made == (b".gitattributes", b".gitignore", b".track/config.toml")
    assert (repo / ".track/config.toml").read_text().endswith("\nformat = 1\n")
    assert (repo / ".gitattributes").read_text() == (
        ".gitignore merge=union\n*.track -text\n*.track diff=track merge=track\n"
    )
    assert (repo / ".gitignore").read_text() == "/.store\n"
    assert os.readlink(repo / ".store") == ".git/track/store"
    assert (repo / ".git/track/store/store.toml").exists()
    assert done.store == repo / ".git/track/store"


def test_what_was_written_is_staged_and_nothing_else(repo: Path) -> None:
    _write(repo / "code.py")
    done = init(repo)
    assert done.staged == done.made
    assert _index(repo) == [".gitattributes", ".gitignore", ".track/config.toml"]
    assert git("status", "--porcelain", "--untracked-files=all", cwd=repo).splitlines()[3:] == ["?? code.py"]


def test_staging_can_be_left_out(repo: Path) -> None:
    assert init(repo, stage=False).staged == ()
    assert _index(repo) == []


def test_a_second_init_changes_nothing(repo: Path) -> None:
    init(repo)
    commit_all(repo)
    before = {path: (repo / path).stat().st_mtime_ns for path in (".gitignore", ".gitattributes", ".track/config.toml")}
    done = init(repo)
    assert not done.is_new
    assert before == {path: (repo / path).stat().st_mtime_ns for path in before}
    assert git("status", "--porcelain", cwd=repo) == ""


def test_a_second_init_adds_what_is_missing(repo: Path) -> None:
    init(repo)
    (repo / ".gitattributes").unlink()
    (repo / ".store").unlink()
    done = init(repo)
    assert (done.made, done.changed) == ((b".gitattributes",), ())
    assert (repo / ".store").is_symlink()


def test_lines_of_people_stay_with_their_line_ends(repo: Path) -> None:
    _write(repo / ".gitignore", b"*.pyc\r\nbuild/")
    _write(repo / ".gitattributes", "*.png binary\n*.track -text\n")
    done = init(repo)
    assert (repo / ".gitignore").read_bytes() == b"*.pyc\r\nbuild/\r\n/.store\r\n"
    assert (repo / ".gitattributes").read_text() == (
        "*.png binary\n*.track -text\n.gitignore merge=union\n*.track diff=track merge=track\n"
    )
    assert done.changed == (b".gitattributes", b".gitignore")


def test_a_file_keeps_its_mode(repo: Path) -> None:
    _write(repo / ".gitignore", "a\n").chmod(0o600)
    init(repo)
    assert (repo / ".gitignore").stat().st_mode & 0o777 == 0o600


def test_from_a_subfolder_the_top_is_set_up(repo: Path) -> None:
    (repo / "a/b").mkdir(parents=True)
    assert init(repo / "a/b").root == repo
    assert (repo / ".track/config.toml").exists()


def test_before_the_first_commit_it_works(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "new", commit=False)
    init(repo)
    assert _index(repo) == [".gitattributes", ".gitignore", ".track/config.toml"]


def test_no_repository_is_an_error_with_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(NotARepository) as raised:
        init(tmp_path)
    assert raised.value.hint == "git init\ntrack init --git"
    assert os.listdir(tmp_path) == []


def test_the_repository_is_made_when_asked(tmp_path: Path) -> None:
    done = init(tmp_path, make_git=True)
    assert done.git_made
    assert Project.open(tmp_path).root == tmp_path
    assert not init(tmp_path, make_git=True).git_made


def test_a_bare_repository_is_refused_even_when_one_may_be_made(tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", tmp_path / "bare.git", cwd=tmp_path)
    with pytest.raises(NotARepository, match="bare"):
        init(tmp_path / "bare.git", make_git=True)


def test_a_dry_run_writes_nothing_and_says_what_it_would(repo: Path, tmp_path: Path) -> None:
    done = init(repo, dry_run=True)
    assert done.made == (b".gitattributes", b".gitignore", b".track/config.toml")
    assert done.staged == ()
    assert os.listdir(repo) == [".git"]
    assert not (repo / ".git/track").exists()
    (tmp_path / "plain").mkdir()
    assert init(tmp_path / "plain", make_git=True, dry_run=True).git_made
    assert os.listdir(tmp_path / "plain") == []


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes"])
def test_a_file_that_is_a_link_is_never_written_through(repo: Path, tmp_path: Path, name: str) -> None:
    target = _write(tmp_path / "outside", "mine\n")
    (repo / name).symlink_to(target)
    with pytest.raises(ForbiddenPath, match=name.replace(".", r"\.")):
        init(repo)
    assert target.read_text() == "mine\n"


def test_a_folder_that_is_a_link_is_never_written_through(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (repo / ".track").symlink_to(tmp_path / "outside")
    with pytest.raises(ForbiddenPath):
        init(repo)
    assert os.listdir(tmp_path / "outside") == []


def test_a_later_format_is_refused_and_left_alone(repo: Path) -> None:
    _write(repo / ".track/config.toml", "format = 7\n")
    with pytest.raises(NewerFormat):
        init(repo)
    assert (repo / ".track/config.toml").read_text() == "format = 7\n"
    assert not (repo / ".gitignore").exists()


def test_a_committed_store_link_is_reported_and_left_alone(repo: Path, tmp_path: Path) -> None:
    (repo / ".store").symlink_to(tmp_path)
    git("add", "--force", ".store", cwd=repo)
    done = init(repo)
    assert done.link == "tracked"
    assert any("tracked" in warning for warning in done.warnings)
    assert os.readlink(repo / ".store") == str(tmp_path)


def test_a_linked_worktree_is_set_up_on_its_branch(repo: Path, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked", cwd=repo)
    done = init(tmp_path / "linked")
    assert done.store == repo / ".git/track/store"
    assert (tmp_path / "linked/.store").resolve() == repo / ".git/track/store"
    assert not (repo / ".track").exists()


def test_large_and_data_like_files_are_found_largest_first(repo: Path) -> None:
    _write(repo / "data/train.csv", b"1,2\n" * 50_000)
    _write(repo / "models/weights", bytes(6 << 20))
    for number in range(5):
        _write(repo / f"images/a/{number}.png", bytes(50_000))
    _write(repo / "images/b/6.png", bytes(50_000))
    found = init(repo).found
    assert [(one.path, one.size, one.files, one.is_folder) for one in found] == [
        (b"models/weights", 6 << 20, 1, False),
        (b"images", 300_000, 6, True),
        (b"data/train.csv", 200_000, 1, False),
    ]


def test_code_tools_small_files_and_what_is_tracked_are_not_found(repo: Path) -> None:
    _write(repo / "src/big.py", "x" * 200_000)
    _write(repo / "notes.md", "x" * 200_000)
    _write(repo / "small.csv", "1\n")
    _write(repo / ".venv/lib/big.bin", bytes(6 << 20))
    _write(repo / "node_modules/x/big.bin", bytes(6 << 20))
    _write(repo / "in_git.csv", "1,2\n" * 50_000)
    git("add", "in_git.csv", cwd=repo)
    _write(repo / "tracked.csv", "1,2\n" * 50_000)
    _write(repo / "tracked.csv.track", "[artifact]\n")
    git("add", "tracked.csv.track", cwd=repo)
    (repo / "link.csv").symlink_to("in_git.csv")
    new_repository(repo / "nested")
    _write(repo / "nested/data.csv", "1,2\n" * 50_000)
    assert init(repo).found == ()


def test_a_folder_with_code_in_it_is_not_one_piece_of_data(repo: Path) -> None:
    for number in range(3):
        _write(repo / f"work/{number}.csv", b"1,2\n" * 50_000)
        _write(repo / f"work/{number}.py", "x\n")
    assert [one.path for one in init(repo).found] == [b"work/0.csv", b"work/1.csv", b"work/2.csv"]


def test_data_that_git_ignores_is_found_too(repo: Path) -> None:
    _write(repo / ".gitignore", "/data\n")
    _write(repo / "data/train.parquet", bytes(100_000))
    assert [one.path for one in init(repo).found] == [b"data/train.parquet"]


def test_what_an_interrupted_init_wrote_is_staged_by_the_next(repo: Path) -> None:
    init(repo, stage=False)
    done = init(repo)
    assert not done.is_new
    assert done.staged == (b".gitattributes", b".gitignore", b".track/config.toml")
    assert init(repo).staged == ()


def test_an_edit_of_a_person_to_a_file_that_is_staged_already_is_not_staged(repo: Path) -> None:
    init(repo)
    _write(repo / ".gitignore", "/.store\nmine\n")
    assert init(repo).staged == ()
    assert git("show", ":.gitignore", cwd=repo) == "/.store\n"
