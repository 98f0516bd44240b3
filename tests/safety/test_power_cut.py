"""The power goes right after a command said that it was done: what it acknowledged is there afterwards.

A whole filesystem in a file is copied while it is mounted; the copy is what the disk holds at that instant.
Git's own files are written out before (Git leaves that to its configuration); ours have to see to themselves.
"""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Completed, track
from support.powercut import FILESYSTEMS, Disk, disk
from support.repositories import commit_all, git
from support.scene import BIG, TRACK, duplicate, first_version, said_by, two_versions, with_garbage
from support.sweep import clean
from support.trees import Node, read_tree

pytestmark = [
    pytest.mark.needs("root", "mount", "unshare", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs"),
    pytest.mark.timeout(600),
]

OURS = (b".git", b".store", b".track")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with files that were never added."""
    return first_version(tmp_path_factory.mktemp("fresh") / "repo")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions and a folder remote that has nothing yet."""
    return two_versions(tmp_path_factory.mktemp("versions") / "repo")


@pytest.fixture(scope="module")
def littered(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with both versions in tags, much that nothing names, and a pack that is half of that."""
    repo = duplicate(versions, tmp_path_factory.mktemp("littered") / "repo")
    with_garbage(repo)
    return repo


@pytest.fixture(params=FILESYSTEMS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk of each kind."""
    with disk(tmp_path / "disk", request.param, size_mib=400) as one:
        yield one


def mend_git(repo: Path) -> None:
    """Make Git's index anew from its last commit: Git does not sync it, nor what was staged in it."""
    (repo / ".git" / "index").unlink(missing_ok=True)
    git("reset", "--quiet", cwd=repo)


def store_is_whole(repo: Path) -> None:
    """Nothing stored is damaged or missing; working files may be torn, which 1 stands for."""
    done = after_reboot("verify", cwd=repo)
    assert done.code in (0, 1), said_by(done)


def after_reboot(*args: str, cwd: Path) -> Completed:
    """`track args` as it runs after the machine has started again: with another boot id."""
    fake = cwd.parent / "boot_id"
    fake.write_text("11111111-2222-3333-4444-555555555555\n", encoding="ascii")
    script = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", fake, *TRACK, *args]
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())


def data_of(repo: Path) -> dict[bytes, Node]:
    """The files of a person, without Git's and ours."""
    return read_tree(repo, leave_out=OURS)


def pointers(repo: Path) -> dict[str, bytes]:
    """Every pointer on disk."""
    return {str(path.relative_to(repo)): path.read_bytes() for path in sorted(repo.glob("**/*?.track"))}


def test_what_add_acknowledged_survives(made: Disk, fresh: Path) -> None:
    repo = duplicate(fresh, made.root / "repo")
    made.settle()
    track("add", "data", "model.bin", cwd=repo).ok()
    expected, files = pointers(repo), data_of(repo)
    assert len(expected) == 2
    with made.cut():
        assert pointers(repo) == expected
        assert b"/data" in (repo / ".gitignore").read_bytes()
        mend_git(repo)
        clean(after_reboot("verify", cwd=repo))
        shutil.rmtree(repo / "data")
        (repo / "model.bin").unlink()
        after_reboot("checkout", cwd=repo).ok()
        assert data_of(repo) == files


def test_many_whole_objects_survive(made: Disk, fresh: Path) -> None:
    """More files than are synced one by one."""
    repo = duplicate(fresh, made.root / "repo")
    (repo / "many").mkdir()
    for number in range(70):
        (repo / "many" / f"{number}.bin").write_bytes(number.to_bytes(4, "big") + BIG[: 1 << 20])
    made.settle()
    track("add", "many", cwd=repo).ok()
    expected = pointers(repo)
    with made.cut():
        assert pointers(repo) == expected
        mend_git(repo)
        clean(after_reboot("verify", cwd=repo))


def test_what_is_checked_out_is_never_believed_unread_after_a_power_cut(made: Disk, versions: Path) -> None:
    repo = duplicate(versions, made.root / "repo")
    second = data_of(repo)
    git("checkout", "--quiet", "v1", cwd=repo)
    track("checkout", cwd=repo).ok()
    first = data_of(repo)
    git("checkout", "--quiet", "v2", cwd=repo)
    made.settle()
    track("checkout", cwd=repo).ok()
    with made.cut():
        mend_git(repo)
        store_is_whole(repo)
        git("checkout", "--quiet", "--force", "v2", cwd=repo)
        found = data_of(repo)
        if found != second:
            status = after_reboot("status", "--exit-code", cwd=repo)
            assert status.code == 1, f"torn files, and status sees nothing: {said_by(status)}"
        after_reboot("checkout", "--force", cwd=repo).ok()
        assert data_of(repo) == second
        git("checkout", "--quiet", "v1", cwd=repo)
        after_reboot("checkout", cwd=repo).ok()
        assert data_of(repo) == first


def test_what_push_acknowledged_survives_at_the_remote(made: Disk, versions: Path, tmp_path: Path) -> None:
    repo = duplicate(versions, tmp_path / "repo")
    remote = made.root / "remote"
    track("remote", "add", "origin", str(remote), cwd=repo).ok()
    commit_all(repo, "remote")
    made.settle()
    track("push", cwd=repo).ok()
    with made.cut():
        git("clone", "--quiet", str(repo), str(tmp_path / "clone"), cwd=tmp_path)
        in_consent(tmp_path / "clone", remote)
        track("pull", cwd=tmp_path / "clone").ok()
        assert data_of(tmp_path / "clone") == data_of(repo)


def test_what_pull_acknowledged_survives(made: Disk, versions: Path, tmp_path: Path) -> None:
    repo = duplicate(versions, tmp_path / "repo")
    remote = tmp_path / "remote"
    track("remote", "add", "origin", str(remote), cwd=repo).ok()
    commit_all(repo, "remote")
    track("push", cwd=repo).ok()
    clone = made.root / "clone"
    git("clone", "--quiet", str(repo), str(clone), cwd=tmp_path)
    in_consent(clone, remote)
    made.settle()
    track("pull", cwd=clone).ok()
    with made.cut():
        remote.rename(tmp_path / "away")
        mend_git(clone)
        store_is_whole(clone)
        after_reboot("checkout", "--force", cwd=clone).ok()
        assert data_of(clone) == data_of(repo)


def test_what_a_collection_left_survives(made: Disk, littered: Path) -> None:
    """Packs that are half dead are written anew: the new ones are on the disk before the old ones go."""
    repo = duplicate(littered, made.root / "repo")
    made.settle()
    done = track("gc", "--grace", "0", cwd=repo).ok()
    assert "nothing" not in done.out, done.out
    with made.cut():
        mend_git(repo)
        clean(after_reboot("verify", cwd=repo))
        for version in ("v1", "v2", "again"):
            git("checkout", "--quiet", "--force", version, cwd=repo)
            after_reboot("checkout", "--force", cwd=repo).ok()
            clean(after_reboot("verify", cwd=repo))


def test_what_a_store_with_chunks_acknowledged_survives(made: Disk, fresh: Path) -> None:
    """An add that shares chunks with another version, and a collection that moves those that are left to new packs."""
    repo = duplicate(fresh, made.root / "repo")
    track("config", "--clone", "store.chunks", "true", cwd=repo).ok()
    first = random.Random(1).randbytes(6 << 20)
    second = first[: 2 << 20] + b"edited"
    (repo / "large.bin").write_bytes(first)
    track("add", "large.bin", cwd=repo).ok()
    made.settle()
    (repo / "large.bin").write_bytes(second)
    track("add", "large.bin", cwd=repo).ok()
    with made.cut():
        is_there_in_chunks(repo, second)
    commit_all(repo, "second")
    shutil.rmtree(repo / ".git" / "track" / "trash")  # which remembers what can be undone
    made.settle()
    track("gc", "--grace", "0", cwd=repo).ok()
    stored = sum(path.stat().st_size for path in (repo / ".store" / "packs").rglob("*.pack"))
    assert stored < 3 << 20, "what is left was not moved"
    with made.cut():
        is_there_in_chunks(repo, second)


def is_there_in_chunks(repo: Path, content: bytes) -> None:
    """The version is in the store, in chunks, whole, and comes back."""
    assert not list((repo / ".store" / "objects").rglob("*"))
    mend_git(repo)
    store_is_whole(repo)
    (repo / "large.bin").unlink(missing_ok=True)
    after_reboot("checkout", "large.bin", cwd=repo).ok()
    assert (repo / "large.bin").read_bytes() == content


def test_what_was_said_moved_removed_and_brought_back_survives(made: Disk, versions: Path) -> None:
    repo = duplicate(versions, made.root / "repo")
    made.settle()
    track("label", "data", "ticket=AB-7", cwd=repo).ok()
    track("mv", "model.bin", "data/deep.bin", cwd=repo).ok()
    track("mv", "data", "moved", cwd=repo).ok()
    track("rm", "moved/new", cwd=repo).ok()
    expected, lines = pointers(repo), (repo / ".gitignore").read_bytes()
    assert list(expected) == ["moved.track"]
    assert b"AB-7" in expected["moved.track"]
    with made.cut():
        assert pointers(repo) == expected
        assert (repo / ".gitignore").read_bytes() == lines
        mend_git(repo)
        store_is_whole(repo)
    track("restore", cwd=repo).ok()
    expected = pointers(repo)
    with made.cut():
        assert pointers(repo) == expected
        mend_git(repo)
        store_is_whole(repo)


def test_what_a_run_made_and_its_record_survive(made: Disk, versions: Path) -> None:
    repo = duplicate(versions, made.root / "repo")
    made.settle()
    track("run", "-o", "out.bin", "--", "cp", "data/whole.bin", "out.bin", cwd=repo).ok()
    expected, content = pointers(repo), (repo / "out.bin").read_bytes()
    records = records_of(repo)
    assert "out.bin.track" in expected
    assert len(records) == 1
    with made.cut():
        assert pointers(repo) == expected
        assert records_of(repo) == records
        mend_git(repo)
        store_is_whole(repo)
        (repo / "out.bin").unlink(missing_ok=True)
        after_reboot("checkout", "out.bin", cwd=repo).ok()
        assert (repo / "out.bin").read_bytes() == content
        listed = after_reboot("runs", "list", cwd=repo)
        assert listed.ok().out.strip()


def records_of(repo: Path) -> list[bytes]:
    """The records of runs in the working tree."""
    return [path.read_bytes() for path in sorted((repo / ".track/runs").rglob("*.toml"))]


def in_consent(clone: Path, remote: Path) -> None:
    """Allow a folder outside the clone's parent, as its owner would."""
    track("remote", "add", "origin", str(remote), cwd=clone)
