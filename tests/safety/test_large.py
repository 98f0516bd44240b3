"""What is larger than the machine: files with more holes than the disk has room, and objects that would not end."""

import os
import subprocess
from pathlib import Path

import pytest

from store.conftest import files
from support.cli import Completed, track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL, TRACK, said_by
from track.model.digest import digest_of
from track.publish import remove
from track.store import compression
from track.store.pack import ZSTD, PackEntry, PackWriter
from track.system import data_extents

GIB = 1 << 30
SIZE = (10 if FULL else 1) * GIB
"""Bytes; hashing ten of them twice takes too long for every day."""

MEMORY_KIB = 1_500_000
"""Address space that a command gets in which an expanded bomb has no room."""


def project(folder: Path) -> Path:
    repo = new_repository(folder)
    track("init", cwd=repo).ok()
    return repo


def extents(path: Path) -> list[tuple[int, int]]:
    """Where a file has data."""
    with path.open("rb") as file:
        return list(data_extents(file.fileno(), path.stat().st_size))


def test_a_file_that_is_mostly_holes_comes_back_with_its_holes(tmp_path: Path) -> None:
    repo = project(tmp_path / "repo")
    marks = {0: b"first" * 1000, SIZE // 2 + 12_345: b"in the middle" * 1000, SIZE - 5: b"last\n"}
    with (repo / "sparse.bin").open("wb") as file:
        file.truncate(SIZE)
        for at, data in marks.items():
            file.seek(at)
            file.write(data)
    track("add", "sparse.bin", cwd=repo, timeout_s=300).ok()
    commit_all(repo, "sparse")
    git("worktree", "add", "--quiet", "../elsewhere", "-b", "other", cwd=repo)
    track("checkout", cwd=tmp_path / "elsewhere", timeout_s=300).ok()
    source, copy = repo / "sparse.bin", tmp_path / "elsewhere/sparse.bin"
    assert copy.stat().st_size == SIZE
    assert extents(copy) == extents(source) and len(extents(source)) == 3
    assert copy.stat().st_blocks * 512 < 1 << 20 > source.stat().st_blocks * 512
    stored = next(path for path in files(repo / ".git/track/store/objects") if path.stat().st_size == SIZE)
    assert stored.stat().st_blocks * 512 < 1 << 20
    with copy.open("rb") as file:
        for start, length in extents(copy):
            wanted = b"".join(
                data[max(0, start - at) : start + length - at] for at, data in marks.items() if at < start + length
            )
            file.seek(start)
            assert file.read(length).strip(b"\0") == wanted.strip(b"\0")
    assert track("status", "--exit-code", cwd=tmp_path / "elsewhere").code == 0


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """One zstd frame of 4 GiB of zeros; about a ten-thousandth of that."""
    compressor = compression.zstd.ZstdCompressor(level=1)
    block = bytes(4 << 20)
    parts = [compressor.compress(block) for _ in range(4 * GIB // len(block))]
    return b"".join([*parts, compressor.flush()])


def within_memory(*args: str, cwd: Path) -> Completed:
    """Run `track args` where little memory is to be had."""
    line = f'ulimit -v {MEMORY_KIB}; exec "$@"'
    done = subprocess.run(["sh", "-c", line, "sh", *TRACK, *args], cwd=cwd, capture_output=True, text=True, check=False)
    return Completed(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", ["checkout", "verify", "push", "cat"])
def test_an_object_that_expands_beyond_its_length_is_never_expanded(bomb: bytes, tmp_path: Path, command: str) -> None:
    repo = project(tmp_path / "repo")
    content = bytes(10)
    (repo / "ten.bin").write_bytes(content)
    track("add", "ten.bin", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    commit_all(repo, "ten zeros")
    store = repo / ".git/track/store"
    (old,) = files(store / "packs")
    stored = bomb
    assert len(stored) < 1 << 20
    writer = PackWriter(store / "staging")
    digest = digest_of(content)
    writer.add_entry(PackEntry(digest, ZSTD, 0, 0, len(stored), len(content), digest_of(stored)), stored)
    sealed = writer.seal()
    assert sealed is not None
    target = store / "packs" / sealed.name.hex()[:2] / f"{sealed.name.hex()[2:]}.pack"
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(sealed.path, target)
    remove(old)
    (store / "index.db").unlink()
    (repo / "ten.bin").unlink()
    words = {"cat": ("cat", "ten.bin"), "verify": ("verify", "--deep")}.get(command, (command,))
    done = within_memory(*words, cwd=repo)
    assert done.code == 7, said_by(done)
    assert "Traceback" not in done.err and "hint:" in done.err
    assert not (repo / "ten.bin").exists()
