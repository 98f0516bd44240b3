"""What looks like trouble and is none: rights, foreign files, committed traps, clocks, copies and lost caches."""

import os
import subprocess
from pathlib import Path

import pytest

from support.cli import Completed, track
from support.repositories import commit_all, git
from support.scene import TRACK, duplicate, said_by, two_versions
from support.trees import read_tree
from support.troubles import Trouble, altered_objects, missing_objects, remote, truncated_objects, write


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_versions(tmp_path_factory.mktemp("versions") / "repo")


@pytest.fixture
def repo(versions: Path, tmp_path: Path) -> Path:
    return duplicate(versions, tmp_path / "repo")


@pytest.mark.needs("setpriv")
def test_a_file_that_may_not_be_read_is_named(repo: Path) -> None:
    write("data/secret.bin")(repo)
    (repo / "data/secret.bin").chmod(0)
    before = read_names(repo)
    done = track_without_rights("add", "data", cwd=repo)
    assert done.code == 1, said_by(done)
    assert "data/secret.bin" in done.err
    assert "hint:" in done.err
    assert read_names(repo) == before


@pytest.mark.needs("setpriv")
def test_a_folder_that_may_not_be_read_is_named(repo: Path) -> None:
    write("data/secret/x.bin")(repo)
    (repo / "data/secret").chmod(0)
    done = track_without_rights("add", "data", cwd=repo)
    (repo / "data/secret").chmod(0o755)
    assert done.code == 1, said_by(done)
    assert "data/secret" in done.err
    assert "hint:" in done.err


def read_names(repo: Path) -> set[str]:
    return {str(path) for path in repo.rglob("*") if ".git/" not in str(path)}


def track_without_rights(*args: str, cwd: Path) -> Completed:
    """`track` without root's right to read everything; as it is, where we are not root."""
    rights = "-dac_override,-dac_read_search,-fowner"
    command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", "--", *TRACK, *args]
    if os.geteuid() != 0:
        command = [*TRACK, *args]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return Completed(done.returncode, done.stdout, done.stderr)


def test_a_track_file_of_somebody_else_is_left_alone(repo: Path) -> None:
    write("song.track", b"ID3\x03 not ours at all")(repo)
    write("gpx/ride.track", b"<gpx></gpx>\n")(repo)
    commit_all(repo, "songs")
    assert track("status", "--exit-code", cwd=repo).code == 0
    track("checkout", cwd=repo).ok()
    listed = track("ls", cwd=repo).ok()
    assert "song" not in listed.out
    assert "song.track" in track("doctor", cwd=repo).out
    assert (repo / "song.track").read_bytes() == b"ID3\x03 not ours at all"


def test_a_committed_store_link_is_reported_and_not_followed(repo: Path) -> None:
    elsewhere = repo.parent / "elsewhere"
    elsewhere.mkdir()
    (repo / ".store").unlink()
    (repo / ".store").symlink_to("../elsewhere")
    git("add", "--force", ".store", cwd=repo)
    git("commit", "--quiet", "--message=a trap", cwd=repo)
    write("own.bin")(repo)
    done = track("add", "own.bin", cwd=repo).ok()
    assert os.listdir(elsewhere) == []
    assert os.readlink(repo / ".store") == "../elsewhere"
    assert ".store" in done.err + track("doctor", cwd=repo).out
    track("verify", cwd=repo).ok()


def test_a_committed_store_path_is_ignored_with_a_warning(repo: Path) -> None:
    path = repo / ".track/config.toml"
    path.write_text(path.read_text(encoding="utf-8") + f'\n[store]\npath = "{repo.parent}/stolen"\n', encoding="utf-8")
    commit_all(repo, "a trap")
    write("own.bin")(repo)
    done = track("add", "own.bin", cwd=repo).ok()
    assert "store.path" in done.err
    assert not (repo.parent / "stolen").exists()
    track("verify", cwd=repo).ok()


@pytest.mark.parametrize("damage", [missing_objects, truncated_objects, altered_objects])
def test_what_is_damaged_here_comes_back_from_the_remote(repo: Path, damage: Trouble) -> None:
    """The files at once, as they were; older versions when asked for."""
    remote(repo)
    track("push", "--all", cwd=repo).ok()
    expected = read_tree(repo)
    damage(repo)
    track("pull", cwd=repo).ok()
    assert read_tree(repo) == expected
    track("verify", cwd=repo)
    track("fetch", "--all", cwd=repo).ok()
    track("verify", cwd=repo).ok()
    git("checkout", "--quiet", "v1", cwd=repo)
    track("checkout", cwd=repo).ok()
    assert (repo / "data/a.txt").read_bytes() == b"alpha\n"


def test_an_edit_with_the_old_size_and_time_is_seen(repo: Path) -> None:
    """The clock was set back, or somebody restored the times."""
    path = repo / "model.bin"
    track("status", "--exit-code", cwd=repo).ok()
    was = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert track("status", "--exit-code", cwd=repo).code == 1


def test_an_edit_in_place_with_the_old_size_and_time_is_seen(repo: Path) -> None:
    path = repo / "data/whole.bin"
    track("status", "--exit-code", cwd=repo).ok()
    was = path.stat()
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert track("status", "--exit-code", cwd=repo).code == 1


def test_files_from_the_future_are_compared_by_content(repo: Path) -> None:
    path = repo / "model.bin"
    ahead = 4_000_000_000 * 10**9
    os.utime(path, ns=(ahead, ahead))
    assert track("status", "--exit-code", cwd=repo).code == 0
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(ahead, ahead))
    assert track("status", "--exit-code", cwd=repo).code == 1


def test_a_project_that_was_copied_to_another_disk_is_unchanged_and_edits_are_seen(repo: Path, tmp_path: Path) -> None:
    """Other inodes, another device, the same times."""
    track("status", cwd=repo).ok()
    other = duplicate(repo, tmp_path / "other")
    assert track("status", "--exit-code", cwd=other).code == 0
    was = (other / "model.bin").stat()
    (other / "model.bin").write_bytes((other / "model.bin").read_bytes()[::-1])
    os.utime(other / "model.bin", ns=(was.st_atime_ns, was.st_mtime_ns))
    assert track("status", "--exit-code", cwd=other).code == 1


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + bytes(500)])
def test_a_stat_cache_or_index_that_is_broken_is_made_again(repo: Path, content: bytes) -> None:
    for path in [*repo.joinpath(".git/track").rglob("*.db")]:
        path.write_bytes(content)
    assert track("status", "--exit-code", cwd=repo).code == 0
    track("verify", cwd=repo).ok()
    git("checkout", "--quiet", "v1", cwd=repo)
    track("checkout", cwd=repo).ok()
    assert (repo / "data/a.txt").read_bytes() == b"alpha\n"
