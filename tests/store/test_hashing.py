"""Hashing files."""

import faulthandler
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from support.powercut import disk
from track.errors import ChangedWhileAdding
from track.store import hashing, whole
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


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few MiB are as large as those that are mapped."""
    monkeypatch.setattr(hashing, "_MAPPED", 2 * MIB)
    # Libraries that other tests loaded into this process keep threads of their own, which wait and hold nothing.
    idle = threading.active_count() - 1
    real = threading.active_count
    monkeypatch.setattr(threading, "active_count", lambda: real() - idle)
    monkeypatch.setattr(hashing, "_MAPPED_SLICE", MIB)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that were read and not mapped."""
    sizes: list[int] = []
    real = hashing.read_ahead
    monkeypatch.setattr(hashing, "read_ahead", lambda fd, size: (sizes.append(size), real(fd, size))[1])
    return sizes


@pytest.mark.parametrize("size", [2 * MIB, 2 * MIB + 1, 5 * MIB - 7])
@pytest.mark.usefixtures("mapped")
def test_a_large_file_is_mapped_and_has_the_digest_of_its_bytes(tmp_path: Path, read: list[int], size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "f").write_bytes(content)
    told: list[int] = []
    with (tmp_path / "f").open("rb") as file:
        assert hash_fd(file.fileno(), size, told.append) == blake3(content).digest()
        assert sum(told) == size and len(told) > 1
        assert hash_fd(file.fileno(), size - 3) == blake3(content[: size - 3]).digest()
        assert hash_fd(file.fileno(), size + 5 * MIB) == blake3(content).digest()
    assert not [each for each in read if each >= 2 * MIB]


@pytest.mark.parametrize("data_at", [(), (0,), (5 * MIB + 3,), (0, 30 * MIB), (40 * MIB - 9,)])
@pytest.mark.usefixtures("mapped")
def test_holes_of_a_mapped_file_are_zeros(tmp_path: Path, read: list[int], data_at: tuple[int, ...]) -> None:
    with (tmp_path / "f").open("w+b") as file:
        file.truncate(40 * MIB)
        for at in data_at:
            os.pwrite(file.fileno(), b"not zero", at)
        assert hash_fd(file.fileno(), 40 * MIB) == blake3((tmp_path / "f").read_bytes()).digest()
    assert not read


@pytest.mark.usefixtures("mapped")
def test_a_mapped_file_that_shrinks_kills_nobody_who_asked(
    tmp_path: Path, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(9 * MIB)
    (tmp_path / "f").write_bytes(content)
    real = hashing._mapped

    def shrinking(fd: int, size: int) -> Iterator[memoryview]:
        faulthandler.disable()  # in the process that is killed
        for number, piece in enumerate(real(fd, size)):
            if number == 3:
                os.truncate(tmp_path / "f", 2 * MIB)
            yield piece

    monkeypatch.setattr(hashing, "_mapped", shrinking)
    told: list[int] = []
    with (tmp_path / "f").open("rb") as file:
        assert hash_fd(file.fileno(), 9 * MIB, told.append) == blake3(content[: 2 * MIB]).digest()
    assert read == [9 * MIB], "the process that mapped it was killed, and it was read"
    assert sum(told) == 3 * MIB, "nothing is told twice"
    assert not list(tmp_path.glob("core*"))


@pytest.mark.usefixtures("mapped")
def test_where_other_threads_are_nothing_is_forked(tmp_path: Path, read: list[int]) -> None:
    (tmp_path / "f").write_bytes(bytes(range(256)) * (12 << 10))
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        with (tmp_path / "f").open("rb") as file:
            assert hash_fd(file.fileno(), 3 * MIB) == blake3((tmp_path / "f").read_bytes()).digest()
    finally:
        over.set()
        other.join()
    assert read == [3 * MIB]


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


@pytest.mark.needs("root", "mount", "mkfs.xfs", "mkfs.btrfs")
@pytest.mark.parametrize("filesystem", ["xfs", "btrfs"])
def test_where_blocks_can_be_shared_a_copy_copies_nothing(
    tmp_path: Path, filesystem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[int] = []
    real = whole.copy_range
    monkeypatch.setattr(whole, "copy_range", lambda *args, **named: (copied.append(args[2]), real(*args, **named))[1])
    content = os.urandom(6 * MIB + 77)
    with disk(tmp_path / "disk", filesystem) as place:
        path = place.root / "large"
        path.write_bytes(content)
        (place.root / "staging").mkdir()
        with path.open("rb") as file:
            for size in (len(content), len(content) - 5):  # of a file that grew only what was there then is wanted
                told: list[int] = []
                staged, digest = staged_copy(file.fileno(), size, place.root / "staging", moved=told.append)
                assert staged.read_bytes() == content[:size] and digest == blake3(content[:size]).digest()
                assert sum(told) == size
            with pytest.raises(ChangedWhileAdding, match="shorter"):
                staged_copy(file.fileno(), len(content) + 1, place.root / "staging")
        assert len(list((place.root / "staging").iterdir())) == 2
        assert not copied
