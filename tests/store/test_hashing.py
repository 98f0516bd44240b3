"""Hashing files."""

import os
from pathlib import Path

import pytest
from blake3 import blake3

from track.store.hashing import hash_fd, read_ahead
from track.store.whole import staged_copy

MIB = 1 << 20


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 4 * MIB, 13 * MIB + 7])
def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "f").write_bytes(content)
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    try:
        assert hash_fd(fd, size) == blake3(content).digest()
        assert hash_fd(fd, size // 2) == blake3(content[: size // 2]).digest()
        assert hash_fd(fd, size + 5 * MIB) == blake3(content).digest()
    finally:
        os.close(fd)


def test_a_file_that_cannot_be_read_raises_in_the_thread_that_asked(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 9 * MIB)
    fd = os.open(tmp_path / "f", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="Bad file descriptor"):
            hash_fd(fd, 9 * MIB)
    finally:
        os.close(fd)


@pytest.mark.parametrize("data_at", [(), (0,), (5 * MIB,), (0, 30 * MIB), (40 * MIB - 9,)])
def test_holes_are_hashed_as_the_zeros_that_they_read_as(tmp_path: Path, data_at: tuple[int, ...]) -> None:
    with (tmp_path / "f").open("w+b") as file:
        file.truncate(40 * MIB)
        for at in data_at:
            os.pwrite(file.fileno(), b"not zero", at)
        assert hash_fd(file.fileno(), 40 * MIB) == blake3((tmp_path / "f").read_bytes()).digest()


def test_reading_ahead_may_be_left_early(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(40 * MIB))
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    try:
        slices = read_ahead(fd, 40 * MIB)
        assert len(next(slices)) == 4 * MIB
        slices.close()
    finally:
        os.close(fd)


def test_how_far_a_large_file_is_hashed_is_told_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (40 << 10))
    told: list[int] = []
    with path.open("rb") as file:
        hash_fd(file.fileno(), path.stat().st_size, told.append)
        assert sum(told) == path.stat().st_size and len(told) > 1
        told.clear()
        staged_copy(file.fileno(), path.stat().st_size, tmp_path, moved=told.append)
        assert sum(told) == path.stat().st_size and len(told) > 1
