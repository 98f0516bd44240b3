"""The data that is measured: made from a seed, the same everywhere, and checked after every step."""

import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SEED = 20260102


class Change(NamedTuple):
    """The second version of a tree: paths relative to it, with their new content (None: removed)."""

    modified: dict[str, bytes]
    added: dict[str, bytes]
    removed: tuple[str, ...]

    def apply(self, root: Path) -> None:
        """Turn the first version into the second, in place."""
        for path, content in {**self.modified, **self.added}.items():
            (root / path).write_bytes(content)
        for path in self.removed:
            (root / path).unlink()

    @property
    def count(self) -> int:
        """How many files differ."""
        return len(self.modified) + len(self.added) + len(self.removed)


def make_many(root: Path, *, files: int, directories: int, size_bytes: int) -> None:
    """`files` files of `size_bytes` random bytes in `directories` directories."""
    source = random.Random(SEED)
    for number in range(directories):
        (root / f"d{number:04d}").mkdir(parents=True)
    for number in range(files):
        (root / _name(number, directories)).write_bytes(source.randbytes(size_bytes))


def change_of(*, files: int, directories: int, size_bytes: int, each: int = 10) -> Change:
    """Ten files modified, ten added, ten removed, spread over the tree."""
    source = random.Random(SEED + 1)
    numbers = source.sample(range(files), 2 * each)
    modified = {_name(number, directories): source.randbytes(size_bytes) for number in numbers[:each]}
    removed = tuple(_name(number, directories) for number in numbers[each:])
    added = {f"d{number % directories:04d}/new{number:02d}.bin": source.randbytes(size_bytes) for number in range(each)}
    return Change(modified, added, removed)


def make_big(path: Path, *, size_bytes: int) -> None:
    """One file of random bytes."""
    source = random.Random(SEED + 2)
    with path.open("wb") as file:
        for begin in range(0, size_bytes, 1 << 20):
            file.write(source.randbytes(min(1 << 20, size_bytes - begin)))


def copy_tree(source: Path, target: Path) -> None:
    """A copy made before the clock starts; it is in the page cache and on the disk."""
    subprocess.run(["cp", "-r", source, target], check=True)


def settle() -> None:
    """Let the disk finish what earlier steps began, so that no step pays for another."""
    os.sync()


def put_aside(path: Path, folder: Path) -> None:
    """Move what a step is to make again out of its way, instead of removing it.

    For a minute after a removal ext4 makes new files up to ten times as slowly, because it does not give the same
    inodes again at once: the next step, whoever's it is, would pay for that.
    """
    number = sum(name.startswith("aside-") for name in os.listdir(folder))
    path.rename(folder / f"aside-{number}")


def remove_tree(path: Path) -> None:
    """Remove a tree, read-only directories and all."""
    if path.is_dir() and not path.is_symlink():
        # Git may be tidying up behind its last command: what it takes away meanwhile is no failure.
        subprocess.run(["chmod", "-R", "-f", "u+w", path], check=False)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def fingerprint(root: Path) -> str:
    """A digest over every path, mode and byte below `root` (or of the one file it is)."""
    total = hashlib.blake2b(digest_size=16)
    for path, place in _files(root):
        with open(place, "rb") as file:
            content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
        total.update(path.encode() + b"\0" + content)
    return total.hexdigest()


def _files(root: Path) -> Iterator[tuple[str, str]]:
    if root.is_file():
        yield "", str(root)
        return
    for folder, directories, names in os.walk(root):
        directories.sort()
        for name in sorted(names):
            place = os.path.join(folder, name)
            yield os.path.relpath(place, root), place


def _name(number: int, directories: int) -> str:
    return f"d{number % directories:04d}/f{number:07d}.bin"
