"""Push: what pointers name goes to the remote, all of it and nothing else."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.remotes import leave_uncut
from support.repositories import commit_all, git
from support.sharing import cloned, consented, files_below, opened, shared
from support.troubles import small_disk
from track.errors import (
    DamagedObject,
    DiskFull,
    MissingObject,
    NewerFormat,
    NoRemote,
    NotAStore,
    RemoteError,
    RemoteUnreachable,
    StoreUnwritable,
    UnknownPath,
    UnknownRevision,
    UsageError,
)
from track.flows.reach import known_at_remotes
from track.flows.remotes import choose, connected
from track.model.pointer import Pointer, dump_pointer, value_digest
from track.store.backends.folder import open_folder
from track.verbs.push import Pushed, push


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return shared(tmp_path)


def pushed(repo: Path, *args: object, **options: object) -> Pushed:
    with opened(repo) as project:
        return push(project, *args, **options)  # type: ignore[arg-type]  # passed through as given


def names(result: Pushed) -> set[bytes]:
    return {version.path for version in result.versions if version.is_new}


def test_a_push_sends_what_head_and_the_index_name(repo: Path) -> None:
    (repo / "staged.bin").write_bytes(b"staged")
    track("add", "staged.bin", cwd=repo).ok()
    result = pushed(repo)
    assert names(result) == {b"data", b"model.bin", b"table.csv", b"staged.bin"}
    assert (result.remote, result.url, result.is_up_to_date) == ("origin", "../remote", False)
    assert result.objects_count == 9 + 1


def test_a_second_push_sends_nothing_and_asks_little(repo: Path) -> None:
    pushed(repo)
    before = files_below(repo.parent / "remote")
    again = pushed(repo)
    assert again.is_up_to_date and (again.objects_count, again.sent_bytes, again.packs_count) == (0, 0, 0)
    assert again.requests_count <= 5
    assert files_below(repo.parent / "remote") == before


def test_a_push_after_a_change_asks_little_and_sends_the_change(repo: Path) -> None:
    many = {f"data/many/{number:03}": os.urandom(300) for number in range(2000)}
    (repo / "data/many").mkdir()
    for name, content in many.items():
        (repo / name).write_bytes(content)
    track("add", "data", cwd=repo).ok()
    pushed(repo)
    (repo / "data/many/0500").write_bytes(b"changed")
    track("add", "data", cwd=repo).ok()
    result = pushed(repo)
    assert result.objects_count <= 4 and result.sent_bytes < 100_000
    assert result.requests_count <= 10


def test_what_no_pointer_names_is_never_sent(repo: Path) -> None:
    secret = b"nobody is to see this " * 50
    (repo / "secret.txt").write_bytes(secret)
    track("add", "secret.txt", cwd=repo).ok()
    git("rm", "--quiet", "--cached", "secret.txt.track", cwd=repo)
    (repo / "secret.txt.track").unlink()
    pushed(repo)
    assert not any(secret in content for content in files_below(repo.parent / "remote").values())


def test_a_dry_run_sends_nothing_and_says_what_would_be(repo: Path) -> None:
    before = files_below(repo.parent / "remote")
    result = pushed(repo, dry_run=True)
    assert result.dry_run and names(result) == {b"data", b"model.bin", b"table.csv"}
    assert result.objects_count == 9 and result.lacking_bytes > 3_000_000 and result.sent_bytes == 0
    assert files_below(repo.parent / "remote") == before


def test_paths_limit_a_push(repo: Path) -> None:
    assert names(pushed(repo, paths=[str(repo / "table.csv")])) == {b"table.csv"}
    assert names(pushed(repo, paths=[str(repo / "data/deep")])) == {b"data"}
    assert names(pushed(repo)) == {b"model.bin"}
    with pytest.raises(UnknownPath):
        pushed(repo, paths=[str(repo / "nothing")])


def test_revisions_and_all_refs_can_be_pushed(repo: Path) -> None:
    first = git("rev-parse", "HEAD", cwd=repo).strip()
    git("tag", "v1", cwd=repo)
    (repo / "table.csv").write_bytes(b"second")
    track("add", "table.csv", cwd=repo).ok()
    commit_all(repo, "second")
    git("checkout", "--quiet", "-b", "side", cwd=repo)
    (repo / "table.csv").write_bytes(b"third")
    track("add", "table.csv", cwd=repo).ok()
    commit_all(repo, "third")
    assert names(pushed(repo, "origin", ["main"])) == {b"data", b"model.bin", b"table.csv"}
    assert [version.path for version in pushed(repo, every=True).versions].count(b"table.csv") == 3
    assert pushed(repo, "origin", [first]).is_up_to_date
    with pytest.raises(UnknownRevision):
        pushed(repo, "origin", ["nonesuch"])


def test_the_roots_entry_names_the_branch(repo: Path) -> None:
    pushed(repo)
    (entry,) = (repo.parent / "remote/roots").glob("*/0*")
    text = entry.read_text(encoding="utf-8")
    assert "complete = true" in text and '"refs/heads/main" = [' in text and '"index" = [' in text


def test_status_knows_what_was_pushed(repo: Path) -> None:
    with opened(repo) as project:
        digests = {pointer.digest for pointer in project.pointers().values()}
        assert known_at_remotes(project, digests) == set()
        push(project)
        assert known_at_remotes(project, digests) == digests


def test_a_push_from_another_clone_sends_only_its_own(repo: Path) -> None:
    pushed(repo)
    clone = consented(cloned(repo))
    (clone / "table.csv").write_bytes(b"from the clone")
    track("add", "table.csv", cwd=clone).ok()
    result = pushed(clone)
    assert names(result) == {b"table.csv"} and result.objects_count == 1


def test_a_part_of_a_directory_that_is_here_can_be_changed_and_pushed(repo: Path) -> None:
    """The other files are at the remote, and nowhere here."""
    pushed(repo)
    clone = consented(cloned(repo))
    track("pull", "data/deep", cwd=clone).ok()
    (clone / "data/deep/new").write_bytes(b"new")
    track("add", "data/deep/new", cwd=clone).ok()
    assert names(pushed(clone)) == {b"data"}
    commit_all(clone, "new")
    other = cloned(clone, "other")
    track("pull", cwd=other).ok()
    assert (other / "data/deep/new").read_bytes() == b"new" and (other / "data/a.txt").read_bytes() == b"first\n"


def test_what_is_missing_here_and_there_is_named_and_the_rest_is_sent(repo: Path) -> None:
    store = repo / ".git/track/store"
    (whole,) = [path for path in (store / "objects").rglob("*") if path.is_file() and path.stat().st_size == 2_100_000]
    whole.unlink()
    with pytest.raises(MissingObject) as caught:
        pushed(repo)
    assert "model.bin" in caught.value.message and "origin" in caught.value.message
    assert caught.value.exit_code == 4 and caught.value.hint
    with opened(repo) as project:
        assert len(known_at_remotes(project, {p.digest for p in project.pointers().values()})) == 2


def test_a_missing_file_of_a_directory_is_named(repo: Path) -> None:
    store = repo / ".git/track/store"
    (whole,) = [path for path in (store / "objects").rglob("*") if path.is_file() and path.stat().st_size == 1_280_000]
    whole.unlink()
    with pytest.raises(MissingObject) as caught:
        pushed(repo)
    assert any("data/deep/er/b.bin" in line for line in caught.value.details)


def test_a_damaged_object_is_not_sent(repo: Path) -> None:
    store = repo / ".git/track/store"
    (whole,) = [path for path in (store / "objects").rglob("*") if path.is_file() and path.stat().st_size == 2_100_000]
    whole.chmod(0o644)
    with whole.open("r+b") as file:
        file.write(b"X")
    with pytest.raises(DamagedObject) as caught:
        pushed(repo)
    assert caught.value.exit_code == 7 and caught.value.hint
    assert not any(path.is_file() for path in (repo.parent / "remote/objects").rglob(whole.name))


def test_a_value_needs_no_bytes(repo: Path) -> None:
    pushed(repo)
    named = repo / ".track/artifacts/answer.track"
    named.parent.mkdir(parents=True)
    named.write_bytes(dump_pointer(Pointer(kind="value", digest=value_digest(42), value=42)))
    git("add", "--force", str(named), cwd=repo)
    assert pushed(repo).is_up_to_date


def test_a_project_without_a_remote_says_how_to_name_one(repo: Path) -> None:
    track("remote", "remove", "origin", cwd=repo).ok()
    with pytest.raises(NoRemote, match="no remote") as caught:
        pushed(repo)
    assert caught.value.exit_code == 5 and "track remote add" in str(caught.value.hint)


def test_an_unknown_remote_is_refused_with_the_known_ones(repo: Path) -> None:
    with pytest.raises(NoRemote, match=r"nonesuch.*origin"):
        pushed(repo, "nonesuch")


def test_nothing_committed_yet_is_said(tmp_path: Path, repo: Path) -> None:
    git("checkout", "--quiet", "--orphan", "unborn", cwd=repo)
    with pytest.raises(UnknownRevision, match="nothing is committed"):
        pushed(repo)


def test_a_folder_that_is_gone_is_unreachable_and_is_not_made_again(repo: Path) -> None:
    shutil.rmtree(repo.parent / "remote")
    with pytest.raises(RemoteUnreachable, match="origin"):
        pushed(repo)
    assert not (repo.parent / "remote").exists()


def test_a_folder_that_is_something_else_is_left_alone(repo: Path) -> None:
    remote = repo.parent / "remote"
    shutil.rmtree(remote)
    remote.mkdir()
    (remote / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(NotAStore, match="origin"):
        pushed(repo)
    assert files_below(remote) == {"holiday.jpg": b"x"}


def test_a_file_where_the_folder_should_be_is_refused(repo: Path) -> None:
    shutil.rmtree(repo.parent / "remote")
    (repo.parent / "remote").write_bytes(b"x")
    with pytest.raises(RemoteError, match="origin"):
        pushed(repo)


def test_a_store_of_a_later_format_is_refused(repo: Path) -> None:
    description = repo.parent / "remote/store.toml"
    description.chmod(0o644)
    description.write_text(description.read_text("utf-8").replace("format = 1", "format = 3"), encoding="utf-8")
    with pytest.raises(NewerFormat, match="format 3"):
        pushed(repo)


def test_a_remote_that_became_another_store_gets_everything_again(repo: Path) -> None:
    pushed(repo)
    shutil.rmtree(repo.parent / "remote")
    refused = track("remote", "add", "origin", "../remote", cwd=repo)
    assert refused.code == 5 and "is its disk or share mounted?" in refused.err
    track("remote", "add", "origin", "../remote", cwd=cloned(repo)).ok()  # which never knew the old one
    assert names(pushed(repo)) == {b"data", b"model.bin", b"table.csv"}


def test_a_remote_of_a_kind_not_reached_is_refused(repo: Path) -> None:
    config = repo / ".track/config.toml"
    config.write_text(config.read_text("utf-8").replace("../remote", "gopher://host/x"), encoding="utf-8")
    with pytest.raises(UsageError, match="gopher"):
        pushed(repo)


def test_a_remote_that_came_with_the_repository_gets_nothing_before_consent(repo: Path) -> None:
    clone = cloned(repo)
    with pytest.raises(RemoteError, match="named by the repository") as caught:
        pushed(clone)
    assert caught.value.exit_code == 5 and "track trust origin" in str(caught.value.hint)
    assert not (repo.parent / "remote/roots").exists()
    consented(clone)
    track("pull", cwd=clone)
    with pytest.raises(MissingObject):
        pushed(clone)


def test_consent_is_to_one_address(repo: Path) -> None:
    clone = consented(cloned(repo))
    (repo.parent / "elsewhere").mkdir()
    config = clone / ".track/config.toml"
    config.write_text(config.read_text("utf-8").replace("../remote", "../elsewhere"), encoding="utf-8")
    with pytest.raises(RemoteError, match="named by the repository"):
        pushed(clone)


def test_a_linked_worktree_means_the_same_folder(repo: Path, tmp_path: Path) -> None:
    linked = tmp_path / "far" / "away" / "linked"
    git("worktree", "add", "--quiet", str(linked), cwd=repo)
    assert names(pushed(linked)) == {b"data", b"model.bin", b"table.csv"}
    assert pushed(repo).is_up_to_date


@pytest.mark.needs("mount", "umount")
def test_a_read_only_remote_is_named(repo: Path) -> None:
    with small_disk(repo.parent / "remote", size_kib=64, inodes=1000):
        track("remote", "add", "lab", "../remote", cwd=repo).ok()
        subprocess.run(["mount", "-o", "remount,ro", str(repo.parent / "remote")], check=True)
        with pytest.raises(StoreUnwritable, match="remote"):
            pushed(repo)


@pytest.mark.needs("mount", "umount")
@pytest.mark.parametrize("is_cut", [True, False])
def test_a_full_remote_is_named_and_has_no_half_written_file(repo: Path, *, is_cut: bool) -> None:
    remote = repo.parent / "remote"
    (repo / "noise.bin").write_bytes(os.urandom(3 << 20))  # no compression makes it fit
    track("add", "noise.bin", cwd=repo).ok()
    with small_disk(remote, size_kib=1500, inodes=1000):
        track("remote", "add", "lab", "../remote", cwd=repo).ok()
        if not is_cut:
            leave_uncut(open_folder(remote))
        with pytest.raises(DiskFull, match="remote"):
            pushed(repo)
        assert not list((remote / "staging").iterdir())
        with opened(repo) as project, connected(project, choose(project, "lab"), sending=True) as connection:
            assert connection.verify().problems == ()
