"""Real stores in real folders, and ways to spoil them."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from track.model.digest import Digest
from track.store.objects import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "store", create=True) as opened:
        yield opened


@pytest.fixture
def add(store: Store) -> Callable[..., list[Digest]]:
    """Add small objects in one commit."""

    def adding(*contents: bytes) -> list[Digest]:
        with store.writer() as writer:
            digests = [writer.add(content) for content in contents]
            writer.commit()
        return digests

    return adding


def add_file(store: Store, content: bytes) -> Digest:
    """Add a large object in one commit."""
    path = store.path.with_name("large")
    path.write_bytes(content)
    fd = os.open(path, os.O_RDONLY)
    try:
        with store.writer() as writer:
            digest = writer.add_file(fd, len(content))
            writer.commit()
    finally:
        os.close(fd)
    path.unlink()
    return digest


def spoil(path: Path, offset: int) -> None:
    """Flip a bit of a read-only file where it is."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    overwrite(path, bytes(content))


def overwrite(path: Path, content: bytes) -> None:
    """Give a read-only file other bytes."""
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def files(folder: Path) -> list[Path]:
    """Every file below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def as_nobody(code: str, *arguments: object) -> list[str]:
    """A command that runs Python, from `drop()` on as a user who owns nothing; where we are not root, as ourselves."""
    head = "import os\ndef drop():\n if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    return [sys.executable, "-c", head + code, *map(str, arguments)]
